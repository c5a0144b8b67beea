//! The half of an index that threads share: vectors, links, and the work on them that is done in the
//! background.
//!
//! Who does what: the owner stores rows, marks them as dead and reuses their ids; linkers link and
//! repair; queries read. A query holds up neither linkers nor the owner, and the owner never waits.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use super::memory::Account;
use super::params::Params;
use super::pending::Pending;
use super::queue::Queue;
use super::replaced::Replaced;
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
        // A search inside a search: it gets buffers of its own.
        Err(_) => body(&mut Scratch::default()),
    })
}

/// One kind of work that waits in all indexes.
struct Backlog {
    pieces: AtomicUsize,
    /// A running mean of the time that a piece takes.
    mean: AtomicU64,
}

impl Backlog {
    const fn new(nanos: u64) -> Backlog {
        Backlog { pieces: AtomicUsize::new(0), mean: AtomicU64::new(nanos) }
    }

    fn nanos(&self, more: usize) -> u64 {
        (self.pieces.load(Ordering::Relaxed) + more) as u64 * self.mean.load(Ordering::Relaxed)
    }

    fn took(&self, nanos: u64) {
        // Racing updates of the mean lose a sample: harmless.
        let mean = self.mean.load(Ordering::Relaxed);
        self.mean.store(mean - mean / MEAN_OVER + nanos.min(10_000_000) / MEAN_OVER, Ordering::Relaxed);
    }
}

/// Rows that are pending.
static TO_LINK: Backlog = Backlog::new(150_000);
/// Rows that are dead and not yet repaired.
static TO_REPAIR: Backlog = Backlog::new(100_000);
/// Pieces that a mean is taken over: so many that single ones do not move the bound by more than [`MARGIN`].
const MEAN_OVER: u64 = 1024;
/// All that waits must be done in about this time by one thread: a saving child does it.
const BACKLOG_NANOS: u64 = 1_000_000_000;
/// By this factor it may be more before work is done where replies cannot wait: in scripts and on replicas.
const FAR: usize = 4;

/// Bytes of pending vectors an index may have before replies are delayed; a setting.
pub(super) static PENDING_BYTES: AtomicUsize = AtomicUsize::new(512 << 10);
/// Pending nodes that every index may have, however large their vectors.
const PENDING_LEAST: usize = 8;

/// Times to link an element, of all indexes.
pub static LINKED: Durations = Durations::new();
/// Times to take a removed element out of its graph, of all indexes.
pub static REPAIRED: Durations = Durations::new();

/// Rows that wait to be linked or repaired, in all indexes of this process.
pub fn backlog() -> usize {
    TO_LINK.pieces.load(Ordering::Relaxed) + TO_REPAIR.pieces.load(Ordering::Relaxed)
}

/// Elements for which there must be room before delayed replies go out.
const MARGIN: usize = 64;

/// Removed elements that may wait for their repair.
const DEAD_MOST: usize = 1024;

/// Something to drop when there is room for more pending elements.
pub type Waiter = Box<dyn Send>;

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

