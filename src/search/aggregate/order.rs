//! The order of two values.

use std::cmp::Ordering;

use crate::search::value::Value;

/// Compares values: null before numbers, numbers before text, text before arrays; text by its bytes, NaN above all
/// numbers.
pub fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => numbers(*a, *b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            let differing = a.iter().zip(b.iter()).map(|(a, b)| flat(a, b)).find(|order| order.is_ne());
            differing.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

/// As [`compare`], but arrays in arrays are equal: an order that costs no recursion.
fn flat(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len().cmp(&b.len()),
        _ => match (a, b) {
            (Value::Number(a), Value::Number(b)) => numbers(*a, *b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            _ => rank(a).cmp(&rank(b)),
        },
    }
}

/// Numbers by size, −0 and 0 equal, NaN last.
pub(super) fn numbers(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Number(_) => 1,
        Value::Text(_) => 2,
        Value::Array(_) => 3,
    }
}
