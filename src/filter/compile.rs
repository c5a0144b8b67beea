//! Compiles expressions.

use super::expression::{Binary, Expression, Item, Node};
use super::list::List;
use super::program::{Program, Step};
use crate::attributes::{Field, Fields, Path, Value, array_record};
use std::collections::HashMap;
use std::ops::Range;

impl Expression {
    /// The program for records made with `fields`.
    pub fn compile(&self, fields: &Fields) -> Program {
        let mut compiler = Compiler {
            names: fields,
            steps: Vec::with_capacity(self.nodes.len() + 1),
            indices: HashMap::new(),
            fields: Vec::new(),
            strings: Vec::new(),
            arrays: Vec::new(),
            lists: Vec::new(),
        };
        for part in self.conjuncts() {
            let mut nodes = &self.nodes[part];
            while let [node, rest @ ..] = nodes {
                nodes = match (node, rest) {
                    (Node::Array(items), [Node::Binary(Binary::In), rest @ ..]) => {
                        compiler.lists.push(List::new(items));
                        compiler.steps.push(Step::Among(compiler.lists.len() as u32 - 1));
                        rest
                    }
                    _ => {
                        compiler.node(node);
                        rest
                    }
                };
            }
            compiler.steps.push(Step::Require);
        }
        Program {
            steps: compiler.steps.into(),
            fields: compiler.fields.into(),
            strings: compiler.strings.into(),
            arrays: compiler.arrays.into(),
            lists: compiler.lists.into(),
            depth: self.depth,
        }
    }

    /// The parts that `and` joins to make the whole, from the left.
    fn conjuncts(&self) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let mut open = Vec::new();
        open.push(0..self.nodes.len());
        while let Some(part) = open.pop() {
            let last = part.end - 1;
            if self.nodes[last] == Node::Binary(Binary::And) {
                let right = self.start(last - 1);
                open.push(part.start..right);
                open.push(right..last);
            } else {
                parts.push(part);
            }
        }
        parts.reverse();
        parts
    }
}

struct Compiler<'a> {
    names: &'a Fields,
    steps: Vec<Step>,
    indices: HashMap<&'a Path, u16>,
    fields: Vec<Field>,
    strings: Vec<Box<[u8]>>,
    arrays: Vec<Box<[u8]>>,
    lists: Vec<List>,
}

impl<'a> Compiler<'a> {
    fn node(&mut self, node: &'a Node) {
        let step = match node {
            // What was never bound is nothing.
            Node::Null | Node::Parameter(_) => Step::Null,
            Node::Number(number) => Step::Number(*number),
            Node::String(string) => {
                self.strings.push(string.clone());
                Step::String(self.strings.len() as u32 - 1)
            }
            Node::Array(items) => {
                self.arrays.push(literal(items));
                Step::Array(self.arrays.len() as u32 - 1)
            }
            Node::Field(path) if path.is_empty() => Step::Never,
            Node::Field(path) => Step::Field(self.field(path)),
            Node::Exists(path) => Step::Exists(self.field(path)),
            Node::Not => Step::Not,
            Node::Binary(binary) => self.fused(*binary).unwrap_or(Step::Binary(*binary)),
            Node::Call(function) => Step::Call(*function),
        };
        self.steps.push(step);
    }

    /// Takes back a field and a literal if one step can compare them.
    fn fused(&mut self, binary: Binary) -> Option<Step> {
        let Binary::Compare(comparison) = binary else {
            return None;
        };
        let &[.., Step::Field(field), literal] = &self.steps[..] else {
            return None;
        };
        let step = match literal {
            Step::Number(number) => Step::CompareNumber(comparison, field, number),
            Step::String(string) => Step::CompareString(comparison, field, string),
            _ => return None,
        };
        self.steps.truncate(self.steps.len() - 2);
        Some(step)
    }

    fn field(&mut self, path: &'a Path) -> u16 {
        // A text of 64 KB has no more fields than these indices can number.
        let next = self.fields.len() as u16;
        let index = *self.indices.entry(path).or_insert(next);
        if index == next {
            self.fields.push(Field::new(path.clone(), self.names));
        }
        index
    }
}

fn literal(items: &[Item]) -> Box<[u8]> {
    let values: Vec<Value> = items
        .iter()
        .map(|item| match item {
            Item::Number(number) => Value::Number(*number),
            Item::String(string) => Value::String(string),
            Item::Parameter(_) => Value::Null,
        })
        .collect();
    array_record(&values).into()
}
