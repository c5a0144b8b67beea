//! A search on a set: adds names and attributes to what the index finds.
//!
//! A [`Query`] is created on the main thread, runs on any thread and yields [`Hits`], which the main
//! thread reads when it builds the reply, leaving out elements that were removed in between. Many
//! hits are read on the thread that found them, while the main thread goes on changing the set.

use std::collections::HashSet;
use std::sync::Arc;

use super::filter::{Chosen, Filter};
use super::table::Table;
use super::{AddError, DEFAULT_EF_SEARCH, VectorSet, now};
use crate::attributes::RecordRef;
use crate::filter::Expression;
use crate::graph::Candidate;
use crate::index::{self, Accept, Found, Work};
use crate::vector::Metric;

/// More hits than these are looked up on the thread that found them: see [`Hits::resolve_beside`].
const MANY: usize = 1000;

/// What to search for.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// What is near to an element of the set; the caller saw that it is there.
    Element(&'a [u8]),
    /// What is near to a finite vector of the set's dimension or of its projection's input.
    Vector(&'a [f32]),
    /// What is near to a finite vector of the set's dimension, which is not projected.
    Stored(&'a [f32]),
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
    /// Largest distance of a hit: where 1 is that of opposite vectors, or the Euclidean one.
    pub epsilon: Option<f64>,
    /// Least score of a hit.
    pub min_score: Option<f64>,
    /// Elements that are no hits; others come in their places.
    pub excluded: Vec<Vec<u8>>,
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
            min_score: None,
            excluded: Vec::new(),
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
    limits: Limits,
    /// There are elements whose time has come at this moment.
    hiding: Option<i64>,
    /// Records that were changed before.
    changes: u64,
}

/// A found element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// The higher, the nearer: see [`crate::vector::Metric`].
    pub score: f64,
    /// Its attributes now.
    pub attributes: Option<&'a [u8]>,
}

/// What a query found, and what it took.
pub struct Hits {
    found: Found,
    table: Arc<Table>,
    filter: Option<Filter>,
    limits: Limits,
    changes: u64,
}

/// What of the rows found becomes a hit.
struct Limits {
    metric: Metric,
    count: usize,
    min_score: Option<f64>,
    excluded: HashSet<Vec<u8>>,
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
            Target::Stored(vector) => index::Target::Stored(vector),
            Target::Element(name) => match self.id(name) {
                Some(id) => index::Target::Row(id),
                None => {
                    zeros = vec![0.0; self.params().dim];
                    index::Target::Vector(&zeros)
                }
            },
        };
        let metric = self.params().metric;
        let how = index::Options {
            count: options.count.saturating_add(options.excluded.len()),
            ef: options.ef,
            default_ef: options.default_ef,
            max_distance: options.epsilon.map(|epsilon| metric.farthest(epsilon)),
            most_expanded: options.filter.as_ref().and(options.filter_ef),
            exact: options.truth,
        };
        Ok(Query {
            query: self.index.query(target, &how)?,
            table: self.table.clone(),
            filter: options.filter.as_ref().map(|expression| self.compile(expression)),
            hiding: (self.hidden() > 0).then(now),
            changes: self.table.changes(),
            limits: Limits {
                metric,
                count: options.count,
                min_score: options.min_score,
                excluded: options.excluded.iter().cloned().collect(),
            },
        })
    }
}

impl Query {
    /// About how many nanoseconds [`Query::run`] will take.
    pub fn estimate(&self) -> u64 {
        let Some(filter) = &self.filter else { return self.query.estimate() };
        let selectivity = match filter.kept() {
            Some(matches) => matches.count() as f64 / self.query.len().max(1) as f64,
            // Without a look at the attributes: a filter that few match is the dear case.
            None => 0.01,
        };
        self.query.estimate_among(selectivity, filter.test_nanos())
    }

    /// Whether there may be so many hits that reading them takes the main thread too long.
    pub fn may_find_many(&self) -> bool {
        self.limits.count.min(self.query.len()) > MANY
    }

    /// Searches.
    pub fn run(self) -> Hits {
        let (table, end) = (&*self.table, self.query.end());
        let chosen = self.filter.as_ref().map(|filter| Chosen::new(filter, end, &table.attributes));
        let found = match (chosen, self.hiding) {
            (None, None) => self.query.run(),
            (Some(chosen), None) => self.query.run_among(&chosen),
            (chosen, Some(now)) => self.query.run_among(&Visible { chosen, table, now }),
        };
        Hits { found, table: self.table, filter: self.filter, limits: self.limits, changes: self.changes }
    }
}

