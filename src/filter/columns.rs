//! Runs programs over columns: eight bytes per field instead of a record.
//!
//! In a scan most elements are decided by numbers and short strings alone, and columns are
//! read sequentially. Where a column does not decide, the result is unknown and the record is read.

use super::MAX_DEPTH;
use super::expression::{Binary, Comparison, Function};
use super::list::List;
use super::program::{Program, Step};
use super::stack::Stack;
use super::{eval, value};
use crate::attributes::{Bits, RecordRef, Seen, Value};

/// As much as is known of a value.
#[derive(Clone, Copy, Default)]
enum Known<'a> {
    #[default]
    Nothing,
    Value(Value<'a>),
    LongString(Bits),
    Array,
}

impl Program {
    /// Whether the element matches whose fields, in the order of [`Program::fields`], have
    /// `values`. None, if that does not follow from them: then its record must be asked.
    pub fn matches_columns(&self, values: &[Bits]) -> Option<bool> {
        match self.depth {
            0..=4 => self.scan::<4>(values),
            5..=32 => self.scan::<32>(values),
            _ => self.scan::<MAX_DEPTH>(values),
        }
    }

    // Never inlined, for the sake of the stack frame, as in `eval`.
    #[inline(never)]
    fn scan<const DEPTH: usize>(&self, values: &[Bits]) -> Option<bool> {
        let mut stack = Stack::<Known, DEPTH>::new();
        let mut sure = true;
        let field = |at: u16| match values[usize::from(at)].seen() {
            Seen::Missing => None,
            Seen::Value(value) => Some(Known::Value(value)),
            Seen::LongString(bits) => Some(Known::LongString(bits)),
            Seen::Array => Some(Known::Array),
        };
        for step in &self.steps {
            let known = match *step {
                Step::Null => Known::Value(Value::Null),
                Step::Number(number) => Known::Value(Value::Number(number)),
                Step::String(at) => Known::Value(Value::String(&self.strings[at as usize])),
                Step::Array(at) => {
                    let literal = RecordRef::new(&self.arrays[at as usize]);
                    Known::Value(Value::Array(literal.array()))
                }
                Step::Field(at) => {
                    let Some(known) = field(at) else { return Some(false) };
                    known
                }
                Step::Exists(at) => from_truth(Some(field(at).is_some())),
                Step::Never => return Some(false),
                Step::Not => from_truth(truth(stack.pop()).map(|truth| !truth)),
                Step::Binary(binary) => {
                    let right = stack.pop();
                    apply(binary, stack.pop(), right)
                }
                Step::Among(at) => from_truth(is_among(stack.pop(), &self.lists[at as usize])),
                Step::Call(Function::GeoDist) => {
                    let arguments = [stack.pop(), stack.pop(), stack.pop()];
                    match arguments {
                        [Known::Value(lat), Known::Value(lon), Known::Value(place)] => {
                            match eval::geodist(place, lon, lat) {
                                Some(metres) => Known::Value(Value::Number(metres)),
                                None => return Some(false),
                            }
                        }
                        _ => {
                            // Even where its value does not matter: it may turn out to have none.
                            sure = false;
                            Known::Nothing
                        }
                    }
                }
                Step::Call(function) => match (stack.pop(), stack.pop()) {
                    (Known::Value(part), Known::Value(whole)) => from_truth(Some(eval::test(function, whole, part))),
                    _ => Known::Nothing,
                },
                Step::CompareNumber(comparison, at, number) => {
                    let Some(known) = field(at) else { return Some(false) };
                    apply(Binary::Compare(comparison), known, Known::Value(Value::Number(number)))
                }
                Step::CompareString(comparison, at, string) => {
                    let Some(known) = field(at) else { return Some(false) };
                    let string = Known::Value(Value::String(&self.strings[string as usize]));
                    apply(Binary::Compare(comparison), known, string)
                }
                Step::Require => {
                    match truth(stack.pop()) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        // A later requirement may still fail.
                        None => sure = false,
                    }
                    continue;
                }
            };
            stack.push(known);
        }
        sure.then_some(true)
    }
}

/// Whether a value is in a list; None if that is unknown.
fn is_among(known: Known, list: &List) -> Option<bool> {
    match known {
        Known::Value(value) => Some(list.contains(value)),
        Known::Array => Some(list.has_zero()),
        Known::LongString(bits) => list.contains_long(bits),
        Known::Nothing => list.is_empty().then_some(false),
    }
}

fn truth(known: Known) -> Option<bool> {
    match known {
        Known::Nothing => None,
        Known::Value(value) => Some(value::truth(value)),
        Known::LongString(_) | Known::Array => Some(true),
    }
}

fn from_truth<'a>(truth: Option<bool>) -> Known<'a> {
    truth.map_or(Known::Nothing, |truth| Known::Value(value::from_truth(truth)))
}

fn number(known: Known) -> Option<f64> {
    match known {
        Known::Value(value) => Some(value::number(value)),
        Known::Array => Some(0.0),
        Known::LongString(_) | Known::Nothing => None,
    }
}

fn apply<'a>(binary: Binary, left: Known, right: Known) -> Known<'a> {
    if let (Known::Value(left), Known::Value(right)) = (left, right) {
        return Known::Value(eval::apply(binary, left, right));
    }
    match binary {
        Binary::And | Binary::Or => {
            // Either side alone decides, if it is what the operator looks for.
            let decisive = binary == Binary::Or;
            from_truth(match (truth(left), truth(right)) {
                (Some(side), _) | (_, Some(side)) if side == decisive => Some(decisive),
                (Some(_), Some(_)) => Some(!decisive),
                _ => None,
            })
        }
        Binary::Compare(Comparison::Equal) => from_truth(equal(left, right)),
        Binary::Compare(Comparison::NotEqual) => from_truth(equal(left, right).map(|e| !e)),
        Binary::In => from_truth(is_in(left, right)),
        _ => match (number(left), number(right)) {
            (Some(left), Some(right)) => {
                let (left, right) = (Value::Number(left), Value::Number(right));
                Known::Value(eval::apply(binary, left, right))
            }
            _ => Known::Nothing,
        },
    }
}

fn equal(left: Known, right: Known) -> Option<bool> {
    match (left, right) {
        (Known::Value(left), Known::Value(right)) => Some(value::equal(left, right)),
        (Known::LongString(bits), Known::Value(Value::String(string)))
        | (Known::Value(Value::String(string)), Known::LongString(bits)) => {
            (bits != Bits::string(string)).then_some(false)
        }
        (Known::LongString(left), Known::LongString(right)) => (left != right).then_some(false),
        (Known::LongString(_) | Known::Array, Known::Value(Value::Null))
        | (Known::Value(Value::Null), Known::LongString(_) | Known::Array) => Some(false),
        _ => Some(number(left)? == number(right)?),
    }
}

fn is_in(left: Known, right: Known) -> Option<bool> {
    match right {
        Known::Value(Value::Array(array)) => {
            let mut sure = true;
            for item in array.items() {
                match equal(Known::Value(item), left) {
                    Some(true) => return Some(true),
                    Some(false) => {}
                    None => sure = false,
                }
            }
            sure.then_some(false)
        }
        Known::Value(Value::Number(_) | Value::Null) => Some(false),
        _ => None,
    }
}
