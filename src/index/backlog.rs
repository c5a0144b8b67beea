//! Backpressure: bounds on pending background work (rows to link, removed rows whose neighbours are to be
//! reconnected). Beyond the bound replies to writes are delayed.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::VectorIndex;
use super::pending::Pending;
use super::shared::Shared;

/// The pending tasks of one kind, in all indexes.
pub(super) struct Backlog {
    pieces: AtomicUsize,
    /// A running mean of the nanoseconds that a task takes.
    mean: AtomicU64,
}

impl Backlog {
    const fn new(nanos: u64) -> Backlog {
        Backlog { pieces: AtomicUsize::new(0), mean: AtomicU64::new(nanos) }
    }

    pub fn add(&self, pieces: usize) {
        self.pieces.fetch_add(pieces, Ordering::Relaxed);
    }

    pub fn subtract(&self, pieces: usize) {
        self.pieces.fetch_sub(pieces, Ordering::Relaxed);
    }

    /// About how long one thread takes for all tasks, and for this many more.
    fn nanos(&self, more: usize) -> u64 {
        (self.pieces.load(Ordering::Relaxed) + more) as u64 * self.mean.load(Ordering::Relaxed)
    }

    /// After a task took `nanos`.
    pub fn took(&self, nanos: u64) {
        // Racing updates of the mean lose a sample: harmless.
        let mean = self.mean.load(Ordering::Relaxed);
        self.mean.store(mean - mean / MEAN_OVER + nanos.min(10_000_000) / MEAN_OVER, Ordering::Relaxed);
    }
}

/// Rows that are pending.
pub(super) static TO_LINK: Backlog = Backlog::new(150_000);
/// Rows that are dead and not yet repaired.
pub(super) static TO_REPAIR: Backlog = Backlog::new(100_000);
/// Tasks that a mean is taken over: enough that a single one does not move the bound by more than [`MARGIN`].
const MEAN_OVER: u64 = 1024;
/// The bound on all pending work, in time of one thread: a saving child has to do it.
const BACKLOG_NANOS: u64 = 1_000_000_000;
/// Where replies cannot be delayed (in scripts and on replicas), writers help when the bound is exceeded by this factor.
const FAR: usize = 4;

/// Bytes of pending vectors an index may have before replies are delayed; a setting.
static PENDING_BYTES: AtomicUsize = AtomicUsize::new(512 << 10);
/// Pending nodes that every index may have, however large their vectors.
const PENDING_LEAST: usize = 8;
/// Elements for which there must be room before delayed replies go out.
const MARGIN: usize = 64;
/// Removed elements that may wait for their repair.
const DEAD_MOST: usize = 1024;
/// Maximum number of pending tasks that one change does where its reply cannot be delayed: more than it adds.
pub(super) const PIECES_AT_ONCE: usize = 2;

/// Sets how many bytes of vectors may be pending in an index before replies to writes are delayed.
pub fn set_pending_bytes(bytes: usize) {
    PENDING_BYTES.store(bytes, Ordering::Relaxed);
}

/// Rows that wait to be linked or repaired, in all indexes of this process.
pub fn backlog() -> usize {
    TO_LINK.pieces.load(Ordering::Relaxed) + TO_REPAIR.pieces.load(Ordering::Relaxed)
}

impl Shared {
    /// Whether the pending work exceeds the bound.
    pub fn is_over_bound(&self) -> bool {
        self.is_over(1, 0)
    }

    /// Whether it exceeds the bound so far that writers whose replies cannot be delayed must help.
    pub fn is_far_over_bound(&self) -> bool {
        self.is_over(FAR, 0)
    }

    /// Whether waiters may continue: there is room for the next few as well, so that a full list does not
    /// stop and wake a client for each element.
    pub fn has_room(&self) -> bool {
        !self.is_over(1, (self.most_pending() / 8).min(MARGIN))
    }

    /// Whether the pending work, with this many rows more, exceeds a multiple of the bound.
    fn is_over(&self, times: usize, more: usize) -> bool {
        // Work of an abandoned index is never done.
        if self.abandoned.load(Ordering::Relaxed) {
            return false;
        }
        let (pending, dead) = (self.pending.count(), self.dead.len());
        let nanos = TO_LINK.nanos(more) + TO_REPAIR.nanos(0);
        // An index with next to nothing waiting is never over it: no linker would run and report that there is room.
        pending + more > (times * self.most_pending()).min(Pending::NEARLY_FULL)
            || (pending + dead > PENDING_LEAST && nanos > times as u64 * BACKLOG_NANOS)
            || dead + more > times * DEAD_MOST
    }

    fn most_pending(&self) -> usize {
        (PENDING_BYTES.load(Ordering::Relaxed) / self.vectors.stride()).clamp(PENDING_LEAST, Pending::MOST)
    }
}

impl VectorIndex {
    /// Whether the pending work exceeds the bound: delay the reply to a write
    /// ([`VectorIndex::wait_for_room`]), or make room ([`VectorIndex::link_some`]) where that is not allowed.
    pub fn is_over_bound(&self) -> bool {
        self.shared.is_over_bound()
    }

    /// Does some of the pending work on this thread while there is far too much of it: where a reply cannot be delayed.
    /// More than one change adds, so that the backlog shrinks, but no more, so that no change takes long.
    pub fn link_some(&mut self) {
        for _ in 0..PIECES_AT_ONCE {
            if !self.shared.is_far_over_bound() || !self.shared.work_now() {
                return;
            }
        }
    }

    /// Rows that wait to be linked, dead ones among them.
    pub fn pending(&self) -> usize {
        self.shared.pending.count()
    }
}
