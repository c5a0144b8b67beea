//! HNSW over opaque nodes, independent of vectors, names and the server. The caller supplies the distances
//! through [`Space`].
//!
//! ```text
//!   level 2      o───────────o            entry point: a node of the highest level
//!   level 1      o───o───────o────o       at most M links per node
//!   level 0   o──o─o─o─o──o──o──o─o──o    at most 2M links per node
//! ```
//!
//! Invariants (verified by `check.rs`):
//! 1. Links are bidirectional: if a links to b on a level, so does b to a.
//! 2. No self links, no duplicate links; both ends of a link on level l have a level of at least l.
//! 3. The nodes that have links are connected on level 0, and a linked node has links unless it is the only
//!    one. For this, a link between b and n is only dropped while b and n have a common neighbour that is not
//!    being removed; a new node links only to nodes that have links; before a node is removed, its neighbours are
//!    connected with each other; and a node left without links is attached to another. So every node can be
//!    found at any time. (A new node whose candidates have all died is pending until it is attached.)
//! 4. The entry point is linked, and on the highest level that has links.
//!
//! Reading is lock-free: link rows are atomics, and a row that is replaced by a larger one is
//! reused only after a grace period. Changing a link locks both of its ends (`locks.rs`).
//!
//! The life cycle of a node; readers rely on this order:
//! 1. Its vector (and everything that a hit shows) is written before it is announced. The announcement
//!    sets its rows to none, then its state (release). A thread that reads its id in a row of links
//!    sees all of that.
//! 2. Its links are made one by one, each id before the count that includes it; then it is marked as
//!    linked, and only then may it become the entry point.
//! 3. When it is marked as dead, searches drop it from their hits but still traverse it. Its removal
//!    first chooses another entry point if necessary, then connects its neighbours with each other, then deletes it from
//!    their rows. Its own row stays, so that a search that has reached it can go on to its neighbours.
//! 4. Then it is marked as removed: from there on nothing links to it. A grace period begins, after which
//!    first its state and then its rows are cleared; then the id can be reused.
//!
//! | file | holds |
//! | --- | --- |
//! | `links.rs` | link rows: where they are stored and how they change |
//! | `row.rs` | one row of links, read while it changes |
//! | `small_set.rs` | fast lookup in a row of links |
//! | `rows.rs` | the memory of link rows, in size classes |
//! | `node.rs` | the level and the state of a node |
//! | `locks.rs` | locks on rows; the gate that makes fork() safe |
//! | `pool.rs`, `visited.rs`, `scratch.rs` | the state of a running search: beam, visited set, buffers |
//! | `search.rs`, `range.rs` | the traversal; range search |
//! | `insert.rs`, `join.rs` | insertion; neighbour selection |
//! | `remove.rs` | removal |
//! | `removal_locks.rs` | concurrent removals |
//! | `components.rs` | connectivity: finding and joining components |
//! | `entry.rs` | the entry point |
//! | `check.rs` | verification of the invariants |

pub mod check;
mod components;
#[cfg(test)]
mod concurrent_tests;
mod entry;
mod insert;
mod join;
mod links;
mod locks;
mod node;
mod pool;
mod range;
mod removal_locks;
mod remove;
mod row;
mod rows;
mod scratch;
mod search;
mod small_set;
#[cfg(test)]
mod tests;
mod visited;

use std::sync::atomic::AtomicU64;

pub use check::Reach;
pub use locks::gate;
pub use node::{MAX_LEVEL, random_level};
pub use pool::Candidate;
pub use range::Within;
pub use remove::{Alone, Wait};
pub use scratch::Scratch;
pub use visited::bytes_of_search_buffers;

use crate::arena::Grace;
use crate::sync::Mutex;

/// The distances that guide a search: from a point to nodes. They may be estimates.
pub trait Measure: Sync {
    /// A point to measure from, prepared once.
    type Probe: Send;

    /// `out[i]` becomes the distance from the probe to `nodes[i]`; both of the same length.
    fn distances(&self, probe: &Self::Probe, nodes: &[u32], out: &mut [f32]);
}

/// The distances of a metric space whose points are the graph's nodes.
///
/// Distances are finite and symmetric as far as rounding allows; less is nearer. Negative ones are fine.
pub trait Space: Measure {
    /// The probe of a node.
    fn probe(&self, node: u32) -> Self::Probe;

    /// Makes `probe` that of another node, keeping its buffers.
    fn move_probe(&self, probe: &mut Self::Probe, node: u32);

    /// A probe of a node whose distances are cheaper estimates, if there is one: a new node's neighbours are looked
    /// for by it, and chosen by distances.
    fn rough_probe(&self, _node: u32) -> Option<Self::Probe> {
        None
    }

