//! Checks that need the whole query.

use super::{Context, Fields, Node, NodeKind};
use crate::search::error::{Error, QUERY_BAD};
use crate::search::schema::{Definition, Kind, Source};

/// Order and nearness of words mean nothing in a field of several values whose order is not fixed, and fields that are named
/// for words to be found by their sound must keep sounds. Each node is looked at once, however deep those stand that ask.
pub(super) fn whole(root: &Node, context: &Context) -> Result<(), Error> {
    let Context { definition, ordered, .. } = *context;
    let is_json = definition.source == Source::Json;
    let unordered = definition.fields.iter().map(|field| is_json && is_unordered(field)).collect();
    Check { definition, ordered, unordered }.node(root, Asked { nearness: false, sound: false })
}

struct Check<'a> {
    definition: &'a Definition,
    ordered: bool,
    /// Of each field of the schema.
    unordered: Vec<bool>,
}

/// What parts around a node ask of the words in it.
#[derive(Clone, Copy)]
struct Asked {
    nearness: bool,
    sound: bool,
}

impl Check<'_> {
    /// Recursion is as deep as the tree, which is bounded.
    fn node(&self, node: &Node, around: Asked) -> Result<(), Error> {
        let together = matches!(node.kind, NodeKind::And(_) | NodeKind::Phrase { .. });
        let near = self.ordered || node.slop.is_some() || node.in_order.is_some();
        let asked =
            Asked { nearness: around.nearness || together && near, sound: around.sound || node.phonetic == Some(true) };
        match &node.kind {
            NodeKind::Word { fields, .. }
            | NodeKind::Phrase { fields, .. }
            | NodeKind::Affix { fields, .. }
            | NodeKind::Fuzzy { fields, .. }
            | NodeKind::Empty { fields } => self.fields(fields, asked),
            NodeKind::And(nodes) | NodeKind::Or(nodes) => nodes.iter().try_for_each(|node| self.node(node, asked)),
            NodeKind::Not(node) | NodeKind::Optional(node) => self.node(node, asked),
            _ => Ok(()),
        }
    }

    fn fields(&self, fields: &Fields, asked: Asked) -> Result<(), Error> {
        let all = &self.definition.fields;
        let refuse = |text, field: usize| Err(Error::quoting(QUERY_BAD, text, &[&all[field].name]));
        if let (true, Some(field)) = (asked.nearness, self.first_unordered(fields)) {
            return refuse("slop/inorder are not supported for field `%` with undefined ordering", field);
        }
        let silent = |field: &usize| !matches!(&all[*field].kind, Kind::Text { phonetic: Some(_), .. });
        match fields {
            Fields::Of(fields) if asked.sound => match fields.iter().copied().find(silent) {
                Some(field) => refuse("field `%` does not support phonetics", field),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn first_unordered(&self, fields: &Fields) -> Option<usize> {
        match fields {
            Fields::All => self.unordered.iter().position(|unordered| *unordered),
            Fields::Of(fields) => fields.iter().copied().find(|field| self.unordered[*field]),
        }
    }
}

/// Whether a TEXT field's path can yield several values.
fn is_unordered(field: &crate::search::schema::Field) -> bool {
    let path = &field.path;
    let several = path.windows(2).any(|pair| pair == b"..") || path.iter().any(|byte| b"*:?,".contains(byte));
    matches!(field.kind, Kind::Text { .. }) && path.starts_with(b"$") && several
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