/// What a filter chooses, or all, but for what is hidden.
pub(super) struct Visible<'a> {
    pub chosen: Option<Chosen<'a>>,
    pub table: &'a Table,
    pub now: i64,
}

impl Accept for Visible<'_> {
    fn matches(&self, row: u32) -> bool {
        !self.table.is_hidden(row, self.now) && self.chosen.as_ref().is_none_or(|chosen| chosen.matches(row))
    }

    fn matches_successor(&self, old: u32, new: u32) -> bool {
        !self.table.is_hidden(new, self.now)
            && self.chosen.as_ref().is_none_or(|chosen| chosen.matches_successor(old, new))
    }

    fn count(&self) -> Option<usize> {
        self.chosen.as_ref().and_then(Accept::count)
    }

    fn for_each(&self, end: u32, visit: &mut dyn FnMut(u32)) {
        let mut visit = |row| {
            if !self.table.is_hidden(row, self.now) {
                visit(row);
            }
        };
        match &self.chosen {
            Some(chosen) => chosen.for_each(end, &mut visit),
            None => (0..end).for_each(visit),
        }
    }

    fn test_nanos(&self) -> f64 {
        1.0 + self.chosen.as_ref().map_or(0.0, Accept::test_nanos)
    }
}

impl Hits {
    /// What the query did.
    pub fn work(&self) -> Work {
        self.found.work()
    }

    /// Whether there are so many that they should be read by [`Hits::resolve_beside`].
    pub fn are_many(&self) -> bool {
        self.found.as_found().len() > MANY
    }

    /// Whether so many of the found elements have been removed by now that too few hits are left: to search again
    /// may find others. `left` are the hits that were read. On any thread.
    pub fn is_short(&self, left: usize) -> bool {
        let now = now();
        left < self.limits.count && self.found.has_lost(|row| !self.is_shown(row, now))
    }

    /// Whether the set is gone, so that this may be the last to hold its memory.
    pub fn is_last(&self) -> bool {
        self.found.is_last() || Arc::strong_count(&self.table) == 1
    }

    /// Whether a row may be in the reply: it is visible, and its present attributes, which are shown with the hit, match.
    fn is_shown(&self, row: u32, now: i64) -> bool {
        let matches = |filter: &Filter| filter.matches(row, &self.table.attributes);
        let is_as_found = self.changes == self.table.changes();
        !self.table.is_hidden(row, now) && (is_as_found || self.filter.as_ref().is_none_or(matches))
    }

    /// The hits that are elements still, best first. On the set's main thread.
    pub fn resolve(&self) -> Vec<Hit<'_>> {
        let table = &*self.table;
        let now = now();
        let rows = self.found.rows_that(|row| self.is_shown(row, now));
        self.within_limits(rows.into_iter().map(|found| Hit {
            name: table.name(found.node),
            score: self.limits.metric.score(found.distance),
            attributes: table.attribute_text(found.node),
        }))
    }

    /// [`Hits::resolve`] on any thread, while the set changes: each hit was an element as it is shown at some moment since
    /// the question.
    pub fn resolve_beside(&self) -> Vec<Hit<'_>> {
        let now = now();
        // Where a row was replaced while the query ran, both may have been found.
        let mut seen = HashSet::new();
        let hits = self.found.as_found().iter().filter_map(|found| self.read(found, now));
        self.within_limits(hits.filter(|hit| seen.insert(hit.name)))
    }

    /// What is shown of the element whose row was found, if it is there and matches.
    fn read(&self, found: &Candidate, now: i64) -> Option<Hit<'_>> {
        let table = &*self.table;
        loop {
            let row = self.found.current(found.node)?;
            let (name, record) = (table.names.get(row), table.attributes.get(row).map(RecordRef::new));
            let matches = |filter: &Filter| record.is_some_and(|record| filter.program.matches(record));
            let is_shown = !table.is_hidden(row, now) && self.filter.as_ref().is_none_or(matches);
            // What an element has is there before its row is live, and goes after it is dead.
            if self.found.is_live(row) {
                let score = self.limits.metric.score(found.distance);
                let hit = || Some(Hit { name: name?, score, attributes: record.map(|record| record.text()) });
                return if is_shown { hit() } else { None };
            }
        }
    }

    fn within_limits<'a>(&self, hits: impl Iterator<Item = Hit<'a>>) -> Vec<Hit<'a>> {
        let Limits { count, min_score, ref excluded, .. } = self.limits;
        hits.take_while(|hit| min_score.is_none_or(|least| hit.score >= least))
            .filter(|hit| excluded.is_empty() || !excluded.contains(hit.name))
            .take(count)
            .collect()
    }
}
