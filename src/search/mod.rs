//! Search over documents: the commands `FT.*` as a plain library, without a server. *The reference*, here and below, is
//! RediSearch: tests compare with its recorded replies.
//!
//! ```text
//!   arguments ─► command ─► query (a tree) ─► evaluate ─► hits ─► aggregate ─► rows
//!                   │                            │
//!                   └─► schema ─► index ◄────────┘        documents are indexed, queries read snapshots
//! ```
//!
//! | part | holds |
//! | --- | --- |
//! | [`schema`] | the definition of an index |
//! | [`index`] | the index structures: documents, postings lists, ranges, vectors |
//! | [`evaluate`] | a query over a snapshot of an index: matches, scores, order |
//! | [`text`] | text analysis: tokens, stop words, stems, phonetic codes; highlighting |
//! | [`aggregate`] | the pipeline of FT.AGGREGATE over rows |
//! | [`reply`] | typed replies |
//! | [`query`] | the query language: from text to a resolved and checked tree |
//! | [`expression`] | the expressions of APPLY and FILTER |
//! | [`command`] | from arguments to typed requests |
//! | [`glob`], [`prefixes`] | patterns and prefixes of keys |
//! | [`cluster`] | queries over a cluster: messages, merging, replicated definitions |
//! | [`spell`], [`suggest`] | spell checking; suggestions by prefix |
//! | [`shape`] | points and polygons, and their relations |
//! | [`value`], [`number`] | the values of rows and expressions; how numbers are printed |
//! | [`error`] | every error text |
//! | [`pace`] | calibration of cost estimates |

pub mod aggregate;
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
#[cfg(test)]
mod recorded_tests;
pub mod reply;
pub mod schema;
pub mod shape;
pub mod spell;
pub mod suggest;
pub mod text;
pub mod value;
