//! Interned names: the numbers that records hold instead of tags and words.

use std::sync::Arc;

use super::pages::Pages;

#[derive(Clone)]
enum Slot {
    Used(Arc<[u8]>),
    /// The next free number, plus one; 0 ends the list.
    Free(u32),
}

impl Default for Slot {
    fn default() -> Slot {
        Slot::Free(0)
    }
}

/// See the module. Numbers given back are used again.
#[derive(Clone, Default)]
pub struct Names {
    slots: Pages<Slot>,
    /// The first free number, plus one.
    free: u32,
    /// Numbers ever used.
    high: u32,
}

impl Names {
    pub fn get(&self, number: u32) -> Option<&Arc<[u8]>> {
        match self.slots.get(number)? {
            Slot::Used(name) => Some(name),
            Slot::Free(_) => None,
        }
    }

    /// A number for a name.
    pub fn add(&mut self, name: Arc<[u8]>) -> u32 {
        let number = match self.free {
            0 => {
                self.high += 1;
                self.high - 1
            }
            free => free - 1,
        };
        let slot = self.slots.get_mut(number);
        if let Slot::Free(next) = slot {
            self.free = if self.free == 0 { 0 } else { *next };
        }
        *slot = Slot::Used(name);
        number
    }

    /// Gives a number back.
    pub fn remove(&mut self, number: u32) {
        *self.slots.get_mut(number) = Slot::Free(self.free);
        self.free = number + 1;
    }

    pub fn bytes(&self) -> usize {
        self.slots.bytes()
    }
}
