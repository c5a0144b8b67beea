//! Whether a query is cheap enough for any thread to run it at once.

use super::bind::nodes;
use super::options::{Order, Scorer, SearchOptions};
use crate::search::index::{Finder, State};
use crate::search::query::{NodeKind, Query, TagValue};
use crate::search::schema::Kind;
use crate::search::text::fold;

/// Parts of a query, alternatives of its tags included.
const FEW_PARTS: usize = 32;
/// Values of a field, words of all texts, vectors.
const FEW_VALUES: usize = 10_000;
/// Keys and bytes that options may name.
const FEW_KEYS: usize = 100;

/// The number of documents with the single tag of the query, if only the first of them in order are scored.
pub fn tagged(state: &State, options: &SearchOptions, field: usize, values: &[TagValue]) -> Option<usize> {
    let is_first = options.order == Order::Score && options.offset == 0 && !options.explain;
    let is_even = options.scorer == Scorer::Bm25Std && state.definition.score_field.is_none();
    let ([TagValue::Exact(value)], Finder::Tags(tags)) = (values, &state.fields[field].finder) else { return None };
    let sensitive = matches!(state.definition.fields[field].kind, Kind::Tag { case_sensitive: true, .. });
    let folded = if sensitive { value.clone() } else { fold(value).into_owned() };
    let tagged = tags.values().get(&folded[..]).map_or(0, |tag| tag.documents.len());
    Some(tagged).filter(|_| is_first && is_even)
}

/// Few documents may still have many words and values, and few values may be asked for many times.
pub fn is_light(state: &State, query: &Query, options: &SearchOptions) -> bool {
    let few_values = |field: usize| match &state.fields[field].finder {
        Finder::Vectors(rows) => rows.rows <= FEW_VALUES,
        _ => state.fields[field].records() <= FEW_VALUES,
    };
    let few_words = state.words.terms().len() <= FEW_VALUES && state.records.total_length <= FEW_VALUES as u64;
    let mut parts = 0;
    let is_light = |kind: &NodeKind| {
        parts += match kind {
            NodeKind::Tag { values, .. } => values.len(),
            NodeKind::Phrase { words, .. } => words.len(),
            _ => 1,
        };
        let fits = match kind {
            NodeKind::Word { .. }
            | NodeKind::Phrase { .. }
            | NodeKind::Affix { .. }
            | NodeKind::Fuzzy { .. }
            | NodeKind::Empty { .. } => few_words,
            NodeKind::Tag { field, values } => {
                values.iter().all(|value| matches!(value, TagValue::Exact(_))) || few_values(*field)
            }
            NodeKind::Numeric { field, .. } | NodeKind::Geo { field, .. } => few_values(*field),
            // Each vertex of one side may be compared with each of the other.
            NodeKind::GeoShape { field, shape, .. } => match &state.fields[*field].finder {
                Finder::Shapes(shapes) => shapes.vertices.saturating_mul(shape.vertices()) <= FEW_VALUES,
                _ => true,
            },
            NodeKind::VectorRange(range) => few_values(range.field),
            _ => true,
        };
        fits && parts <= FEW_PARTS
    };
    let few_keys = options.in_keys.as_ref().is_none_or(|keys| keys.len() <= FEW_KEYS);
    few_keys
        && query.knn.as_ref().is_none_or(|knn| few_values(knn.field))
        && nodes(query).map(|(node, _)| &node.kind).all(is_light)
}
