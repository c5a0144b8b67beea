//! FT.AGGREGATE.

use super::options::{Limit, QueryOptions};
use super::search::{Returned, SortBy};
use super::settings::Settings;
use crate::search::error::{Error, SYNTAX};
use crate::search::expression::Expression;

/// A query whose documents go through steps.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateRequest {
    pub index: Vec<u8>,
    pub options: QueryOptions,
    /// Rows have `__score`.
    pub add_scores: bool,
    pub steps: Vec<Step>,
    /// WITHCURSOR.
    pub cursor: Option<CursorOptions>,
}

/// WITHCURSOR, resolved against the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorOptions {
    /// Rows of a reply, at least 1.
    pub count: u64,
    /// Milliseconds.
    pub max_idle: u64,
}

/// What happens to rows, in the order given. Names are without `@`.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Load(Load),
    GroupBy {
        properties: Vec<Vec<u8>>,
        reducers: Vec<Reducer>,
    },
    SortBy {
        keys: Vec<SortBy>,
        /// MAX, or 10 where no LIMIT follows; None keeps all.
        max: Option<u64>,
    },
    Apply {
        expression: Expression,
        name: Vec<u8>,
    },
    Filter(Expression),
    Limit(Limit),
}

/// What is read from documents.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    All,
    Fields(Vec<Returned>),
}

/// `REDUCE function n argument… [AS name]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reducer {
    pub function: Reduction,
    pub name: Vec<u8>,
}

/// What becomes of a group. Properties are without `@`.
#[derive(Clone, Debug, PartialEq)]
pub enum Reduction {
    Count,
    CountDistinct(Vec<u8>),
    CountDistinctish(Vec<u8>),
    Sum(Vec<u8>),
    Avg(Vec<u8>),
    Min(Vec<u8>),
    Max(Vec<u8>),
    StdDev(Vec<u8>),
    Quantile {
        property: Vec<u8>,
        /// 0 to 1.
        quantile: f64,
    },
    ToList(Vec<u8>),
    FirstValue {
        property: Vec<u8>,
        by: Option<SortBy>,
    },
    RandomSample {
        property: Vec<u8>,
        size: usize,
    },
}

impl AggregateRequest {
    /// Reads `index query option… step…`.
    pub fn parse(words: &[&[u8]], settings: &Settings) -> Result<AggregateRequest, Error> {
        let _ = (words, settings);
        Err(Error::new(SYNTAX, "Syntax error at offset 0 near "))
    }
}
