//! Executes a query by its plan.
//!
//! Every plan uses the same order: first the pending rows, then the graph, then the check which
//! rows have died, last the rows that replaced others since the query was created (`replaced.rs`). So a row that was live
//! all the time is found, and an element that existed all the time is found with one of its rows.

use super::accept::Accept;
use super::live_rows::{Replacements, live_rows};
use super::plan::Plan;
use super::shared::{Shared, with_scratch};
use super::space::Point;
use crate::graph::{Candidate, Measure, Within};
use crate::vector::{ExactQuery, Metric, Probe};

/// Rows beyond those asked for, in case some are removed before the reply is built: at least this many, and a share.
const SPARE: usize = 8;
const SPARE_SHARE: usize = 8;

/// Where more than this share of the rows is within reach, a walk would meet most of them: it is cheaper to compare with all.
const MANY: f64 = 0.125;

/// See the module's text.
pub(super) struct Search<'a, A: ?Sized> {
    shared: &'a Shared,
    point: Point,
    vector: &'a [f32],
    /// All rows if None.
    accept: Option<&'a A>,
    /// Rows that were asked for, and with the spare ones.
    count: usize,
    wanted: usize,
    /// When the query was asked, among replacements of rows, and how many rows there were.
    asked: u64,
    len: usize,
    pub tested: u64,
    pub evaluated: u64,
}

