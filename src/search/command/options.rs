//! What FT.SEARCH, FT.AGGREGATE and FT.EXPLAIN share, and how it becomes a query.

use crate::search::query::{GeoUnit, Params};

/// How relevance is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scorer {
    Tfidf,
    TfidfDocNorm,
    Bm25,
    Bm25Std,
    Bm25StdNorm,
    Bm25StdTanh,
    DisMax,
    DocScore,
    Hamming,
}

/// How values are replied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    String,
    Expand,
}

/// The query of a command and the options that change its meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryOptions {
    pub query: Vec<u8>,
    pub params: Params,
    /// 1 to 4.
    pub dialect: u8,
    pub verbatim: bool,
    pub no_stop_words: bool,
    /// Names of fields; None is all.
    pub in_fields: Option<Vec<Vec<u8>>>,
    /// None or negative: unlimited.
    pub slop: Option<i64>,
    pub in_order: bool,
    /// Lower case, one of the known languages.
    pub language: Option<Vec<u8>>,
    pub expander: Option<Vec<u8>>,
    pub scorer: Option<Scorer>,
    /// 1 to 10000.
    pub tanh_factor: u32,
    pub payload: Option<Vec<u8>>,
    pub filters: Vec<NumericFilter>,
    pub geo_filters: Vec<GeoFilter>,
    /// Only these keys.
    pub in_keys: Option<Vec<Vec<u8>>>,
    /// Milliseconds, 0 for none; None is the setting.
    pub timeout: Option<u64>,
    pub format: Format,
}

/// `FILTER field min max`.
#[derive(Clone, Debug, PartialEq)]
pub struct NumericFilter {
    pub field: Vec<u8>,
    pub min: crate::search::query::Bound,
    pub max: crate::search::query::Bound,
}

/// `GEOFILTER field lon lat radius unit`.
#[derive(Clone, Debug, PartialEq)]
pub struct GeoFilter {
    pub field: Vec<u8>,
    pub lon: f64,
    pub lat: f64,
    /// In `unit`s.
    pub radius: f64,
    pub unit: GeoUnit,
}

/// Rows left out at the beginning, and the most rows then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub offset: u64,
    pub count: u64,
}
