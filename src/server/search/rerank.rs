//! Ranking that needs the documents: exact distances, and sort keys that the index does not keep.

use std::time::Instant;

use super::binding::Bounds;
use super::documents::Open;
use super::execution::Need;
use super::json;
use crate::search::aggregate::compare;
use crate::search::evaluate::{BoundQuery, Doubt, Enough, Found, Hit, Limits, Order, Rerank};
use crate::search::number::parse_number;
use crate::search::schema::{Definition, Kind, Source};
use crate::search::value::Value;
use crate::server::api::{Context, Text};

/// Hits of which something is read, or documents that decide what is a hit.
pub struct Ranking {
    found: Found,
    what: What,
    /// Hits whose documents are still to be read.
    hits: std::vec::IntoIter<Hit>,
    gone: usize,
    /// Of a KNN: whether the hits that are left matter.
    enough: Option<Enough>,
}

/// What is read of the documents.
enum What {
    /// The field of a vector, and the distance that its bytes make exact.
    Distance { field: usize, distance: usize },
    /// The field of this position, which is sorted by.
    Values(usize),
    /// Whether they are within a distance: these, before the query goes on.
    Doubts(std::vec::IntoIter<Doubt>),
}

impl Ranking {
    /// What has to be read to rank what was found.
    ///
    /// # Errors
    /// What was found, if it is in order.
    pub fn of(mut found: Found) -> Result<Box<Ranking>, Found> {
        let what = match (&found.rerank, found.unsorted) {
            _ if !found.doubts.is_empty() => What::Doubts(std::mem::take(&mut found.doubts).into_iter()),
            (Some(Rerank { field, distance, .. }), _) => What::Distance { field: *field, distance: *distance },
            (None, Some(field)) => What::Values(field),
            (None, None) => return Err(found),
        };
        let enough = found.rerank.as_ref().and_then(Enough::new);
        let hits = std::mem::take(&mut found.hits).into_iter();
        Ok(Box::new(Ranking { found, what, hits, gone: 0, enough }))
    }

    /// Whether hits stay only if their documents were seen.
    pub fn sees_all(&self) -> bool {
        self.enough.is_some()
    }

    /// Whether the query has still to run once the documents were read, and that is not little work.
    pub fn is_heavy(&self, query: &BoundQuery) -> bool {
        matches!(self.what, What::Doubts(_)) && !query.settles_soon()
    }

    pub fn need(&self) -> Need {
        let left = if let What::Doubts(doubts) = &self.what { doubts.len() } else { self.hits.len() };
        if left > 0 { Need::Documents(left) } else { Need::Evaluation }
    }

    /// Reads from the documents until all are seen or the time is over. Past the query's limits doubts are left undecided.
    pub fn read_documents(
        &mut self,
        ctx: &Context,
        query: &BoundQuery,
        definition: &Definition,
        bounds: &Bounds,
        until: Option<Instant>,
    ) {
        let until = bounds.sooner(until);
        let is_over = || until.is_some_and(|until| Instant::now() >= until);
        match &mut self.what {
            What::Doubts(doubts) => {
                decide(ctx, query, definition, doubts, &is_over);
                if bounds.limits.reached() {
                    *doubts = Vec::new().into_iter();
                }
            }
            _ => {
                self.read_hits(ctx, query, definition, &is_over);
                if bounds.is_over() && self.hits.len() > 0 {
                    self.hits = Vec::new().into_iter();
                    self.found.warnings.timed_out = true;
                }
            }
        }
    }

