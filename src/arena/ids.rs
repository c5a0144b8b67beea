//! Ids: 32-bit numbers of elements, handed out densely and used again.

/// An id that no other thread knows yet: the right to write its rows.
pub struct FreshId(u32);

impl FreshId {
    /// The number.
    pub fn number(&self) -> u32 {
        self.0
    }

    /// Gives up the right to write; from here on the number may be read by any thread.
    pub fn publish(self) -> u32 {
        self.0
    }
}

/// Hands out ids; one owner.
#[derive(Default)]
pub struct Ids {
    free: Vec<u32>,
    next: u32,
}

/// Ids stay below this: a billion. That leaves graphs a bit of each number for marks, and rows of links for
/// every node.
pub const MAX_IDS: u32 = 1 << 30;

impl Ids {
    /// An unused id, or None when a billion are in use.
    pub fn fresh(&mut self) -> Option<FreshId> {
        if let Some(id) = self.free.pop() {
            return Some(FreshId(id));
        }
        if self.next == MAX_IDS {
            return None;
        }
        self.next += 1;
        Some(FreshId(self.next - 1))
    }

    /// Takes back an id that no reader can see any more.
    pub fn reclaim(&mut self, id: u32) {
        debug_assert!(id < self.next);
        self.free.push(id);
    }

    /// One more than the highest id ever handed out.
    pub fn end(&self) -> u32 {
        self.next
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.free.capacity() * size_of::<u32>()
    }
}
