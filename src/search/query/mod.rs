//! The query language: bytes to a tree in which parameters are replaced, fields are found and values are checked.

mod params;
mod tree;

pub use params::Params;
pub use tree::*;

use super::error::{Error, SYNTAX};
use super::schema::Definition;

/// What a query is read against.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub definition: &'a Definition,
    pub params: &'a Params,
    /// 1 to 4.
    pub dialect: u8,
    /// No word is expanded.
    pub verbatim: bool,
    /// Positions in the schema to which text is limited.
    pub in_fields: Option<&'a [usize]>,
    /// Stop words are words.
    pub no_stop_words: bool,
    /// The command gave SLOP (not negative) or INORDER, which fields of several values do not allow.
    pub ordered: bool,
}

/// Reads a query.
pub fn parse(text: &[u8], context: &Context) -> Result<Query, Error> {
    let _ = (text, context);
    Err(Error::new(SYNTAX, "Syntax error at offset 0 near "))
}

/// The tree as FT.EXPLAIN prints it.
pub fn explain(query: &Query, definition: &Definition) -> String {
    let _ = (query, definition);
    String::new()
}
