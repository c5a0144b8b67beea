//! Which elements match a filter that is asked for again and again: a bit an element, kept up to
//! date as elements change, so that a query need not look at their attributes.
//!
//! The main thread owns the cache; queries share its entries. An entry is filled by the first
//! query that uses it, on that query's thread, while the main thread goes on changing elements:
//!
//! * the main thread stores a record first and its bit second;
//! * the filling thread stores the bit first and looks at the record second, once more.
//!
//! Whoever comes last has seen the newest record, so the bit that stays is right.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::arena::{Array, Blobs};
use crate::attributes::{Fields, RecordRef};
use crate::filter::{Expression, Program};

/// Filters that are kept; each write of an element costs a test for each of them.
const ENTRIES: usize = 8;
/// Filters whose first use is remembered, since a filter earns its entry with the second.
const REMEMBERED: usize = 32;

/// The elements that match one filter.
pub struct Matches {
    text: Vec<u8>,
    program: Program,
    /// Field names that the set knew when the program was compiled.
    fields: usize,
    bits: Array<AtomicU32>,
    taken: AtomicBool,
    ready: AtomicBool,
}

impl Matches {
    /// Whether all bits are there.
    pub fn is_ready(&self) -> bool {
        // Acquire: pairs with `fill`.
        self.ready.load(Ordering::Acquire)
    }

    /// Fills in the bits of nodes below `end`, unless another thread does; true if they are there.
    pub fn fill(&self, end: u32, records: &Blobs) -> bool {
        if self.taken.swap(true, Ordering::AcqRel) {
            return self.is_ready();
        }
        for node in 0..end {
            records.prefetch(node + 24);
            let mut record = records.get(node);
            loop {
                self.set(node, self.matches(record));
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

    fn matches(&self, record: Option<&[u8]>) -> bool {
        record.is_some_and(|record| self.program.matches(RecordRef::new(record)))
    }

    /// Stores a bit. Sequentially consistent, as is the order of record and bit in the argument
    /// above: a store may not sink below the load that follows it.
    fn set(&self, node: u32, matches: bool) {
        self.bits.ensure(node / 32);
        let (word, mask) = (self.bits.at(node / 32), 1 << (node % 32));
        if matches {
            word.fetch_or(mask, Ordering::SeqCst);
        } else {
            word.fetch_and(!mask, Ordering::SeqCst);
        }
    }

    /// Whether the node matches, by its bit.
    #[inline]
    pub fn contains(&self, node: u32) -> bool {
        let word = self.bits.get(node / 32).map_or(0, |word| word[0].load(Ordering::Relaxed));
        word >> (node % 32) & 1 != 0
    }

    /// Calls `visit` with each node below `end` whose bit is set.
    pub fn for_each(&self, end: u32, mut visit: impl FnMut(u32)) {
        for index in 0..end.div_ceil(32) {
            let mut word = self.bits.get(index).map_or(0, |word| word[0].load(Ordering::Relaxed));
            while word != 0 {
                visit(index * 32 + word.trailing_zeros());
                word &= word - 1;
            }
        }
    }

    /// Number of bits that are set below `end`.
    pub fn count(&self, end: u32) -> usize {
        let word = |index| self.bits.get(index).map_or(0, |word| word[0].load(Ordering::Relaxed));
        (0..end.div_ceil(32)).map(|index| word(index).count_ones() as usize).sum()
    }
}

/// The filters of a set that are asked for again and again.
#[derive(Default)]
pub struct MatchCache {
    /// Last used last.
    entries: Vec<Arc<Matches>>,
    remembered: Vec<Vec<u8>>,
}

impl MatchCache {
    /// The entry of a filter that is used for the second time at least.
    pub fn get(&mut self, expression: &Expression, program: &Program, fields: &Fields) -> Option<Arc<Matches>> {
        let text = expression.to_text();
        // A program finds no value of a field that the set did not know when it was compiled.
        let is_stale = |entry: &Matches| {
            entry.fields != fields.len() && entry.program.fields().iter().any(|field| field.id().is_none())
        };
        self.entries.retain(|entry| !is_stale(entry));
        if let Some(at) = self.entries.iter().position(|entry| entry.text == text) {
            let entry = self.entries.remove(at);
            self.entries.push(entry.clone());
            return Some(entry);
        }
        let Some(at) = self.remembered.iter().position(|seen| *seen == text) else {
            if self.remembered.len() == REMEMBERED {
                self.remembered.remove(0);
            }
            self.remembered.push(text);
            return None;
        };
        self.remembered.remove(at);
        if self.entries.len() == ENTRIES {
            self.entries.remove(0);
        }
        let entry = Arc::new(Matches {
            text,
            program: program.clone(),
            fields: fields.len(),
            bits: Array::new(1),
            taken: AtomicBool::new(false),
            ready: AtomicBool::new(false),
        });
        self.entries.push(entry.clone());
        Some(entry)
    }

    /// After a node got this record, or none.
    pub fn update(&self, node: u32, record: Option<&[u8]>) {
        for entry in &self.entries {
            entry.set(node, entry.matches(record));
        }
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.entries.iter().map(|entry| size_of::<Matches>() + entry.bits.allocated()).sum()
    }
}
