//! Bitmaps of filters that are used repeatedly: one bit per element, kept up to date as elements change, so that a
//! query need not read their attributes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::derived::{Earned, Gathering};
use crate::arena::{Array, Blobs};
use crate::attributes::{Fields, RecordRef};
use crate::filter::{Expression, Program};

/// The elements that match one filter.
pub struct Matches {
    program: Program,
    /// Field names that the set knew when the program was compiled.
    fields: usize,
    bits: Array<AtomicU32>,
    /// Bits that are set.
    count: AtomicUsize,
    gathering: Gathering,
}

impl Matches {
    /// Whether all bits are there.
    pub fn is_ready(&self) -> bool {
        self.gathering.is_ready()
    }

    /// Fills in the bits of nodes below `end`, unless another thread does; true if they are there.
    pub fn fill(&self, end: u32, records: &Blobs) -> bool {
        self.gathering.run(end, records, |node, record| self.set(node, record))
    }

    /// Stores a record's bit; in which order, `derived.rs` says.
    fn set(&self, node: u32, record: Option<&[u8]>) {
        self.bits.ensure(node / 32);
        let (word, mask) = (self.bits.at(node / 32), 1 << (node % 32));
        // Of two threads at the same bit, each counts what it changed.
        if record.is_some_and(|record| self.program.matches(RecordRef::new(record))) {
            let was = word.fetch_or(mask, Ordering::SeqCst) & mask != 0;
            self.count.fetch_add(!was as usize, Ordering::Relaxed);
        } else {
            let was = word.fetch_and(!mask, Ordering::SeqCst) & mask != 0;
            self.count.fetch_sub(was as usize, Ordering::Relaxed);
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

    /// Number of bits that are set.
    pub fn count(&self) -> usize {
        // Two threads at the same bit may take it away before it was counted.
        (self.count.load(Ordering::Relaxed) as isize).max(0) as usize
    }
}

/// Nanoseconds that a write may take to test its element against all filters that are kept.
const NANOS_MOST: f64 = 1000.0;
/// The largest filter that is remembered.
const WEIGHT_MOST: usize = 500;

/// The filters of a set that are asked for again and again; each write of an element costs a test for
/// each of them, so they are only as many as these may cost.
#[derive(Default)]
pub struct MatchCache(Earned<Expression, Matches>);

impl MatchCache {
    /// The entry of a filter that is used for the second time at least.
    pub fn get(&mut self, expression: &Expression, program: &Program, fields: &Fields) -> Option<Arc<Matches>> {
        // A program finds no value of a field that the set did not know when it was compiled.
        if expression.weight() > WEIGHT_MOST || program.record_nanos() > NANOS_MOST {
            return None;
        }
        let is_stale = |entry: &Matches| {
            entry.fields != fields.len() && entry.program.fields().iter().any(|field| field.id().is_none())
        };
        self.0.retain(|entry| !is_stale(entry));
        let found = self.0.get(expression.clone(), || Matches {
            program: program.clone(),
            fields: fields.len(),
            bits: Array::new(1),
            count: AtomicUsize::new(0),
            gathering: Gathering::default(),
        });
        while self.0.iter().map(|entry| entry.program.record_nanos()).sum::<f64>() > NANOS_MOST {
            self.0.drop_oldest();
        }
        found
    }

    /// After a node got this record, or none.
    pub fn update(&self, node: u32, record: Option<&[u8]>) {
        self.0.iter().for_each(|entry| entry.set(node, record));
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.0.iter().map(|entry| size_of::<Matches>() + entry.bits.allocated()).sum()
    }
}
