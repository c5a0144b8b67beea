//! What a query costs, as far as that is known before it runs: whether any thread may run it at once.

use super::bind::nodes;
use super::options::{Order, Scorer, SearchOptions};
use super::plan::codes;
use crate::search::index::{Finder, SEGMENT, State};
use crate::search::query::{Bound, Node, NodeKind, Query, TagValue};
use crate::search::schema::Kind;
use crate::search::text::fold;

/// Parts of a query, alternatives of its tags included.
const FEW_PARTS: usize = 32;
/// Values of a field, words of all texts, vectors.
const FEW_VALUES: usize = 10_000;
/// Keys and bytes that options may name.
const FEW_KEYS: usize = 100;

/// Documents of a numeric range that are counted beforehand.
const FEW_IN_RANGE: usize = 2000;

/// What is known of a part of a query before it runs.
#[derive(Clone, Copy)]
pub struct Part {
    /// Not more documents than this match.
    pub documents: usize,
    /// To find them.
    pub nanos: usize,
    /// Whether they have scores other than 0.
    pub scored: bool,
}

/// Estimates parts of queries: tags and numeric ranges, and what is combined of them.
pub struct Estimator<'a> {
    state: &'a State,
    /// Parts that may still be looked at.
    left: usize,
}

impl Estimator<'_> {
    /// A whole query; None for one of which it is not known before, or takes long to be found out.
    pub fn whole(state: &State, root: &Node) -> Option<Part> {
        /// Of each segment, whatever it holds.
        const SEGMENT_NANOS: usize = 300;
        let part = Estimator { state, left: FEW_PARTS }.part(root)?;
        let segments = state.records.len() / SEGMENT as usize;
        Some(Part { nanos: part.nanos + segments * SEGMENT_NANOS, ..part })
    }

    /// No deeper than the number of parts.
    fn part(&mut self, node: &Node) -> Option<Part> {
        /// To list a document, and to combine sets that have it.
        const LIST_NANOS: usize = 20;
        const JOIN_NANOS: usize = 5;
        self.left = self.left.checked_sub(1)?;
        let all = self.state.records.len();
        let part = |documents: usize, nanos, scored| Some(Part { documents, nanos, scored });
        match &node.kind {
            NodeKind::All => part(all, 0, true),
            NodeKind::Tag { field, values } => {
                let documents = values.iter().map(|value| self.tagged(*field, value)).sum::<Option<usize>>()?;
                part(documents, if values.len() > 1 { documents * LIST_NANOS } else { 0 }, true)
            }
            NodeKind::Numeric { field, min, max } => {
                let documents = self.between(*field, *min, *max)?;
                part(documents, documents * LIST_NANOS, false)
            }
            NodeKind::And(nodes) | NodeKind::Or(nodes) => {
                let kids = nodes.iter().map(|node| self.part(node)).collect::<Option<Vec<Part>>>()?;
                let sizes = || kids.iter().map(|kid| kid.documents);
                let is_and = matches!(node.kind, NodeKind::And(_));
                let documents = if is_and { sizes().min().unwrap_or(0) } else { sizes().sum() };
                let nanos = kids.iter().map(|kid| kid.nanos + kid.documents * JOIN_NANOS).sum();
                part(documents, nanos, kids.iter().any(|kid| kid.scored))
            }
            NodeKind::Not(node) => {
                let kid = self.part(node)?;
                part(all, kid.nanos + kid.documents * JOIN_NANOS, false)
            }
            _ => None,
        }
    }

    /// Documents with a tag.
    fn tagged(&mut self, field: usize, value: &TagValue) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let (TagValue::Exact(value), Finder::Tags(tags)) = (value, &self.state.fields[field].finder) else {
            return None;
        };
        let sensitive = matches!(self.state.definition.fields[field].kind, Kind::Tag { case_sensitive: true, .. });
        let folded = if sensitive { value.clone() } else { fold(value).into_owned() };
        Some(tags.values().get(&folded[..]).map_or(0, |tag| tag.documents.len()))
    }

    /// Documents of a numeric range, if they are few.
    fn between(&self, field: usize, min: Bound, max: Bound) -> Option<usize> {
        let Finder::Numbers(ranges) = &self.state.fields[field].finder else { return None };
        let (from, to) = codes(min, max);
        Some(ranges.range(from, to).take(FEW_IN_RANGE + 1).count()).filter(|count| *count <= FEW_IN_RANGE)
    }
}

/// About how many nanoseconds it takes to evaluate, score and order what a part of a query matches; None where other values
/// are needed than the index has at hand.
pub fn to_order(state: &State, options: &SearchOptions, node: &Node, part: Part) -> Option<usize> {
    /// To pass a document by, to score it, and to find out what it sorts by.
    const PASS_NANOS: usize = 10;
    const SCORE_NANOS: usize = 150;
    const SORT_NANOS: usize = 100;
    let keep = options.offset.saturating_add(options.limit);
    if options.scorer != Scorer::Bm25Std || state.definition.score_field.is_some() {
        return None;
    }
    let is_even = match &node.kind {
        NodeKind::Tag { values, .. } => values.len() == 1,
        kind => *kind == NodeKind::All,
    };
    Some(match options.order {
        Order::Score if is_even && state.records.are_even() => PASS_NANOS * part.documents.min(keep.saturating_mul(2)),
        Order::Score if is_even => PASS_NANOS * part.documents,
        Order::Score if part.scored => SCORE_NANOS * part.documents,
        Order::Score | Order::Document => PASS_NANOS * part.documents.min(keep),
        Order::Field { field, .. } if state.keeps_sort_values(field) => SORT_NANOS * part.documents,
        _ => return None,
    })
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
