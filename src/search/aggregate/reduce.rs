//! Reducers: one value from the rows of a group.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};

use rand::Rng;

use super::order::numbers;
use super::{Direction, compare};
use crate::search::value::Value;

/// A reducer of GROUPBY. Columns are those of the input rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Reducer {
    Count,
    CountDistinct(usize),
    Sum(usize),
    Average(usize),
    Minimum(usize),
    Maximum(usize),
    Deviation(usize),
    /// The value below which this share of the numbers lies.
    Quantile(usize, f64),
    ToList(usize),
    /// The value of the first row, or of the first by another column.
    FirstValue(usize, Option<(usize, Direction)>),
    /// A random sample of this many values.
    RandomSample(usize, usize),
}

/// A value that can be a key: numbers by their bits, except that both zeros are one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Distinct(pub Value);

impl Eq for Distinct {}

impl Hash for Distinct {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(&self.0, state);
    }
}

/// Equal values have equal hashes. Of arrays in arrays only the length counts.
pub(super) fn hash<H: Hasher>(value: &Value, state: &mut H) {
    let shallow = |value: &Value, state: &mut H| match value {
        Value::Null => state.write_u8(0),
        Value::Number(number) => state.write_u64((number + 0.0).to_bits()),
        Value::Text(text) => text.hash(state),
        Value::Array(values) => state.write_usize(values.len()),
    };
    match value {
        Value::Array(values) => values.iter().for_each(|value| shallow(value, state)),
        _ => shallow(value, state),
    }
}

/// The state of a reducer for one group.
#[derive(Clone, Debug)]
pub(super) enum Accumulator {
    Count(u64),
    Distinct(HashSet<Distinct>),
    Sum {
        sum: f64,
        count: u64,
    },
    Average {
        sum: f64,
        count: u64,
    },
    Minimum(f64),
    Maximum(f64),
    /// Welford's: numbers, their mean, the sum of squared differences from it.
    Deviation {
        count: u64,
        mean: f64,
        squares: f64,
    },
    Numbers(Vec<f64>),
    First {
        value: Option<Value>,
        by: Option<Value>,
    },
    Sample {
        values: Vec<Value>,
        seen: usize,
    },
}

impl Reducer {
    pub(super) fn start(&self) -> Accumulator {
        match self {
            Reducer::Count => Accumulator::Count(0),
            Reducer::CountDistinct(_) | Reducer::ToList(_) => Accumulator::Distinct(HashSet::new()),
            Reducer::Sum(_) => Accumulator::Sum { sum: 0.0, count: 0 },
            Reducer::Average(_) => Accumulator::Average { sum: 0.0, count: 0 },
            Reducer::Minimum(_) => Accumulator::Minimum(f64::INFINITY),
            Reducer::Maximum(_) => Accumulator::Maximum(f64::NEG_INFINITY),
            Reducer::Deviation(_) => Accumulator::Deviation { count: 0, mean: 0.0, squares: 0.0 },
            Reducer::Quantile(..) => Accumulator::Numbers(Vec::new()),
            Reducer::FirstValue(..) => Accumulator::First { value: None, by: None },
            Reducer::RandomSample(..) => Accumulator::Sample { values: Vec::new(), seen: 0 },
        }
    }

    /// The column that it reads.
    fn column(&self) -> Option<usize> {
        match *self {
            Reducer::Count => None,
            Reducer::CountDistinct(c) | Reducer::ToList(c) | Reducer::Sum(c) | Reducer::Average(c) => Some(c),
            Reducer::Minimum(c) | Reducer::Maximum(c) | Reducer::Deviation(c) | Reducer::Quantile(c, _) => Some(c),
            Reducer::FirstValue(c, _) | Reducer::RandomSample(c, _) => Some(c),
        }
    }

