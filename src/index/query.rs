//! A query: created by the owner, run on any thread.
//!
//! A [`Query`] yields [`Found`], which the owner reads, leaving out rows that were removed in between. Both
//! hold a ticket of the index's grace period, so rows are not reused until the reply is built.
//!
//! Its [`Plan`] is chosen when it starts, by cost estimates.

use std::sync::Arc;

use super::accept::{Accept, Everything};
use super::found::Found;
use super::live_rows::live_rows;
use super::plan::{Estimate, Plan};
use super::search::Search;
use super::shared::Shared;
use super::{AddError, DEFAULT_EF_SEARCH, VectorIndex};
use crate::arena::Ticket;
use crate::graph::Candidate;
use crate::vector::{Encoding, Uncertainty, is_finite};

/// What to search for.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// What is near to a live row.
    Row(u32),
    /// What is near to a finite vector of the index's dimension or of its projection's input.
    Vector(&'a [f32]),
    /// What is near to a finite vector of the index's dimension, which is not projected.
    Stored(&'a [f32]),
}

/// How to search.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most rows to find.
    pub count: usize,
    /// Width of the search, as the client chose it.
    pub ef: Option<usize>,
    /// Width if the client chose none; a choice of rows may need another.
    pub default_ef: usize,
    /// Largest distance, in the units of [`crate::vector::Metric`].
    pub max_distance: Option<f32>,
    /// Most nodes of the graph to expand while looking for accepted rows; as many as it takes if None.
    pub most_expanded: Option<usize>,
    /// Compare with every row.
    pub exact: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            count: 10,
            ef: None,
            default_ef: DEFAULT_EF_SEARCH,
            max_distance: None,
            most_expanded: None,
            exact: false,
        }
    }
}

/// How to search within a distance.
#[derive(Clone, Debug)]
pub struct RangeOptions {
    /// Width of the beam that finds where to begin, if the client chose one.
    pub ef: Option<usize>,
    /// Share of the radius by which rows may be farther and are still walked over.
    pub slack: f32,
    /// Compare with every row.
    pub exact: bool,
}

impl Default for RangeOptions {
    fn default() -> RangeOptions {
        RangeOptions { ef: None, slack: 0.1, exact: false }
    }
}

/// A reader's presence in an index: ids of rows stay those of the same rows until it is dropped.
pub struct Reader {
    pub(super) shared: Arc<Shared>,
    ticket: Option<Ticket>,
    /// When it began, among replacements of rows.
    asked: u64,
}

impl Reader {
    /// Whether the row is there.
    pub fn is_live(&self, row: u32) -> bool {
        self.shared.graph.is_live(row)
    }

    /// One more than the highest id of a row that ever was.
    pub fn end(&self) -> u32 {
        self.shared.graph.end()
    }

    /// The rows that are accepted, each owner's once: a row that took another one's place since this began stands
    /// for it. On any thread.
    pub fn rows_that<A: Accept + ?Sized>(&self, accept: &A) -> Vec<u32> {
        live_rows(&self.shared, Some(accept), self.asked)
    }

    /// The row that the owner of a row has by now; itself if it has no other.
    pub fn latest(&self, row: u32) -> u32 {
        self.shared.lock_replaced().latest(row, |row| self.is_live(row))
    }

    /// Whether the index has more to link or repair than may wait.
    pub fn is_over_bound(&self) -> bool {
        self.shared.is_over_bound()
    }

    /// Whether the index is gone, so that this is the last to hold its memory.
    pub fn is_last(&self) -> bool {
        Arc::strong_count(&self.shared) == 1
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.grace.leave(ticket);
        }
    }
}

/// A search that can run on any thread.
pub struct Query {
    reader: Reader,
    vector: Vec<f32>,
    goal: Goal,
    options: Options,
    /// Rows at the time of asking.
    len: usize,
}

/// What a query is to find.
#[derive(Clone, Copy, Debug)]
enum Goal {
    /// As many as the options say.
    Nearest,
    /// All within this distance, searched within a slightly larger one.
    Within { radius: f32, reach: f32 },
}

/// What a query did.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// How it searched.
    pub plan: Plan,
    /// Estimated share of the rows that are accepted; 1 without a choice.
    pub selectivity: f64,
    /// Rows of which it was found out whether they are accepted.
    pub tested: u64,
    /// Vectors compared with the query.
    pub evaluated: u64,
}

impl VectorIndex {
    /// Begins to read.
    pub fn reader(&self) -> Reader {
        let asked = self.shared.lock_replaced().now();
        Reader { shared: self.shared.clone(), ticket: Some(self.shared.grace.enter()), asked }
    }

    /// Whether a reader is one of this index.
    pub fn is_read_by(&self, reader: &Reader) -> bool {
        Arc::ptr_eq(&self.shared, &reader.shared)
    }

    /// Prepares a query.
    ///
    /// # Errors
    /// If the projection of a huge vector leaves the range of numbers.
    pub fn query(&self, target: Target, options: &Options) -> Result<Query, AddError> {
        self.ask(target, Goal::Nearest, options.clone())
    }

