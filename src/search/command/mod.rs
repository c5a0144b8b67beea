//! Arguments of the `FT.*` commands to typed requests. `words` are always those after the command's name.
//!
//! | file | holds |
//! | --- | --- |
//! | [`create`] | FT.CREATE, FT.ALTER |
//! | [`options`] | what FT.SEARCH, FT.AGGREGATE, FT.EXPLAIN share, and how it becomes a [`Query`](super::query::Query) |
//! | [`search`] | FT.SEARCH, FT.EXPLAIN |
//! | [`aggregate`] | FT.AGGREGATE |
//! | [`hybrid`] | FT.HYBRID |
//! | [`rewrite`] | a definition back to words |
//! | [`profile`] | FT.PROFILE |
//! | [`cursor`] | FT.CURSOR |
//! | [`settings`] | FT.CONFIG and the values that it sets |
//! | [`small`] | commands of a few words |

pub mod aggregate;
mod args;
pub mod create;
pub mod cursor;
mod field;
pub mod hybrid;
pub mod options;
pub mod profile;
mod reduce;
mod resolve;
pub mod rewrite;
pub mod search;
pub mod settings;
pub mod small;
#[cfg(test)]
mod tests;
mod vector;
