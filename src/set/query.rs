//! A search from question to hits.
//!
//! A [`Query`] is made on the main thread, runs on any thread and yields [`Hits`], which the main
//! thread reads when it builds the reply: there, what was removed meanwhile is left out. Both hold
//! a ticket of the set's grace period, so ids stay theirs until the reply is out.
//!
//! How it runs is its [`Plan`], made when it starts from estimates of what each way costs.

use std::sync::Arc;

use super::filter::{Filter, Marks};
use super::plan::{Estimate, Plan};
use super::shared::{Shared, with_scratch};
use super::{AddError, DEFAULT_EF_SEARCH, VectorSet};
use crate::arena::Ticket;
use crate::filter::Expression;
use crate::graph::{Candidate, Space};
use crate::vector::{Encoding, ExactQuery, Probe, is_finite};

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

/// Hits beyond those asked for, in case some are removed before the reply is built.
const SPARE: usize = 8;

/// A reader's presence in a set.
pub(super) struct Reader {
    pub shared: Arc<Shared>,
    ticket: Option<Ticket>,
}

impl Reader {
    pub fn new(shared: &Arc<Shared>) -> Reader {
        Reader { shared: shared.clone(), ticket: Some(shared.grace.enter()) }
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
    options: SearchOptions,
    filter: Option<Filter>,
    /// Elements at the time of asking.
    len: usize,
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
    reader: Reader,
    found: Vec<Candidate>,
    count: usize,
    work: Work,
}

/// What a query did.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// How it searched.
    pub plan: Plan,
    /// Estimated share of the elements that match the filter; 1 without one.
    pub selectivity: f64,
    /// Elements tested against the filter.
    pub tested: u64,
    /// Vectors compared with the query.
    pub evaluated: u64,
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
        let vector = match target {
            Target::Vector(vector) => vector.to_vec(),
            Target::Element(name) => self.vector(name).unwrap_or_else(|| vec![0.0; self.params().dim]),
        };
        let vector = match (target, &self.shared.projection) {
            (Target::Vector(_), Some(p)) if vector.len() == p.input() => p.apply(&vector),
            _ => vector,
        };
        if !is_finite(&vector) {
            return Err(AddError::NotFinite);
        }
        Ok(Query {
            reader: Reader::new(&self.shared),
            vector,
            filter: options.filter.as_ref().map(|expression| self.compile(expression)),
            options: options.clone(),
            len: self.len(),
        })
    }
}

impl Query {
    fn estimate_of(&self, selectivity: Option<f64>) -> Estimate {
        Estimate {
            len: self.len,
            row_bytes: self.reader.shared.vectors.stride(),
            m: self.reader.shared.params.m,
            ef: self.options.ef.unwrap_or(self.options.default_ef).max(self.options.count).min(self.len.max(1)),
            explicit_ef: self.options.ef.is_some(),
            truth: self.options.truth,
            filter_ef: self.options.filter_ef,
            selectivity,
            test_nanos: self.filter.as_ref().map_or(0.0, Filter::test_nanos),
        }
    }

    /// About how many nanoseconds [`Query::run`] will take.
    pub fn estimate(&self) -> u64 {
        let selectivity = self.filter.as_ref().map(|filter| match filter.kept() {
            Some(matches) => matches.count(self.reader.shared.graph.end()) as f64 / self.len.max(1) as f64,
            // Without a look at the attributes: a filter that few match is the dear case.
            None => 0.01,
        });
        self.estimate_of(selectivity).cost()
    }

