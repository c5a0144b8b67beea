//! `=>{ $name: value; … }` behind a clause.

use super::lexer::{Kind, Token, unescape};
use super::parser::Parser;
use super::vector::VectorAttributes;
use super::{Node, NodeKind};
use crate::search::error::{Error, OPTION_INVALID, VALUE_BAD};

/// A name as written and its value.
pub(super) struct Attribute {
    pub name: Vec<u8>,
    pub value: Vec<u8>,
}

impl Parser<'_> {
    /// Reads an arrow and the attributes in braces behind it.
    pub fn attributes(&mut self) -> Result<Vec<Attribute>, Error> {
        self.at += 1;
        self.expect(b'{')?;
        let mut attributes = Vec::new();
        while self.peek() != Some(Kind::Mark(b'}')) {
            if self.peek() != Some(Kind::Param) {
                return Err(self.syntax());
            }
            let name = self.next_token();
            let name = unescape(&self.text[name.start + 1..name.end]);
            self.expect(b':')?;
            let value = self.attribute_value()?;
            attributes.push(Attribute { name, value });
            if !self.take(b';') && self.peek() != Some(Kind::Mark(b'}')) {
                return Err(self.syntax());
            }
        }
        self.expect(b'}')?;
        Ok(attributes)
    }

    fn attribute_value(&mut self) -> Result<Vec<u8>, Error> {
        match self.peek() {
            Some(Kind::Quoted) => {
                let token = self.next_token();
                Ok(unescape(&self.text[token.start + 1..token.end - 1]))
            }
            _ => self.plain_value(),
        }
    }

    /// A word, a number or a parameter's value.
    pub fn plain_value(&mut self) -> Result<Vec<u8>, Error> {
        match self.peek() {
            Some(Kind::Term | Kind::Size | Kind::Number | Kind::As | Kind::Inf | Kind::IsMissing) => {
                let Token { start, end, .. } = self.next_token();
                Ok(unescape(&self.text[start..end]))
            }
            Some(Kind::Param) => {
                let token = self.next_token();
                Ok(self.param_of(token)?.to_vec())
            }
            _ => Err(self.syntax()),
        }
    }

    /// Gives a clause its attributes.
    pub fn apply(&mut self, attributes: Vec<Attribute>, node: &mut Node) -> Result<(), Error> {
        if let NodeKind::VectorRange(range) = &mut node.kind {
            let mut read = VectorAttributes::of_range(self.context.definition, range.field);
            for attribute in attributes {
                read.brace(&attribute)?;
            }
            range.epsilon = read.epsilon;
            range.distance = read.distance();
            if let Some(name) = range.distance.clone() {
                self.name_distance(name)?;
            }
            return Ok(());
        }
        for attribute in attributes {
            self.apply_one(&attribute, node)?;
        }
        Ok(())
    }

    fn apply_one(&self, Attribute { name, value }: &Attribute, node: &mut Node) -> Result<(), Error> {
        let text = std::str::from_utf8(value).ok();
        let bad = || Error::quoting(VALUE_BAD, "Invalid value (%) for `%`", &[value, name]);
        match &name.to_ascii_lowercase()[..] {
            b"weight" => node.weight = weight(value).ok_or_else(bad)?,
            b"slop" => {
                let slop: i64 = text.and_then(|text| text.parse().ok()).filter(|slop| *slop >= -1).ok_or_else(bad)?;
                node.slop = Some(slop).filter(|slop| *slop >= 0);
            }
            b"inorder" => node.in_order = Some(truth(value).ok_or_else(bad)?),
            b"phonetic" => node.phonetic = Some(truth(value).ok_or_else(bad)?),
            _ => return Err(invalid(name)),
        }
        Ok(())
    }
}

pub(super) fn invalid(name: &[u8]) -> Error {
    Error::quoting(OPTION_INVALID, "Invalid attribute %", &[name])
}

/// A weight, not negative and not infinite.
pub(super) fn weight(value: &[u8]) -> Option<f64> {
    crate::search::number::parse_number(value).filter(|weight| *weight >= 0.0 && weight.is_finite())
}

fn truth(value: &[u8]) -> Option<bool> {
    match &value.to_ascii_lowercase()[..] {
        b"true" | b"1" => Some(true),
        b"false" | b"0" => Some(false),
        _ => None,
    }
}
