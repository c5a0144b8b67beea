//! The expressions of APPLY and FILTER: parsing, and evaluation on a row.
//!
//! | file | holds |
//! | --- | --- |
//! | `lexer`, `parser` | text to a tree; chains of one operator are lists, so that only parentheses nest |
//! | `evaluate` | operators, and the effect of missing values |
//! | `function`, `text`, `time`, `geo` | functions |

mod evaluate;
mod function;
mod geo;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod tree;

use std::cell::Cell;

use self::tree::Node;
use super::error::Error;
use super::value::Value;

/// Bytes of texts that an expression may look at for one row: that of an index does so while everybody waits.
const MAX_BYTES: usize = 16 << 20;

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
    root: Node,
    properties: Vec<Vec<u8>>,
}

impl Expression {
    /// Reads an expression.
    pub fn parse(text: &[u8]) -> Result<Expression, Error> {
        let (root, properties) = parser::parse(text)?;
        Ok(Expression { text: text.to_vec(), root, properties })
    }

    /// The text that it was read from.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The names of the properties that it uses, each once, in order.
    pub fn properties(&self) -> &[Vec<u8>] {
        &self.properties
    }

    /// The value for a row; a property that the row lacks is an error but in `exists`, `&&` and `||`.
    pub fn evaluate(&self, row: &dyn Row) -> Result<Value, Error> {
        self.evaluator(row, false).value(&self.root)
    }

    /// Whether FILTER keeps a row.
    pub fn keeps(&self, row: &dyn Row) -> Result<bool, Error> {
        self.evaluate(row).map(|value| evaluate::truth(&value))
    }

    /// Whether FILTER of FT.CREATE accepts a document: comparisons with missing fields are false, and so are errors.
    pub fn admits(&self, row: &dyn Row) -> bool {
        let value = self.evaluator(row, true).value(&self.root);
        value.is_ok_and(|value| evaluate::truth(&value))
    }

    fn evaluator<'a>(&'a self, row: &'a dyn Row, lenient: bool) -> evaluate::Evaluator<'a> {
        evaluate::Evaluator { row, properties: &self.properties, lenient, bytes_left: Cell::new(MAX_BYTES) }
    }
}