    /// Searches.
    pub fn run(self) -> Hits {
        let mut search = Search {
            shared: &self.reader.shared,
            exact: ExactQuery::new(self.reader.shared.codec, &self.vector),
            probe: Probe::from_vector(self.reader.shared.codec, &self.vector),
            filter: self.filter.as_ref(),
            marks: None,
            wanted: self.options.count.saturating_add(SPARE),
            tested: 0,
            evaluated: 0,
        };
        let end = search.shared.graph.end();
        search.marks = search.filter.and_then(|filter| filter.mark(end, &search.shared.attributes));
        let selectivity = search.filter.map(|_| match &search.marks {
            Some(marks) => marks.count(end) as f64 / self.len.max(1) as f64,
            None => search.sample(),
        });
        let plan = self.estimate_of(selectivity).plan();
        let (plan, mut found) = search.run(plan, self.options.filter_ef.is_none());
        let work =
            Work { plan, selectivity: selectivity.unwrap_or(1.0), tested: search.tested, evaluated: search.evaluated };
        if let Some(epsilon) = self.options.epsilon {
            let beyond = found.iter().position(|f| f.distance / 2.0 > epsilon as f32);
            found.truncate(beyond.unwrap_or(found.len()));
        }
        Hits { found, count: self.options.count, work, reader: self.reader }
    }
}

/// A search that runs.
struct Search<'a> {
    shared: &'a Shared,
    exact: ExactQuery,
    probe: Probe,
    filter: Option<&'a Filter>,
    /// Which elements match, if that is known of all.
    marks: Option<Marks>,
    wanted: usize,
    tested: u64,
    evaluated: u64,
}

