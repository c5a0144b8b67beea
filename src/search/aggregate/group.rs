//! GROUPBY: rows with equal values become one.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use super::pipeline::Clock;
use super::reduce::{Accumulator, hash};
use super::{Reducer, Table};
use crate::search::value::Value;

/// By which columns rows are put together, and what is computed of them. The rows that come out have first the
/// columns grouped by, then one for each reducer.
#[derive(Clone, Debug, PartialEq)]
pub struct Grouping {
    pub by: Vec<usize>,
    pub reducers: Vec<Reducer>,
}

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
    /// The groups, in the order in which their first rows came. A row whose property is an array takes part once for
    /// each of its values.
    pub fn apply(&self, table: &Table, clock: &mut Clock) -> Table {
        let mut groups = Groups { grouping: self, by_key: HashMap::new(), groups: Vec::new() };
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
        }
        groups.into_table()
    }
}

struct Groups<'a> {
    grouping: &'a Grouping,
    by_key: HashMap<Key, usize>,
    groups: Vec<Vec<Accumulator>>,
}

impl Groups<'_> {
    fn add(&mut self, key: Key, row: &[Option<Value>]) {
        let reducers = &self.grouping.reducers;
        let group = *self.by_key.entry(key).or_insert_with(|| {
            self.groups.push(reducers.iter().map(Reducer::start).collect());
            self.groups.len() - 1
        });
        for (reducer, accumulator) in reducers.iter().zip(&mut self.groups[group]) {
            reducer.add(accumulator, row);
        }
    }

    /// Adds the row under each combination of its properties' values.
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
        while !clock.is_over() {
            let key = choices.iter().zip(&chosen).map(|(values, &at)| values[at].clone()).collect();
            self.add(Key(key), row);
            // The next combination, as an odometer counts.
            let turning = (0..choices.len()).rev().find(|&wheel| chosen[wheel] + 1 < choices[wheel].len());
            let Some(wheel) = turning else { return };
            chosen[wheel] += 1;
            chosen[wheel + 1..].fill(0);
        }
    }

    fn into_table(self) -> Table {
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