/// What those who wait for links wait for.
#[derive(Clone, Copy)]
enum Until {
    /// All before this number on the pending list are done with, and nothing waits for its repair.
    Settled(u64),
    /// This row is linked, or dead.
    Linked(u32),
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
    /// Without a graph: rows are only ever compared with.
    pub is_flat: bool,
    pub codec: Codec,
    pub projection: Option<Projection>,
    pub vectors: ByteRows,
    /// Where rows are long: what a search reads of most of them.
    pub sketches: Option<(Sketcher, ByteRows)>,
    pub graph: Graph,
    pub grace: Grace,
    pub pending: Pending,
    /// Dead nodes that were linked and wait for their repair.
    pub dead: Queue<u32>,
    /// These, and those that are being repaired.
    unrepaired: AtomicUsize,
    /// Dead nodes without links, with the stamp of their grace period.
    pub retired: Queue<(u64, u32)>,
    replaced: Mutex<Replaced>,
    waiters: Queue<Waiter>,
    /// Those who wait for links. Locked for a look at all of them: one that was out of a queue for its look
    /// would be missed by the thread that ends the work then.
    link_waiters: Mutex<Vec<(Until, Waiter)>>,
    /// Rows whose linking ended in a panic: found by comparing, as pending ones are, until the index is settled.
    strays: Mutex<Vec<u32>>,
    has_strays: AtomicBool,
    /// Linkers at work on this index, and whether they should stop.
    working: AtomicUsize,
    paused: AtomicBool,
    /// The owner is gone: nothing needs to be linked any more.
    abandoned: AtomicBool,
    /// Counts pieces of work that were begun, to take both kinds in turn.
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
        Shared {
            codec,
            projection,
            vectors: ByteRows::new(codec.row_len()),
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
            waiters: Queue::default(),
            link_waiters: Mutex::default(),
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

    /// Whether there is more to link or repair than may wait.
    pub fn is_over_bound(&self) -> bool {
        self.is_over(1, 0)
    }

    /// Whether there is so much more that those must help who cannot wait.
    pub fn is_far_over_bound(&self) -> bool {
        self.is_over(FAR, 0)
    }

    /// Whether waiters may go on: there is room for the next few as well, so that a full list does not
    /// stop and wake a client for each element.
    fn has_room(&self) -> bool {
        !self.is_over(1, (self.most_pending() / 8).min(MARGIN))
    }

    /// Whether what waits, and so many rows more, is beyond some times the bound.
    fn is_over(&self, times: usize, more: usize) -> bool {
        // What the owner has left is never done.
        if self.abandoned.load(Ordering::Relaxed) {
            return false;
        }
        let (pending, dead) = (self.pending.count(), self.dead.len());
        let nanos = TO_LINK.nanos(more) + TO_REPAIR.nanos(0);
        // An index with next to nothing waiting is never over it: no linker would come by to tell of room.
        pending + more > (times * self.most_pending()).min(Pending::NEARLY_FULL)
            || (pending + dead > PENDING_LEAST && nanos > times as u64 * BACKLOG_NANOS)
            || dead + more > times * DEAD_MOST
    }

    fn most_pending(&self) -> usize {
        (PENDING_BYTES.load(Ordering::Relaxed) / self.vectors.stride()).clamp(PENDING_LEAST, Pending::MOST)
    }

    /// Puts a node on the pending list; false if there is no place on it.
    pub fn push_pending(&self, node: u32, ef: usize) -> bool {
        let pushed = self.pending.push(node, ef as u32);
        TO_LINK.pieces.fetch_add(pushed as usize, Ordering::Relaxed);
        pushed
    }

    /// Puts a dead node on the list of repairs.
    pub fn push_dead(&self, node: u32) {
        TO_REPAIR.pieces.fetch_add(1, Ordering::Relaxed);
        self.unrepaired.fetch_add(1, Ordering::SeqCst);
        self.dead.push(node);
    }

    /// Whether something of removed rows is still to be repaired, or to be taken back by the owner.
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

    /// Does one piece of background work, unless linkers are paused; false if there was none.
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

    /// Does one piece of background work on this thread, paused or not; false if there was none.
    pub fn work_now(&self) -> bool {
        let worked = self.do_piece();
        if worked {
            // It may have been the last piece: no linker comes by any more.
            self.serve_waiters();
        }
        worked
    }

    fn do_piece(&self) -> bool {
        // In turn, so that neither kind waits for all of the other.
        let link_first = self.pieces.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        link_first && self.link_next() || self.repair_next(Wait::No) || self.link_next() || self.repair_next(Wait::Yes)
    }

    fn link_next(&self) -> bool {
        let Some((row, ef)) = self.pending.claim() else { return false };
        TO_LINK.pieces.fetch_sub(1, Ordering::Relaxed);
        let claimed = Claimed(self);
        let began = Instant::now();
        if self.graph.claim(row) {
            self.link(row, ef as usize, Alone::No);
        }
        drop(claimed);
        TO_LINK.took(began.elapsed().as_nanos() as u64);
        true
    }

    /// Repairs what one of the first dead nodes leaves. Those that another thread's repair is in the way of go to the
    /// end of the list, unless this is to wait.
    fn repair_next(&self, wait: Wait) -> bool {
        /// Dead nodes that are tried: of two that lie together, the next but one mostly lies elsewhere.
        const TRIES: usize = 4;
        for _ in 0..TRIES {
            let Some(node) = self.dead.pop() else { return false };
            TO_REPAIR.pieces.fetch_sub(1, Ordering::Relaxed);
            let until_repaired = Working(&self.unrepaired);
            let began = Instant::now();
            if self.try_repair(node, Alone::No, wait) {
                TO_REPAIR.took(began.elapsed().as_nanos() as u64);
                return true;
            }
            std::mem::forget(until_repaired);
            TO_REPAIR.pieces.fetch_add(1, Ordering::Relaxed);
            self.dead.push(node);
        }
        false
    }

    /// Whether a row needs no place on the pending list any more.
    fn is_done_with(&self, row: u32) -> bool {
        self.graph.is_linked(row) || !self.graph.is_live(row)
    }

    fn is_stray(&self, row: u32) -> bool {
        self.has_strays.load(Ordering::SeqCst) && self.lock_strays().contains(&row)
    }

    fn lock_strays(&self) -> MutexGuard<'_, Vec<u32>> {
        self.strays.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The rows that may not be linked yet, some of them dead.
    pub fn unlinked(&self) -> Vec<u32> {
        let mut rows = self.pending.snapshot();
        // After the ring, which they left after they came here.
        if self.has_strays.load(Ordering::SeqCst) {
            rows.extend(self.lock_strays().iter());
        }
        rows
    }

    /// Has queries compare with a row that nothing links yet.
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

    /// Parks a waiter until there is room; drops it at once if there is.
    pub fn wait_for_room(&self, waiter: Waiter) {
        self.waiters.push(waiter);
        // After the push: a linker that made room before it did not see the waiter.
        self.serve_waiters();
    }

    /// Parks a waiter until all that waits now is linked and repaired; drops it at once if nothing does.
    pub fn wait_for_links(&self, waiter: Waiter) {
        self.park(Until::Settled(self.pending.pushed()), waiter);
    }

    /// Parks a waiter until a row is linked or dead; drops it at once if it is.
    pub fn wait_for_links_of(&self, row: u32, waiter: Waiter) {
        self.park(Until::Linked(row), waiter);
    }

    fn park(&self, until: Until, waiter: Waiter) {
        self.lock_link_waiters().push((until, waiter));
        // After the push: a thread that ended the work before it did not see the waiter.
        self.serve_waiters();
    }

    fn is_time(&self, until: Until) -> bool {
        match until {
            Until::Settled(number) => self.pending.is_past(number) && self.unrepaired.load(Ordering::SeqCst) == 0,
            Until::Linked(row) => self.is_done_with(row) || self.is_stray(row),
        }
    }

    /// Drops those waiters whose time has come.
    fn serve_waiters(&self) {
        // Looks for room before each: the one that was served may have taken it.
        while !self.waiters.is_empty() && self.has_room() {
            drop(self.waiters.pop());
        }
        let mut waiting = self.lock_link_waiters();
        let served: Vec<_> = waiting.extract_if(.., |(until, _)| self.is_time(*until)).collect();
        drop(waiting);
        drop(served);
    }

    /// What was replaced of late. Held for a few steps at a time, or for a look at each row that a query found.
    pub fn lock_replaced(&self) -> MutexGuard<'_, Replaced> {
        // Nothing panics while it is held.
        self.replaced.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn lock_link_waiters(&self) -> MutexGuard<'_, Vec<(Until, Waiter)>> {
        // Nothing panics while it is held.
        self.link_waiters.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Stops linkers on this index and waits until none is at work: the time of one link.
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

    /// The owner is gone. Delayed replies may go out.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
        while let Some(waiter) = self.waiters.pop() {
            drop(waiter);
        }
        let waiting = std::mem::take(&mut *self.lock_link_waiters());
        drop(waiting);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // A claimed row, which is not counted any more, is one of a linker that holds this.
        TO_LINK.pieces.fetch_sub(self.pending.count(), Ordering::Relaxed);
        TO_REPAIR.pieces.fetch_sub(self.dead.len(), Ordering::Relaxed);
    }
}
