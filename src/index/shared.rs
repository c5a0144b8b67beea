//! The half of an index that threads share: vectors, links, and the work on them that is done in the
//! background.
//!
//! Who does what: the owner stores rows, marks them as dead and reuses their ids; linkers link and
//! repair; queries read. Nobody waits for a query, and the owner waits for nobody.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use crossbeam_queue::SegQueue;

use super::memory::Account;
use super::params::Params;
use super::pending::{Pending, SLOTS};
use crate::arena::{ByteRows, Grace};
use crate::graph::{Alone, Graph, Scratch};
use crate::metrics::Durations;
use crate::sync::{Mutex, MutexGuard};
use crate::vector::{Codec, Projection};

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

/// Nodes that are pending or dead and not yet repaired, in all indexes.
static BACKLOG: AtomicUsize = AtomicUsize::new(0);
/// A running mean of the time to link one node.
static LINK_NANOS: AtomicU64 = AtomicU64::new(150_000);
/// Links that the mean is taken over: so many that single ones do not move the bound by more than [`MARGIN`].
const MEAN_OVER: u64 = 1024;
/// All that is pending must be linkable in about this time by one thread: a saving child does.
const BACKLOG_NANOS: u64 = 1_000_000_000;

/// Bytes of pending vectors an index may have before replies are withheld; a setting.
pub(super) static PENDING_BYTES: AtomicUsize = AtomicUsize::new(512 << 10);
/// Pending nodes that every index may have, however large their vectors.
const PENDING_LEAST: usize = 8;

/// Times to link an element, of all indexes.
pub static LINKED: Durations = Durations::new();
/// Times to take a removed element out of its graph, of all indexes.
pub static REPAIRED: Durations = Durations::new();

/// Rows that wait to be linked or repaired, in all indexes of this process.
pub fn backlog() -> usize {
    BACKLOG.load(Ordering::Relaxed)
}

/// Elements for which there must be room before withheld replies go out.
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

pub(super) struct Shared {
    pub params: Params,
    /// Without a graph: rows are only ever compared with.
    pub is_flat: bool,
    pub codec: Codec,
    pub projection: Option<Projection>,
    pub vectors: ByteRows,
    pub graph: Graph,
    pub grace: Grace,
    pub pending: Pending,
    /// Dead nodes that were linked and wait for their repair.
    pub dead: SegQueue<u32>,
    /// These, and those that are being repaired.
    unrepaired: AtomicUsize,
    /// Dead nodes without links, with the stamp of their grace period.
    pub retired: SegQueue<(u64, u32)>,
    /// Of replaced rows that queries may still have in hand: their successors.
    successors: Mutex<HashMap<u32, u32>>,
    waiters: SegQueue<Waiter>,
    /// Those who wait until what was pending before a number is linked. Locked for a look at all of
    /// them: one that was out of a queue for its look would be missed by whoever ends the work then.
    link_waiters: Mutex<Vec<(u64, Waiter)>>,
    /// Linkers at work on this index, and whether they should stop.
    working: AtomicUsize,
    paused: AtomicBool,
    /// The owner is gone: nothing needs to be linked any more.
    abandoned: AtomicBool,
    /// Tasks for this index in the linkers' queue.
    pub scheduled: AtomicUsize,
    pub account: Account,
}

impl Shared {
    pub fn new(params: Params, projection: Option<Projection>, is_flat: bool) -> Shared {
        let codec = Codec::new(params.encoding, params.dim).with_metric(params.metric);
        Shared {
            codec,
            projection,
            vectors: ByteRows::new(codec.row_len()),
            graph: Graph::new(params.m),
            grace: Grace::default(),
            pending: Pending::default(),
            dead: SegQueue::new(),
            unrepaired: AtomicUsize::new(0),
            retired: SegQueue::new(),
            successors: Mutex::default(),
            waiters: SegQueue::new(),
            link_waiters: Mutex::default(),
            working: AtomicUsize::new(0),
            paused: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            scheduled: AtomicUsize::new(0),
            account: Account::default(),
            is_flat,
            params,
        }
    }

    /// Whether there is more to link or repair than may wait.
    pub fn is_over_bound(&self) -> bool {
        self.would_be_over_bound(0)
    }

