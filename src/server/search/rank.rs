//! Hits put in order by what only their documents hold: exact distances, and sort values that the index does not keep.

use super::documents::Open;
use super::json;
use super::work::Need;
use crate::search::aggregate::compare;
use crate::search::evaluate::{BoundQuery, Found, Hit, Order, Rerank};
use crate::search::number::parse_number;
use crate::search::schema::{Definition, Kind, Source};
use crate::search::value::Value;
use crate::server::api::{Context, Text};

/// Hits of which something is read.
pub struct Ranking {
    found: Found,
    what: What,
    /// Hits that are still to be looked at.
    hits: std::vec::IntoIter<Hit>,
    gone: usize,
}

/// What is read of the documents.
enum What {
    /// The field of a vector, and the distance that its bytes make exact.
    Distance { field: usize, distance: usize },
    /// The field of this position, which is sorted by.
    Values(usize),
}

impl Ranking {
    /// What has to be read to rank what was found.
    ///
    /// # Errors
    /// What was found, if it is in order.
    pub fn of(mut found: Found) -> Result<Ranking, Found> {
        let what = match (&found.rerank, found.unsorted) {
            (Some(Rerank { field, distance, .. }), _) => What::Distance { field: *field, distance: *distance },
            (None, Some(field)) => What::Values(field),
            (None, None) => return Err(found),
        };
        let hits = std::mem::take(&mut found.hits).into_iter();
        Ok(Ranking { found, what, hits, gone: 0 })
    }

    pub fn need(&self) -> Need {
        if self.hits.len() > 0 { Need::Documents(self.hits.len()) } else { Need::Thought }
    }

    /// Reads from the documents until all are seen or `is_over`.
    pub fn look(&mut self, ctx: &Context, query: &BoundQuery, definition: &Definition, is_over: &dyn Fn() -> bool) {
        let path = match self.what {
            What::Distance { field, .. } => Text::new(&definition.fields[field].path),
            What::Values(_) => Text::new(b""),
        };
        for mut hit in self.hits.by_ref() {
            let name = Text::new(&hit.key);
            let key = Open::to_read(ctx, &name);
            let source = key.source().filter(|source| *source == definition.source);
            let stays = match self.what {
                // A range may have found the document by another of its distances.
                What::Distance { distance, .. } if hit.distances[distance].is_none() => true,
                What::Distance { field, distance } => {
                    let exact = |bytes: &[u8]| query.exact_distance(distance, bytes);
                    hit.distances[distance] = match source {
                        Some(Source::Hash) => key.hash_field(&path).and_then(|value| exact(value.bytes())),
                        Some(Source::Json) => {
                            let field = &definition.fields[field];
                            let vectors = json::vectors(key.part(Source::Json, &field.path), &field.kind);
                            vectors.iter().filter_map(|bytes| exact(bytes)).min_by(f64::total_cmp)
                        }
                        None => None,
                    };
                    hit.distances[distance].is_some()
                }
                What::Values(field) => {
                    hit.sort = source.and_then(|source| stored(&key, source, definition, field));
                    true
                }
            };
            self.gone += !stays as usize;
            self.found.hits.extend(stays.then_some(hit));
            if is_over() {
                return;
            }
        }
    }

    /// What was found, in its order and cut, unless something else is to be read.
    pub fn settle(mut self, query: &BoundQuery) -> Found {
        let options = query.options();
        match self.what {
            What::Distance { .. } => {
                self.found.total -= self.gone.min(self.found.total);
                self.found.settle(options);
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
