//! Search over documents: the commands `FT.*` as a plain library, without a server. *The reference*, here and below, is
//! RediSearch: tests compare with replies that were recorded from it.
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
//! | [`index`] | documents, and for each kind of field what finds them |
//! | [`evaluate`] | a query over an index as it was at one moment: matches, scores, order |
//! | [`text`] | words of texts: tokens, stop words, stems, sounds; highlights |
//! | [`aggregate`] | the steps of FT.AGGREGATE over rows |
//! | [`reply`] | typed replies |
//! | [`query`] | the query language: text to a tree whose parts are resolved and checked |
//! | [`expression`] | APPLY and FILTER |
//! | [`command`] | arguments to typed requests |
//! | [`glob`], [`prefixes`] | patterns of keys, and how they begin |
//! | [`cluster`] | one answer of many nodes |
//! | [`spell`], [`suggest`] | words near unknown ones; strings found by how they begin |
//! | [`shape`] | points and polygons, and how they lie to each other |
//! | [`value`], [`number`] | the values of rows and expressions, and how numbers are printed |
//! | [`error`] | every error text |
//! | [`pace`] | what estimates of queries' times are worth |

pub mod aggregate;
#[cfg(test)]
mod cases;
pub mod cluster;
pub mod command;
pub mod error;
pub mod evaluate;
pub mod expression;
pub mod glob;
pub mod index;
pub mod number;
pub mod pace;
pub mod prefixes;
pub mod query;
pub mod reply;
pub mod schema;
pub mod shape;
pub mod spell;
pub mod suggest;
pub mod text;
pub mod value;
