//! FT.SEARCH; FT.EXPLAIN and FT.EXPLAINCLI take the same words.

use super::options::{Limit, QueryOptions};
use super::settings::Settings;
use crate::search::error::{Error, SYNTAX};

/// A search.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRequest {
    pub index: Vec<u8>,
    pub options: QueryOptions,
    /// NOCONTENT or RETURN 0.
    pub no_content: bool,
    pub with_scores: bool,
    pub explain_score: bool,
    pub with_payloads: bool,
    pub with_sort_keys: bool,
    /// None: everything that the document has.
    pub returned: Option<Vec<Returned>>,
    pub summarize: Option<Summarize>,
    pub highlight: Option<Highlight>,
    pub sort_by: Option<SortBy>,
    pub limit: Limit,
}

/// A field of RETURN or LOAD.
#[derive(Clone, Debug, PartialEq)]
pub struct Returned {
    /// An attribute, an identifier, a hash field, a JSONPath, `__key`, a distance name.
    pub field: Vec<u8>,
    /// Its name in the reply.
    pub name: Vec<u8>,
}

/// `SORTBY name [ASC|DESC]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SortBy {
    pub name: Vec<u8>,
    pub descending: bool,
}

/// Fragments around hits.
#[derive(Clone, Debug, PartialEq)]
pub struct Summarize {
    /// None: every returned text field.
    pub fields: Option<Vec<Vec<u8>>>,
    pub fragments: usize,
    /// Words of a fragment.
    pub length: usize,
    pub separator: Vec<u8>,
}

/// Hits between tags.
#[derive(Clone, Debug, PartialEq)]
pub struct Highlight {
    /// None: every returned text field.
    pub fields: Option<Vec<Vec<u8>>>,
    pub open: Vec<u8>,
    pub close: Vec<u8>,
}

impl SearchRequest {
    /// Reads `index query option…`.
    pub fn parse(words: &[&[u8]], settings: &Settings) -> Result<SearchRequest, Error> {
        let _ = (words, settings);
        Err(Error::new(SYNTAX, "Syntax error at offset 0 near "))
    }
}
