//! Search over documents: the commands `FT.*` as a plain library, without a server.
//!
//! ```text
//!   arguments ─► command ─► query (a tree) ─► evaluate ─► hits ─► aggregate ─► rows
//!                   │                            │
//!                   └─► schema ─► index ◄────────┘        documents in, postings kept
//! ```
//!
//! | part | holds |
//! | --- | --- |
//! | [`schema`] | what FT.CREATE defines |
//! | [`query`] | the query language: text to a tree whose parts are resolved and checked |
//! | [`value`] | the values of rows and expressions |

pub mod query;
pub mod schema;
pub mod value;
