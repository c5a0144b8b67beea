//! Columns: the values of one field for all elements, eight bytes each, of the few fields that filters use. A new
//! filter is evaluated by reading them sequentially instead of reading records at random.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::derived::{Earned, Gathering, MOST};
use crate::arena::{Array, Blobs};
use crate::attributes::{Bits, Field, FieldId, RecordRef};
use crate::filter::{BLOCK, Program};

/// Smaller sets are looked through fast enough.
const LEAST_ELEMENTS: usize = 1000;

/// One field's values.
struct Column {
    field: Field,
    /// Rows of a block's values, as [`Bits`], with a missing value as zero: that is what memory is
    /// at first.
    values: Array<AtomicU64>,
    gathering: Gathering,
}

impl Column {
    /// Stores a record's value; in which order, `derived.rs` says.
    fn set(&self, node: u32, record: Option<&[u8]>) {
        let bits = record.map_or(Bits::MISSING, |record| RecordRef::new(record).bits(&self.field));
        let block = node / BLOCK as u32;
        self.values.ensure(block);
        self.values.row(block)[node as usize % BLOCK].store(bits.to_u64() ^ Bits::MISSING.to_u64(), Ordering::SeqCst);
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
pub struct Columns {
    columns: Vec<Arc<Column>>,
    /// An element without attributes never matches; `not exists(.x)` would let it.
    is_pitfall: bool,
}

impl Columns {
    /// Whether all values are there.
    pub fn are_ready(&self) -> bool {
        self.columns.iter().all(|column| column.gathering.is_ready())
    }

    /// Fills in what is missing of nodes below `end`, unless another thread does; true if all is there.
    pub fn fill(&self, end: u32, records: &Blobs) -> bool {
        let fill = |column: &Column| column.gathering.run(end, records, |node, record| column.set(node, record));
        self.columns.iter().all(|column| fill(column))
    }

    /// Room for the values of a block.
    pub fn buffer(&self) -> Vec<[Bits; BLOCK]> {
        vec![[Bits::MISSING; BLOCK]; self.columns.len()]
    }

    /// A bit for each node of a block that matches the program. `values` is a [`Columns::buffer`].
    pub fn matching(&self, program: &Program, block: u32, records: &Blobs, values: &mut [[Bits; BLOCK]]) -> u64 {
        self.columns.iter().zip(&mut *values).for_each(|(column, values)| column.read(block, values));
        let verdict = program.matches_block(values);
        let mut matching = verdict.matching;
        let mut open = verdict.unknown | if self.is_pitfall { matching } else { 0 };
        while open != 0 {
            let i = open.trailing_zeros();
            open &= open - 1;
            let matches = matches_record(program, block * BLOCK as u32 + i, records);
            matching = matching & !(1 << i) | u64::from(matches) << i;
        }
        matching
    }
}

fn matches_record(program: &Program, node: u32, records: &Blobs) -> bool {
    records.get(node).is_some_and(|record| program.matches(RecordRef::new(record)))
}

/// The columns of a set, each of eight bytes an element.
#[derive(Default)]
pub struct ColumnCache(Earned<FieldId, Column>);

impl ColumnCache {
    /// The columns of a program's fields, if each was asked for before.
    pub fn get(&mut self, program: &Program, elements: usize) -> Option<Columns> {
        // Of a field that no record has there is nothing to read in order.
        let ids: Option<Vec<FieldId>> = program.fields().iter().map(Field::id).collect();
        let ids = ids.filter(|ids| elements >= LEAST_ELEMENTS && (1..=MOST).contains(&ids.len()))?;
        // All are asked for, also where the first is not there yet.
        let columns: Vec<_> = (ids.into_iter().zip(program.fields()))
            .map(|(id, field)| {
                self.0.get(id, || Column {
                    field: field.clone(),
                    values: Array::new(BLOCK),
                    gathering: Gathering::default(),
                })
            })
            .collect();
        let columns: Vec<Arc<Column>> = columns.into_iter().collect::<Option<_>>()?;
        let is_pitfall = program.matches_columns(&vec![Bits::MISSING; columns.len()]) != Some(false);
        Some(Columns { columns, is_pitfall })
    }

    /// After a node got this record, or none.
    pub fn update(&self, node: u32, record: Option<&[u8]>) {
        self.0.iter().for_each(|column| column.set(node, record));
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.0.iter().map(|column| size_of::<Column>() + column.values.allocated()).sum()
    }
}