    /// Prepares a query for all rows that are, or by what their encoding leaves open may be, within a distance, in the units
    /// of the index's metric. [`Found::error`] bounds their errors.
    ///
    /// Unless it is exact it walks the graph where that is cheaper than to compare with all, and may then miss
    /// rows that only lie behind others farther away; a larger `slack` finds more of these.
    ///
    /// # Errors
    /// As [`VectorIndex::query`].
    pub fn range(&self, target: Target, radius: f32, options: &RangeOptions) -> Result<Query, AddError> {
        // Binary distances are too coarse to select what is near enough to be reranked.
        let exact = options.exact || self.params().encoding == Encoding::Binary;
        let how = Options { count: usize::MAX, ef: options.ef, exact, ..Options::default() };
        let reach = radius + options.slack * radius.abs();
        self.ask(target, Goal::Within { radius, reach }, how)
    }

    fn ask(&self, target: Target, goal: Goal, options: Options) -> Result<Query, AddError> {
        let vector = match (target, &self.shared.projection) {
            (Target::Row(row), _) => self.vector(row),
            (Target::Vector(vector), Some(p)) if vector.len() == p.input() => p.apply(vector),
            (Target::Vector(vector) | Target::Stored(vector), _) => vector.to_vec(),
        };
        if !is_finite(&vector) {
            return Err(AddError::NotFinite);
        }
        Ok(Query { reader: self.reader(), vector, goal, options, len: self.len })
    }
}

impl Query {
    fn estimate_of(&self, selectivity: Option<f64>, test_nanos: f64) -> Estimate {
        Estimate {
            len: self.len,
            row_bytes: self.reader.shared.vectors.stride(),
            sketch_bytes: self.reader.shared.sketches.as_ref().map(|(sketcher, _)| sketcher.sketch_len()),
            m: self.reader.shared.params.m,
            end: self.reader.end() as usize,
            ef: self.ef(),
            explicit_ef: self.options.ef.is_some(),
            exact: self.options.exact || self.reader.shared.is_flat,
            most_expanded: self.options.most_expanded,
            selectivity,
            test_nanos,
        }
    }

    /// Width of the search, as far as there are rows.
    fn ef(&self) -> usize {
        let chosen = self.options.ef.unwrap_or(self.options.default_ef);
        let least = if let Goal::Nearest = self.goal { self.options.count } else { 1 };
        chosen.max(least).min(self.len.max(1))
    }

    /// Rows at the time of asking.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// About how many nanoseconds [`Query::run`] will take.
    pub fn estimate(&self) -> u64 {
        self.estimate_of(None, 0.0).cost()
    }

    /// About how many nanoseconds [`Query::run_among`] will take with this share of the rows accepted, where
    /// it takes `test_nanos` to find out about one that is met in order.
    pub fn estimate_among(&self, selectivity: f64, test_nanos: f64) -> u64 {
        self.estimate_of(Some(selectivity), test_nanos).cost()
    }

    /// About how many nanoseconds it takes to find this many rows by their ids and to compare with them.
    pub fn estimate_rows(&self, rows: usize) -> u64 {
        self.estimate_of(None, 0.0).rows_nanos(rows) as u64
    }

    /// One more than the highest id that the query may meet.
    pub fn end(&self) -> u32 {
        self.reader.end()
    }

    /// Searches all rows.
    pub fn run(self) -> Found {
        self.search(None::<&Everything>)
    }

    /// Searches the rows that are accepted.
    pub fn run_among<A: Accept + ?Sized>(self, accept: &A) -> Found {
        self.search(Some(accept))
    }

    fn search<A: Accept + ?Sized>(self, accept: Option<&A>) -> Found {
        let mut search =
            Search::new(&self.reader.shared, &self.vector, accept, self.options.count, (self.reader.asked, self.len));
        let selectivity = accept.map(|accept| match accept.count() {
            Some(count) => count as f64 / self.len.max(1) as f64,
            None => search.sample(),
        });
        let estimate = self.estimate_of(selectivity, accept.map_or(0.0, Accept::test_nanos));
        let plan = estimate.plan();
        let (plan, mut rows) = match self.goal {
            Goal::Nearest => search.run(plan, self.options.most_expanded.is_none()),
            Goal::Within { reach, .. } => search.run_within(plan, reach, self.ef()),
        };
        let (tested, evaluated) = (search.tested, search.evaluated);
        let work = Work { plan, selectivity: selectivity.unwrap_or(1.0), tested, evaluated };
        let shared = &self.reader.shared;
        let uncertainty = match self.goal {
            Goal::Nearest => None,
            Goal::Within { radius, .. } => {
                let uncertainty = Uncertainty::new(shared.codec, &self.vector);
                let error = |row: &Candidate| uncertainty.of(shared.vectors.get(row.node), row.distance);
                rows.retain(|row| f64::from(row.distance) - error(row) <= f64::from(radius));
                Some(uncertainty)
            }
        };
        if let Some(most) = self.options.max_distance {
            let beyond = rows.iter().position(|found| found.distance > most);
            rows.truncate(beyond.unwrap_or(rows.len()));
        }
        Found::new(self.reader, rows, self.options.count, work, uncertainty)
    }
}
