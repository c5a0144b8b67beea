//! A queue that allocates nothing until it is first used.

use std::sync::OnceLock;

use crossbeam_queue::SegQueue;

/// A queue of many producers and consumers, none of whom waits for another.
pub struct Queue<T>(OnceLock<Box<SegQueue<T>>>);

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue(OnceLock::new())
    }
}

impl<T> Queue<T> {
    pub fn push(&self, item: T) {
        self.0.get_or_init(Box::default).push(item);
    }

    pub fn pop(&self) -> Option<T> {
        self.0.get()?.pop()
    }

    pub fn len(&self) -> usize {
        self.0.get().map_or(0, |queue| queue.len())
    }

    pub fn is_empty(&self) -> bool {
        self.0.get().is_none_or(|queue| queue.is_empty())
    }

    /// Bytes of a queue that holds little.
    pub fn allocated(&self) -> usize {
        self.0.get().map_or(0, |_| size_of::<SegQueue<T>>())
    }
}
