//! Clauses on TAG, NUMERIC, GEO and GEOSHAPE fields.

use std::sync::Arc;

use super::lexer::{Kind, Operator, Token, unescape};
use super::parser::Parser;
use super::parts::Part;
use super::words::not_indexed_empty;
use super::{Bound, GeoUnit, Node, NodeKind, TagValue};
use crate::search::error::{Error, NUMERIC_VALUE_INVALID, PARSE_ARGS, SYNTAX, VALUE_BAD};
use crate::search::number::parse_number;
use crate::search::schema;
use crate::search::shape::{Predicate, Shape};

/// A number that stands in the query or in a parameter.
#[derive(Clone, Copy)]
pub(super) struct Number {
    negative: bool,
    token: Token,
}

impl Parser<'_> {
    /// `{ value | value }`
    pub fn tags(&mut self, name: Token) -> Result<Part, Error> {
        self.at += 1;
        let mut values = vec![self.tag_value()?];
        while self.take(b'|') {
            values.push(self.tag_value()?);
        }
        self.expect(b'}')?;
        while self.context.dialect == 1 && self.take(b'}') {}
        let found = self.field(name, "TAG", |kind| matches!(kind, schema::Kind::Tag { .. }))?;
        let Some(field) = found else { return Ok(Part::kind(NodeKind::Nothing)) };
        let options = &self.context.definition.fields[field];
        let asks_empty = values.iter().any(|value| matches!(value, TagValue::Exact(value) if value.is_empty()));
        if asks_empty && !options.index_empty {
            return Err(not_indexed_empty());
        }
        if options.no_index {
            return Ok(Part::kind(NodeKind::Nothing));
        }
        Ok(Part::kind(NodeKind::Tag { field, values }))
    }

    fn tag_value(&mut self) -> Result<TagValue, Error> {
        if let Some(affix) = self.affix()? {
            return Ok(TagValue::Affix(affix));
        }
        if self.peek() == Some(Kind::Empty) && self.context.dialect > 1 {
            self.at += 1;
            return Ok(TagValue::Exact(Vec::new()));
        }
        let mut value = self.tag_word()?.ok_or_else(|| self.syntax())?;
        while let Some(word) = self.tag_word()? {
            value.push(b' ');
            value.extend_from_slice(&word);
        }
        Ok(TagValue::Exact(value))
    }

    fn tag_word(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some(token) = self.tokens.get(self.at).copied() else { return Ok(None) };
        let text = &self.text[token.start..token.end];
        let old = self.context.dialect == 1;
        let word = match token.kind {
            Kind::Size | Kind::Number => text.to_vec(),
            Kind::Term | Kind::As | Kind::Inf | Kind::IsMissing => {
                let word = unescape(text);
                if old && self.is_stop_word(&word.to_ascii_lowercase()) {
                    return Err(self.syntax());
                }
                word
            }
            Kind::Param if !old => self.param_of(token)?.to_vec(),
            Kind::Quoted if !old => unescape(&text[1..text.len() - 1]),
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(word))
    }

    /// `[ … ]`: numbers, a circle, a vector's neighbourhood.
    pub fn range(&mut self, name: Token) -> Result<Part, Error> {
        self.at += 1;
        if self.peek() == Some(Kind::Term) {
            return self.named_range(name);
        }
        let first = self.bound()?;
        if !first.1 && self.context.dialect > 1 && self.take(b']') {
            return self.numeric(name, first, first);
        }
        let second = self.bound()?;
        if self.take(b']') {
            return self.numeric(name, first, second);
        }
        match (first, second) {
            ((lon, false), (lat, false)) => self.circle(name, lon, lat),
            _ => Err(self.syntax()),
        }
    }

    /// A range that begins with a word.
    fn named_range(&mut self, name: Token) -> Result<Part, Error> {
        let token = self.tokens[self.at];
        let word = self.text[token.start..token.end].to_ascii_uppercase();
        if word == b"VECTOR_RANGE" {
            return self.vector_range(name);
        }
        let value = matches!(self.peek_at(1), Some(Kind::Size | Kind::Number | Kind::Param | Kind::Inf));
        if value && self.peek_at(2) == Some(Kind::Param) {
            return Err(Error::new(SYNTAX, "Syntax error: Expecting vector similarity range command"));
        }
        match Predicate::named(&word).filter(|_| self.peek_at(1) == Some(Kind::Param)) {
            Some(predicate) => self.shape(name, predicate),
            None => Err(self.syntax()),
        }
    }

    /// `[WITHIN $shape]` from the predicate on.
    fn shape(&mut self, name: Token, predicate: Predicate) -> Result<Part, Error> {
        self.at += 1;
        let parameter = self.next_token();
        self.expect(b']')?;
        let found = self.field(name, "GEOSHAPE", |kind| matches!(kind, schema::Kind::GeoShape { .. }))?;
        let Some(field) = found else { return Ok(Part::kind(NodeKind::Nothing)) };
        let text = self.param_of(parameter)?;
        let options = &self.context.definition.fields[field];
        let schema::Kind::GeoShape { coordinates } = options.kind else { return Err(self.syntax()) };
        // Its numbers take longer to be read than the letters of words.
        self.spend(2 * text.len())?;
        let shape = Shape::read(text, coordinates);
        let shape = shape.map_err(|why| Error::new(VALUE_BAD, format!("Error parsing geoshape: {why}")))?;
        if options.no_index {
            return Ok(Part::kind(NodeKind::Nothing));
        }
        let parameter = self.text[parameter.start + 1..parameter.end].to_vec();
        Ok(Part::kind(NodeKind::GeoShape { field, predicate, shape: Arc::new(shape), parameter }))
    }

    /// A number, and whether a parenthesis excludes it.
    fn bound(&mut self) -> Result<(Number, bool), Error> {
        let exclusive = self.take(b'(');
        Ok((self.value()?, exclusive))
    }

    pub fn value(&mut self) -> Result<Number, Error> {
        let negative = self.take(b'-');
        match self.peek() {
            Some(Kind::Param) if self.context.dialect == 1 => Err(self.syntax()),
            Some(Kind::Size | Kind::Number | Kind::Inf | Kind::Param) => {
                Ok(Number { negative, token: self.next_token() })
            }
            _ => Err(self.syntax()),
        }
    }

    /// A bound; a parameter's value may bring the parenthesis along.
    fn range_bound(&self, (number, exclusive): (Number, bool), text: &str) -> Result<Bound, Error> {
        let wrong = match self.number_or_text(number)? {
            Ok(value) => return Ok(Bound { value, exclusive }),
            Err(wrong) => wrong,
        };
        let sign = if number.negative { -1.0 } else { 1.0 };
        match wrong.strip_prefix(b"(").and_then(parse_number) {
            Some(value) => Ok(Bound { value: value * sign, exclusive: true }),
            None => Err(Error::quoting(PARSE_ARGS, text, &[&wrong])),
        }
    }

    /// The number, or what the parameter holds instead of one.
    fn number_or_text(&self, number: Number) -> Result<Result<f64, Vec<u8>>, Error> {
        let text = match number.token.kind {
            Kind::Param => self.param_of(number.token)?,
            _ => &self.text[number.token.start..number.token.end],
        };
        let sign = if number.negative { -1.0 } else { 1.0 };
        Ok(parse_number(text).map(|value| value * sign).ok_or_else(|| text.to_vec()))
    }

    pub fn number(&self, number: Number) -> Result<f64, Error> {
        self.number_or_text(number)?.map_err(|text| {
            let name = &self.text[number.token.start + 1..number.token.end];
            Error::quoting(NUMERIC_VALUE_INVALID, "Invalid numeric value (%) for parameter `%`", &[&text, name])
        })
    }

    fn numeric(&self, name: Token, low: (Number, bool), high: (Number, bool)) -> Result<Part, Error> {
        let found = self.field(name, "NUMERIC", |kind| matches!(kind, schema::Kind::Numeric))?;
        let Some(field) = found else { return Ok(Part::kind(NodeKind::Nothing)) };
        let min = self.range_bound(low, "Bad lower range: %")?;
        let max = self.range_bound(high, "Bad upper range: %")?;
        Ok(Part::of(numeric_node(self.context.definition, field, min, max)?))
    }

    /// `@n >= 5`
    pub fn comparison(&mut self, operator: Operator, value: (usize, usize)) -> Result<Part, Error> {
        let token = self.next_token();
        let found = self.field(token, "NUMERIC", |kind| matches!(kind, schema::Kind::Numeric))?;
        let Some(field) = found else { return Ok(Part::kind(NodeKind::Nothing)) };
        let value = self.comparison_value(value)?;
        let at = |exclusive| Bound { value, exclusive };
        let all = |value| Bound { value, exclusive: false };
        let (min, max) = match operator {
            Operator::Equal | Operator::NotEqual => (at(false), at(false)),
            Operator::Greater => (at(true), all(f64::INFINITY)),
            Operator::GreaterEqual => (at(false), all(f64::INFINITY)),
            Operator::Less => (all(f64::NEG_INFINITY), at(true)),
            Operator::LessEqual => (all(f64::NEG_INFINITY), at(false)),
        };
        let node = numeric_node(self.context.definition, field, min, max)?;
        Ok(match operator {
            Operator::NotEqual => Part::kind(NodeKind::Not(Box::new(node))),
            _ => Part::of(node),
        })
    }

    fn comparison_value(&self, (start, end): (usize, usize)) -> Result<f64, Error> {
        let text = &self.text[start..end];
        if let Some(value) = parse_number(text) {
            return Ok(value);
        }
        let unsigned = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
        let token = Token { kind: Kind::Param, start: end - unsigned.len(), end };
        self.number(Number { negative: text[0] == b'-', token })
    }

    /// `[lon lat radius unit]` from the radius on.
    fn circle(&mut self, name: Token, lon: Number, lat: Number) -> Result<Part, Error> {
        let radius = self.value()?;
        let unit = match self.peek() {
            Some(Kind::Term | Kind::Param) => self.next_token(),
            _ => return Err(self.syntax()),
        };
        self.expect(b']')?;
        let found = self.field(name, "GEO", |kind| matches!(kind, schema::Kind::Geo))?;
        let Some(field) = found else { return Ok(Part::kind(NodeKind::Nothing)) };
        let (lon, lat, radius) = (self.number(lon)?, self.number(lat)?, self.number(radius)?);
        let unit = match unit.kind {
            Kind::Param => self.param_of(unit)?,
            _ => &self.text[unit.start..unit.end],
        };
        let unit = GeoUnit::named(unit).ok_or_else(|| Error::new(SYNTAX, "Invalid GeoFilter unit"))?;
        check_circle(lon, lat, radius)?;
        if self.context.definition.fields[field].no_index {
            return Ok(Part::kind(NodeKind::Nothing));
        }
        Ok(Part::kind(NodeKind::Geo { field, lon, lat, radius, unit }))
    }
}

