//! Tokens to a tree. Chains of one operator become lists; parentheses, calls and negations nest, within a bound.

use std::collections::HashMap;

use super::function::Function;
use super::lexer::{Kind, Token, tokens};
use super::tree::{Arithmetic, Comparison, Node};
use crate::search::error::{EXPR, Error};

/// Parentheses, calls and negations within each other at most.
const MAX_DEPTH: usize = 100;
/// Bytes of an expression at most, and tokens: it is read on the thread that answers everybody, and that of an index is
/// evaluated there for each document.
const MAX_TEXT: usize = 4 << 20;
const MAX_TOKENS: usize = 200_000;

/// Reads an expression: its tree and the names of its properties.
pub(super) fn parse(text: &[u8]) -> Result<(Node, Vec<Vec<u8>>), Error> {
    let too_long = || Error::new(EXPR, "Expression is too long");
    if text.len() > MAX_TEXT {
        return Err(too_long());
    }
    let tokens = tokens(text);
    if tokens.len() > MAX_TOKENS {
        return Err(too_long());
    }
    let mut parser = Parser { text, tokens, at: 0, depth: 0, properties: Vec::new(), positions: HashMap::new() };
    let root = parser.or()?;
    match parser.at == parser.tokens.len() {
        true => Ok((root, parser.properties)),
        false => Err(parser.syntax()),
    }
}

struct Parser<'a> {
    text: &'a [u8],
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    properties: Vec<Vec<u8>>,
    /// The index of each name in them.
    positions: HashMap<Vec<u8>, usize>,
}

impl Parser<'_> {
    fn sign(&self) -> Option<&'static str> {
        match self.tokens.get(self.at) {
            Some(Token { kind: Kind::Sign(sign), .. }) => Some(sign),
            _ => None,
        }
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self.sign() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<Node, Error> {
        let first = self.and()?;
        let mut nodes = vec![first];
        while self.take("||") {
            nodes.push(self.and()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Or(nodes) })
    }

    fn and(&mut self) -> Result<Node, Error> {
        let first = self.not()?;
        let mut nodes = vec![first];
        while self.take("&&") {
            nodes.push(self.not()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::And(nodes) })
    }

    /// `!` applies to the whole comparison behind it.
    fn not(&mut self) -> Result<Node, Error> {
        let mut negations = 0;
        while self.take("!") {
            negations += 1;
        }
        let node = self.comparison()?;
        // Two of them make a truth value of any value; more change nothing.
        let needed = if negations > 2 { 2 - negations % 2 } else { negations };
        Ok((0..needed).fold(node, |node, _| Node::Not(Box::new(node))))
    }

    fn comparison(&mut self) -> Result<Node, Error> {
        let left = self.sum()?;
        let comparison = match self.sign() {
            Some("==") => Comparison::Equal,
            Some("!=") => Comparison::NotEqual,
            Some("<") => Comparison::Less,
            Some("<=") => Comparison::LessEqual,
            Some(">") => Comparison::Greater,
            Some(">=") => Comparison::GreaterEqual,
            _ => return Ok(left),
        };
        self.at += 1;
        let right = self.sum()?;
        Ok(Node::Compare(comparison, Box::new((left, right))))
    }

    fn sum(&mut self) -> Result<Node, Error> {
        self.chain(Parser::product, |sign| match sign {
            "+" => Some(Arithmetic::Add),
            "-" => Some(Arithmetic::Subtract),
            _ => None,
        })
    }

    fn product(&mut self) -> Result<Node, Error> {
        self.chain(Parser::power, |sign| match sign {
            "*" => Some(Arithmetic::Multiply),
            "/" => Some(Arithmetic::Divide),
            "%" => Some(Arithmetic::Remainder),
            _ => None,
        })
    }

    fn chain(
        &mut self,
        operand: fn(&mut Self) -> Result<Node, Error>,
        operator: fn(&str) -> Option<Arithmetic>,
    ) -> Result<Node, Error> {
        let first = operand(self)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.sign().and_then(operator) {
            self.at += 1;
            rest.push((operator, operand(self)?));
        }
        Ok(if rest.is_empty() { first } else { Node::Chain(Box::new(first), rest) })
    }

    fn power(&mut self) -> Result<Node, Error> {
        let mut nodes = vec![self.primary()?];
        while self.take("^") {
            nodes.push(self.primary()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Power(nodes) })
    }

    fn primary(&mut self) -> Result<Node, Error> {
        let Some(Token { kind, .. }) = self.tokens.get(self.at).cloned() else { return Err(self.syntax()) };
        match kind {
            Kind::Number(number) => self.leaf(Node::Number(number)),
            Kind::Text(text) => self.leaf(Node::Text(text.into())),
            Kind::Property(name) => {
                let position = self.property(name);
                self.leaf(Node::Property(position))
            }
            Kind::Word(word) => self.word(&word),
            Kind::Sign("(") => {
                self.at += 1;
                let inner = self.nested(Parser::or)?;
                self.close()?;
                Ok(inner)
            }
            _ => Err(self.syntax()),
        }
    }

    fn leaf(&mut self, node: Node) -> Result<Node, Error> {
        self.at += 1;
        Ok(node)
    }

    fn property(&mut self, name: Vec<u8>) -> usize {
        *self.positions.entry(name).or_insert_with_key(|name| {
            self.properties.push(name.clone());
            self.properties.len() - 1
        })
    }

    /// NULL, or a function with its arguments.
    fn word(&mut self, word: &[u8]) -> Result<Node, Error> {
        self.at += 1;
        if !self.take("(") {
            return match word {
                b"NULL" => Ok(Node::Null),
                _ => Err(Error::quoting(EXPR, "Unknown symbol '%'", &[word])),
            };
        }
        let function = Function::named(word);
        let function = function.ok_or_else(|| Error::quoting(EXPR, "Unknown function name '%'", &[word]))?;
        let mut arguments = Vec::new();
        if !self.take(")") {
            arguments.push(self.nested(Parser::or)?);
            while self.take(",") {
                arguments.push(self.nested(Parser::or)?);
            }
            self.close()?;
        }
        function.check_count(arguments.len())?;
        Ok(Node::Call(function, arguments))
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Node, Error>) -> Result<Node, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::new(EXPR, "Expression is nested too deeply"));
        }
        let node = read(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn close(&mut self) -> Result<(), Error> {
        if self.take(")") { Ok(()) } else { Err(self.syntax()) }
    }

    /// The error for an unexpected token; for an expression that ends too early it is at the last token.
    fn syntax(&self) -> Error {
        let wrong = self.at.min(self.tokens.len().saturating_sub(1));
        let offset = self.tokens.get(wrong).map_or(0, |token| token.start).to_string();
        let read = &self.tokens[..self.tokens.len().min(wrong + 1)];
        let shown = read.iter().rev().find(|token| !token.shown.is_empty());
        let near = shown.map_or(&b""[..], |token| &self.text[token.shown.clone()]);
        Error::quoting(EXPR, "Syntax error at offset % near '%'", &[offset.as_bytes(), near])
    }
}