impl<'a, A: Accept + ?Sized> Search<'a, A> {
    pub fn new(
        shared: &'a Shared,
        vector: &'a [f32],
        accept: Option<&'a A>,
        count: usize,
        (asked, len): (u64, usize),
    ) -> Search<'a, A> {
        Search {
            shared,
            point: Point::Rows(Probe::from_vector(shared.codec, vector)),
            vector,
            accept,
            count,
            wanted: count.saturating_add(SPARE.max(count / SPARE_SHARE)),
            asked,
            len,
            tested: 0,
            evaluated: 0,
        }
    }

    /// Searches by the plan; returns the plan that was actually used. Unless it is `complete`, it may find fewer rows than
    /// were asked for and exist.
    pub fn run(&mut self, plan: Plan, complete: bool) -> (Plan, Vec<Candidate>) {
        match plan {
            Plan::Scan => (plan, self.scan()),
            Plan::Graph { ef } => (plan, self.search_graph(ef)),
            Plan::Traverse { width, most_expanded } => {
                let found = self.traverse(width, most_expanded);
                // The traversal is not exhaustive; what exists must be found.
                let matching = self.accept.and_then(Accept::count).unwrap_or(usize::MAX);
                if complete && found.len() < self.count.min(matching) {
                    (Plan::Scan, self.scan())
                } else {
                    (plan, found)
                }
            }
        }
    }

    #[inline]
    fn matches(&self, node: u32) -> bool {
        self.accept.is_none_or(|accept| accept.matches(node))
    }

    /// The share of rows that are accepted, from a look at some of them.
    pub fn sample(&mut self) -> f64 {
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

    /// Every row, or every one that is accepted, compared with the query.
    fn scan(&mut self) -> Vec<Candidate> {
        if self.accept.is_some_and(|accept| accept.count().is_none()) {
            self.tested += self.shared.graph.end() as u64;
        }
        let nodes = live_rows(self.shared, self.accept, self.asked);
        self.rank(nodes)
    }

    /// The share of the rows that are within reach, from a look at some of them.
    fn share_within(&mut self, reach: f32) -> f64 {
        const LOOKS: usize = 128;
        let end = self.shared.graph.end() as usize;
        let nodes = (0..end).step_by(end.div_ceil(LOOKS).max(1)).map(|node| node as u32);
        let nodes: Vec<u32> = nodes.filter(|&node| self.shared.graph.is_live(node)).collect();
        let mut distances = vec![0.0; nodes.len()];
        self.shared.distances(&self.point, &nodes, &mut distances);
        self.evaluated += nodes.len() as u64;
        let within = distances.iter().filter(|distance| **distance <= reach).count();
        within as f64 / nodes.len().max(1) as f64
    }

    /// All rows that the graph shows within reach, and others near by, nearest first.
    pub fn run_within(&mut self, plan: Plan, reach: f32, ef: usize) -> (Plan, Vec<Candidate>) {
        let shared = self.shared;
        if plan == Plan::Scan || self.share_within(reach) > MANY {
            return (Plan::Scan, self.scan());
        }
        let mut nodes = self.pending();
        // Beyond that it is cheaper to compare with all: these lie in order.
        let within = Within { reach, ef, most: shared.graph.end() as usize / 2 };
        let found = with_scratch(|scratch| {
            scratch.begin_count();
            let found = shared.graph.search_within(shared, &self.point, within, scratch);
            self.evaluated += scratch.evaluations();
            found
        });
        let Some(found) = found else { return (Plan::Scan, self.scan()) };
        nodes.extend(found.into_iter().map(|candidate| candidate.node));
        self.tested += if self.accept.is_some() { nodes.len() as u64 } else { 0 };
        nodes.retain(|&node| shared.graph.is_live(node) && self.matches(node));
        nodes.sort_unstable();
        nodes.dedup();
        Replacements::since(shared, self.accept, self.asked).apply(&mut nodes);
        (plan, self.rank(nodes))
    }

    /// What may not be linked yet. The ring also holds what was taken out of the set before this query
    /// began, and so is not kept for it: the rows of such ids may be in the middle of being written.
    fn pending(&self) -> Vec<u32> {
        let mut pending = self.shared.unlinked();
        pending.retain(|&node| self.shared.graph.is_live(node));
        pending
    }

    /// The graph's best `ef`, and what is pending, ranked by the unquantized query.
    fn search_graph(&mut self, ef: usize) -> Vec<Candidate> {
        /// Searches that may lose their way before all rows are compared.
        const TRIES: usize = 3;
        let shared = self.shared;
        // Before the search: what is linked while it runs may be found by neither otherwise.
        let pending = self.pending();
        // Dead rows are bridges until they are repaired, and take places in the beam. Where they take many, or
        // places that hits need, the beam gets wider.
        let least = (ef - ef / 16).max(self.count).min(ef);
        let (mut width, mut lost) = (ef, 0);
        let mut sketched = self.sketched();
        loop {
            let mut found = with_scratch(|scratch| {
                scratch.begin_count();
                let found = match &sketched {
                    Some(point) => {
                        let found = shared.graph.search(shared, point, point.beam(width), scratch);
                        self.measure(found, width)
                    }
                    None => shared.graph.search(shared, &self.point, width, scratch),
                };
                self.evaluated += scratch.evaluations();
                found
            });
            // So near are all that estimates did not tell which are the nearest.
            if sketched.take_if(|point| found.last().is_some_and(|last| !point.resolves(last.distance))).is_some() {
                continue;
            }
            let met = found.len();
            // The node where a search stands may be taken out of the graph, and then leads nowhere.
            if met < width && met + pending.len() < self.len {
                lost += 1;
                if lost == TRIES {
                    return self.scan();
                }
                continue;
            }
            found.retain(|c| shared.graph.is_live(c.node));
            let live = found.len();
            if live >= least || met < width {
                found.truncate(ef);
                let found = self.finish(found, pending.clone(), ef);
                // What died since the beam was full has left places that others belong in.
                if found.len() >= self.count.min(ef) || met < width {
                    return found;
                }
            }
            width += 2 * (met - live).max(SPARE);
        }
    }

    /// The query for walking by sketches, where rows have them.
    fn sketched(&self) -> Option<Point> {
        self.shared.sketches.as_ref().map(|(sketcher, _)| Point::Sketches(sketcher.probe(self.vector)))
    }

    /// The nearest of what was found by estimates.
    fn measure(&mut self, mut found: Vec<Candidate>, most: usize) -> Vec<Candidate> {
        let nodes: Vec<u32> = found.iter().map(|c| c.node).collect();
        let mut distances = vec![0.0; nodes.len()];
        self.shared.distances(&self.point, &nodes, &mut distances);
        self.evaluated += nodes.len() as u64;
        found.iter_mut().zip(distances).for_each(|(found, distance)| found.distance = distance);
        found.sort_unstable_by(by_distance);
        found.truncate(most);
        found
    }

    /// The graph's nearest matches: a beam of `width` of them, until `most_expanded` were tested.
    fn traverse(&mut self, width: usize, most_expanded: usize) -> Vec<Candidate> {
        let shared = self.shared;
        let mut pending = self.pending();
        if pending.len() > most_expanded {
            let found = pending.into_iter().map(|node| Candidate { distance: 0.0, node }).collect();
            pending = self.measure(found, most_expanded).into_iter().map(|found| found.node).collect();
        }
        pending.retain(|&node| self.matches(node));
        let most_expanded = most_expanded.saturating_sub(pending.len());
        let sketched = self.sketched();
        let found = with_scratch(|scratch| {
            scratch.begin_count();
            let accept = |node| shared.graph.is_live(node) && self.matches(node);
            let (graph, most) = (&shared.graph, most_expanded);
            let (found, tested) = match &sketched {
                Some(point) => graph.search_matching(shared, point, point.beam(width), most, accept, scratch),
                None => graph.search_matching(shared, &self.point, width, most, accept, scratch),
            };
            self.tested += tested;
            self.evaluated += scratch.evaluations();
            found
        });
        let found = if sketched.is_some() { self.measure(found, width) } else { found };
        self.finish(found, pending, width)
    }

    /// Merges what the graph has found with what is pending, and ranks the best.
    fn finish(&mut self, mut found: Vec<Candidate>, mut pending: Vec<u32>, most: usize) -> Vec<Candidate> {
        let shared = self.shared;
        found.retain(|c| shared.graph.is_live(c.node));
        pending.retain(|&node| shared.graph.is_live(node));
        let Replacements { gone, come } = Replacements::since(shared, self.accept, self.asked);
        if !gone.is_empty() {
            pending.extend(come);
            pending.retain(|node| !gone.contains(node));
            found.retain(|c| !gone.contains(&c.node));
        }
        if !pending.is_empty() {
            let mut distances = vec![0.0; pending.len()];
            shared.distances(&self.point, &pending, &mut distances);
            self.evaluated += pending.len() as u64;
            found.extend(pending.iter().zip(&distances).map(|(&node, &distance)| Candidate { distance, node }));
            found.sort_unstable_by(by_distance);
            found.dedup_by_key(|c| c.node);
            found.truncate(most);
        }
        let Some(worth_ranking) = shared.codec.worth_ranking(self.wanted) else {
            found.truncate(self.wanted);
            return found;
        };
        found.truncate(worth_ranking);
        self.rank(found.into_iter().map(|c| c.node).collect())
    }

    /// The nearest of the nodes, nearest first, by the unquantized query.
    fn rank(&mut self, nodes: Vec<u32>) -> Vec<Candidate> {
        let exact = ExactQuery::new(self.shared.codec, self.vector);
        let mut distances = vec![0.0; nodes.len()];
        self.shared.batches(&nodes, &mut distances, |rows, out| exact.distances(rows, out));
        self.evaluated += nodes.len() as u64;
        let mut found: Vec<Candidate> =
            nodes.into_iter().zip(distances).map(|(node, distance)| Candidate { distance, node }).collect();
        if self.shared.params.metric != Metric::Cosine {
            keep_nearest(&mut found, self.shared.codec.worth_ranking(self.wanted).unwrap_or(self.wanted));
            self.measure_precisely(&exact, &mut found);
        }
        keep_nearest(&mut found, self.wanted);
        found.sort_unstable_by(by_distance);
        found
    }

    /// What is shown of the nearest should not have suffered from the speed with which they were found.
    fn measure_precisely(&self, exact: &ExactQuery, found: &mut [Candidate]) {
        let nodes: Vec<u32> = found.iter().map(|c| c.node).collect();
        let mut distances = vec![0.0; nodes.len()];
        self.shared.batches(&nodes, &mut distances, |rows, out| exact.precise(rows, out));
        found.iter_mut().zip(distances).for_each(|(found, distance)| found.distance = distance);
    }
}

fn keep_nearest(found: &mut Vec<Candidate>, most: usize) {
    if most < found.len() {
        found.select_nth_unstable_by(most, by_distance);
        found.truncate(most);
    }
}

fn by_distance(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    a.distance.total_cmp(&b.distance).then(a.node.cmp(&b.node))
}
