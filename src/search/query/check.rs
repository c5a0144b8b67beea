//! What can be checked only once a query is whole.

use super::{Context, Fields, Node, NodeKind};
use crate::search::error::{Error, QUERY_BAD};
use crate::search::schema::{Definition, Kind, Source};

/// Order and nearness of words mean nothing in a field of several values whose order is not fixed.
pub(super) fn ordered(node: &Node, context: &Context) -> Result<(), Error> {
    let definition = context.definition;
    if definition.source == Source::Hash || !definition.fields.iter().any(is_unordered) {
        return Ok(());
    }
    walk(node, &mut |node| {
        let asked = context.ordered || node.slop.is_some() || node.in_order.is_some();
        if !asked || !matches!(node.kind, NodeKind::And(_) | NodeKind::Phrase { .. }) {
            return Ok(());
        }
        let mut wrong = None;
        text_fields(node, &mut |fields| wrong = wrong.or(unordered(fields, definition)));
        match wrong {
            Some(field) => {
                let text = "slop/inorder are not supported for field `%` with undefined ordering";
                Err(Error::quoting(QUERY_BAD, text, &[&definition.fields[field].name]))
            }
            None => Ok(()),
        }
    })
}

fn unordered(fields: &Fields, definition: &Definition) -> Option<usize> {
    match fields {
        Fields::All => definition.fields.iter().position(is_unordered),
        Fields::Of(fields) => fields.iter().copied().find(|field| is_unordered(&definition.fields[*field])),
    }
}

/// Whether a TEXT field's path can yield several values.
fn is_unordered(field: &crate::search::schema::Field) -> bool {
    let path = &field.path;
    let several = path.windows(2).any(|pair| pair == b"..") || path.iter().any(|byte| b"*:?,".contains(byte));
    matches!(field.kind, Kind::Text { .. }) && path.starts_with(b"$") && several
}

fn walk(node: &Node, visit: &mut dyn FnMut(&Node) -> Result<(), Error>) -> Result<(), Error> {
    visit(node)?;
    match &node.kind {
        NodeKind::And(nodes) | NodeKind::Or(nodes) => nodes.iter().try_for_each(|node| walk(node, visit)),
        NodeKind::Not(node) | NodeKind::Optional(node) => walk(node, visit),
        _ => Ok(()),
    }
}

/// Visits the fields of all text in a part of a query.
pub(super) fn text_fields(node: &Node, visit: &mut dyn FnMut(&Fields)) {
    match &node.kind {
        NodeKind::Word { fields, .. }
        | NodeKind::Phrase { fields, .. }
        | NodeKind::Affix { fields, .. }
        | NodeKind::Fuzzy { fields, .. }
        | NodeKind::Empty { fields } => visit(fields),
        NodeKind::And(nodes) | NodeKind::Or(nodes) => nodes.iter().for_each(|node| text_fields(node, visit)),
        NodeKind::Not(node) | NodeKind::Optional(node) => text_fields(node, visit),
        _ => {}
    }
}

/// Whether a part of a query asks for a vector's neighbourhood.
pub fn has_vector_range(node: &Node) -> bool {
    match &node.kind {
        NodeKind::VectorRange(_) => true,
        NodeKind::And(nodes) | NodeKind::Or(nodes) => nodes.iter().any(has_vector_range),
        NodeKind::Not(node) | NodeKind::Optional(node) => has_vector_range(node),
        _ => false,
    }
}
