//! The query language: from bytes to a tree with parameters substituted, fields resolved and values checked.

mod attributes;
mod check;
mod clauses;
mod explain;
mod lexer;
mod params;
mod parser;
mod parts;
mod tree;
mod vector;
mod words;

#[cfg(test)]
mod tests;

pub use check::has_vector_range;
pub(super) use clauses::{check_circle, numeric_node};
pub use explain::explain;
pub use params::Params;
pub use parser::parse;
pub use tree::*;
pub(super) use vector::{check_blob, check_hints, distance_name};

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
