//! A parsed expression: its operands and operators in the order in which they are evaluated.
//!
//! Postfix order needs no boxes and no recursion: parsing, printing and compiling are loops, so a
//! deep expression cannot exhaust the stack.

use super::MAX_TEXT;
use crate::attributes::Path;

/// A parsed expression. Printing it gives text that parses to the same expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    pub(super) nodes: Vec<Node>,
    /// The most values that are held at once.
    pub(super) depth: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Number(f64),
    String(Box<[u8]>),
    Array(Box<[Item]>),
    /// The value of a field; with an empty path, the lone dot, which never has one.
    Field(Path),
    Exists(Path),
    Not,
    Binary(Binary),
    Call(Function),
    /// A parameter: see [`Expression::bind`].
    Parameter(Box<[u8]>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Number(f64),
    String(Box<[u8]>),
    Parameter(Box<[u8]>),
}

/// Why parameters were not put into their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadParameter {
    /// The one of this name has no value.
    Unknown(Box<[u8]>),
    /// The values are too long.
    TooLong,
}

impl Expression {
    /// The expression with strings in the places of its parameters, whose values `value` knows by name. A string
    /// is a number where it is compared with one, so these are all that is needed; and they are never syntax.
    ///
    /// # Errors
    /// If a parameter has no value, or the values take more than [`MAX_TEXT`] bytes in all their places.
    pub fn bind<'v>(mut self, value: impl Fn(&[u8]) -> Option<&'v [u8]>) -> Result<Expression, BadParameter> {
        let mut room = MAX_TEXT;
        let mut string = |name: &mut Box<[u8]>| {
            let value = value(name).ok_or_else(|| BadParameter::Unknown(std::mem::take(name)))?;
            room = room.checked_sub(value.len()).ok_or(BadParameter::TooLong)?;
            Ok(value.into())
        };
        for node in &mut self.nodes {
            match node {
                Node::Parameter(name) => *node = Node::String(string(name)?),
                Node::Array(items) => {
                    for item in items {
                        if let Item::Parameter(name) = item {
                            *item = Item::String(string(name)?);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Power,
    Multiply,
    Divide,
    Remainder,
    Add,
    Subtract,
    Compare(Comparison),
    In,
    And,
    Or,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

/// The functions whose arguments are values. (`exists` is not among them: its argument is a field.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Contains,
    StartsWith,
    EndsWith,
    GeoDist,
}

impl Binary {
    /// The higher, the tighter.
    pub fn precedence(self) -> u8 {
        match self {
            Binary::Power => 5,
            Binary::Multiply | Binary::Divide | Binary::Remainder => 4,
            Binary::Add | Binary::Subtract => 3,
            Binary::Compare(_) | Binary::In => 2,
            Binary::And => 1,
            Binary::Or => 0,
        }
    }

    /// Whether of two operators of one precedence the left one binds first.
    pub fn left_first(self) -> bool {
        self != Binary::Power
    }

    pub fn symbol(self) -> &'static str {
        match self {
            Binary::Power => "**",
            Binary::Multiply => "*",
            Binary::Divide => "/",
            Binary::Remainder => "%",
            Binary::Add => "+",
            Binary::Subtract => "-",
            Binary::Compare(Comparison::Less) => "<",
            Binary::Compare(Comparison::LessOrEqual) => "<=",
            Binary::Compare(Comparison::Greater) => ">",
            Binary::Compare(Comparison::GreaterOrEqual) => ">=",
            Binary::Compare(Comparison::Equal) => "==",
            Binary::Compare(Comparison::NotEqual) => "!=",
            Binary::In => "in",
            Binary::And => "and",
            Binary::Or => "or",
        }
    }
}

impl Function {
    pub fn name(self) -> &'static str {
        match self {
            Function::Contains => "contains",
            Function::StartsWith => "startswith",
            Function::EndsWith => "endswith",
            Function::GeoDist => "geodist",
        }
    }

    pub fn arguments(self) -> usize {
        match self {
            Function::GeoDist => 3,
            _ => 2,
        }
    }
}

impl Node {
    /// How many values the node pops from the stack. Each pushes one.
    pub fn operands(&self) -> usize {
        match self {
            Node::Not => 1,
            Node::Binary(_) => 2,
            Node::Call(function) => function.arguments(),
            _ => 0,
        }
    }
}

impl Expression {
    /// Its parts, items of literal arrays among them: what printing and comparing it costs.
    pub fn weight(&self) -> usize {
        let parts = self.nodes.iter().map(|node| match node {
            Node::Array(items) => 1 + items.len(),
            _ => 1,
        });
        parts.sum()
    }

    /// Where the part starts whose last node is at `end`.
    pub(super) fn start(&self, end: usize) -> usize {
        let mut at = end;
        let mut wanted = self.nodes[at].operands();
        while wanted > 0 {
            at -= 1;
            wanted += self.nodes[at].operands();
            wanted -= 1;
        }
        at
    }
}
