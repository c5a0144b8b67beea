//! Columns: what all elements have for a field, eight bytes each, of the few fields that filters ask
//! for. A filter that was never asked before is answered by reading them in order, instead of a record
//! here and a record there.
//!
//! They are filled and kept up to date like the bits of `matches.rs`, by the same argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::arena::{Array, Blobs};
use crate::attributes::{Bits, Field, RecordRef};
use crate::filter::{BLOCK, Program};

/// Columns that are kept; each takes eight bytes an element.
const MOST: usize = 8;
/// Fields that were asked for once are remembered, since a column is earned with the second time.
const REMEMBERED: usize = 32;
/// Smaller sets are looked through fast enough.
const LEAST_ELEMENTS: usize = 1000;

/// One field's values.
struct Column {
    field: Field,
    /// Rows of a block's values, as [`Bits`], with a missing value as zero: that is what memory is
    /// at first.
    values: Array<AtomicU64>,
    taken: AtomicBool,
    ready: AtomicBool,
}

impl Column {
    fn set(&self, node: u32, record: Option<&[u8]>) {
        let bits = record.map_or(Bits::MISSING, |record| RecordRef::new(record).bits(&self.field));
        let block = node / BLOCK as u32;
        self.values.ensure(block);
        // Sequentially consistent: see `matches.rs`.
        self.values.row(block)[node as usize % BLOCK].store(bits.to_u64() ^ Bits::MISSING.to_u64(), Ordering::SeqCst);
    }

    /// Fills in the values of nodes below `end`, unless another thread does; true if they are there.
    fn fill(&self, end: u32, records: &Blobs) -> bool {
        if self.taken.swap(true, Ordering::AcqRel) {
            // Acquire: pairs with the release below.
            return self.ready.load(Ordering::Acquire);
        }
        for node in 0..end {
            records.prefetch(node + 24);
            let mut record = records.get(node);
            loop {
                self.set(node, record);
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

    fn read(&self, block: u32, out: &mut [Bits; BLOCK]) {
        match self.values.get(block) {
            Some(row) => out.iter_mut().zip(row).for_each(|(bits, value)| {
                *bits = Bits::from_u64(value.load(Ordering::Relaxed) ^ Bits::MISSING.to_u64());
            }),
            None => out.fill(Bits::MISSING),
        }
    }
}

/// The columns of a program's fields, in its order.
pub struct Columns(Vec<Arc<Column>>);

impl Columns {
    /// Whether all values are there.
    pub fn are_ready(&self) -> bool {
        self.0.iter().all(|column| column.ready.load(Ordering::Acquire))
    }

    /// Fills in what is missing of nodes below `end`, unless another thread does; true if all is there.
    pub fn fill(&self, end: u32, records: &Blobs) -> bool {
        self.0.iter().all(|column| column.fill(end, records))
    }

    /// The nodes below `end` that match, a bit each.
    pub fn matching(&self, program: &Program, end: u32, records: &Blobs) -> Vec<u64> {
        // An element without attributes never matches; `not exists(.x)` would let it.
        let is_pitfall = program.matches_columns(&vec![Bits::MISSING; self.0.len()]) != Some(false);
        let mut values = vec![[Bits::MISSING; BLOCK]; self.0.len()];
        let mut found = Vec::with_capacity((end as usize).div_ceil(BLOCK));
        for block in 0..end.div_ceil(BLOCK as u32) {
            self.0.iter().zip(&mut values).for_each(|(column, values)| column.read(block, values));
            let verdict = program.matches_block(&values);
            let mut matching = verdict.matching;
            let mut open = verdict.unknown | if is_pitfall { matching } else { 0 };
            while open != 0 {
                let i = open.trailing_zeros();
                open &= open - 1;
                let record = records.get(block * BLOCK as u32 + i);
                let matches = record.is_some_and(|record| program.matches(RecordRef::new(record)));
                matching = matching & !(1 << i) | u64::from(matches) << i;
            }
            found.push(matching);
        }
        if let Some(last) = found.last_mut().filter(|_| !(end as usize).is_multiple_of(BLOCK)) {
            *last &= (1 << (end as usize % BLOCK)) - 1;
        }
        found
    }
}

/// The columns of a set.
#[derive(Default)]
pub struct ColumnCache {
    /// Last used last.
    kept: Vec<Arc<Column>>,
    remembered: Vec<Field>,
}

impl ColumnCache {
    /// The columns of a program's fields, if each was asked for before.
    pub fn get(&mut self, program: &Program, elements: usize) -> Option<Columns> {
        let fields = program.fields();
        // Of a field that no record has there is nothing to read in order.
        if elements < LEAST_ELEMENTS
            || fields.is_empty()
            || fields.len() > MOST
            || fields.iter().any(|f| f.id().is_none())
        {
            return None;
        }
        let mut columns = Vec::with_capacity(fields.len());
        for field in fields {
            let is_of = |column: &Arc<Column>| column.field.id() == field.id();
            if let Some(at) = self.kept.iter().position(is_of) {
                let column = self.kept.remove(at);
                self.kept.push(column.clone());
                columns.push(column);
            } else if let Some(at) = self.remembered.iter().position(|seen| seen.id() == field.id()) {
                self.remembered.remove(at);
                if self.kept.len() == MOST {
                    self.kept.remove(0);
                }
                let column = Arc::new(Column {
                    field: field.clone(),
                    values: Array::new(BLOCK),
                    taken: AtomicBool::new(false),
                    ready: AtomicBool::new(false),
                });
                self.kept.push(column.clone());
                columns.push(column);
            } else {
                if self.remembered.len() == REMEMBERED {
                    self.remembered.remove(0);
                }
                self.remembered.push(field.clone());
            }
        }
        (columns.len() == fields.len()).then_some(Columns(columns))
    }

    /// After a node got this record, or none.
    pub fn update(&self, node: u32, record: Option<&[u8]>) {
        self.kept.iter().for_each(|column| column.set(node, record));
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.kept.iter().map(|column| size_of::<Column>() + column.values.allocated()).sum()
    }
}
