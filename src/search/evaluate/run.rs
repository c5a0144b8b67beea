//! Executes a plan.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::BoundQuery;
use roaring::RoaringBitmap;

use super::best::Best;
use super::matched::Segment;
use super::options::{Explanation, Found, Hit, Limits, Order, Scorer, SearchOptions};
use super::plan::{Plan, PlanKind, Planner};
use super::score::{Score, Weigher};
use super::vectors::{Chosen, Nearest};
use super::within::Doubt;
use crate::search::glob::Glob;
use crate::search::index::{DocSet, SEGMENT, State};
use crate::search::value::Value;

/// Documents scored between looks at the clock.
const STRIDE: usize = 256;
/// Parts that the explanations of a reply have, about.
const MAX_EXPLAINED: usize = 1 << 18;

/// A document on its way to be a hit.
#[derive(Clone)]
struct Candidate {
    document: u32,
    score: f64,
    /// What it sorts by, if by a field or distance.
    sort: Option<Value>,
}

impl BoundQuery {
    /// What matches, in the order and within the limit that was asked for. `limits` are looked at again and again; when they
    /// are reached, what was found so far comes with a warning.
    pub fn run(&self, limits: &Limits) -> Found {
        let ranges = self.ranges.iter().enumerate();
        let doubts: Vec<Doubt> = ranges.flat_map(|(at, range)| range.search(at, &self.state, limits)).collect();
        if !doubts.is_empty() {
            return Found { doubts, ..Found::default() };
        }
        let mut planner = self.planner(limits);
        let plan = self.plan(&mut planner);
        let mut found = Found { warnings: planner.warnings, ..Found::default() };
        let distances = self.distances.len();
        let run =
            Run { state: &self.state, options: &self.options, plan: &plan, distances, limits, explained: Cell::new(0) };
        match &self.query.knn {
            Some(_) => self.nearest(&run, limits, planner.weigher, &mut found),
            None => {
                run.all(planner.weigher, &mut found);
                found.rerank = self.rerank(0);
            }
        }
        found
    }

    /// The nearest of what the plan matches.
    fn nearest(&self, run: &Run, limits: &Limits, weigher: Weigher, found: &mut Found) {
        let (Some(knn), Some(asked)) = (&self.query.knn, &self.knn) else { return };
        let chosen = match run.plan.kind {
            PlanKind::All => None,
            _ => Some(run.chosen(found)),
        };
        if knn.k == 0 {
            return;
        }
        let nearest = asked.run(&self.state, knn.field, chosen.as_ref(), limits).unwrap_or_default();
        found.hits = run.hits(nearest, weigher);
        found.total = found.hits.len().min(knn.k);
        found.warnings.timed_out |= limits.reached();
        if let Order::Field { field, .. } = self.options.order
            && !self.state.keeps_sort_values(field)
        {
            found.unsorted = Some(field);
        }
        found.rerank = self.rerank(0);
        if found.rerank.as_ref().is_none_or(|rerank| rerank.distance != 0) {
            found.settle_nearest(&self.options, knn.k);
        }
    }

    fn planner<'a>(&'a self, limits: &'a Limits) -> Planner<'a> {
        Planner::new(&self.state, &self.options, limits, usize::from(self.query.knn.is_some()), &self.ranges)
    }

    /// The query's plan, and the keys asked for as parts of it.
    fn plan(&self, planner: &mut Planner) -> Plan {
        let mut plan = self.among_owned(planner.plan(&self.query.root));
        if let Some(keys) = &self.options.in_keys {
            let documents: BTreeSet<u32> = keys.iter().filter_map(|key| self.state.records.find(key)).collect();
            plan = Plan::among(plan, DocSet::from_sorted(documents.into_iter().collect()));
        }
        if let Some(pattern) = &self.options.key_pattern {
            let documents = self.matching(pattern, planner);
            plan = Plan::among(plan, DocSet::from_sorted(documents));
        }
        plan
    }

