//! Rows that are stored but not linked yet: a ring that the owner fills, linkers empty
//! from the front, and queries scan.
//!
//! ```text
//!        oldest          claimed           pushed
//!   ───────┬────────────────┬─────────────────┬──────
//!   linked │ being linked   │ waiting         │
//! ```
//!
//! A query copies everything from `oldest` on *before* it searches the graph: it may find rows that are linked
//! during the query twice, but never misses one that existed when it began.

use std::sync::OnceLock;

use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use crate::sync::own;

/// Slots of the ring; when it is full, the owner links.
const SLOTS: usize = if cfg!(loom) { 2 } else { 1 << 13 };
/// Slots that are allocated at once, so that small indexes have no large ring.
const SEGMENT: usize = if cfg!(loom) { 1 } else { 128 };

type Segment = OnceLock<Box<[AtomicU64]>>;

/// Entries are `node | ef << 32`.
#[derive(Default)]
pub struct Pending {
    ring: OnceLock<Box<[Segment]>>,
    oldest: AtomicU64,
    claimed: AtomicU64,
    pushed: AtomicU64,
    /// Pushed and not yet done with.
    count: AtomicUsize,
}

impl Pending {
    /// The bound in rows, whatever the bound in bytes: replies are delayed long before the ring is full, since
    /// then the owner would link.
    pub const MOST: usize = SLOTS / 2;
    /// From here on there is little room for writers whose replies cannot wait.
    pub const NEARLY_FULL: usize = SLOTS - SLOTS / 8;

    /// The slot of a number that was pushed.
    fn slot(&self, at: u64) -> Option<&AtomicU64> {
        let at = at as usize % SLOTS;
        Some(&self.ring.get()?[at / SEGMENT].get()?[at % SEGMENT])
    }

    /// Adds a node to be linked with a beam of width `ef`. One thread pushes. False if full.
    pub fn push(&self, node: u32, ef: u32) -> bool {
        let at = own(&self.pushed);
        if at - self.oldest.load(Ordering::Acquire) >= SLOTS as u64 {
            return false;
        }
        let ring = self.ring.get_or_init(|| (0..SLOTS / SEGMENT).map(|_| Segment::new()).collect());
        let segment = &ring[at as usize % SLOTS / SEGMENT];
        let segment = segment.get_or_init(|| (0..SEGMENT).map(|_| AtomicU64::new(0)).collect());
        // Release: a thread that sees it in place of another node's entry sees that one linked, as this thread does.
        segment[at as usize % SEGMENT].store(node as u64 | (ef as u64) << 32, Ordering::Release);
        self.count.fetch_add(1, Ordering::SeqCst);
        // Release: a thread that sees the number sees the slot and everything stored for the node.
        self.pushed.store(at + 1, Ordering::Release);
        true
    }

    /// Takes the next node to link, and its `ef`; the caller must report it [`Pending::done`].
    pub fn claim(&self) -> Option<(u32, u32)> {
        loop {
            let at = self.claimed.load(Ordering::Acquire);
            // Acquire: pairs with `push`.
            if at >= self.pushed.load(Ordering::Acquire) {
                return None;
            }
            // Read before the claim: after it, the slot could be overwritten once all before it are done.
            let entry = self.slot(at)?.load(Ordering::Relaxed);
            if self.claimed.compare_exchange(at, at + 1, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return Some((entry as u32, (entry >> 32) as u32));
            }
        }
    }

