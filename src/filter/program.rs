//! A compiled expression, ready to be evaluated on records from any thread.

use super::expression::{Binary, Comparison, Function};
use super::list::List;
use crate::attributes::Field;

/// An expression compiled for one set: field names are resolved to that set's ids.
///
/// A program holds no state. Of a field that the set did not know yet when it was compiled, it
/// finds no value.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) steps: Box<[Step]>,
    pub(super) fields: Box<[Field]>,
    pub(super) strings: Box<[Box<[u8]>]>,
    /// Literal arrays, as records of one array each.
    pub(super) arrays: Box<[Box<[u8]>]>,
    /// Literal arrays on the right of `in`.
    pub(super) lists: Box<[List]>,
    /// The most values that are held at once.
    pub(super) depth: usize,
}

/// What to do next. Values are kept on a stack; indices go into the tables of the program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Null,
    Number(f64),
    String(u32),
    Array(u32),
    /// The value of a field. If it has none, nothing matches.
    Field(u16),
    Exists(u16),
    /// Nothing matches.
    Never,
    Not,
    Binary(Binary),
    /// Whether a value is in a literal array.
    Among(u32),
    Call(Function),
    /// `field comparison number`, the commonest of all, in one step.
    CompareNumber(Comparison, u16, f64),
    /// `field comparison string`.
    CompareString(Comparison, u16, u32),
    /// Takes a value: unless it is true, nothing matches. An `and` of the whole expression needs
    /// not look at its right side when its left one is false: there, a missing field makes the
    /// whole false as well.
    Require,
}

impl Program {
    /// The fields that the program reads, each once.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// About how many nanoseconds it takes to ask the record of an element that is met in order.
    pub fn record_nanos(&self) -> f64 {
        /// For the record to arrive.
        const RECORD: f64 = 18.0;
        RECORD + self.steps.iter().map(Step::nanos).sum::<f64>()
    }

    /// The same, by columns.
    pub fn column_nanos(&self) -> f64 {
        let by_masks = |step: &Step| {
            use Step::{Binary as Operator, CompareNumber, CompareString, Exists, Not, Require};
            matches!(step, CompareNumber(..) | CompareString(..) | Exists(_) | Not | Require)
                || matches!(step, Operator(Binary::And | Binary::Or))
        };
        if self.steps.iter().all(by_masks) {
            0.5 + 0.75 * self.steps.len() as f64
        } else {
            5.0 + self.steps.iter().map(Step::nanos).sum::<f64>()
        }
    }
}

impl Step {
    fn nanos(&self) -> f64 {
        match self {
            Step::Among(_) => 35.0,
            Step::Call(Function::GeoDist) => 70.0,
            Step::Call(_) => 20.0,
            // One of these may be a long list in the record itself.
            Step::Binary(Binary::In) => 30.0,
            Step::Binary(Binary::Power | Binary::Remainder) => 20.0,
            Step::Field(_) | Step::Exists(_) | Step::CompareNumber(..) | Step::CompareString(..) => 6.0,
            _ => 1.0,
        }
    }
}
