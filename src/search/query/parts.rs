//! Parts of a query during parsing, and how they are combined.

use super::{Node, NodeKind};
use crate::search::error::{Error, SYNTAX};

/// Height of the tree at most, so that it may be walked recursively.
const MAX_HEIGHT: usize = 400;

/// A part of a query; its node is None where it consisted of stop words only.
#[derive(Default)]
pub(super) struct Part {
    pub node: Option<Node>,
    /// Its children may become those of the parent.
    pub merges: bool,
    /// A word without anything.
    pub bare: bool,
    /// The word `AND`.
    pub and: bool,
    /// One clause without signs, which a KNN may follow.
    pub single: bool,
    /// Of the node.
    pub height: usize,
}

impl Part {
    pub fn of(node: Node) -> Part {
        Part { node: Some(node), single: true, ..Part::default() }
    }

    pub fn kind(kind: NodeKind) -> Part {
        Part::of(Node::new(kind))
    }

    /// A word; `AND` may turn out to be no more than a habit of query builders.
    pub fn word(node: Option<Node>, and: bool) -> Part {
        Part { node, bare: true, and, single: true, ..Part::default() }
    }
}

/// How nodes become one.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Join {
    And,
    Or,
}

/// The nodes as one part: none, the only one, or all under a parent. `height` is that of the highest.
pub(super) fn joined(mut nodes: Vec<Node>, join: Join, height: usize) -> Result<Part, Error> {
    let kind = match (nodes.len(), join) {
        (0 | 1, _) => return Ok(Part { node: nodes.pop(), height, ..Part::default() }),
        (_, Join::And) => NodeKind::And(nodes),
        (_, Join::Or) => NodeKind::Or(nodes),
    };
    Ok(Part { node: Some(Node::new(kind)), merges: true, height: lower(height + 1)?, ..Part::default() })
}

/// The height, if it is not too much.
pub(super) fn lower(height: usize) -> Result<usize, Error> {
    if height <= MAX_HEIGHT { Ok(height) } else { Err(overflow()) }
}

/// A node under its signs, the first outermost.
pub(super) fn signed(signs: &[u8], node: Node) -> Node {
    signs.iter().rev().fold(node, |node, sign| {
        let inner = Box::new(node);
        Node::new(if *sign == b'-' { NodeKind::Not(inner) } else { NodeKind::Optional(inner) })
    })
}

/// Too many parts within parts.
pub(super) fn overflow() -> Error {
    Error::new(SYNTAX, "Parser stack overflow. Try moving nested parentheses more to the left")
}