impl Search<'_> {
    fn run(&mut self, plan: Plan, complete: bool) -> (Plan, Vec<Candidate>) {
        match plan {
            Plan::Scan => (plan, self.scan()),
            Plan::Graph { ef } => (plan, self.search_graph(ef)),
            Plan::Traverse { width, most_expanded } => {
                let found = self.traverse(width, most_expanded);
                // The traversal is not exhaustive; what exists must be found.
                if complete && found.len() < self.wanted.saturating_sub(SPARE) {
                    (Plan::Scan, self.scan())
                } else {
                    (plan, found)
                }
            }
        }
    }

    #[inline]
    fn matches(&self, node: u32) -> bool {
        match (&self.marks, self.filter) {
            (Some(marks), _) => marks.contains(node),
            (None, None) => true,
            (None, Some(filter)) => filter.matches(node, &self.shared.attributes),
        }
    }

    /// The share of elements that match, from a look at some of them.
    fn sample(&mut self) -> f64 {
        const LOOKS: u32 = 400;
        let end = self.shared.graph.end();
        // A golden-ratio stride spreads over all ids whatever order they came in.
        let stride = ((end as f64 * 0.618_034) as u32).max(1);
        let (mut live, mut matching, mut node) = (0u32, 0u32, end / 2);
        for _ in 0..LOOKS.min(end) {
            node = (node as u64 + stride as u64).checked_rem(end as u64).unwrap_or(0) as u32;
            if self.shared.graph.is_live(node) {
                live += 1;
                matching += self.matches(node) as u32;
            }
        }
        self.tested += live as u64;
        // Laplace's rule keeps "none of the sample" from meaning "none at all".
        (matching as f64 + 0.5) / (live as f64 + 1.0)
    }

    /// Every element, or every one that matches, compared with the query.
    fn scan(&mut self) -> Vec<Candidate> {
        let (graph, end) = (&self.shared.graph, self.shared.graph.end());
        let mut nodes: Vec<u32> = Vec::new();
        match &self.marks {
            Some(marks) => marks.for_each(end, |node| {
                if graph.is_live(node) {
                    nodes.push(node);
                }
            }),
            None => nodes.extend((0..end).filter(|&node| graph.is_live(node))),
        }
        if self.filter.is_some() && self.marks.is_none() {
            self.tested += nodes.len() as u64;
            let records = &self.shared.attributes;
            nodes.retain(|&node| {
                records.prefetch_after(node);
                self.matches(node)
            });
        }
        self.rank(nodes)
    }

    /// What may not be linked yet. The ring also holds what was taken out of the set before this query
    /// began, and so is not kept for it: the rows of such ids may be in the middle of being written.
    fn pending(&self) -> Vec<u32> {
        let mut pending = self.shared.pending.snapshot();
        pending.retain(|&node| self.shared.graph.is_live(node));
        pending
    }

    /// The graph's best `ef`, and what is pending, ranked by the unquantized query.
    fn search_graph(&mut self, ef: usize) -> Vec<Candidate> {
        let shared = self.shared;
        // Before the search: what is linked while it runs may be found by neither otherwise.
        let pending = self.pending();
        let found = with_scratch(|scratch| {
            scratch.evaluations = 0;
            let found = shared.graph.search(shared, &self.probe, ef, scratch);
            self.evaluated += scratch.evaluations;
            found
        });
        self.finish(found, pending, ef)
    }

    /// The graph's nearest matches: a beam of `width` of them, until `most_expanded` were tested.
    fn traverse(&mut self, width: usize, most_expanded: usize) -> Vec<Candidate> {
        let shared = self.shared;
        let mut pending = self.pending();
        pending.truncate(most_expanded);
        pending.retain(|&node| self.matches(node));
        let most_expanded = most_expanded.saturating_sub(pending.len());
        let found = with_scratch(|scratch| {
            scratch.evaluations = 0;
            let accept = |node| shared.graph.is_live(node) && self.matches(node);
            let (found, tested) =
                shared.graph.search_matching(shared, &self.probe, width, most_expanded, accept, scratch);
            self.tested += tested;
            self.evaluated += scratch.evaluations;
            found
        });
        self.finish(found, pending, width)
    }

    /// Merges what the graph has found with what is pending, and ranks the best.
    fn finish(&mut self, mut found: Vec<Candidate>, pending: Vec<u32>, most: usize) -> Vec<Candidate> {
        let shared = self.shared;
        if !pending.is_empty() {
            let mut distances = vec![0.0; pending.len()];
            shared.distances(&self.probe, &pending, &mut distances);
            self.evaluated += pending.len() as u64;
            found.extend(pending.iter().zip(&distances).map(|(&node, &distance)| Candidate { distance, node }));
            found.sort_unstable_by(by_distance);
            found.dedup_by_key(|c| c.node);
            found.truncate(most);
        }
        found.retain(|c| shared.graph.is_live(c.node));
        if shared.params.encoding == Encoding::F32 {
            found.truncate(self.wanted);
            return found;
        }
        // Binary distances are so coarse that all found are worth ranking; of int8, a margin is enough.
        if shared.params.encoding == Encoding::Int8 {
            found.truncate(self.wanted.saturating_mul(2).saturating_add(16));
        }
        self.rank(found.into_iter().map(|c| c.node).collect())
    }

    /// The nearest of the nodes, nearest first, by the unquantized query.
    fn rank(&mut self, nodes: Vec<u32>) -> Vec<Candidate> {
        let mut distances = vec![0.0; nodes.len()];
        self.shared.batches(&nodes, &mut distances, |rows, out| self.exact.distances(rows, out));
        self.evaluated += nodes.len() as u64;
        let mut found: Vec<Candidate> =
            nodes.into_iter().zip(distances).map(|(node, distance)| Candidate { distance, node }).collect();
        if self.wanted < found.len() {
            found.select_nth_unstable_by(self.wanted, by_distance);
            found.truncate(self.wanted);
        }
        found.sort_unstable_by(by_distance);
        found
    }
}

fn by_distance(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    a.distance.total_cmp(&b.distance).then(a.node.cmp(&b.node))
}

impl Hits {
    /// What the query did.
    pub fn work(&self) -> Work {
        self.work
    }

    /// The hits that are elements still, best first. On the set's main thread.
    pub fn resolve(&self) -> Vec<Hit<'_>> {
        let shared = &*self.reader.shared;
        let successors = shared.successors.lock().unwrap_or_else(|e| e.into_inner());
        // Of an element that was updated while the query ran, both nodes may have been found.
        let mut seen: Vec<u32> = Vec::new();
        let mut hits = Vec::with_capacity(self.found.len().min(self.count));
        for found in &self.found {
            if hits.len() == self.count {
                break;
            }
            let mut node = found.node;
            while let (false, Some(&next)) = (shared.graph.is_live(node), successors.get(&node)) {
                node = next;
            }
            if !shared.graph.is_live(node) || seen.contains(&node) {
                continue;
            }
            if !successors.is_empty() {
                seen.push(node);
            }
            hits.push(Hit {
                name: shared.name(node),
                score: score(found.distance),
                attributes: shared.attribute_text(node),
            });
        }
        hits
    }
}
