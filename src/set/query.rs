//! A search from question to hits: what the index finds, by names and with attributes.
//!
//! A [`Query`] is made on the main thread, runs on any thread and yields [`Hits`], which the main
//! thread reads when it builds the reply: there, what was removed in between is left out.

use std::sync::Arc;

use super::filter::{Chosen, Filter};
use super::table::Table;
use super::{AddError, DEFAULT_EF_SEARCH, VectorSet};
use crate::filter::Expression;
use crate::index::{self, Found, Work};

/// What to search for.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// What is near to an element of the set; the caller saw that it is there.
    Element(&'a [u8]),
    /// What is near to a finite vector of the set's dimension or of its projection's input.
    Vector(&'a [f32]),
}

/// How to search.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// Most hits.
    pub count: usize,
    /// Width of the search, as the client chose it.
    pub ef: Option<usize>,
    /// Width if the client chose none; a filter may need less.
    pub default_ef: usize,
    /// Largest distance of a hit, where 1 is that of opposite vectors.
    pub epsilon: Option<f64>,
    /// Only elements whose attributes match.
    pub filter: Option<Expression>,
    /// Most nodes of the graph to expand while filtering; as many as it takes if None.
    pub filter_ef: Option<usize>,
    /// Compare with every element.
    pub truth: bool,
}

impl Default for SearchOptions {
    fn default() -> SearchOptions {
        SearchOptions {
            count: 10,
            ef: None,
            default_ef: DEFAULT_EF_SEARCH,
            epsilon: None,
            filter: None,
            filter_ef: None,
            truth: false,
        }
    }
}

/// A search that can run on any thread.
pub struct Query {
    query: index::Query,
    table: Arc<Table>,
    filter: Option<Filter>,
}

/// A found element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// 1 for the same direction, 0.5 for orthogonal, 0 for opposite.
    pub score: f64,
    /// Its attributes now.
    pub attributes: Option<&'a [u8]>,
}

/// What a query found, and what it took.
pub struct Hits {
    found: Found,
    table: Arc<Table>,
}

/// The score of a distance: both of section "Distances and scores" of the reference.
pub(super) fn score(distance: f32) -> f64 {
    1.0 - distance as f64 / 2.0
}

impl VectorSet {
    /// Prepares a query.
    ///
    /// # Errors
    /// If the projection of a huge vector leaves the range of numbers.
    pub fn query(&self, target: Target, options: &SearchOptions) -> Result<Query, AddError> {
        let zeros;
        let target = match target {
            Target::Vector(vector) => index::Target::Vector(vector),
            Target::Element(name) => match self.id(name) {
                Some(id) => index::Target::Row(id),
                None => {
                    zeros = vec![0.0; self.params().dim];
                    index::Target::Vector(&zeros)
                }
            },
        };
        let how = index::Options {
            count: options.count,
            ef: options.ef,
            default_ef: options.default_ef,
            max_distance: options.epsilon.map(|epsilon| epsilon as f32 * 2.0),
            most_expanded: options.filter.as_ref().and(options.filter_ef),
            exact: options.truth,
        };
        Ok(Query {
            query: self.index.query(target, &how)?,
            table: self.table.clone(),
            filter: options.filter.as_ref().map(|expression| self.compile(expression)),
        })
    }
}

impl Query {
    /// About how many nanoseconds [`Query::run`] will take.
    pub fn estimate(&self) -> u64 {
        let Some(filter) = &self.filter else { return self.query.estimate() };
        let selectivity = match filter.kept() {
            Some(matches) => matches.count(self.query.end()) as f64 / self.query.len().max(1) as f64,
            // Without a look at the attributes: a filter that few match is the dear case.
            None => 0.01,
        };
        self.query.estimate_among(selectivity, filter.test_nanos())
    }

    /// Searches.
    pub fn run(self) -> Hits {
        let found = match &self.filter {
            None => self.query.run(),
            Some(filter) => {
                let end = self.query.end();
                self.query.run_among(&Chosen::new(filter, end, &self.table.attributes))
            }
        };
        Hits { found, table: self.table }
    }
}

impl Hits {
    /// What the query did.
    pub fn work(&self) -> Work {
        self.found.work()
    }

    /// The hits that are elements still, best first. On the set's main thread.
    pub fn resolve(&self) -> Vec<Hit<'_>> {
        let table = &*self.table;
        let rows = self.found.rows().into_iter();
        rows.map(|found| Hit {
            name: table.name(found.node),
            score: score(found.distance),
            attributes: table.attribute_text(found.node),
        })
        .collect()
    }
}
