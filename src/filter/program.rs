//! A compiled expression, ready to be asked about records from any thread.

use super::expression::{Binary, Comparison, Function};
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
}