    /// Reports a claimed node as linked or dead. `settled` tests this for any node.
    pub fn done(&self, settled: impl Fn(u32) -> bool) {
        self.count.fetch_sub(1, Ordering::AcqRel);
        loop {
            let at = self.oldest.load(Ordering::Acquire);
            if at >= self.claimed.load(Ordering::Acquire) {
                return;
            }
            let Some(slot) = self.slot(at) else { return };
            if !settled(slot.load(Ordering::Relaxed) as u32) {
                return;
            }
            // A failure means that another thread moved it on: look again.
            let _ = self.oldest.compare_exchange(at, at + 1, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    /// Nodes that are waiting or being linked.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// The number that the next node to be pushed gets.
    pub fn pushed(&self) -> u64 {
        self.pushed.load(Ordering::Acquire)
    }

    /// Whether all nodes before this number are done with.
    pub fn is_past(&self, number: u64) -> bool {
        self.oldest.load(Ordering::Acquire) >= number || self.count() == 0
    }

    /// Nodes that may not be linked yet.
    pub fn snapshot(&self) -> Vec<u32> {
        let from = self.oldest.load(Ordering::Acquire);
        let to = self.pushed.load(Ordering::Acquire);
        let copy = (from..to).filter_map(|at| self.slot(at)).map(|slot| slot.load(Ordering::Relaxed) as u32).collect();
        fence(Ordering::Acquire);
        copy
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        let Some(ring) = self.ring.get() else { return 0 };
        let segments = ring.iter().filter(|segment| segment.get().is_some()).count();
        size_of_val(&ring[..]) + segments * SEGMENT * size_of::<AtomicU64>()
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use super::*;
    use crate::sync::atomic::AtomicBool;
    use loom::sync::Arc;
    use loom::thread;

    const NODES: usize = 3;

    #[derive(Default)]
    struct Shared {
        pending: Pending,
        linked: [AtomicBool; NODES],
        claims: [AtomicUsize; NODES],
    }

    impl Shared {
        fn settled(&self, node: u32) -> bool {
            self.linked[node as usize].load(Ordering::Acquire)
        }

        fn link_one(&self) -> bool {
            let Some((node, ef)) = self.pending.claim() else { return false };
            assert_eq!(ef, node + 10);
            self.claims[node as usize].fetch_add(1, Ordering::Relaxed);
            self.linked[node as usize].swap(true, Ordering::AcqRel);
            self.pending.done(|node| self.settled(node));
            true
        }

        fn push(&self, node: u32) {
            while !self.pending.push(node, node + 10) {
                assert!(self.link_one(), "a full ring has something to claim");
            }
        }
    }

    fn check(body: fn(Arc<Shared>)) {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(move || body(Arc::new(Shared::default())));
    }

    /// Each node is linked once, also where the ring comes round, and in the end nothing is pending.
    #[test]
    fn loom_each_node_is_linked_once() {
        check(|shared| {
            shared.push(0);
            let linkers = [0, 1].map(|_| {
                let shared = shared.clone();
                thread::spawn(move || shared.link_one())
            });
            // The main thread does what it finds no room for.
            for node in 1..NODES as u32 {
                if !shared.pending.push(node, node + 10) {
                    shared.linked[node as usize].swap(true, Ordering::AcqRel);
                    shared.claims[node as usize].fetch_add(1, Ordering::Relaxed);
                }
            }
            linkers.map(|t| t.join().unwrap());
            while shared.link_one() {}
            assert!(shared.claims.iter().all(|claims| claims.load(Ordering::Relaxed) == 1));
            assert_eq!(shared.pending.count(), 0);
            assert!(shared.pending.is_past(shared.pending.pushed()));
        });
    }

    /// A query that begins after a node was pushed finds it in its copy or linked.
    #[test]
    fn loom_a_query_misses_nothing() {
        check(|shared| {
            shared.push(0);
            shared.push(1);
            let linker = {
                let shared = shared.clone();
                thread::spawn(move || {
                    shared.link_one();
                    shared.link_one();
                })
            };
            let query = {
                let shared = shared.clone();
                thread::spawn(move || {
                    let copy = shared.pending.snapshot();
                    for node in [0, 1] {
                        assert!(copy.contains(&node) || shared.settled(node));
                    }
                })
            };
            if shared.pending.push(2, 12) {
                // Into the slot of a node that was linked.
                assert!(shared.settled(0));
            }
            linker.join().unwrap();
            query.join().unwrap();
        });
    }
}
