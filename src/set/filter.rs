//! A filter as one query or selection uses it: the compiled program, and the bitmap or columns that answer for most
//! elements without their records.

use std::sync::Arc;

use super::VectorSet;
use super::columns::Columns;
use super::matches::Matches;
use crate::arena::Blobs;
use crate::attributes::RecordRef;
use crate::filter::{BLOCK, Expression, Program};
use crate::index::Accept;

/// A compiled filter, for use on any thread.
pub struct Filter {
    pub program: Program,
    matches: Option<Arc<Matches>>,
    columns: Option<Columns>,
}

/// Which elements match: a bit each.
pub enum Marks {
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

    /// Marks all nodes below `end` that match. None if that takes a look at their records.
    pub fn mark(&self, end: u32, records: &Blobs) -> Option<Marks> {
        if let Some(matches) = self.matches.as_ref().filter(|matches| matches.fill(end, records)) {
            return Some(Marks::Kept(matches.clone()));
        }
        let columns = self.columns.as_ref().filter(|columns| columns.fill(end, records))?;
        Some(Marks::Own(columns.matching(&self.program, end, records)))
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
    pub fn contains(&self, node: u32) -> bool {
        match self {
            Marks::Kept(matches) => matches.contains(node),
            // Nodes that came later are not known.
            Marks::Own(words) => {
                words.get(node as usize / BLOCK).is_some_and(|word| word >> (node as usize % BLOCK) & 1 != 0)
            }
        }
    }

    /// Calls `visit` with each marked node below `end`.
    pub fn for_each(&self, end: u32, mut visit: impl FnMut(u32)) {
        match self {
            Marks::Kept(matches) => matches.for_each(end, visit),
            Marks::Own(words) => {
                for (index, &word) in words.iter().enumerate() {
                    let mut word = word;
                    while word != 0 {
                        visit((index * BLOCK) as u32 + word.trailing_zeros());
                        word &= word - 1;
                    }
                }
            }
        }
    }

    /// Marked nodes.
    pub fn count(&self) -> usize {
        match self {
            Marks::Kept(matches) => matches.count(),
            Marks::Own(words) => words.iter().map(|word| word.count_ones() as usize).sum(),
        }
    }
}

/// The elements that a filter lets pass, for one search.
pub struct Chosen<'a> {
    filter: &'a Filter,
    records: &'a Blobs,
    /// Which elements match, if that is known of all.
    marks: Option<Marks>,
    count: Option<usize>,
}

impl<'a> Chosen<'a> {
    /// Of the elements below `end`, on the thread that searches.
    pub fn new(filter: &'a Filter, end: u32, records: &'a Blobs) -> Chosen<'a> {
        let marks = filter.mark(end, records);
        let count = marks.as_ref().map(Marks::count);
        Chosen { filter, records, marks, count }
    }
}

impl Accept for Chosen<'_> {
    #[inline]
    fn matches(&self, node: u32) -> bool {
        match &self.marks {
            Some(marks) => marks.contains(node),
            None => self.filter.matches(node, self.records),
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
        match &self.marks {
            Some(marks) => marks.for_each(end, visit),
            None => {
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
