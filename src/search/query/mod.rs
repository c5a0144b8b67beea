//! The query language: bytes to a tree in which parameters are replaced, fields are found and values are checked.

mod tree;

pub use tree::*;
