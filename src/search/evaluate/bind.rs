//! What is verified and recorded of a query when it is bound to a snapshot.

use crate::search::index::{ExactDistance, State};
use crate::search::query::{Node, NodeKind, Query};
use crate::search::schema::Kind;

/// Maximum nesting of a query; the parser's own limit is lower.
const MAX_DEPTH: usize = 1000;

/// A distance that hits have.
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

/// Names of a query's distances ([`super::Hit::distances`]): that of the KNN first, then those of ranges that have a name,
/// in the query's order.
pub fn distance_names(query: &Query) -> Vec<Vec<u8>> {
    let ranges = nodes(query).filter_map(|(node, _)| match &node.kind {
        NodeKind::VectorRange(range) => range.distance.clone(),
        _ => None,
    });
    query.knn.iter().map(|knn| knn.distance.clone()).chain(ranges).collect()
}

/// Refuses queries that are too deep to be walked recursively.
pub fn verify(query: &Query) -> Result<(), String> {
    match nodes(query).all(|(_, depth)| depth <= MAX_DEPTH) {
        true => Ok(()),
        false => Err("Query is nested too deeply".into()),
    }
}
