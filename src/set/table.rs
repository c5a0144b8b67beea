//! Names and attributes of elements, by row of the index.
//!
//! Queries read them too: replaced and removed ones are kept until no query can hold a slice of them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use super::memory::Account;
use crate::arena::{Array, Blob, Blobs};
use crate::attributes::RecordRef;
use crate::index::VectorIndex;
use crate::sync::Mutex;

/// The half of a set that threads share, beside its index.
pub struct Table {
    pub names: Blobs,
    pub attributes: Blobs,
    /// When elements expire, in milliseconds since 1970; 0 for never. Of sets without times, nothing.
    pub times: Array<AtomicU64>,
    pub account: Account,
    /// Counts changes of records that elements had.
    changes: AtomicU64,
    /// What was retired when the set went: queries that run may still read it.
    leftover: Mutex<VecDeque<(u64, Blob)>>,
}

impl Default for Table {
    fn default() -> Table {
        Table {
            names: Blobs::default(),
            attributes: Blobs::default(),
            times: Array::new(1),
            account: Account::default(),
            changes: AtomicU64::new(0),
            leftover: Mutex::default(),
        }
    }
}

impl Table {
    /// The name of an element.
    pub fn name(&self, id: u32) -> &[u8] {
        self.names.get(id).expect("an element has a name")
    }

    /// Changes so far of records that elements had. On the main thread.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// The record of an element is another one.
    pub fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Blobs that are kept for the last reader.
    #[cfg(test)]
    pub fn left_over(&self) -> usize {
        self.leftover.lock().unwrap_or_else(|e| e.into_inner()).len()
    }

    /// An element's attributes, as they were set.
    pub fn attribute_text(&self, id: u32) -> Option<&[u8]> {
        self.attributes.get(id).map(|record| RecordRef::new(record).text())
    }
}

/// Blobs that queries may still see, with the stamps of their grace periods, oldest first.
#[derive(Default)]
pub struct Retired(VecDeque<(u64, Blob)>);

impl Retired {
    /// Keeps a blob that was just taken out of sight.
    pub fn keep(&mut self, index: &VectorIndex, blob: Option<Blob>) {
        if let Some(blob) = blob {
            self.0.push_back((index.stamp(), blob));
        }
    }

    /// Frees some of what no query can see any more; true if there is more.
    pub fn reclaim(&mut self, index: &VectorIndex) -> bool {
        /// More than one change retires, but few enough that the cost is spread over changes.
        const AT_ONCE: usize = 64;
        for _ in 0..AT_ONCE {
            if self.0.front().is_none_or(|&(stamp, _)| !index.is_over(stamp)) {
                return false;
            }
            self.0.pop_front();
        }
        true
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Leaves all to the last reader of a table.
    pub fn leave_to(&mut self, table: &Table) {
        let mut leftover = table.leftover.lock().unwrap_or_else(|e| e.into_inner());
        leftover.append(&mut self.0);
    }
}
