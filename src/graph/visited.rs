//! The set of nodes that a search has visited: one byte per node, compared with the search's stamp, so that the set
//! is emptied by taking the next stamp.

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
    /// Whether there was no room for a node.
    was_short: bool,
}

impl Visited {
    /// Empties the set and makes room for nodes below `end`.
    pub fn begin(&mut self, end: usize) {
        if self.stamps.len() < end {
            self.make_room(end);
        }
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.stamps.fill(0);
            self.stamp = 1;
        }
    }

    #[cold]
    fn make_room(&mut self, end: usize) {
        let before = self.stamps.capacity();
        self.stamps.resize(end.next_power_of_two().max(64), 0);
        BYTES.fetch_add(self.stamps.capacity() - before, Ordering::Relaxed);
    }

    /// Adds a node; true if it was new and there is room for it.
    #[inline(always)]
    pub fn insert(&mut self, node: u32) -> bool {
        match self.stamps.get_mut(node as usize) {
            Some(stamp) => std::mem::replace(stamp, self.stamp) != self.stamp,
            None => {
                self.was_short = true;
                false
            }
        }
    }

    /// Makes room for nodes below `end` if there was none for some, announced after the search began: these are to be
    /// added again then, for they may have taken the place of links that led on.
    #[inline(always)]
    pub fn has_grown(&mut self, end: u32) -> bool {
        if self.was_short {
            self.was_short = false;
            self.make_room(end as usize);
            return true;
        }
        false
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
        assert!(visited.insert(99_999) && !visited.insert(99_999));
        // Announced later.
        assert!(!visited.has_grown(1 << 18) && !visited.insert(1 << 18) && visited.has_grown((1 << 18) + 1));
        assert!(visited.insert(1 << 18) && !visited.insert(1 << 18) && !visited.insert(99_999));
        assert!(!visited.has_grown(1 << 18));
        assert!(bytes_of_search_buffers() > 1 << 18);
        drop(visited);
    }
}
