//! The set of nodes that a search has met: a byte a node, compared with the search's own stamp, so
//! that it is emptied by taking another stamp.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of all of them.
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes that the search buffers of all threads hold: one for each node of the largest graph that a thread
/// has searched, each.
pub fn bytes_of_search_buffers() -> usize {
    BYTES.load(Ordering::Relaxed)
}

#[derive(Default)]
pub struct Visited {
    stamps: Vec<u8>,
    stamp: u8,
}

impl Visited {
    /// Empties the set and makes room for nodes below `end`.
    pub fn begin(&mut self, end: usize) {
        if self.stamps.len() < end {
            let before = self.stamps.capacity();
            self.stamps.resize(end.next_power_of_two().max(64), 0);
            BYTES.fetch_add(self.stamps.capacity() - before, Ordering::Relaxed);
        }
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.stamps.fill(0);
            self.stamp = 1;
        }
    }

    /// Adds a node; true if it was new. A node beyond the room counts as met: it was announced
    /// after the search began.
    #[inline(always)]
    pub fn insert(&mut self, node: u32) -> bool {
        match self.stamps.get_mut(node as usize) {
            Some(stamp) => std::mem::replace(stamp, self.stamp) != self.stamp,
            None => false,
        }
    }
}

impl Drop for Visited {
    fn drop(&mut self) {
        BYTES.fetch_sub(self.stamps.capacity(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_buffers_are_counted() {
        let mut visited = Visited::default();
        visited.begin(100_000);
        assert!(visited.insert(99_999) && !visited.insert(99_999) && !visited.insert(1 << 20));
        assert!(bytes_of_search_buffers() >= 100_000);
        drop(visited);
    }
}