    /// Adds a row. Returns whether one value more is kept.
    pub(super) fn add(&self, to: &mut Accumulator, row: &[Option<Value>]) -> bool {
        let Some(column) = self.column() else {
            if let Accumulator::Count(count) = to {
                *count += 1;
            }
            return false;
        };
        let Some(value) = &row[column] else { return false };
        match to {
            Accumulator::Distinct(seen) => return seen.insert(Distinct(value.clone())),
            Accumulator::First { value: first, by } => {
                let order = match self {
                    Reducer::FirstValue(_, order) => *order,
                    _ => None,
                };
                let key = order.and_then(|(column, _)| row[column].clone());
                if first.is_none() || order.is_some_and(|(_, direction)| precedes(&key, by, direction)) {
                    (*first, *by) = (Some(value.clone()), key);
                }
            }
            Accumulator::Sample { values, seen } => {
                let size = if let Reducer::RandomSample(_, size) = self { *size } else { 0 };
                *seen += 1;
                if values.len() < size {
                    values.push(value.clone());
                    return true;
                }
                if let Some(place) = values.get_mut(rand::rng().random_range(0..*seen)) {
                    *place = value.clone();
                }
            }
            _ => {
                if let Some(number) = number(value) {
                    add_number(to, number);
                    return matches!(to, Accumulator::Numbers(_));
                }
            }
        }
        false
    }

    /// The group's value.
    pub(super) fn finish(&self, accumulator: Accumulator) -> Value {
        let mean = |sum: f64, count: u64| if count == 0 { f64::NAN } else { sum / count as f64 };
        Value::Number(match accumulator {
            Accumulator::Count(count) => count as f64,
            Accumulator::Distinct(values) => match self {
                Reducer::ToList(_) => return list(values.into_iter().map(|value| value.0)),
                _ => values.len() as f64,
            },
            Accumulator::Sum { count: 0, .. } => f64::NAN,
            Accumulator::Sum { sum, .. } => sum,
            Accumulator::Average { sum, count } => mean(sum, count),
            Accumulator::Minimum(number) | Accumulator::Maximum(number) => number,
            Accumulator::Deviation { count: 0 | 1, .. } => 0.0,
            Accumulator::Deviation { count, squares, .. } => (squares / (count - 1) as f64).sqrt(),
            Accumulator::Numbers(numbers) => match self {
                Reducer::Quantile(_, share) => quantile(numbers, *share),
                _ => f64::NAN,
            },
            Accumulator::First { value, .. } => return value.unwrap_or(Value::Null),
            Accumulator::Sample { values, .. } => return list(values.into_iter()),
        })
    }
}

/// Values of the arrays in an array.
const MAX_NESTED: usize = 1 << 16;

/// An array of these. Arrays among them are shared, so that nested lists could exceed any memory once
/// they are written: those beyond the bound are null.
fn list(values: impl Iterator<Item = Value>) -> Value {
    let mut left = MAX_NESTED;
    let bounded = |value: Value| match &value {
        Value::Array(values) => {
            if takes(values, &mut left) {
                value
            } else {
                Value::Null
            }
        }
        _ => value,
    };
    Value::Array(values.map(bounded).collect())
}

/// Counts the values of an array, those in its arrays included; whether they fit into what is left.
fn takes(values: &[Value], left: &mut usize) -> bool {
    let Some(rest) = left.checked_sub(values.len()) else { return false };
    *left = rest;
    values.iter().all(|value| if let Value::Array(inner) = value { takes(inner, left) } else { true })
}

/// Whether a row with this key comes before one with that; a row without a key comes last.
pub(super) fn precedes(key: &Option<Value>, before: &Option<Value>, direction: Direction) -> bool {
    match (key, before) {
        (Some(key), Some(before)) => match direction {
            Direction::Ascending => compare(key, before).is_lt(),
            Direction::Descending => compare(key, before).is_gt(),
        },
        (key, before) => key.is_some() && before.is_none(),
    }
}

fn add_number(to: &mut Accumulator, number: f64) {
    match to {
        Accumulator::Sum { sum, count } | Accumulator::Average { sum, count } => {
            *sum += number;
            *count += 1;
        }
        Accumulator::Minimum(least) => *least = least.min(number),
        Accumulator::Maximum(most) => *most = most.max(number),
        Accumulator::Deviation { count, mean, squares } => {
            *count += 1;
            let difference = number - *mean;
            *mean += difference / *count as f64;
            *squares += difference * (number - *mean);
        }
        Accumulator::Numbers(numbers) => numbers.push(number),
        _ => {}
    }
}

/// A value as a number; text is converted.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

/// The number at this share of the sorted numbers, the lower one of two.
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    // A little is added because 0.95 · 100 is 94.99999999999999.
    let at = ((values.len() - 1) as f64 * share + 1e-9) as usize;
    let (_, value, _) = values.select_nth_unstable_by(at, |a, b| numbers(*a, *b));
    *value
}
