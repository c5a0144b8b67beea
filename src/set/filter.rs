//! A filter as one query or selection uses it: the compiled program, and the bitmap or columns that answer for most
//! elements without their records.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::VectorSet;
use super::columns::Columns;
use super::matches::Matches;
use crate::arena::Blobs;
use crate::attributes::{Bits, RecordRef};
use crate::filter::{BLOCK, Expression, Program};
use crate::index::Accept;

/// A compiled filter, for use on any thread.
pub struct Filter {
    pub program: Program,
    matches: Option<Arc<Matches>>,
    columns: Option<Columns>,
}

/// Up to so many nodes it takes less to find out about all than to look at a sample.
const FEW: u32 = 2048;

/// Which elements match: a bit each.
enum Marks {
    /// Shared with other queries and kept up to date.
    Kept(Arc<Matches>),
    /// Found out for one query.
    Own(Vec<u64>),
}

impl VectorSet {
    /// Compiles a filter.
    pub(super) fn compile(&self, expression: &Expression) -> Filter {
        let program = expression.compile(&self.fields);
        let matches = self.matches.borrow_mut().get(expression, &program, &self.fields);
        let columns = match matches {
            Some(_) => None,
            None => self.columns.borrow_mut().get(&program, self.len()),
        };
        Filter { program, matches, columns }
    }
}

impl Filter {
    /// About how many nanoseconds it takes to find out about an element that is met in order.
    pub fn test_nanos(&self) -> f64 {
        if self.kept().is_some() {
            0.1
        } else if self.columns.as_ref().is_some_and(Columns::are_ready) {
            self.program.column_nanos()
        } else {
            self.program.record_nanos()
        }
    }

    /// The bits that are kept for this filter, if they are all there.
    pub fn kept(&self) -> Option<&Matches> {
        self.matches.as_deref().filter(|matches| matches.is_ready())
    }

    /// How to find out which nodes below `end` match.
    fn way<'a>(&'a self, end: u32, records: &'a Blobs) -> Way<'a> {
        if let Some(matches) = self.matches.as_ref().filter(|matches| matches.fill(end, records)) {
            return Way::Marks(Marks::Kept(matches.clone()));
        }
        match self.columns.as_ref().filter(|columns| columns.fill(end, records)) {
            Some(columns) => {
                let blocks = Blocks::new(columns, &self.program, end, records);
                if end > FEW { Way::Blocks(blocks) } else { Way::Marks(Marks::Own(blocks.all().collect())) }
            }
            None => Way::Records,
        }
    }

    /// Whether the node matches, by its record.
    #[inline]
    pub fn matches(&self, node: u32, records: &Blobs) -> bool {
        records.get(node).is_some_and(|record| self.program.matches(RecordRef::new(record)))
    }
}

impl Marks {
    /// Whether the node is marked.
    #[inline]
    fn contains(&self, node: u32) -> bool {
        match self {
            Marks::Kept(matches) => matches.contains(node),
            // Nodes that came later are not known.
            Marks::Own(words) => {
                words.get(node as usize / BLOCK).is_some_and(|word| word >> (node as usize % BLOCK) & 1 != 0)
            }
        }
    }

    /// Calls `visit` with each marked node below `end`.
    fn for_each(&self, end: u32, mut visit: impl FnMut(u32)) {
        match self {
            Marks::Kept(matches) => matches.for_each(end, visit),
            Marks::Own(words) => (0..).zip(words).for_each(|(block, &word)| for_each_bit(block, word, &mut visit)),
        }
    }

    /// Marked nodes.
    fn count(&self) -> usize {
        match self {
            Marks::Kept(matches) => matches.count(),
            Marks::Own(words) => words.iter().map(|word| word.count_ones() as usize).sum(),
        }
    }
}

/// Calls `visit` with the nodes of a block whose bits are set.
fn for_each_bit(block: u32, mut word: u64, mut visit: impl FnMut(u32)) {
    while word != 0 {
        visit(block * BLOCK as u32 + word.trailing_zeros());
        word &= word - 1;
    }
}

/// Blocks of nodes, each decided when the search first meets one of its nodes.
struct Blocks<'a> {
    columns: &'a Columns,
    program: &'a Program,
    records: &'a Blobs,
    end: u32,
    /// What is known of each block: a bit for each node that matches.
    known: Vec<Cell<Option<u64>>>,
    values: RefCell<Vec<[Bits; BLOCK]>>,
}

impl<'a> Blocks<'a> {
    fn new(columns: &'a Columns, program: &'a Program, end: u32, records: &'a Blobs) -> Blocks<'a> {
        let known = vec![Cell::new(None); (end as usize).div_ceil(BLOCK)];
        Blocks { columns, program, records, end, known, values: RefCell::new(columns.buffer()) }
    }

    fn get(&self, block: u32, known: &Cell<Option<u64>>) -> u64 {
        if known.get().is_none() {
            let matching = self.columns.matching(self.program, block, self.records, &mut self.values.borrow_mut());
            let nodes = (self.end - block * BLOCK as u32).min(BLOCK as u32);
            known.set(Some(matching & (u64::MAX >> (BLOCK as u32 - nodes))));
        }
        known.get().unwrap_or(0)
    }

    /// Whether the node matches. Nodes that came later are not known.
    #[inline]
    fn contains(&self, node: u32) -> bool {
        let block = node / BLOCK as u32;
        self.known.get(block as usize).is_some_and(|known| self.get(block, known) >> (node % BLOCK as u32) & 1 != 0)
    }

    /// All blocks, in order.
    fn all(&self) -> impl Iterator<Item = u64> {
        (0..).zip(&self.known).map(|(block, known)| self.get(block, known))
    }
}

/// How a search finds out who matches.
enum Way<'a> {
    /// It is known of all.
    Marks(Marks),
    /// By the values of the fields, as far as the search comes.
    Blocks(Blocks<'a>),
    /// By their records.
    Records,
}

/// The elements that a filter lets pass, for one search.
pub struct Chosen<'a> {
    filter: &'a Filter,
    records: &'a Blobs,
    way: Way<'a>,
    count: Option<usize>,
}

impl<'a> Chosen<'a> {
    /// Of the elements below `end`, on the thread that searches.
    pub fn new(filter: &'a Filter, end: u32, records: &'a Blobs) -> Chosen<'a> {
        let way = filter.way(end, records);
        let count = if let Way::Marks(marks) = &way { Some(marks.count()) } else { None };
        Chosen { filter, records, way, count }
    }
}

impl Accept for Chosen<'_> {
    #[inline]
    fn matches(&self, node: u32) -> bool {
        match &self.way {
            Way::Marks(marks) => marks.contains(node),
            Way::Blocks(blocks) => blocks.contains(node),
            Way::Records => self.filter.matches(node, self.records),
        }
    }

    fn matches_successor(&self, _old: u32, new: u32) -> bool {
        // The record decides, regardless of gathered data.
        self.filter.matches(new, self.records)
    }

    fn count(&self) -> Option<usize> {
        self.count
    }

    fn for_each(&self, end: u32, visit: &mut dyn FnMut(u32)) {
        match &self.way {
            Way::Marks(marks) => marks.for_each(end, visit),
            Way::Blocks(blocks) => {
                (0..).zip(blocks.all()).for_each(|(block, matching)| for_each_bit(block, matching, &mut *visit));
            }
            Way::Records => {
                for node in 0..end {
                    self.records.prefetch_after(node);
                    if self.filter.matches(node, self.records) {
                        visit(node);
                    }
                }
            }
        }
    }

    fn test_nanos(&self) -> f64 {
        self.filter.test_nanos()
    }
}
