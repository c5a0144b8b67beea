//! The set of nodes that a search has met: a byte a node, compared with the search's own stamp, so
//! that it is emptied by taking another stamp.

#[derive(Default)]
pub struct Visited {
    stamps: Vec<u8>,
    stamp: u8,
}

impl Visited {
    /// Empties the set and makes room for nodes below `end`.
    pub fn begin(&mut self, end: usize) {
        if self.stamps.len() < end {
            self.stamps.resize(end.next_power_of_two().max(64), 0);
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

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.stamps.capacity()
    }
}