    /// The documents whose keys match a pattern.
    fn matching(&self, pattern: &Glob, planner: &mut Planner) -> Vec<u32> {
        /// Keys looked at between looks at the clock.
        const STRIDE: usize = 1 << 12;
        let mut documents = Vec::new();
        for (at, (key, document)) in self.state.records.beginning(pattern.start()).enumerate() {
            if at % STRIDE == STRIDE - 1 && planner.limits.reached() {
                planner.warnings.timed_out = true;
                break;
            }
            documents.extend(pattern.matches(key).then_some(document));
        }
        documents.sort_unstable();
        documents
    }

    /// The plan without documents that are left out.
    fn among_owned(&self, plan: Plan) -> Plan {
        let Some(owned) = &self.owned else { return plan };
        let passes =
            |document: &u32| self.state.records.get(*document).is_some_and(|record| (owned.passes)(record.key()));
        let documents: Vec<u32> = self.state.all.iter().filter(passes).collect();
        if documents.len() == self.state.all.len() {
            (owned.all_pass)();
            return plan;
        }
        Plan::among(plan, DocSet::from_sorted(documents))
    }

    /// The words that the query's words stand for: what to highlight.
    pub fn words(&self, limits: &Limits) -> BTreeSet<Arc<[u8]>> {
        let mut planner = self.planner(limits);
        let plan = planner.plan(&self.query.root);
        let (mut words, mut stack) = (BTreeSet::new(), vec![&plan]);
        while let Some(plan) = stack.pop() {
            match &plan.kind {
                PlanKind::Word(word) => {
                    let sources = word.parts.iter().flat_map(|part| &part.sources);
                    words.extend(sources.map(|source| source.word.clone()));
                }
                PlanKind::And { kids, .. } | PlanKind::Or(kids) => stack.extend(kids),
                PlanKind::Optional(kid) => stack.push(kid),
                _ => {}
            }
        }
        words
    }
}

/// A plan being run.
struct Run<'a> {
    state: &'a State,
    options: &'a SearchOptions,
    plan: &'a Plan,
    /// How many distances a hit has.
    distances: usize,
    limits: &'a Limits,
    /// Parts of explanations so far.
    explained: Cell<usize>,
}

