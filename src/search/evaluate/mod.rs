//! Evaluation of a query over a snapshot of an index.
//!
//! Binding takes the snapshot in constant time, by reference counts: all parts of an index are persistent trees and arrays
//! whose copies share unchanged nodes. Everything else, including the lookup of words, ranges and affixes, is done by the
//! thread that runs the query.
//!
//! | part | holds |
//! | --- | --- |
//! | [`options`] | options and result of an evaluation |
//! | [`plan`] | the query plan, with words, tags and ranges looked up |
//! | [`expand`] | expansion of affixes, wildcards and fuzzy words |
//! | [`word`], [`near`] | postings of a word; proximity of words |
//! | [`matched`] | matching, segment by segment |
//! | [`score`] | scoring |
//! | [`light`] | whether a query is cheap |
//! | [`best`] | top-k selection |
//! | [`shapes`] | queries on GEOSHAPE fields |
//! | [`vectors`], [`within`], [`rerank`] | KNN; range queries on vectors; reranking by exact distances from the documents |
//! | [`run`] | execution, from plan to hits |

mod best;
mod bind;
mod cost;
mod expand;
mod matched;
#[cfg(test)]
mod naive;
mod near;
mod options;
mod plan;
mod rerank;
mod run;
mod score;
mod shapes;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod thread_tests;
mod vectors;
mod within;
mod word;

pub use bind::distance_names;
pub use options::*;
pub use rerank::Enough;
pub use within::Doubt;

use std::sync::Arc;

use super::index::{SearchIndex, State};
use super::query::{NodeKind, Query};
use super::value::Value;
use cost::Estimator;
use vectors::Asked;
use within::Within;

/// A query with its snapshot of the index. Runs on any thread, once.
pub struct BoundQuery {
    state: Arc<State>,
    query: Query,
    options: SearchOptions,
    distances: Vec<bind::Distance>,
    knn: Option<Asked>,
    ranges: Vec<Within>,
    owned: Option<Owned>,
}

/// A predicate on keys.
pub type OfKey = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Restricts a query to some documents, where an index may hold those of other nodes too.
pub struct Owned {
    /// Whether a document of this key is.
    pub passes: OfKey,
    /// Called if all are.
    pub all_pass: Box<dyn Fn() + Send + Sync>,
}

impl BoundQuery {
    pub(super) fn new(index: &SearchIndex, query: Query, options: SearchOptions) -> Result<BoundQuery, String> {
        let state = index.state().clone();
        bind::verify(&query)?;
        let (knn, ranges) = vectors::ask(index, &query)?;
        let distances = bind::distances(&state, &query);
        Ok(BoundQuery { state, query, options, distances, knn, ranges, owned: None })
    }

    /// Excludes documents.
    pub fn restrict(&mut self, owned: Option<Owned>) {
        self.owned = owned;
    }

    /// Whether it is little work where the index has few documents: few parts, over few words and values.
    pub fn is_light(&self) -> bool {
        cost::is_light(&self.state, &self.query, &self.options)
    }

    /// Whether it is little work once its doubts are decided: all of it is, or it is one range that holds few documents.
    pub fn settles_soon(&self) -> bool {
        /// More documents take long to be put in order.
        const FEW: usize = 1000;
        let is_range = matches!(self.query.root.kind, NodeKind::VectorRange(_)) && self.is_plain();
        let is_short = is_range && self.ranges.iter().map(Within::certain).sum::<usize>() <= FEW;
        is_short && self.query.knn.is_none() || self.is_light()
    }

    /// Whether no options narrow it.
    fn is_plain(&self) -> bool {
        self.owned.is_none() && self.options.in_keys.is_none() && self.options.key_pattern.is_none()
    }

    /// The k of a KNN.
    pub fn k(&self) -> Option<usize> {
        self.query.knn.as_ref().map(|knn| knn.k)
    }

    /// About how many nanoseconds it takes at most, the look at documents included, where that is known before: of the
    /// nearest of all documents, and of what tags and numeric ranges select.
    pub fn estimate(&self) -> Option<u64> {
        /// To read from a document.
        const READ_NANOS: usize = 1000;
        /// Of any query.
        const NANOS: usize = 20_000;
        if !self.is_plain() || self.options.explain {
            return None;
        }
        let root = &self.query.root;
        let (searched, read) = match &self.knn {
            Some(knn) => {
                let k = self.k()?;
                let searched = match root.kind {
                    NodeKind::All => knn.estimate()? as usize,
                    _ => {
                        let part = Estimator::whole(&self.state, root)?;
                        let rows = part.documents.saturating_mul(self.rows_of_a_document()?);
                        part.nanos.saturating_add(knn.estimate_among(rows)? as usize)
                    }
                };
                (searched, k.saturating_mul(2).saturating_add(k.min(self.options.limit)))
            }
            None => {
                let part = Estimator::whole(&self.state, root)?;
                let ordered = cost::to_order(&self.state, &self.options, root, part)?;
                (part.nanos.saturating_add(ordered), self.options.limit.min(part.documents))
            }
        };
        Some(searched.saturating_add(read.saturating_mul(READ_NANOS)).saturating_add(NANOS) as u64)
    }

    /// Vectors that a document has at most in the field of the KNN.
    fn rows_of_a_document(&self) -> Option<usize> {
        let (_, rows) = vectors::options_of(&self.state, self.query.knn.as_ref()?.field)?;
        Some(rows.most)
    }

    pub fn options(&self) -> &SearchOptions {
        &self.options
    }

    /// Names of the query's distances ([`Hit::distances`]): that of the KNN first, then those of ranges that have a name, in the query's order.
    pub fn distances(&self) -> Vec<Vec<u8>> {
        self.distances.iter().map(|distance| distance.name.clone()).collect()
    }

    /// The value by which a document sorts, if the index keeps it: of SORTABLE fields and of NUMERIC ones. As of the binding.
    pub fn sort_value(&self, document: u32, field: usize) -> Option<Value> {
        self.state.sort_value(document, field)
    }

    /// A TAG field's value just as the document has it, None in Some if it has none; None if only the document has it.
    pub fn verbatim(&self, document: u32, field: usize) -> Option<Option<Value>> {
        self.state.verbatim(document, field)
    }

    /// Whether [`BoundQuery::sort_value`] knows the values of a field.
    pub fn keeps_sort_values(&self, field: usize) -> bool {
        self.state.keeps_sort_values(field)
    }

    /// All words of the text fields, each with the number of its documents.
    pub fn terms(&self) -> impl Iterator<Item = (&[u8], usize)> {
        self.state.words.terms().iter().map(|(word, term)| (&word[..], term.documents as usize))
    }

    /// Whether a text field has the word.
    pub fn knows(&self, word: &[u8]) -> bool {
        self.state.words.term(word).is_some()
    }

    /// What a document's PAYLOAD_FIELD held.
    pub fn payload(&self, document: u32) -> Option<&[u8]> {
        self.state.records.get(document)?.about().payload
    }
}
