//! Partial states of reducers: how they are sent between nodes and merged.

use super::Reducer;
use super::reduce::{Accumulator, Distinct, precedes};
use crate::search::value::Value;
use rand::Rng;

fn number(number: f64) -> Option<Value> {
    Some(Value::Number(number))
}

impl Accumulator {
    /// Its values, of which [`Reducer::put_together`] makes it again.
    pub(super) fn take_apart(self) -> Vec<Option<Value>> {
        match self {
            Accumulator::Count(count) => vec![number(count as f64)],
            Accumulator::Distinct(values) => values.into_iter().map(|value| Some(value.0)).collect(),
            Accumulator::Sum { sum, count } | Accumulator::Average { sum, count } => {
                vec![number(sum), number(count as f64)]
            }
            Accumulator::Minimum(least) => vec![number(least)],
            Accumulator::Maximum(most) => vec![number(most)],
            Accumulator::Deviation { count, mean, squares } => {
                vec![number(count as f64), number(mean), number(squares)]
            }
            Accumulator::Numbers(numbers) => numbers.into_iter().map(number).collect(),
            Accumulator::First { value, by } => vec![value, by],
            Accumulator::Sample { values, seen } => {
                std::iter::once(number(seen as f64)).chain(values.into_iter().map(Some)).collect()
            }
        }
    }
}

impl Reducer {
    /// Restores a partial state; None if it is not this reducer's.
    pub(super) fn put_together(&self, parts: Vec<Option<Value>>) -> Option<Accumulator> {
        let number = |at: usize| match parts.get(at) {
            Some(Some(Value::Number(number))) => Some(*number),
            _ => None,
        };
        let whole = |at: usize| number(at).filter(|number| (0.0..=9e15).contains(number)).map(|number| number as u64);
        let is_of = |len: usize| (parts.len() == len).then_some(());
        Some(match self.start() {
            Accumulator::Count(_) => {
                is_of(1)?;
                Accumulator::Count(whole(0)?)
            }
            Accumulator::Sum { .. } => {
                is_of(2)?;
                Accumulator::Sum { sum: number(0)?, count: whole(1)? }
            }
            Accumulator::Average { .. } => {
                is_of(2)?;
                Accumulator::Average { sum: number(0)?, count: whole(1)? }
            }
            Accumulator::Minimum(_) => {
                is_of(1)?;
                Accumulator::Minimum(number(0)?)
            }
            Accumulator::Maximum(_) => {
                is_of(1)?;
                Accumulator::Maximum(number(0)?)
            }
            Accumulator::Deviation { .. } => {
                is_of(3)?;
                Accumulator::Deviation { count: whole(0)?, mean: number(1)?, squares: number(2)? }
            }
            Accumulator::Distinct(_) => {
                let values: Option<_> = parts.into_iter().map(|value| value.map(Distinct)).collect();
                Accumulator::Distinct(values?)
            }
            Accumulator::Numbers(_) => Accumulator::Numbers((0..parts.len()).map(number).collect::<Option<_>>()?),
            Accumulator::First { .. } => {
                let [value, by] = parts.try_into().ok()?;
                Accumulator::First { value, by }
            }
            Accumulator::Sample { .. } => {
                let seen = whole(0)? as usize;
                let values: Vec<Value> = parts.into_iter().skip(1).collect::<Option<_>>()?;
                if values.len() > seen {
                    return None;
                }
                Accumulator::Sample { values, seen }
            }
        })
    }

    /// Merges the state of other rows.
    pub(super) fn join(&self, into: &mut Accumulator, from: Accumulator) {
        use Accumulator::*;
        match (into, from) {
            (Count(a), Count(b)) => *a += b,
            (Distinct(a), Distinct(b)) => a.extend(b),
            (Sum { sum, count }, Sum { sum: more, count: others })
            | (Average { sum, count }, Average { sum: more, count: others }) => {
                *sum += more;
                *count += others;
            }
            (Minimum(a), Minimum(b)) => *a = a.min(b),
            (Maximum(a), Maximum(b)) => *a = a.max(b),
            (
                Deviation { count, mean, squares },
                Deviation { count: others, mean: their_mean, squares: their_squares },
            ) => {
                // Chan's formula for merging the variances of two samples.
                let (n, m) = (*count as f64, others as f64);
                if others > 0 {
                    let difference = their_mean - *mean;
                    *mean += difference * m / (n + m);
                    *squares += their_squares + difference * difference * n * m / (n + m);
                    *count += others;
                }
            }
            (Numbers(a), Numbers(b)) => a.extend(b),
            (First { value, by }, First { value: other, by: their_by }) => {
                let direction =
                    if let Reducer::FirstValue(_, order) = self { order.map(|order| order.1) } else { None };
                let is_before = direction.is_some_and(|direction| precedes(&their_by, by, direction));
                if other.is_some() && (value.is_none() || is_before) {
                    (*value, *by) = (other, their_by);
                }
            }
            (Sample { values, seen }, Sample { values: others, seen: theirs }) => {
                let size = if let Reducer::RandomSample(_, size) = self { *size } else { 0 };
                sample(values, seen, others, theirs, size);
            }
            _ => {}
        }
    }
}

/// Draws from two samples as if from all that both have seen: each draw is from one side with the chance that its share of what
/// is left gives it.
fn sample(values: &mut Vec<Value>, seen: &mut usize, mut others: Vec<Value>, theirs: usize, size: usize) {
    let mut random = rand::rng();
    let mut own = std::mem::take(values);
    let (mut left, mut their_left) = (*seen, theirs);
    while values.len() < size && !(own.is_empty() && others.is_empty()) {
        let is_own = others.is_empty() || !own.is_empty() && random.random_range(0..left + their_left) < left;
        let (from, of) = if is_own { (&mut own, &mut left) } else { (&mut others, &mut their_left) };
        values.push(from.swap_remove(random.random_range(0..from.len())));
        *of = of.saturating_sub(1).max(from.len());
    }
    *seen += theirs;
}
