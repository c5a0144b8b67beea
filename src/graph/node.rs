//! A node's level and state, packed into one byte.
//!
//! ```text
//!   absent ─announce─► pending ─link─► linked ─┐
//!      ▲                  └────mark_dead────► dead ─leave─► leaving ─remove, grace─► forget
//!      └─────────────────────────────────────────────────────────────────────────────┘
//! ```

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use rand::Rng;

use crate::arena::Array;

/// The highest level; 16 levels in all, as in the saved form.
pub const MAX_LEVEL: usize = 15;

const LEVEL: u8 = 0x0f;
const LINKED: u8 = 0x10;
const DEAD: u8 = 0x20;
const PRESENT: u8 = 0x40;
const CLAIMED: u8 = 0x80;

/// A level drawn from the geometric distribution with p = 1/8 (Malkov and Yashunin's rule with
/// mL = 1/ln 8), at most [`MAX_LEVEL`]. Fewer upper levels would be smaller and built faster, but a narrow
/// search would begin too far from where it should end.
pub fn random_level(rng: &mut impl Rng) -> usize {
    (rng.random::<u64>().trailing_zeros() as usize / 3).min(MAX_LEVEL)
}

pub(super) struct Nodes {
    states: Array<AtomicU8>,
    /// One more than the highest node ever announced.
    end: AtomicU32,
}

impl Default for Nodes {
    fn default() -> Nodes {
        Nodes { states: Array::new(1), end: AtomicU32::new(0) }
    }
}

impl Nodes {
    pub fn announce(&self, node: u32, level: usize) {
        self.states.ensure(node);
        // Release: a thread that sees the node present sees what was written of it before.
        self.states.at(node).store(PRESENT | level as u8, Ordering::Release);
        self.end.fetch_max(node + 1, Ordering::AcqRel);
    }

    #[inline]
    fn state(&self, node: u32) -> u8 {
        // Acquire: pairs with `announce`.
        self.states.get(node).map_or(0, |s| s[0].load(Ordering::Acquire))
    }

    pub fn level(&self, node: u32) -> usize {
        (self.state(node) & LEVEL) as usize
    }

    #[inline]
    pub fn is_live(&self, node: u32) -> bool {
        self.state(node) & (PRESENT | DEAD) == PRESENT
    }

    pub fn is_linked(&self, node: u32) -> bool {
        self.state(node) & LINKED != 0
    }

    pub fn is_present(&self, node: u32) -> bool {
        self.state(node) & PRESENT != 0
    }

    /// True for the first caller of those that want to link a present node.
    pub fn claim(&self, node: u32) -> bool {
        self.states.at(node).fetch_or(CLAIMED, Ordering::AcqRel) & (PRESENT | CLAIMED) == PRESENT
    }

    /// True if the node was dead by then. One of `mark_linked` and `mark_dead` sees the other:
    /// both are read-modify-writes of the same byte.
    pub fn mark_linked(&self, node: u32) -> bool {
        self.states.at(node).fetch_or(LINKED, Ordering::AcqRel) & DEAD != 0
    }

    /// Of a dead node: its removal begins.
    pub fn mark_leaving(&self, node: u32) {
        self.states.at(node).fetch_and(!LINKED, Ordering::AcqRel);
    }

    /// Whether a way over this node will last: not if it is being taken out, nor if it died before it was linked.
    #[inline]
    pub fn is_way(&self, node: u32) -> bool {
        self.state(node) & (DEAD | LINKED) != DEAD
    }

    /// Of a dead node: nothing links to it any more, and nothing will.
    pub fn mark_removed(&self, node: u32) {
        self.states.at(node).fetch_and(!PRESENT, Ordering::AcqRel);
    }

    /// True if the node was linked by then.
    pub fn mark_dead(&self, node: u32) -> bool {
        self.states.at(node).fetch_or(DEAD, Ordering::AcqRel) & LINKED != 0
    }

    pub fn forget(&self, node: u32) {
        self.states.at(node).store(0, Ordering::Release);
    }

    /// One more than the highest node ever announced.
    pub fn end(&self) -> u32 {
        self.end.load(Ordering::Acquire)
    }

    pub fn allocated(&self) -> usize {
        self.states.allocated()
    }
}
