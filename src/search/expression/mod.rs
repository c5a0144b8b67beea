//! The expressions of APPLY and FILTER: text to a tree, a row to a value.

use super::error::{EXPR, Error};
use super::value::Value;

/// What an expression is evaluated on.
pub trait Row {
    /// The value of a property; None if the row lacks it.
    fn get(&self, name: &[u8]) -> Option<Value>;

    /// The words of the query that the document has, for `matched_terms()`.
    fn matched_terms(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }
}

impl<F: Fn(&[u8]) -> Option<Value>> Row for F {
    fn get(&self, name: &[u8]) -> Option<Value> {
        self(name)
    }
}

/// An expression, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    text: Vec<u8>,
}

impl Expression {
    /// Reads an expression.
    pub fn parse(text: &[u8]) -> Result<Expression, Error> {
        let _ = text;
        Err(Error::new(EXPR, "Syntax error at offset 0 near ''"))
    }

    /// The text that it was read from.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The names of the properties that it uses, each once, in order.
    pub fn properties(&self) -> &[Vec<u8>] {
        &[]
    }

    /// The value for a row; a property that the row lacks is an error but in `exists`, `&&` and `||`.
    pub fn evaluate(&self, row: &dyn Row) -> Result<Value, Error> {
        let _ = row;
        Ok(Value::Null)
    }

    /// Whether FILTER of FT.CREATE lets a document in: comparisons with what it lacks are false, and so are errors.
    pub fn admits(&self, row: &dyn Row) -> bool {
        let _ = row;
        false
    }
}