impl<'a> Run<'a> {
    fn segment<'s>(&self, number: u32, all: &'s RoaringBitmap, scores: bool) -> Segment<'s>
    where
        'a: 's,
    {
        Segment { number, all, scores, limits: self.limits }
    }

    /// Whether hits differ by their scores, or scores are shown.
    fn needs_scores(&self) -> bool {
        let may_differ = match self.options.scorer {
            Scorer::DocScore => true,
            Scorer::Hamming => self.options.payload.is_some(),
            _ => self.plan.scored,
        };
        let is_shown = self.options.limit > 0;
        may_differ && is_shown && (self.options.scores || self.options.explain || self.options.order == Order::Score)
    }

    /// Whether scores depend on nothing but the documents' lengths, the shorter the higher: of most documents it is enough to
    /// look at that.
    fn is_by_length(&self) -> bool {
        let is_even = match &self.plan.kind {
            PlanKind::All => true,
            PlanKind::Tags(tags) => tags.len() == 1,
            _ => false,
        };
        let scorer = matches!(self.options.scorer, Scorer::Bm25Std | Scorer::Bm25StdNorm | Scorer::Bm25StdTanh(_));
        let is_plain = self.state.definition.score_field.is_none()
            && self.plan.weight >= 0.0
            && self.state.definition.score >= 0.0;
        is_even && scorer && is_plain && self.options.order == Order::Score
    }

    /// All segments, one after the other.
    fn all(&self, weigher: Weigher, found: &mut Found) {
        let scores = self.needs_scores();
        let score = Score { state: self.state, weigher, root: self.plan, payload: self.options.payload.as_deref() };
        let unsorted = match self.options.order {
            Order::Field { field, .. } if !self.state.keeps_sort_values(field) => Some(field),
            _ => None,
        };
        let keep = if unsorted.is_some() { usize::MAX } else { self.options.offset.saturating_add(self.options.limit) };
        let mut best = Best::new(keep, |a: &Candidate, b: &Candidate| self.compare(a, b));
        let (mut taken, mut greatest) = (0, 0f64);
        let by_length = scores && self.is_by_length();
        for number in self.state.all.segments() {
            if self.limits.reached() {
                break;
            }
            let all = self.state.all.segment(number);
            let matched = self.segment(number, &all, scores).evaluate(self.plan, None);
            found.total += matched.documents.len() as usize;
            // In order of documents only the first count.
            let in_order =
                !scores && matches!(self.options.order, Order::Score | Order::Document) || unsorted.is_some();
            for document in &*matched.documents {
                if in_order && taken >= keep {
                    break;
                }
                if by_length && let Some(bar) = best.bar() {
                    let bar = self.state.records.length(bar.document);
                    if bar <= self.state.records.least_length {
                        break;
                    }
                    if self.state.records.length(document) >= bar {
                        continue;
                    }
                }
                taken += 1;
                if taken % STRIDE == 0 && self.limits.reached() {
                    break;
                }
                let score = if scores { score.of(&matched, document) } else { 0.0 };
                greatest = greatest.max(score);
                best.push(Candidate { document, score, sort: self.sort(document) });
            }
        }
        found.warnings.timed_out |= self.limits.reached();
        let (offset, limit) =
            if unsorted.is_some() { (0, usize::MAX) } else { (self.options.offset, self.options.limit) };
        found.unsorted = unsorted;
        let mut candidates: Vec<Candidate> = best.into_sorted().into_iter().skip(offset).take(limit).collect();
        if self.options.scorer == Scorer::Bm25StdNorm && greatest > 0.0 {
            candidates.iter_mut().for_each(|candidate| candidate.score /= greatest);
        }
        let ranges = ranges(self.plan);
        found.hits = candidates.into_iter().filter_map(|candidate| self.hit(candidate, &ranges, &score)).collect();
    }

    /// All matches, for a KNN to choose among.
    fn chosen(&self, found: &mut Found) -> Chosen {
        let mut chosen = Chosen::new();
        for number in self.state.all.segments() {
            if self.limits.reached() {
                break;
            }
            let all = self.state.all.segment(number);
            let documents = self.segment(number, &all, false).evaluate(self.plan, None).documents.into_owned();
            if !documents.is_empty() {
                chosen.insert(number, documents);
            }
        }
        found.warnings.timed_out |= self.limits.reached();
        chosen
    }

    /// Hits of a KNN, with scores if the filter has words: vectors have none, and without words all are equal.
    fn hits(&self, nearest: Nearest, weigher: Weigher) -> Vec<Hit> {
        let score = Score { state: self.state, weigher, root: self.plan, payload: self.options.payload.as_deref() };
        let scores = self.plan.has_words() && self.needs_scores();
        let documents: RoaringBitmap = nearest.iter().map(|(document, _)| *document).collect();
        let mut by_document = HashMap::new();
        for number in self.state.all.segments().into_iter().filter(|_| scores) {
            let all = self.state.all.segment(number);
            let within = &documents & &*all;
            if !within.is_empty() {
                let matched = self.segment(number, &all, scores).evaluate(self.plan, Some(&within));
                by_document.extend(within.iter().map(|document| (document, score.of(&matched, document))));
            }
        }
        let greatest = by_document.values().copied().fold(0.0, f64::max);
        let divisor = if self.options.scorer == Scorer::Bm25StdNorm && greatest > 0.0 { greatest } else { 1.0 };
        let ranges = ranges(self.plan);
        let hits = nearest.into_iter().filter_map(|(document, distance)| {
            let score_of = by_document.get(&document).map_or(0.0, |score| score / divisor);
            let candidate = Candidate { document, score: score_of, sort: self.sort(document) };
            let mut hit = self.hit(candidate, &ranges, &score)?;
            hit.distances[0] = Some(distance);
            Some(hit)
        });
        hits.collect()
    }

    /// What a document sorts by.
    fn sort(&self, document: u32) -> Option<Value> {
        match self.options.order {
            Order::Field { field, .. } => self.state.sort_value(document, field),
            Order::Distance { distance, .. } => {
                let (_, distances) = *ranges(self.plan).iter().find(|(number, _)| *number == distance)?;
                look_up(distances, document).map(Value::Number)
            }
            _ => None,
        }
    }

    fn compare(&self, a: &Candidate, b: &Candidate) -> Ordering {
        match self.options.order {
            Order::Score => b.score.total_cmp(&a.score).then(a.document.cmp(&b.document)),
            Order::Document => a.document.cmp(&b.document),
            Order::Field { descending, .. } | Order::Distance { descending, .. } => {
                order_values(descending, (&a.sort, a.document), (&b.sort, b.document))
            }
        }
    }

    fn explain(&self, candidate: &Candidate, score: &Score) -> Explanation {
        if self.explained.get() > MAX_EXPLAINED {
            return Explanation { text: "(not explained: the query has too many parts)".into(), parts: Vec::new() };
        }
        let document = candidate.document;
        let number = document / SEGMENT;
        let one = [document].into_iter().collect();
        let all = self.state.all.segment(number);
        let matched = self.segment(number, &all, true).evaluate(self.plan, Some(&one));
        let explanation = score.explain(&matched, document, candidate.score);
        self.explained.set(self.explained.get() + parts(&explanation));
        explanation
    }

    fn hit(&self, candidate: Candidate, ranges: &[(usize, &[(u32, f64)])], score: &Score) -> Option<Hit> {
        let document = candidate.document;
        let record = self.state.records.get(document)?;
        let mut distances = vec![None; self.distances];
        for (number, list) in ranges {
            distances[*number] = look_up(list, document);
        }
        let explanation = self.options.explain.then(|| Box::new(self.explain(&candidate, score)));
        let (key, score, sort) = (record.key().clone(), candidate.score, candidate.sort);
        Some(Hit { document, key, score, distances, sort, explanation })
    }
}