    fn read_hits(&mut self, ctx: &Context, query: &BoundQuery, definition: &Definition, is_over: &dyn Fn() -> bool) {
        let path = match self.what {
            What::Distance { field, .. } => Text::new(&definition.fields[field].path),
            _ => Text::new(b""),
        };
        while let Some(mut hit) = self.hits.next() {
            let approximate = hit.distances.first().copied().flatten();
            if let (Some(enough), Some(approximate)) = (&self.enough, approximate)
                && enough.is_reached(approximate)
            {
                self.hits = Vec::new().into_iter();
                return;
            }
            let name = Text::new(&hit.key);
            let key = Open::to_read(ctx, &name);
            let stays = match self.what {
                // A range may have found the document by another of its distances.
                What::Distance { distance, .. } if hit.distances[distance].is_none() => true,
                What::Distance { field, distance } => {
                    let exact = |bytes: &[u8]| query.exact_distance(distance, bytes);
                    hit.distances[distance] = nearest(&key, definition, field, &path, &exact);
                    hit.distances[distance].is_some()
                }
                What::Values(field) => {
                    let source = key.source().filter(|source| *source == definition.source);
                    hit.sort = source.and_then(|source| stored(&key, source, definition, field));
                    true
                }
                What::Doubts(_) => true,
            };
            if let (Some(enough), Some(approximate), Some(Some(exact))) =
                (&mut self.enough, approximate, hit.distances.first())
            {
                enough.note(approximate, *exact);
            }
            self.gone += !stays as usize;
            self.found.hits.extend(stays.then_some(hit));
            if is_over() {
                return;
            }
        }
    }

    /// What was found, in its order and cut, unless something else is to be read.
    pub fn settle(mut self, query: &BoundQuery, limits: &Limits) -> Found {
        let options = query.options();
        match self.what {
            What::Doubts(_) => return query.run(limits),
            What::Distance { distance, .. } => {
                self.found.total -= self.gone.min(self.found.total);
                self.found.settle(options);
                self.found.rerank = query.rerank(distance + 1);
            }
            What::Values(_) => {
                let descending = matches!(options.order, Order::Field { descending: true, .. });
                self.found.hits.sort_by(|a, b| in_order(a, b, descending));
                self.found.hits.drain(..options.offset.min(self.found.hits.len()));
                self.found.hits.truncate(options.limit);
                self.found.unsorted = None;
            }
        }
        self.found
    }
}

/// Looks at documents of which is open whether they are hits.
fn decide(
    ctx: &Context,
    query: &BoundQuery,
    definition: &Definition,
    doubts: &mut std::vec::IntoIter<Doubt>,
    is_over: &dyn Fn() -> bool,
) {
    let mut path: Option<(usize, Text)> = None;
    for doubt in doubts {
        let path = match &mut path {
            Some((field, path)) if *field == doubt.field => &*path,
            path => &path.insert((doubt.field, Text::new(&definition.fields[doubt.field].path))).1,
        };
        let name = Text::new(&doubt.key);
        let key = Open::to_read(ctx, &name);
        query.decide(&doubt, |exact| nearest(&key, definition, doubt.field, path, exact));
        if is_over() {
            return;
        }
    }
}

/// The least of the exact distances of a document's vectors; none if it has none or is gone.
fn nearest(
    key: &Open,
    definition: &Definition,
    field: usize,
    path: &Text,
    exact: &dyn Fn(&[u8]) -> Option<f64>,
) -> Option<f64> {
    match key.source().filter(|source| *source == definition.source)? {
        Source::Hash => key.hash_field(path).and_then(|value| exact(value.bytes())),
        Source::Json => {
            let field = &definition.fields[field];
            let vectors = json::vectors(key.part(Source::Json, &field.path), &field.kind);
            vectors.iter().filter_map(|bytes| exact(bytes)).min_by(f64::total_cmp)
        }
    }
}

/// By sort value; those without come last, equal ones in the order of their numbers, which a descending order reverses.
fn in_order(a: &Hit, b: &Hit, descending: bool) -> std::cmp::Ordering {
    let turned = |order: std::cmp::Ordering| if descending { order.reverse() } else { order };
    let by_value = match (&a.sort, &b.sort) {
        (Some(a), Some(b)) => turned(compare(a, b)),
        (a, b) => a.is_none().cmp(&b.is_none()),
    };
    by_value.then_with(|| turned(a.document.cmp(&b.document)))
}

/// The value of a field as the document of an open key holds it; of an array the first.
pub fn stored(key: &Open, source: Source, definition: &Definition, field: usize) -> Option<Value> {
    let field = &definition.fields[field];
    let bytes = json::text(key.part(source, &field.path).first(), 2)?;
    match parse_number(&bytes).filter(|_| matches!(field.kind, Kind::Numeric)) {
        Some(number) => Some(Value::Number(number)),
        None => Some(Value::Text(bytes.into())),
    }
}
