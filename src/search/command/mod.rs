//! From arguments of the `FT.*` commands to typed requests. `words` are always the arguments after the command's name.
//!
//! | file | holds |
//! | --- | --- |
//! | [`create`] | FT.CREATE, FT.ALTER |
//! | [`options`] | options that FT.SEARCH, FT.AGGREGATE, FT.EXPLAIN share, and how they become a [`Query`](super::query::Query) |
//! | [`search`] | FT.SEARCH, FT.EXPLAIN |
//! | [`aggregate`] | FT.AGGREGATE |
//! | [`hybrid`] | FT.HYBRID |
//! | [`rewrite`] | a definition back to arguments |
//! | [`profile`] | FT.PROFILE |
//! | [`cursor`] | FT.CURSOR |
//! | [`settings`] | FT.CONFIG and the values that it sets |
//! | [`small`] | commands with few arguments |

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
pub mod simple;
#[cfg(test)]
mod tests;
mod vector;