    /// Whether waiters may go on: there is room for the next few as well, so that a full list does not
    /// stop and wake a client for each element.
    fn has_room(&self) -> bool {
        !self.would_be_over_bound((self.most_pending() / 8).min(MARGIN))
    }

    fn would_be_over_bound(&self, more: usize) -> bool {
        let estimate = (BACKLOG.load(Ordering::Relaxed) + more) as u64 * LINK_NANOS.load(Ordering::Relaxed);
        let count = self.pending.count();
        // An index with next to nothing pending is never over it: nobody would come by to tell of room.
        count + more > self.most_pending()
            || (count > PENDING_LEAST && estimate > BACKLOG_NANOS)
            || self.dead.len() + more > DEAD_MOST
    }

    fn most_pending(&self) -> usize {
        // Half of the ring: replies wait long before it is full, since then the main thread would link.
        (PENDING_BYTES.load(Ordering::Relaxed) / self.vectors.stride()).clamp(PENDING_LEAST, SLOTS / 2)
    }

    /// Puts a node on the pending list; false if there is no place on it.
    pub fn push_pending(&self, node: u32, ef: usize) -> bool {
        let pushed = self.pending.push(node, ef as u32);
        BACKLOG.fetch_add(pushed as usize, Ordering::Relaxed);
        pushed
    }

    /// Puts a dead node on the list of repairs.
    pub fn push_dead(&self, node: u32) {
        BACKLOG.fetch_add(1, Ordering::Relaxed);
        self.unrepaired.fetch_add(1, Ordering::SeqCst);
        self.dead.push(node);
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
        if let Some(node) = self.dead.pop() {
            BACKLOG.fetch_sub(1, Ordering::Relaxed);
            let _until_repaired = Working(&self.unrepaired);
            self.repair(node, Alone::No);
            return true;
        }
        let Some((node, ef)) = self.pending.claim() else { return false };
        BACKLOG.fetch_sub(1, Ordering::Relaxed);
        let began = Instant::now();
        if self.graph.claim(node) {
            self.link(node, ef as usize, Alone::No);
        }
        self.pending.done(|node| self.graph.is_linked(node) || !self.graph.is_live(node));
        let nanos = began.elapsed().as_nanos() as u64;
        // Racing updates of the mean lose a sample: harmless.
        let mean = LINK_NANOS.load(Ordering::Relaxed);
        LINK_NANOS.store(mean - mean / MEAN_OVER + nanos.min(10_000_000) / MEAN_OVER, Ordering::Relaxed);
        true
    }

    /// Links a claimed node, or retires it if it died before.
    pub fn link(&self, node: u32, ef: usize, alone: Alone) {
        let presence = self.grace.guard();
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
        let presence = self.grace.guard();
        let began = Instant::now();
        self.graph.remove(self, node, alone, &self.grace);
        REPAIRED.add(began.elapsed());
        self.account_for_links();
        drop(presence);
        // A child is gone before an id could be used again, and its queue may be in the middle of a
        // push by a thread that is not there.
        if alone == Alone::No {
            self.retire(node);
        }
    }

    /// Gives an id back once nobody can see it any more.
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
        self.lock_link_waiters().push((self.pending.pushed(), waiter));
        self.serve_waiters();
    }

    /// Drops those waiters whose time has come.
    fn serve_waiters(&self) {
        // Looks for room before each: whoever was served may have taken it.
        while !self.waiters.is_empty() && self.has_room() {
            drop(self.waiters.pop());
        }
        let mut waiting = self.lock_link_waiters();
        if waiting.is_empty() || self.unrepaired.load(Ordering::SeqCst) > 0 {
            return;
        }
        let served: Vec<_> = waiting.extract_if(.., |(number, _)| self.pending.is_past(*number)).collect();
        drop(waiting);
        drop(served);
    }

    /// Successors of replaced rows.
    pub fn lock_successors(&self) -> MutexGuard<'_, HashMap<u32, u32>> {
        // Nothing panics while it is held.
        self.successors.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn lock_link_waiters(&self) -> MutexGuard<'_, Vec<(u64, Waiter)>> {
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

    /// In a forked child: nobody else is there.
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

    /// The owner is gone. Withheld replies may go out.
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
        BACKLOG.fetch_sub(self.pending.count() + self.dead.len(), Ordering::Relaxed);
    }
}
