//! The part of an index that threads share: vectors, links, and the background work on them.
//!
//! The owner stores rows, marks them as dead and reuses their ids; linkers link and
//! repair; queries read. Queries block neither linkers nor the owner, and the owner never waits.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::backlog::{TO_LINK, TO_REPAIR};
use super::few::few;
use super::memory::Account;
use super::params::Params;
use super::pending::Pending;
use super::queue::Queue;
use super::replaced::Replaced;
use super::waiters::Waiters;
use crate::arena::{ByteRows, Grace};
use crate::graph::{Alone, Graph, Scratch, Wait};
use crate::metrics::Durations;
use crate::sync::{Mutex, MutexGuard};
use crate::vector::{Codec, Projection, Sketcher};

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Lends this thread's search buffers.
pub(super) fn with_scratch<R>(body: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
        Ok(mut scratch) => body(&mut scratch),
        // A search inside a search: it gets separate buffers.
        Err(_) => body(&mut Scratch::default()),
    })
}

/// Times to link an element, of all indexes.
pub static LINKED: Durations = Durations::new();
/// Times to take a removed element out of its graph, of all indexes.
pub static REPAIRED: Durations = Durations::new();

/// Counts work on an index until it is done, also if it panics.
struct Working<'a>(&'a AtomicUsize);

impl<'a> Working<'a> {
    fn new(count: &'a AtomicUsize) -> Working<'a> {
        count.fetch_add(1, Ordering::SeqCst);
        Working(count)
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Reports a claimed row as done with, also if linking it panics.
struct Claimed<'a>(&'a Shared);

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        let shared = self.0;
        shared.pending.done(|row| shared.is_done_with(row) || shared.is_stray(row));
    }
}

/// Makes a row a stray if linking it panics.
struct Linking<'a> {
    shared: &'a Shared,
    row: u32,
}

impl Drop for Linking<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.shared.is_done_with(self.row) {
            // In this order: in the list, known to be there, then off the ring.
            self.shared.push_stray(self.row);
        }
    }
}

pub(super) struct Shared {
    pub params: Params,
    /// Without a graph: queries compare with every row.
    pub is_flat: bool,
    /// Up to so many rows none has links.
    pub few: u32,
    pub codec: Codec,
    pub projection: Option<Projection>,
    pub vectors: ByteRows,
    /// Sketches, if rows are long: a search reads these of most rows.
    pub sketches: Option<(Sketcher, ByteRows)>,
    pub graph: Graph,
    pub grace: Grace,
    pub pending: Pending,
    /// Dead nodes that were linked and wait for their repair.
    pub dead: Queue<u32>,
    /// These, and those that are being repaired.
    pub unrepaired: AtomicUsize,
    /// Dead nodes without links, with the stamp of their grace period.
    pub retired: Queue<(u64, u32)>,
    replaced: Mutex<Replaced>,
    pub waiters: Waiters,
    /// Rows whose linking ended in a panic: found by comparing, as pending ones are, until the index is settled.
    strays: Mutex<Vec<u32>>,
    has_strays: AtomicBool,
    /// Linkers at work on this index, and whether they should stop.
    working: AtomicUsize,
    paused: AtomicBool,
    /// The owner is gone: nothing needs to be linked any more.
    pub abandoned: AtomicBool,
    /// Counts tasks that were begun, to alternate between the two kinds.
    pieces: AtomicUsize,
    /// Tasks for this index in the linkers' queue.
    pub scheduled: AtomicUsize,
    pub account: Account,
    /// The row whose linking panics.
    #[cfg(test)]
    pub fails_at: std::sync::atomic::AtomicU32,
}

impl Shared {
    pub fn new(params: Params, projection: Option<Projection>, is_flat: bool) -> Shared {
        let codec = Codec::new(params.encoding, params.dim).with_metric(params.metric);
        let vectors = ByteRows::new(codec.row_len());
        Shared {
            codec,
            projection,
            few: few(params.m, vectors.stride()),
            vectors,
            sketches: Sketcher::new(codec)
                .filter(|_| !is_flat)
                .map(|sketcher| (sketcher, ByteRows::new(sketcher.sketch_len()))),
            graph: Graph::new(params.m),
            grace: Grace::default(),
            pending: Pending::default(),
            dead: Queue::default(),
            unrepaired: AtomicUsize::new(0),
            retired: Queue::default(),
            replaced: Mutex::default(),
            waiters: Waiters::default(),
            strays: Mutex::default(),
            has_strays: AtomicBool::new(false),
            working: AtomicUsize::new(0),
            paused: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            pieces: AtomicUsize::new(0),
            scheduled: AtomicUsize::new(0),
            #[cfg(test)]
            fails_at: u32::MAX.into(),
            account: Account::default(),
            is_flat,
            params,
        }
    }

