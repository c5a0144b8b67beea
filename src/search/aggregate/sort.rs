//! SORTBY: sorts rows by some of their columns, or selects the first few.

use std::cmp::Ordering;

use super::{Table, compare};
use crate::search::value::Value;

/// Which end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// The sort keys, and how many rows are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Sorting {
    /// Columns, the most significant first. Without any the order stays.
    pub keys: Vec<(usize, Direction)>,
    /// Only this many of the first rows are kept.
    pub keep: Option<usize>,
}

impl Sorting {
    /// Sorts the table. A row without a value comes last in both directions; null is the least value. Equal rows stay
    /// in their order, which a descending first key reverses.
    pub fn apply(&self, table: &mut Table) {
        let mut order = table.numbers();
        if let Some(&(_, first)) = self.keys.first() {
            let places = |a: u32, b: u32| match first {
                Direction::Ascending => a.cmp(&b),
                Direction::Descending => b.cmp(&a),
            };
            let mut placed: Vec<(u32, u32)> = order.into_iter().zip(0..).collect();
            let by = |a: &(u32, u32), b: &(u32, u32)| {
                self.compare(table.stored(a.0), table.stored(b.0)).then_with(|| places(a.1, b.1))
            };
            if let Some(keep) = self.keep.filter(|&keep| keep > 0 && keep < placed.len()) {
                placed.select_nth_unstable_by(keep - 1, by);
                placed.truncate(keep);
            }
            placed.sort_unstable_by(by);
            order = placed.into_iter().map(|(row, _)| row).collect();
        }
        if let Some(keep) = self.keep {
            order.truncate(keep);
        }
        table.arrange(order);
    }

    fn compare(&self, a: &[Option<Value>], b: &[Option<Value>]) -> Ordering {
        let by_key = |&(column, direction): &(usize, Direction)| match (&a[column], &b[column]) {
            (Some(a), Some(b)) if direction == Direction::Descending => compare(b, a),
            (Some(a), Some(b)) => compare(a, b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        self.keys.iter().map(by_key).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}
