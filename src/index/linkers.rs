//! Scheduling of background work: which threads work on which index.
//!
//! The threads are created elsewhere (`workers`, started by the server layer); without them, the thread that stores
//! a vector links it. A task does a slice of one index's work and requeues itself while there
//! is more, so indexes share the threads fairly.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use super::shared::Shared;
use crate::workers::Pool;

static LINKERS: OnceLock<Arc<Pool>> = OnceLock::new();
static THREADS: AtomicUsize = AtomicUsize::new(0);
/// Whether new work goes to them.
static ENABLED: AtomicBool = AtomicBool::new(true);

/// Pieces of work in a row before other indexes get their turn.
const SLICE: usize = 16;

/// Hands over the threads that link. Until then everything is linked where it is stored.
pub fn start_linkers(pool: Arc<Pool>) {
    THREADS.store(pool.size().max(1), Ordering::Relaxed);
    let _ = LINKERS.set(pool);
}

/// Chooses whether vectors are linked by the threads, or each where it is stored.
pub fn link_in_background(enabled: bool) {
    ENABLED.store(enabled, Ordering::Relaxed);
}

/// Whether there are threads that link.
pub(super) fn exist() -> bool {
    LINKERS.get().is_some() && ENABLED.load(Ordering::Relaxed)
}

/// Sees to it that an index with waiting work is worked on, by as many threads as there are.
pub(super) fn wake(shared: &Arc<Shared>) {
    let Some(pool) = LINKERS.get() else { return };
    let wanted = THREADS.load(Ordering::Relaxed).min(shared.pending.count() + shared.dead.len());
    // Sequentially consistent with `Scheduled`: of "there is work" and "I go", each side writes one and reads the other.
    if shared.scheduled.load(Ordering::SeqCst) < wanted {
        shared.scheduled.fetch_add(1, Ordering::SeqCst);
        spawn(pool, Arc::downgrade(shared));
    }
}

/// A task that counts as scheduled until this is dropped, also if it panics.
struct Scheduled<'a>(&'a Arc<Shared>);

impl Drop for Scheduled<'_> {
    fn drop(&mut self) {
        let shared = self.0;
        shared.scheduled.fetch_sub(1, Ordering::SeqCst);
        // Work that came between the last look and the sign-off found a task scheduled.
        if shared.has_work() && !shared.is_paused() {
            wake(shared);
        }
    }
}

/// A task in the queue does not hold its index: the memory of one that is deleted or evicted goes at once.
fn spawn(pool: &'static Arc<Pool>, shared: Weak<Shared>) {
    pool.spawn(Box::new(move || {
        let Some(shared) = shared.upgrade() else { return };
        let scheduled = Scheduled(&shared);
        if (0..SLICE).all(|_| shared.work()) {
            std::mem::forget(scheduled);
            spawn(pool, Arc::downgrade(&shared));
        }
    }));
}
