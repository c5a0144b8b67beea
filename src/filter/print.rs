//! Prints expressions with no more parentheses than needed.

use super::expression::{Expression, Item, Node};
use super::lexer::is_key_byte;
use crate::attributes::Path;
use std::fmt::{self, Write as _};

/// What is still to be printed, the next last.
enum Piece {
    /// The part whose last node is at this index.
    Part(usize),
    Text(&'static str),
}

impl Expression {
    /// Text that parses to this expression. Strings are bytes; so is this.
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut rest = vec![Piece::Part(self.nodes.len() - 1)];
        while let Some(piece) = rest.pop() {
            match piece {
                Piece::Text(piece) => text.extend_from_slice(piece.as_bytes()),
                Piece::Part(at) => self.part(at, &mut text, &mut rest),
            }
        }
        text
    }

    fn part(&self, at: usize, text: &mut Vec<u8>, rest: &mut Vec<Piece>) {
        match &self.nodes[at] {
            Node::Not => {
                text.push(b'!');
                let grouped = matches!(self.nodes[at - 1], Node::Binary(_));
                group(rest, at - 1, grouped);
            }
            Node::Binary(binary) => {
                let (left, right) = (self.start(at - 1) - 1, at - 1);
                let looser = |side: usize, same: bool| match self.nodes[side] {
                    Node::Binary(other) if other.precedence() == binary.precedence() => same,
                    Node::Binary(other) => other.precedence() < binary.precedence(),
                    _ => false,
                };
                group(rest, right, looser(right, binary.left_first()));
                rest.extend([" ", binary.symbol(), " "].map(Piece::Text));
                group(rest, left, looser(left, !binary.left_first()));
            }
            Node::Call(function) => {
                text.extend_from_slice(function.name().as_bytes());
                text.push(b'(');
                rest.push(Piece::Text(")"));
                let mut argument = at;
                for left in (0..function.arguments()).rev() {
                    let end = argument - 1;
                    rest.push(Piece::Part(end));
                    if left > 0 {
                        rest.push(Piece::Text(", "));
                    }
                    argument = self.start(end);
                }
            }
            leaf => operand(leaf, text),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_text()))
    }
}

fn group(rest: &mut Vec<Piece>, part: usize, grouped: bool) {
    if grouped {
        rest.extend([Piece::Text(")"), Piece::Part(part), Piece::Text("(")]);
    } else {
        rest.push(Piece::Part(part));
    }
}

fn operand(node: &Node, text: &mut Vec<u8>) {
    match node {
        Node::Number(value) => number(*value, text),
        Node::String(value) => string(value, text),
        Node::Array(items) => array(items, text),
        Node::Field(path) => field(path, text),
        Node::Parameter(name) => parameter(name, text),
        Node::Exists(path) => {
            text.extend_from_slice(b"exists(");
            field(path, text);
            text.push(b')');
        }
        // Operators are not printed here.
        _ => text.extend_from_slice(b"null"),
    }
}

fn parameter(name: &[u8], text: &mut Vec<u8>) {
    text.push(b'$');
    text.extend_from_slice(name);
}

fn number(value: f64, text: &mut Vec<u8>) {
    if value.is_infinite() {
        // As good as any number that is too large.
        text.extend_from_slice(if value < 0.0 { b"-1e999" } else { b"1e999" });
        return;
    }
    // The debug form takes an exponent before it takes hundreds of digits.
    let mut digits = String::new();
    let _ = write!(digits, "{value:?}");
    text.extend_from_slice(digits.strip_suffix(".0").unwrap_or(&digits).as_bytes());
}

fn string(value: &[u8], text: &mut Vec<u8>) {
    // It came in quotes that it does not end; in one kind or the other, it still can.
    let quote = if ends(value, b'"') { b'\'' } else { b'"' };
    text.push(quote);
    text.extend_from_slice(value);
    text.push(quote);
}

/// Whether `quote` occurs without a backslash before it.
fn ends(string: &[u8], quote: u8) -> bool {
    let mut bytes = string.iter();
    while let Some(&byte) = bytes.next() {
        if byte == quote {
            return true;
        }
        if byte == b'\\' {
            bytes.next();
        }
    }
    false
}

fn array(items: &[Item], text: &mut Vec<u8>) {
    text.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.extend_from_slice(b", ");
        }
        match item {
            Item::Number(value) => number(*value, text),
            Item::String(value) => string(value, text),
            Item::Parameter(name) => parameter(name, text),
        }
    }
    text.push(b']');
}

fn field(path: &Path, text: &mut Vec<u8>) {
    if path.is_empty() {
        text.push(b'.');
    }
    for key in path.keys() {
        text.push(b'.');
        if !key.is_empty() && key.iter().all(|&b| is_key_byte(b)) {
            text.extend_from_slice(key);
            continue;
        }
        text.push(b'"');
        for &byte in key {
            if matches!(byte, b'"' | b'\\') {
                text.push(b'\\');
            }
            text.push(byte);
        }
        text.push(b'"');
    }
}