    /// Puts a node on the pending list; false if it is full.
    pub fn push_pending(&self, node: u32, ef: usize) -> bool {
        let pushed = self.pending.push(node, ef as u32);
        TO_LINK.add(pushed.into());
        pushed
    }

    /// Puts a dead node on the list of repairs.
    pub fn push_dead(&self, node: u32) {
        TO_REPAIR.add(1);
        self.unrepaired.fetch_add(1, Ordering::SeqCst);
        self.dead.push(node);
    }

    /// Whether removed rows are still to be repaired, or to be reclaimed by the owner.
    pub fn has_remains(&self) -> bool {
        self.unrepaired.load(Ordering::SeqCst) > 0 || !self.retired.is_empty()
    }

    /// Bytes of the queues.
    pub fn bytes_of_queues(&self) -> usize {
        self.dead.allocated() + self.retired.allocated() + self.waiters.allocated()
    }

    /// Whether background work waits or is being done.
    pub fn has_work(&self) -> bool {
        let unrepaired = self.unrepaired.load(Ordering::SeqCst);
        !self.abandoned.load(Ordering::Relaxed) && (self.pending.count() > 0 || unrepaired > 0)
    }

    /// Does one task of background work, unless linkers are paused; false if there was none.
    pub fn work(&self) -> bool {
        // Sequentially consistent with `pause`: each side writes its own and reads the other's.
        let working = Working::new(&self.working);
        let stop = self.paused.load(Ordering::SeqCst) || self.abandoned.load(Ordering::Relaxed);
        let worked = !stop && self.do_piece();
        drop(working);
        if worked {
            self.serve_waiters();
        }
        worked
    }

    /// Does one task of background work on this thread, paused or not; false if there was none.
    pub fn work_now(&self) -> bool {
        let worked = self.do_piece();
        if worked {
            // It may have been the last task: no linker will run.
            self.serve_waiters();
        }
        worked
    }

    fn do_piece(&self) -> bool {
        // Alternating, so that neither kind waits for all of the other.
        let link_first = self.pieces.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        link_first && self.link_next() || self.repair_next(Wait::No) || self.link_next() || self.repair_next(Wait::Yes)
    }

    fn link_next(&self) -> bool {
        let Some((row, ef)) = self.pending.claim() else { return false };
        TO_LINK.subtract(1);
        let claimed = Claimed(self);
        let began = Instant::now();
        if self.graph.claim(row) {
            self.link(row, ef as usize, Alone::No);
        }
        drop(claimed);
        TO_LINK.took(began.elapsed().as_nanos() as u64);
        true
    }

    /// Repairs the neighbourhood of one of the first dead nodes. Those that another thread's repair excludes go to the
    /// end of the list, unless this is to wait.
    fn repair_next(&self, wait: Wait) -> bool {
        /// Dead nodes that are tried: if the first two are neighbours, a third is mostly elsewhere.
        const TRIES: usize = 4;
        for _ in 0..TRIES {
            let Some(node) = self.dead.pop() else { return false };
            TO_REPAIR.subtract(1);
            let until_repaired = Working(&self.unrepaired);
            let began = Instant::now();
            if self.try_repair(node, Alone::No, wait) {
                TO_REPAIR.took(began.elapsed().as_nanos() as u64);
                return true;
            }
            std::mem::forget(until_repaired);
            TO_REPAIR.add(1);
            self.dead.push(node);
        }
        false
    }

    /// Whether a row needs no place on the pending list any more.
    pub fn is_done_with(&self, row: u32) -> bool {
        self.graph.is_linked(row) || !self.graph.is_live(row)
    }

    pub fn is_stray(&self, row: u32) -> bool {
        self.has_strays.load(Ordering::SeqCst) && self.lock_strays().contains(&row)
    }

