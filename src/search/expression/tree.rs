//! The tree of an expression. Chains are lists: `1+2-3` is one node.

use std::sync::Arc;

use super::function::Function;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Number(f64),
    Text(Arc<[u8]>),
    Null,
    /// Position among the expression's properties.
    Property(usize),
    Or(Vec<Node>),
    And(Vec<Node>),
    Not(Box<Node>),
    Compare(Comparison, Box<(Node, Node)>),
    /// The first operand, then operators and operands from left to right, all of one rank.
    Chain(Box<Node>, Vec<(Arithmetic, Node)>),
    /// From right to left.
    Power(Vec<Node>),
    Call(&'static Function, Vec<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}
