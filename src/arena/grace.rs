//! Grace periods: when may that which readers could still see be used again?
//!
//! Time is cut into epochs. A reader enters the current epoch and leaves it when done; an epoch may
//! only end when the readers of the one *before* it are gone. What is retired during epoch e can
//! have been seen by readers of e and of e-1, so it is free for use in epoch e+2: the step to e+1
//! waited for those of e-1, the step to e+2 for those of e.
//!
//! Entering counts in one of two counters, by the epoch's parity, so readers may be as many and
//! live as long as they like, on any thread, and leave on another one.

use std::sync::atomic::{AtomicU64, Ordering};

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
/// a writer's look at the *other* counter, which weaker orders do not.
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
            // If the epoch moved before the count was up, the count may stand in the wrong
            // counter: nobody has relied on it yet, so take it back and try again.
            if self.epoch.load(Ordering::SeqCst) == epoch {
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

    /// The stamp for something that was just taken out of sight; compare with [`Grace::is_over`].
    pub fn stamp(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Ends the epoch if no reader of the one before it is left.
    pub fn advance(&self) {
        let epoch = self.epoch.load(Ordering::SeqCst);
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

#[cfg(test)]
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
        // `late` entered after the retirement, but in an epoch that cannot tell.
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
