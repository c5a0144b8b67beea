//! Epoch-based reclamation: grace periods after which memory that readers may have seen can be reused.
//!
//! Time is divided into epochs. A reader enters the current epoch and leaves it when done; an epoch can
//! only end when the readers of the *previous* one have left. What is retired during epoch e may
//! have been seen by readers of e and of e-1, so it can be reused in epoch e+2: the step to e+1
//! waited for those of e-1, the step to e+2 for those of e.
//!
//! Entering increments one of two counters, chosen by the epoch's parity. So the number and lifetime of readers is
//! unlimited, on any thread, and a reader may leave on another thread than it entered on.

use crate::sync::atomic::{AtomicU64, Ordering, fence};
use crate::sync::model_fence;

/// A reader's presence; give it back with [`Grace::leave`].
#[must_use]
pub struct Ticket(u64);

/// A reader's presence while some code runs.
pub struct Presence<'a> {
    grace: &'a Grace,
    ticket: Option<Ticket>,
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.grace.leave(ticket);
        }
    }
}

/// Counts readers by epoch.
///
/// All operations are sequentially consistent: the argument below orders a reader's entry against
/// a writer's look at the *other* counter, which weaker orders do not. What is retired is taken out
/// of sight by weaker stores; two fences order those against the epoch.
#[derive(Default)]
pub struct Grace {
    epoch: AtomicU64,
    readers: [AtomicU64; 2],
}

impl Grace {
    /// Begins to read: nothing that can be seen from now on is reused until [`Grace::leave`].
    pub fn enter(&self) -> Ticket {
        loop {
            let epoch = self.epoch.load(Ordering::SeqCst);
            self.readers[(epoch & 1) as usize].fetch_add(1, Ordering::SeqCst);
            model_fence();
            // If the epoch moved before the count was up, the count may stand in the wrong
            // counter: nothing relies on it yet, so take it back and try again.
            if self.epoch.load(Ordering::SeqCst) == epoch {
                // Pairs with the fence in `stamp`: who enters a later epoch than the stamp's sees
                // what was done before the stamp.
                fence(Ordering::SeqCst);
                return Ticket(epoch);
            }
            self.readers[(epoch & 1) as usize].fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// [`Grace::enter`] for a stretch of code: leaves when dropped.
    pub fn guard(&self) -> Presence<'_> {
        Presence { grace: self, ticket: Some(self.enter()) }
    }

    /// Ends the reading that `ticket` began.
    pub fn leave(&self, ticket: Ticket) {
        self.readers[(ticket.0 & 1) as usize].fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether no thread reads. Others may begin at any time.
    pub fn is_idle(&self) -> bool {
        self.readers.iter().all(|readers| readers.load(Ordering::SeqCst) == 0)
    }

    /// The stamp for something that was just taken out of sight; compare with [`Grace::is_over`].
    pub fn stamp(&self) -> u64 {
        // Without it a processor may read the epoch while the store that took the thing out of sight
        // still waits in its buffer: readers of the next epoch could see the thing, and the one
        // after that would not wait for them.
        fence(Ordering::SeqCst);
        self.epoch.load(Ordering::SeqCst)
    }

    /// Ends the epoch if no reader of the one before it is left.
    pub fn advance(&self) {
        let epoch = self.epoch.load(Ordering::SeqCst);
        model_fence();
        if self.readers[((epoch + 1) & 1) as usize].load(Ordering::SeqCst) == 0 {
            // A failure means that another thread advanced: as good.
            let _ = self.epoch.compare_exchange(epoch, epoch + 1, Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    /// Whether no reader can see any more what was retired at `stamp`. Advances as far as it can.
    pub fn is_over(&self, stamp: u64) -> bool {
        for _ in 0..2 {
            if self.epoch.load(Ordering::SeqCst) >= stamp + 2 {
                return true;
            }
            self.advance();
        }
        self.epoch.load(Ordering::SeqCst) >= stamp + 2
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_reader_holds_what_it_may_see() {
        let grace = Grace::default();
        let reader = grace.enter();
        let stamp = grace.stamp();
        assert!(!grace.is_over(stamp));
        assert!(!grace.is_over(stamp));
        let late = grace.enter();
        grace.leave(reader);
        // `late` entered after the retirement, but in an epoch that does not show it.
        grace.leave(late);
        assert!(grace.is_over(stamp));
    }

    #[test]
    fn without_readers_nothing_waits() {
        let grace = Grace::default();
        for _ in 0..10 {
            assert!(grace.is_over(grace.stamp()));
        }
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use super::*;
    use crate::sync::atomic::AtomicUsize;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    #[derive(Default)]
    struct Shared {
        grace: Grace,
        /// Which of the rows is in use.
        current: AtomicUsize,
        /// Loom reports an access to a row while another thread writes it.
        rows: [UnsafeCell<u32>; 2],
    }

    fn read(shared: &Shared) {
        let ticket = shared.grace.enter();
        let row = shared.current.load(Ordering::Acquire);
        shared.rows[row].with(|_| ());
        shared.grace.leave(ticket);
    }

    /// A row that was replaced is written again only when no thread can read it any more.
    #[test]
    fn loom_a_row_is_reused_when_no_thread_reads_it() {
        for readers in [1, 2] {
            let mut model = loom::model::Builder::new();
            model.preemption_bound = Some(3);
            model.check(move || {
                let shared = Arc::new(Shared::default());
                let threads: Vec<_> = (0..readers)
                    .map(|_| {
                        let shared = shared.clone();
                        thread::spawn(move || read(&shared))
                    })
                    .collect();
                let other = shared.clone();
                let advancing = thread::spawn(move || other.grace.advance());
                shared.current.store(1, Ordering::Release);
                let stamp = shared.grace.stamp();
                if shared.grace.is_over(stamp) {
                    shared.rows[0].with_mut(|_| ());
                }
                advancing.join().unwrap();
                threads.into_iter().for_each(|t| t.join().unwrap());
                assert!(shared.grace.is_over(stamp));
                shared.rows[0].with_mut(|_| ());
            });
        }
    }
}
