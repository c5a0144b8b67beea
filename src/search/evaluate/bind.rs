//! What is verified and noted of a query when it is bound.

use crate::search::index::{ExactDistance, State, several};
use crate::search::query::{Fields, Node, NodeKind, Query};
use crate::search::schema::Kind;

use super::options::SearchOptions;

/// Parts within parts, at most; the parser's own limit is lower.
const MAX_DEPTH: usize = 1000;

/// A distance that hits carry.
pub struct Distance {
    pub name: Vec<u8>,
    /// Of the vector, in the schema.
    pub field: usize,
    /// Makes it exact, from what a document holds; none where the query's vector has not the field's length.
    pub exact: Option<ExactDistance>,
}

/// The nodes of a query with their depths, without recursion, in the query's order.
pub fn nodes(query: &Query) -> impl Iterator<Item = (&Node, usize)> {
    let mut stack = vec![(&query.root, 1)];
    std::iter::from_fn(move || {
        let (node, depth) = stack.pop()?;
        match &node.kind {
            NodeKind::And(kids) | NodeKind::Or(kids) => stack.extend(kids.iter().rev().map(|kid| (kid, depth + 1))),
            NodeKind::Not(kid) | NodeKind::Optional(kid) => stack.push((kid, depth + 1)),
            _ => {}
        }
        Some((node, depth))
    })
}

/// The query's distances, that of the KNN first.
pub fn distances(state: &State, query: &Query) -> Vec<Distance> {
    let exact = |field: usize, vector: &[u8]| match &state.definition.fields.get(field)?.kind {
        Kind::Vector(options) => ExactDistance::new(options, vector),
        _ => None,
    };
    let knn = query.knn.iter().map(|knn| Distance {
        name: knn.distance.clone(),
        field: knn.field,
        exact: exact(knn.field, &knn.vector),
    });
    let ranges = nodes(query).filter_map(|(node, _)| match &node.kind {
        NodeKind::VectorRange(range) => {
            let name = range.distance.clone()?;
            Some(Distance { name, field: range.field, exact: exact(range.field, &range.vector) })
        }
        _ => None,
    });
    knn.chain(ranges).collect()
}

/// Refuses queries that are too deep, and slop and order over texts that have none.
pub fn verify(state: &State, query: &Query, options: &SearchOptions) -> Result<(), String> {
    let unordered = |field: usize| several(&state.definition.fields[field].path);
    let general = options.slop.is_some_and(|slop| slop >= 0) || options.in_order;
    for (node, depth) in nodes(query) {
        if depth > MAX_DEPTH {
            return Err("Query is nested too deeply".into());
        }
        let asked = general || node.slop.is_some_and(|slop| slop >= 0) || node.in_order.is_some();
        if !matches!(node.kind, NodeKind::And(_) | NodeKind::Phrase { .. }) || !asked || !state.is_json() {
            continue;
        }
        let field = state.texts.iter().map(|text| text.field).find(|field| unordered(*field) && mentions(node, *field));
        if let Some(field) = field {
            let name = String::from_utf8_lossy(&state.definition.fields[field].name).into_owned();
            return Err(format!("slop or inorder cannot be used with field `{name}` with undefined ordering"));
        }
    }
    Ok(())
}

/// Whether words of a part may be in a field.
fn mentions(node: &Node, field: usize) -> bool {
    let own = |node: &Node| match &node.kind {
        NodeKind::Word { fields, .. }
        | NodeKind::Phrase { fields, .. }
        | NodeKind::Affix { fields, .. }
        | NodeKind::Fuzzy { fields, .. }
        | NodeKind::Empty { fields } => match fields {
            Fields::All => true,
            Fields::Of(fields) => fields.contains(&field),
        },
        _ => false,
    };
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        match &node.kind {
            NodeKind::And(kids) | NodeKind::Or(kids) => stack.extend(kids),
            NodeKind::Not(kid) | NodeKind::Optional(kid) => stack.push(kid),
            _ if own(node) => return true,
            _ => {}
        }
    }
    false
}