    fn lock_strays(&self) -> MutexGuard<'_, Vec<u32>> {
        self.strays.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The rows that may not be linked, some of them dead.
    pub fn unlinked(&self) -> Vec<u32> {
        let end = self.graph.end();
        if end <= self.few {
            return (0..end).collect();
        }
        let mut rows = self.pending.snapshot();
        // After the ring, which they left after they came here.
        if self.has_strays.load(Ordering::SeqCst) {
            rows.extend(self.lock_strays().iter());
        }
        rows
    }

    /// Makes queries compare with a row that is not linked.
    pub fn push_stray(&self, row: u32) {
        self.lock_strays().push(row);
        self.has_strays.store(true, Ordering::SeqCst);
    }

    /// All strays are linked, or on the pending list.
    pub fn forget_strays(&self) {
        let mut strays = self.lock_strays();
        *strays = Vec::new();
        self.has_strays.store(false, Ordering::SeqCst);
    }

    /// Links strays, while linkers are paused.
    pub fn link_strays(&self) {
        loop {
            let Some(row) = self.lock_strays().last().copied() else { return };
            self.link(row, super::DEFAULT_EF_ADD, Alone::No);
            let mut strays = self.lock_strays();
            strays.pop();
            self.has_strays.store(!strays.is_empty(), Ordering::SeqCst);
        }
    }

    /// Links a claimed node, or retires it if it died before.
    pub fn link(&self, node: u32, ef: usize, alone: Alone) {
        let presence = self.grace.guard();
        let _linking = Linking { shared: self, row: node };
        #[cfg(test)]
        assert_ne!(self.fails_at.load(Ordering::Relaxed), node, "a fault that a test asked for");
        let died = if self.graph.is_live(node) {
            let began = Instant::now();
            let died = with_scratch(|scratch| self.graph.link(self, node, ef, alone, &self.grace, scratch));
            LINKED.add(began.elapsed());
            self.account_for_links();
            died
        } else {
            self.retire(node);
            false
        };
        drop(presence);
        if died {
            self.repair(node, alone);
        }
    }

    /// Takes a dead, linked node out of the graph and retires it.
    pub fn repair(&self, node: u32, alone: Alone) {
        self.try_repair(node, alone, Wait::Yes);
    }

    /// [`Shared::repair`]; false if it is not to wait, but would have to.
    fn try_repair(&self, node: u32, alone: Alone, wait: Wait) -> bool {
        let presence = self.grace.guard();
        let began = Instant::now();
        if !self.graph.remove(self, node, alone, wait, &self.grace) {
            return false;
        }
        REPAIRED.add(began.elapsed());
        self.account_for_links();
        drop(presence);
        // A child is gone before an id could be used again, and its queue may be in the middle of a
        // push by a thread that is not there.
        if alone == Alone::No {
            self.retire(node);
        }
        true
    }

    /// Gives an id back once no query can see it any more.
    pub fn retire(&self, node: u32) {
        self.retired.push((self.grace.stamp(), node));
    }

    /// The recent replacements. Locked for a few steps at a time, or for a lookup of each row that a query found.
    pub fn lock_replaced(&self) -> MutexGuard<'_, Replaced> {
        // Nothing panics while it is held.
        self.replaced.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Pauses linkers on this index and waits until none is at work: the time of one link.
    pub fn pause(&self) {
        self.paused.store(true, Ordering::SeqCst);
        while self.working.load(Ordering::SeqCst) > 0 {
            std::thread::yield_now();
        }
    }

    /// In a forked child: no other thread is there.
    pub fn pause_in_child(&self) {
        self.paused.store(true, Ordering::SeqCst);
    }

    /// Whether a linker is, or in a forked child was, in the middle of its work.
    pub fn is_worked_on(&self) -> bool {
        self.working.load(Ordering::SeqCst) > 0
    }

    /// Whether linkers are stopped.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    /// Lets linkers go on.
    pub fn resume(&self) {
        self.paused.store(false, Ordering::SeqCst);
    }

    /// The owner is gone. Releases delayed replies.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
        self.waiters.dismiss();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // A claimed row, which is not counted any more, is one of a linker that holds this.
        TO_LINK.subtract(self.pending.count());
        TO_REPAIR.subtract(self.dead.len());
    }
}
