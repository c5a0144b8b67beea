//! The options of an evaluation besides the query, and its result.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::within::Doubt;
use crate::search::glob::Glob;
use crate::search::index::Key;
use crate::search::value::Value;

/// How matching documents are weighed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Scorer {
    #[default]
    Bm25Std,
    Bm25StdNorm,
    /// The factor, 1 to 10000; 4 by default.
    Bm25StdTanh(u32),
    Bm25,
    TfIdf,
    TfIdfDocNorm,
    DisMax,
    DocScore,
    Hamming,
}

/// Which expansions a word gets beside itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expanders {
    pub stems: bool,
    pub synonyms: bool,
    pub phonetics: bool,
}

impl Expanders {
    pub const ALL: Expanders = Expanders { stems: true, synonyms: true, phonetics: true };
    pub const NONE: Expanders = Expanders { stems: false, synonyms: false, phonetics: false };
}

/// In which order hits come.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Order {
    /// Score descending, distance of the KNN ascending, number ascending.
    #[default]
    Score,
    /// The documents' numbers, or of a KNN the distance: FT.AGGREGATE.
    Document,
    /// By the value of this field of the schema; documents without it come last.
    Field { field: usize, descending: bool },
    /// By one of the query's distances ([`super::BoundQuery::distances`]).
    Distance { distance: usize, descending: bool },
}

/// What a command asks beside its query.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchOptions {
    pub scorer: Scorer,
    /// Scores are computed though the order does not need them: WITHSCORES, ADDSCORES.
    pub scores: bool,
    pub explain: bool,
    /// Whether tags add to scores.
    pub tags_score: bool,
    /// Lower case and known; None is the index's.
    pub language: Option<Vec<u8>>,
    pub verbatim: bool,
    pub expanders: Expanders,
    /// Only these keys.
    pub in_keys: Option<Vec<Vec<u8>>>,
    /// Only keys that match.
    pub key_pattern: Option<Glob>,
    /// Only these TEXT fields of the schema.
    pub in_fields: Option<Vec<usize>>,
    /// Words between those of an intersection; -1 is any.
    pub slop: Option<i64>,
    pub in_order: bool,
    /// For HAMMING.
    pub payload: Option<Vec<u8>>,
    pub order: Order,
    /// The first hit wanted.
    pub offset: usize,
    /// So many hits; `usize::MAX` for all.
    pub limit: usize,
    /// Terms that an affix, fuzzy word or wildcard may stand for.
    pub max_expansions: usize,
    /// Bytes of an affix's operand below which it matches nothing.
    pub min_prefix: usize,
}

impl Default for SearchOptions {
    fn default() -> SearchOptions {
        SearchOptions {
            scorer: Scorer::default(),
            scores: false,
            explain: false,
            tags_score: true,
            language: None,
            verbatim: false,
            expanders: Expanders::ALL,
            in_keys: None,
            key_pattern: None,
            in_fields: None,
            slop: None,
            in_order: false,
            payload: None,
            order: Order::default(),
            offset: 0,
            limit: 10,
            max_expansions: 200,
            min_prefix: 2,
        }
    }
}

/// When a query is to end early: at a deadline, or when it is cancelled.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    pub deadline: Option<Instant>,
    pub cancelled: Option<Arc<AtomicBool>>,
}

impl Limits {
    /// Whether the query has to end. Costs a look at the clock.
    pub fn reached(&self) -> bool {
        self.cancelled.as_ref().is_some_and(|cancelled| cancelled.load(Ordering::Relaxed))
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// What a query found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// All matches, whatever the limit.
    pub total: usize,
    /// In order, from the offset on, unless [`Found::rerank`] or [`Found::unsorted`] says that work is left.
    pub hits: Vec<Hit>,
    pub warnings: Warnings,
    /// A distance is approximate: the caller computes it from the hits' documents, on the main thread
    /// ([`super::BoundQuery::exact_distance`]), and then calls [`Found::settle`].
    pub rerank: Option<Rerank>,
    /// Documents to look at before anything is found: the caller has each decided ([`super::BoundQuery::decide`]), on the main
    /// thread, and then runs the query once more.
    pub doubts: Vec<Doubt>,
    /// The sort values of this field are not kept by the index: `hits` are all matches in order of their numbers; the caller
    /// reads the values, sorts and cuts.
    pub unsorted: Option<usize>,
}

/// What is left to do for exact distances.
#[derive(Clone, Debug, PartialEq)]
pub struct Rerank {
    /// The position in [`Hit::distances`].
    pub distance: usize,
    /// Position of the vector's field in the schema.
    pub field: usize,
    /// Of a KNN: only this many hits, the nearest, are kept before offset and limit apply.
    pub keep: usize,
    /// Of a range: only hits within it stay; offset and limit were applied.
    pub radius: Option<f64>,
}

/// What a reply reports in its warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Warnings {
    pub timed_out: bool,
    /// An affix stood for more terms than were looked at.
    pub expansions_cut: bool,
}

/// A document that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub document: u32,
    pub key: Key,
    pub score: f64,
    /// One for each of the query's named distances.
    pub distances: Vec<Option<f64>>,
    /// The sort value, when the order is by a field and the index keeps it.
    pub sort: Option<Value>,
    pub explanation: Option<Box<Explanation>>,
}

/// Where a score comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    pub text: String,
    pub parts: Vec<Explanation>,
}

/// Deeper parts of an explanation are not shown.
const MAX_DEPTH: usize = 32;

impl Explanation {
    /// Its texts as nested arrays.
    pub fn value(&self) -> Value {
        self.to_depth(MAX_DEPTH)
    }

    fn to_depth(&self, depth: usize) -> Value {
        let parts = self.parts.iter().filter(|_| depth > 0).map(|part| part.to_depth(depth - 1));
        Value::explained(self.text.clone(), parts.collect())
    }
}
