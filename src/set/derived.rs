//! Derived data of the elements' records (bitmaps of filters, columns of fields) that is kept for repeated
//! use. The first query that uses it gathers it on its own thread, while the main thread
//! continues to change elements:
//!
//! * the main thread stores a record first and the derived value second;
//! * the gathering thread stores the derived value first and then reads the record again.
//!
//! Whichever comes last has seen the newest record, so the final value is correct. Both stores of derived values
//! are sequentially consistent: they must not be reordered after the load that follows them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::arena::Blobs;

/// Things that are kept of one set.
pub const MOST: usize = 8;
/// Those asked for once are remembered, since a place is earned with the second time.
const REMEMBERED: usize = 32;

/// Whether something was gathered.
#[derive(Default)]
pub struct Gathering {
    taken: AtomicBool,
    ready: AtomicBool,
}

impl Gathering {
    /// Whether all is there.
    pub fn is_ready(&self) -> bool {
        // Acquire: pairs with `run`.
        self.ready.load(Ordering::Acquire)
    }

    /// Calls `keep` with the nodes below `end` and their records, unless another thread does or did;
    /// true if all is there.
    pub fn run(&self, end: u32, records: &Blobs, keep: impl Fn(u32, Option<&[u8]>)) -> bool {
        if self.taken.swap(true, Ordering::AcqRel) {
            return self.is_ready();
        }
        for node in 0..end {
            records.prefetch_after(node);
            let mut record = records.get(node);
            loop {
                keep(node, record);
                let again = records.get(node);
                if again.map(<[u8]>::as_ptr) == record.map(<[u8]>::as_ptr) {
                    break;
                }
                record = again;
            }
        }
        self.ready.store(true, Ordering::Release);
        true
    }
}

/// What was asked for at least twice, by its key.
pub struct Earned<K, V> {
    /// Last used last.
    kept: Vec<(K, Arc<V>)>,
    remembered: Vec<K>,
}

impl<K, V> Default for Earned<K, V> {
    fn default() -> Earned<K, V> {
        Earned { kept: Vec::new(), remembered: Vec::new() }
    }
}

impl<K: PartialEq, V> Earned<K, V> {
    /// What is kept for the key; `make` makes it when it is asked for the second time.
    pub fn get(&mut self, key: K, make: impl FnOnce() -> V) -> Option<Arc<V>> {
        if let Some(at) = self.kept.iter().position(|(kept, _)| *kept == key) {
            self.kept[at..].rotate_left(1);
        } else if let Some(at) = self.remembered.iter().position(|seen| *seen == key) {
            self.remembered.remove(at);
            if self.kept.len() == MOST {
                self.kept.remove(0);
            }
            self.kept.push((key, Arc::new(make())));
        } else {
            if self.remembered.len() == REMEMBERED {
                self.remembered.remove(0);
            }
            self.remembered.push(key);
            return None;
        }
        self.kept.last().map(|(_, value)| value.clone())
    }

    /// Drops what was used the longest ago.
    pub fn drop_oldest(&mut self) {
        if !self.kept.is_empty() {
            self.kept.remove(0);
        }
    }

    /// Drops what does not hold to the test.
    pub fn retain(&mut self, mut test: impl FnMut(&V) -> bool) {
        self.kept.retain(|(_, value)| test(value));
    }

    /// All that is kept.
    pub fn iter(&self) -> impl Iterator<Item = &V> {
        self.kept.iter().map(|(_, value)| &**value)
    }
}