    /// Whether a probe's estimates tell nodes apart that are as far as this.
    fn resolves(&self, _rough: &Self::Probe, _distance: f32) -> bool {
        true
    }

    /// Whether a candidate lies behind a neighbour, as seen from a new node: then the link to the
    /// neighbour leads there, and no other one is needed in this direction. `between` is the distance of
    /// the two, `distance` that of the candidate from the new node.
    ///
    /// The default, for non-negative distances: it is nearer to the neighbour than a fraction
    /// of its distance from the new node. The fraction is below 1, so that more of the nearest are linked: the last steps of a
    /// search, which a narrow beam often misses, go over those.
    #[inline(always)]
    fn lies_behind(&self, between: f32, distance: f32) -> bool {
        const SAME_DIRECTION: f32 = 0.85;
        between < SAME_DIRECTION * distance
    }
}

/// The links of a set.
pub struct Graph {
    m: usize,
    nodes: node::Nodes,
    links: links::Links,
    /// Entry node and its level: `node | level << 32`, or [`NO_ENTRY`].
    entry: AtomicU64,
    /// The removals under way; locked for changes of `entry` too.
    turns: Mutex<removal_locks::Turns>,
}

const NO_ENTRY: u64 = u64::MAX;

impl Graph {
    /// An empty graph whose nodes have at most `m` links a level, twice as many on level 0.
    pub fn new(m: usize) -> Graph {
        Graph {
            m,
            nodes: node::Nodes::default(),
            links: links::Links::new(m),
            entry: AtomicU64::new(NO_ENTRY),
            turns: Mutex::default(),
        }
    }

    /// The parameter M.
    pub fn m(&self) -> usize {
        self.m
    }

    /// Announces a node: from here on it is present, of this level, without links.
    /// Its memory must be readable by [`Space`].
    pub fn announce(&self, node: u32, level: usize) {
        self.links.announce(node);
        self.nodes.announce(node, level);
    }

    /// Whether the node is linked (or is being removed after having been).
    pub fn is_linked(&self, node: u32) -> bool {
        self.nodes.is_linked(node)
    }

    /// Whether the node is present and not marked as dead.
    pub fn is_live(&self, node: u32) -> bool {
        self.nodes.is_live(node)
    }

    /// Whether the node is live, or dead but not yet removed.
    pub fn is_present(&self, node: u32) -> bool {
        self.nodes.is_present(node)
    }

    /// Whether paths over this node will last: it is not being removed.
    fn is_way(&self, node: u32) -> bool {
        self.nodes.is_way(node)
    }

    /// Claims the work of linking a node; false if another thread has it, or the node is absent.
    pub fn claim(&self, node: u32) -> bool {
        self.nodes.claim(node)
    }

    /// One more than the highest node ever announced.
    pub fn end(&self) -> u32 {
        self.nodes.end()
    }

    /// Marks a node as dead: searches no longer return it. True if it had been linked already, so
    /// that the caller must call [`Graph::remove`]; otherwise the thread that links it finds the mark.
    pub fn mark_dead(&self, node: u32) -> bool {
        self.nodes.mark_dead(node)
    }

    /// Forgets a removed node, or one that died before it was linked, after its grace period.
    pub fn forget(&self, node: u32) {
        self.nodes.forget(node);
        let _locked = locks::lock(self.address(), &[node]);
        self.links.forget(node);
    }

    /// Level of a node.
    pub fn level(&self, node: u32) -> usize {
        self.nodes.level(node)
    }

    /// The neighbours of a node on a level, in no particular order.
    pub fn neighbours(&self, node: u32, level: usize) -> Vec<u32> {
        let mut out = Vec::new();
        self.links.read(node, level, &mut out);
        out
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.nodes.allocated() + self.links.allocated()
    }

    /// Loads a level's links of a node as they were saved: for a graph that no other thread sees yet.
    /// The caller checks the whole afterwards.
    pub fn restore_links(&self, node: u32, level: usize, neighbours: &[u32], grace: &Grace) {
        self.links.restore(node, self.level(node), level, neighbours, grace);
    }

    /// The normal capacity of a row: 2M links on level 0, M above.
    pub fn capacity(&self, level: usize) -> usize {
        self.links.capacity(level)
    }

    /// The absolute capacity of a row.
    pub fn hard_capacity(&self, level: usize) -> usize {
        self.links.hard_capacity(level)
    }

    /// Ends a restoration: the announced nodes in `nodes` count as linked; the entry is the first
    /// of the highest level.
    pub fn restore_done(&self, nodes: impl Iterator<Item = u32>) {
        let mut best: Option<(u32, usize)> = None;
        for node in nodes {
            let level = self.level(node);
            self.nodes.mark_linked(node);
            if best.is_none_or(|(_, top)| level > top) {
                best = Some((node, level));
            }
        }
        self.set_entry(best);
    }
}