/// Whether a circle is on the earth and has a size.
pub(in crate::search) fn check_circle(lon: f64, lat: f64, radius: f64) -> Result<(), Error> {
    if radius.is_nan() || radius <= 0.0 {
        return Err(Error::new(SYNTAX, "Invalid GeoFilter radius"));
    }
    if !(-180.0..=180.0).contains(&lon) || !(-90.0..=90.0).contains(&lat) {
        return Err(Error::new(SYNTAX, "Invalid GeoFilter lat/lon"));
    }
    Ok(())
}

/// A range of a numeric field; upside down it is an error.
pub(in crate::search) fn numeric_node(
    definition: &schema::Definition,
    field: usize,
    min: Bound,
    max: Bound,
) -> Result<Node, Error> {
    let field_options = &definition.fields[field];
    if min.value > max.value {
        let (low, high) = (format!("{:.6}", min.value), format!("{:.6}", max.value));
        let text = "Invalid numeric range (min > max): @%:[% %]";
        return Err(Error::quoting(SYNTAX, text, &[&field_options.name, low.as_bytes(), high.as_bytes()]));
    }
    match field_options.no_index {
        true => Ok(Node::new(NodeKind::Nothing)),
        false => Ok(Node::new(NodeKind::Numeric { field, min, max })),
    }
}
