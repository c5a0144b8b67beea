//! FT.HYBRID.

use super::aggregate::{CursorOptions, Step};
use super::options::QueryOptions;
use super::settings::Settings;
use crate::search::error::{Error, SYNTAX};
use crate::search::query::Query;
use crate::search::schema::Definition;

/// A search by text and one by vector, made one list.
#[derive(Clone, Debug, PartialEq)]
pub struct HybridRequest {
    pub index: Vec<u8>,
    /// The text side, with the parameters and the time limit of all.
    pub search: QueryOptions,
    pub search_score: Option<Vec<u8>>,
    pub vector: VectorSide,
    pub combine: Combine,
    /// The name of the combined score instead of `__score`.
    pub score: Option<Vec<u8>>,
    /// LOAD, GROUPBY, APPLY, SORTBY, FILTER, LIMIT in order. Without a SORTBY the combined score decides.
    pub steps: Vec<Step>,
    pub no_sort: bool,
    pub cursor: Option<CursorOptions>,
    pub explain_score: bool,
}

/// `VSIM @field $blob …`.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSide {
    pub field: Vec<u8>,
    pub parameter: Vec<u8>,
    pub method: Method,
    /// A query that restricts this side.
    pub filter: Option<Vec<u8>>,
    pub score: Option<Vec<u8>>,
}

/// How the vector side looks for hits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    Knn { k: usize, ef_runtime: Option<usize> },
    Range { radius: f64, epsilon: Option<f64> },
}

/// How the scores of both sides become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Combine {
    /// Σ 1/(constant + rank).
    Rrf { constant: f64, window: usize },
    /// alpha · text + beta · vector.
    Linear { alpha: f64, beta: f64, window: usize },
}

impl HybridRequest {
    /// Reads the words after the command's name.
    pub fn parse(words: &[&[u8]], settings: &Settings) -> Result<HybridRequest, Error> {
        let _ = (words, settings);
        Err(Error::new(SYNTAX, "Syntax error at offset 0 near "))
    }

    /// The queries of both sides: text, and vector with its filter (a KNN, or a range within an intersection).
    pub fn queries(&self, definition: &Definition) -> Result<(Query, Query), Error> {
        let _ = definition;
        Err(Error::new(SYNTAX, "Syntax error at offset 0 near "))
    }
}
