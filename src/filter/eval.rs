//! Runs programs. Evaluation always ends, and never panics or allocates.

use super::MAX_DEPTH;
use super::expression::{Binary, Function};
use super::program::{Program, Step};
use super::stack::Stack;
use super::{geo, value};
use crate::attributes::{RecordRef, Value};

impl Program {
    /// Whether the element with this record matches. (One without attributes never does; it has
    /// no record to ask about.)
    #[inline]
    pub fn matches(&self, record: RecordRef) -> bool {
        let matched = match self.depth {
            0..=4 => self.run::<4>(record),
            5..=32 => self.run::<32>(record),
            _ => self.run::<MAX_DEPTH>(record),
        };
        matched.is_some()
    }

    /// None if a field that is read has no value, or a requirement fails.
    ///
    /// Never inlined: the frame of the deepest form, inlined, would be paid for by the others.
    #[inline(never)]
    fn run<const DEPTH: usize>(&self, record: RecordRef) -> Option<()> {
        let mut stack = Stack::<Value, DEPTH>::new();
        let field = |at: u16| record.get(&self.fields[usize::from(at)]);
        for step in &self.steps {
            match *step {
                Step::Null => stack.push(Value::Null),
                Step::Number(number) => stack.push(Value::Number(number)),
                Step::String(at) => stack.push(Value::String(&self.strings[at as usize])),
                Step::Array(at) => {
                    let literal = RecordRef::new(&self.arrays[at as usize]);
                    stack.push(Value::Array(literal.array()));
                }
                Step::Field(at) => stack.push(field(at)?),
                Step::Exists(at) => stack.push(value::from_truth(field(at).is_some())),
                Step::Never => return None,
                Step::Not => {
                    let operand = stack.pop();
                    stack.push(value::from_truth(!value::truth(operand)));
                }
                Step::Binary(binary) => {
                    let right = stack.pop();
                    let left = stack.pop();
                    stack.push(apply(binary, left, right));
                }
                Step::Among(at) => {
                    let operand = stack.pop();
                    stack.push(value::from_truth(self.lists[at as usize].contains(operand)));
                }
                Step::Call(Function::GeoDist) => {
                    let lat = stack.pop();
                    let lon = stack.pop();
                    let place = stack.pop();
                    stack.push(Value::Number(geodist(place, lon, lat)?));
                }
                Step::Call(function) => {
                    let part = stack.pop();
                    let whole = stack.pop();
                    stack.push(value::from_truth(test(function, whole, part)));
                }
                Step::CompareNumber(comparison, at, number) => {
                    let number = Value::Number(number);
                    let truth = value::compare(comparison, field(at)?, number);
                    stack.push(value::from_truth(truth));
                }
                Step::CompareString(comparison, at, string) => {
                    let string = Value::String(&self.strings[string as usize]);
                    let truth = value::compare(comparison, field(at)?, string);
                    stack.push(value::from_truth(truth));
                }
                Step::Require => {
                    if !value::truth(stack.pop()) {
                        return None;
                    }
                }
            }
        }
        Some(())
    }
}

/// The value of a binary operator.
pub(super) fn apply<'a>(binary: Binary, left: Value, right: Value) -> Value<'a> {
    let a = || value::number(left);
    let b = || value::number(right);
    let number = match binary {
        Binary::Compare(comparison) => {
            return value::from_truth(value::compare(comparison, left, right));
        }
        Binary::In => return value::from_truth(value::is_in(left, right)),
        Binary::And => return value::from_truth(value::truth(left) && value::truth(right)),
        Binary::Or => return value::from_truth(value::truth(left) || value::truth(right)),
        Binary::Power => a().powf(b()),
        Binary::Multiply => a() * b(),
        Binary::Divide => a() / b(),
        Binary::Remainder => a() % b(),
        Binary::Add => a() + b(),
        Binary::Subtract => a() - b(),
    };
    Value::Number(number)
}

/// The string tests, which are false of anything but strings.
pub(super) fn test(function: Function, whole: Value, part: Value) -> bool {
    let (Value::String(whole), Value::String(part)) = (whole, part) else {
        return false;
    };
    match function {
        Function::Contains => value::contains(whole, part),
        Function::StartsWith => whole.starts_with(part),
        Function::EndsWith => whole.ends_with(part),
        Function::GeoDist => false,
    }
}

/// None if one of the positions is not valid.
pub(super) fn geodist(place: Value, lon: Value, lat: Value) -> Option<f64> {
    let Value::Array(place) = place else {
        return None;
    };
    let from = geo::point(place)?;
    let to = geo::in_range(value::number(lon), value::number(lat))?;
    Some(geo::distance(from, to))
}
