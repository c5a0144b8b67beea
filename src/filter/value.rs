//! Conversions of values to numbers and conditions, and comparisons.

use super::expression::Comparison;
use super::number;
use crate::attributes::Value;

/// A value where a number is wanted.
#[inline]
pub(super) fn number(value: Value) -> f64 {
    match value {
        Value::Number(number) => number,
        Value::String(text) => number::from_string(text),
        Value::Null | Value::Array(_) => 0.0,
    }
}

/// A value where a condition is wanted.
#[inline]
pub(super) fn truth(value: Value) -> bool {
    match value {
        Value::Null => false,
        Value::Number(number) => number != 0.0,
        Value::String(text) => !text.is_empty(),
        Value::Array(_) => true,
    }
}

/// A condition where a value is wanted.
#[inline]
pub(super) fn from_truth<'a>(truth: bool) -> Value<'a> {
    Value::Number(f64::from(u8::from(truth)))
}

/// `a == b`: strings by their bytes, null only to null, all else as numbers.
#[inline]
pub(super) fn equal(a: Value, b: Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Null, Value::Null) => true,
        (Value::Null, _) | (_, Value::Null) => false,
        _ => number(a) == number(b),
    }
}

/// Any of the six comparisons. Order is by number, also of strings.
#[inline]
pub(super) fn compare(comparison: Comparison, a: Value, b: Value) -> bool {
    match comparison {
        Comparison::Equal => equal(a, b),
        Comparison::NotEqual => !equal(a, b),
        Comparison::Less => number(a) < number(b),
        Comparison::LessOrEqual => number(a) <= number(b),
        Comparison::Greater => number(a) > number(b),
        Comparison::GreaterOrEqual => number(a) >= number(b),
    }
}

/// `a in b`: an item of an array equal to `a`, or a part of a string.
pub(super) fn is_in(a: Value, b: Value) -> bool {
    match (a, b) {
        (_, Value::Array(array)) => array.items().any(|item| equal(item, a)),
        (Value::String(part), Value::String(whole)) => contains(whole, part),
        _ => false,
    }
}

/// Whether `part` occurs in `whole`.
pub(super) fn contains(whole: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(whole, part).is_some()
}