/// How many parts an explanation has.
fn parts(explanation: &Explanation) -> usize {
    1 + explanation.parts.iter().map(parts).sum::<usize>()
}

/// The order of hits whose distances are known.
pub fn order_hits(order: &Order, is_knn: bool, a: &Hit, b: &Hit) -> Ordering {
    let distance = |hit: &Hit, at: usize| hit.distances.get(at).copied().flatten();
    let near = |a: &Hit, b: &Hit| match is_knn {
        true => distance(a, 0).partial_cmp(&distance(b, 0)).unwrap_or(Ordering::Equal),
        false => Ordering::Equal,
    };
    match order {
        Order::Score => b.score.total_cmp(&a.score).then(near(a, b)).then(a.document.cmp(&b.document)),
        Order::Document => near(a, b).then(a.document.cmp(&b.document)),
        Order::Field { descending, .. } => order_values(*descending, (&a.sort, a.document), (&b.sort, b.document)),
        Order::Distance { distance: at, descending } => {
            let value = |hit: &Hit| distance(hit, *at).map(Value::Number);
            order_values(*descending, (&value(a), a.document), (&value(b), b.document))
        }
    }
}

/// By values, those without one last, and then by documents.
fn order_values(descending: bool, a: (&Option<Value>, u32), b: (&Option<Value>, u32)) -> Ordering {
    let turned = |ordering: Ordering| if descending { ordering.reverse() } else { ordering };
    match (a.0, b.0) {
        (Some(a), Some(b)) => turned(compare_values(a, b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
    .then(turned(a.1.cmp(&b.1)))
}

/// Numbers by size, texts by bytes; numbers before texts.
fn compare_values(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Number(_), _) => Ordering::Less,
        (_, Value::Number(_)) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

fn look_up(distances: &[(u32, f64)], document: u32) -> Option<f64> {
    let at = distances.binary_search_by_key(&document, |(document, _)| *document).ok()?;
    Some(distances[at].1)
}

/// The distances of the plan's ranges that have a name, by their numbers.
fn ranges(plan: &Plan) -> Vec<(usize, &[(u32, f64)])> {
    let (mut found, mut stack) = (Vec::new(), vec![plan]);
    while let Some(plan) = stack.pop() {
        match &plan.kind {
            PlanKind::Range { distances, number: Some(number), .. } => found.push((*number, &distances[..])),
            PlanKind::And { kids, .. } | PlanKind::Or(kids) => stack.extend(kids),
            PlanKind::Optional(kid) => stack.push(kid),
            _ => {}
        }
    }
    found
}
