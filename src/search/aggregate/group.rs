//! GROUPBY: one row for each combination of values.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use super::pipeline::Clock;
use super::reduce::{Accumulator, hash};
use super::{Reducer, Table};
use crate::search::value::Value;

/// The columns of the key, and the reducers. The resulting rows have first the
/// columns grouped by, then one for each reducer.
#[derive(Clone, Debug, PartialEq)]
pub struct Grouping {
    pub by: Vec<usize>,
    pub reducers: Vec<Reducer>,
}

/// Limits on the combinations of arrays' values that one step adds: in all, and per row. A few arrays of a few values would
/// fill the memory.
const MAX_COMBINATIONS: usize = 1 << 17;
const COMBINATIONS_OF_A_ROW: usize = 64;
/// Reducers of all groups and values that they keep, at most: a command may name thousands of reducers.
const MAX_KEPT: usize = if cfg!(test) { 1 << 20 } else { 1 << 25 };

/// Values by which rows are grouped; an absent one is null.
#[derive(Clone, Debug, PartialEq)]
struct Key(Vec<Value>);

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|value| hash(value, state));
    }
}

impl Grouping {
    /// The groups, in the order of their first rows. A row whose property is an array is counted once for
    /// each of its values.
    pub fn apply(&self, table: &Table, clock: &mut Clock) -> Table {
        self.groups(table, clock).into_table()
    }

    /// The groups, into which others can be merged.
    pub fn groups(&self, table: &Table, clock: &mut Clock) -> Groups {
        let mut groups = Groups::new(self);
        groups.combinations_left = MAX_COMBINATIONS + table.len().saturating_mul(COMBINATIONS_OF_A_ROW);
        for row in table.rows() {
            if clock.is_over() {
                break;
            }
            if self.by.iter().any(|&column| matches!(row[column], Some(Value::Array(_)))) {
                groups.add_each(row, clock);
            } else {
                let value = |&column: &usize| row[column].clone().unwrap_or(Value::Null);
                groups.add(Key(self.by.iter().map(value).collect()), row);
            }
            if groups.left == 0 {
                clock.stop();
                break;
            }
        }
        groups
    }
}

/// Groups with the states of their reducers.
pub struct Groups {
    grouping: Grouping,
    /// Combinations of arrays' values that may still be added.
    combinations_left: usize,
    /// What its reducers may still keep.
    left: usize,
    by_key: HashMap<Key, usize>,
    groups: Vec<Vec<Accumulator>>,
}

/// A partial group: its key, and the state of each reducer.
pub type Apart = (Vec<Value>, Vec<Vec<Option<Value>>>);

impl Groups {
    fn new(grouping: &Grouping) -> Groups {
        Groups {
            grouping: grouping.clone(),
            combinations_left: 0,
            left: MAX_KEPT,
            by_key: HashMap::new(),
            groups: Vec::new(),
        }
    }

    /// All groups, in order of appearance.
    pub fn take_apart(self) -> Vec<Apart> {
        let mut keys: Vec<(Key, usize)> = self.by_key.into_iter().collect();
        keys.sort_unstable_by_key(|&(_, group)| group);
        let apart = |accumulators: Vec<Accumulator>| accumulators.into_iter().map(Accumulator::take_apart).collect();
        keys.into_iter().zip(self.groups).map(|((key, _), group)| (key.0, apart(group))).collect()
    }

    /// Restores partial groups; None if they do not fit the grouping.
    pub fn put_together(grouping: &Grouping, apart: Vec<Apart>) -> Option<Groups> {
        let mut groups = Groups::new(grouping);
        for (key, parts) in apart {
            if key.len() != grouping.by.len() || parts.len() != grouping.reducers.len() {
                return None;
            }
            let accumulators = grouping.reducers.iter().zip(parts).map(|(reducer, parts)| reducer.put_together(parts));
            if groups.by_key.insert(Key(key), groups.groups.len()).is_some() {
                return None;
            }
            groups.groups.push(accumulators.collect::<Option<_>>()?);
        }
        Some(groups)
    }

    /// Merges the groups of other rows by the same grouping.
    pub fn join(&mut self, other: Groups) {
        let mut keys: Vec<(Key, usize)> = other.by_key.into_iter().collect();
        keys.sort_unstable_by_key(|&(_, group)| group);
        for ((key, _), group) in keys.into_iter().zip(other.groups) {
            match self.by_key.get(&key) {
                None => {
                    self.by_key.insert(key, self.groups.len());
                    self.groups.push(group);
                }
                Some(&known) => {
                    let pairs = self.grouping.reducers.iter().zip(&mut self.groups[known]).zip(group);
                    pairs.for_each(|((reducer, into), from)| reducer.join(into, from));
                }
            }
        }
    }

    fn add(&mut self, key: Key, row: &[Option<Value>]) {
        let Groups { grouping: Grouping { reducers, .. }, by_key, groups, left, .. } = self;
        let group = *by_key.entry(key).or_insert_with(|| {
            *left = left.saturating_sub(reducers.len());
            groups.push(reducers.iter().map(Reducer::start).collect());
            groups.len() - 1
        });
        for (reducer, accumulator) in reducers.iter().zip(&mut groups[group]) {
            *left = left.saturating_sub(usize::from(reducer.add(accumulator, row)));
        }
    }

    /// Adds the row under each combination of its properties' values; those beyond the bound count as timed out.
    fn add_each(&mut self, row: &[Option<Value>], clock: &mut Clock) {
        let null = [Value::Null];
        let choices: Vec<&[Value]> = (self.grouping.by.iter())
            .map(|&column| match &row[column] {
                Some(Value::Array(values)) if !values.is_empty() => &values[..],
                Some(Value::Array(_)) | None => &null,
                Some(value) => std::slice::from_ref(value),
            })
            .collect();
        let mut chosen = vec![0; choices.len()];
        while self.left > 0 && !clock.is_over() {
            let Some(left) = self.combinations_left.checked_sub(1) else { return clock.stop() };
            self.combinations_left = left;
            let key = choices.iter().zip(&chosen).map(|(values, &at)| values[at].clone()).collect();
            self.add(Key(key), row);
            // The next combination, as an odometer counts.
            let turning = (0..choices.len()).rev().find(|&wheel| chosen[wheel] + 1 < choices[wheel].len());
            let Some(wheel) = turning else { return };
            chosen[wheel] += 1;
            chosen[wheel + 1..].fill(0);
        }
    }

    /// Rows: the columns grouped by, then one for each reducer.
    pub fn into_table(self) -> Table {
        let mut keys: Vec<(Key, usize)> = self.by_key.into_iter().collect();
        keys.sort_unstable_by_key(|&(_, group)| group);
        let mut table = Table::new(self.grouping.by.len() + self.grouping.reducers.len());
        for ((key, _), accumulators) in keys.into_iter().zip(self.groups) {
            let reduced = self.grouping.reducers.iter().zip(accumulators).map(|(reducer, a)| reducer.finish(a));
            table.push(key.0.into_iter().chain(reduced).map(Some));
        }
        table
    }
}
