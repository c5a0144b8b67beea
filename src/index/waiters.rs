//! Callbacks that wait for background work: replies delayed by backpressure, and commands that reply when links are
//! made.

use std::sync::atomic::Ordering;

use super::VectorIndex;
use super::queue::Queue;
use super::shared::Shared;
use crate::sync::{Mutex, MutexGuard};

/// Something that is dropped when the event that it waits for has happened.
pub type Waiter = Box<dyn Send>;

/// What those who wait for links wait for.
#[derive(Clone, Copy)]
enum Until {
    /// All before this number on the pending list are done with, and nothing waits for its repair.
    Settled(u64),
    /// This row is linked, or dead.
    Linked(u32),
}

/// The waiters of one index.
#[derive(Default)]
pub(super) struct Waiters {
    room: Queue<Waiter>,
    /// Those who wait for links. Locked for a look at all of them: one that was out of a queue for its look
    /// would be missed by the thread that ends the work then.
    links: Mutex<Vec<(Until, Waiter)>>,
}

impl Waiters {
    /// Drops all: what they wait for will not happen.
    pub fn dismiss(&self) {
        while let Some(waiter) = self.room.pop() {
            drop(waiter);
        }
        let waiting = std::mem::take(&mut *self.lock_links());
        drop(waiting);
    }

    /// Bytes of the queue.
    pub fn allocated(&self) -> usize {
        self.room.allocated()
    }

    fn lock_links(&self) -> MutexGuard<'_, Vec<(Until, Waiter)>> {
        // Nothing panics while it is held.
        self.links.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Shared {
    /// Parks a waiter until there is room; drops it at once if there is.
    pub fn wait_for_room(&self, waiter: Waiter) {
        self.waiters.room.push(waiter);
        // After the push: a linker that made room before it did not see the waiter.
        self.serve_waiters();
    }

    /// Parks a waiter until all work that is pending now is done; drops it at once if there is none.
    pub fn wait_for_links(&self, waiter: Waiter) {
        self.park(Until::Settled(self.pending.pushed()), waiter);
    }

    /// Parks a waiter until a row is linked or dead; drops it at once if it is.
    pub fn wait_for_links_of(&self, row: u32, waiter: Waiter) {
        self.park(Until::Linked(row), waiter);
    }

    fn park(&self, until: Until, waiter: Waiter) {
        self.waiters.lock_links().push((until, waiter));
        // After the push: a thread that ended the work before it did not see the waiter.
        self.serve_waiters();
    }

    fn is_time(&self, until: Until) -> bool {
        match until {
            Until::Settled(number) => self.pending.is_past(number) && self.unrepaired.load(Ordering::SeqCst) == 0,
            Until::Linked(row) => self.is_done_with(row) || self.is_stray(row) || self.is_without_links(),
        }
    }

    /// Drops the waiters whose events have happened.
    pub fn serve_waiters(&self) {
        // Looks for room before each: the one that was served may have taken it.
        while !self.waiters.room.is_empty() && self.has_room() {
            drop(self.waiters.room.pop());
        }
        let mut waiting = self.waiters.lock_links();
        let served: Vec<_> = waiting.extract_if(.., |(until, _)| self.is_time(*until)).collect();
        drop(waiting);
        drop(served);
    }
}

impl VectorIndex {
    /// Parks a waiter (a reply that waits) until there is room; drops it then, on any thread.
    pub fn wait_for_room(&self, waiter: Waiter) {
        self.shared.wait_for_room(waiter);
    }

    /// Parks a waiter until the links that are still to be made now are made; drops it then, on any
    /// thread.
    pub fn wait_for_links(&self, waiter: Waiter) {
        self.shared.wait_for_links(waiter);
    }

    /// Parks a waiter until a row has its links or is gone; drops it then, on any thread.
    pub fn wait_for_links_of(&self, row: u32, waiter: Waiter) {
        self.shared.wait_for_links_of(row, waiter);
    }
}
