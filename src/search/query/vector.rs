//! Clauses on VECTOR fields, and their attributes.

use std::sync::Arc;

use super::attributes::{Attribute, invalid, weight};
use super::lexer::{Kind, Token};
use super::parser::Parser;
use super::parts::Part;
use super::{Knn, NodeKind, VectorRange};
use crate::search::error::{
    Error, FIELD_DUP, INDEX_EXISTS, NUMERIC_VALUE_INVALID, OPTION_INVALID, PARAM_DUP, QUERY_BAD, SYNTAX, VALUE_BAD,
};
use crate::search::number::parse_number;
use crate::search::schema::{self, Algorithm, Definition, Element, VectorOptions};

/// The most that a KNN may ask for.
const MAX_K: u64 = 1 << 58;

impl Parser<'_> {
    /// `=>[KNN k @field $blob option… AS name]=>{…}`, from the arrow on.
    pub fn knn(&mut self, star: bool) -> Result<Knn, Error> {
        self.at += 2;
        let word = self.text_of_term()?;
        if !word.eq_ignore_ascii_case(b"KNN") {
            return Err(Error::new(SYNTAX, "Syntax error: Expecting Vector Similarity command"));
        }
        self.at += 1;
        let k = match self.peek() {
            Some(Kind::Size | Kind::Param) => self.next_token(),
            _ => return Err(self.syntax()),
        };
        let (name, blob) = match (self.peek(), self.peek_at(1)) {
            (Some(Kind::Modifier), Some(Kind::Param)) => (self.next_token(), self.next_token()),
            (Some(Kind::Modifier), Some(_)) => {
                self.at += 1;
                return Err(self.syntax());
            }
            _ => return Err(self.syntax()),
        };
        let (options, alias) = self.knn_options()?;
        let attributes = match self.peek() {
            Some(Kind::Arrow) if self.peek_at(1) == Some(Kind::Mark(b'{')) => self.attributes()?,
            _ => Vec::new(),
        };
        let field = self.vector_field(name)?;
        let mut read = VectorAttributes::of_knn(self.context.definition, field, !star);
        for option in &options {
            read.option(option)?;
        }
        read.alias = alias.map(|alias| self.value_of(alias)).transpose()?;
        for attribute in &attributes {
            read.brace(attribute)?;
        }
        read.check()?;
        let knn = self.k(k)?;
        let (vector, parameter) = self.blob(field, blob)?;
        let distance = read.knn_distance()?;
        self.name_distance(distance.clone())?;
        Ok(Knn { field, k: knn, vector, parameter, ef_runtime: read.ef_runtime, distance })
    }

    fn text_of_term(&self) -> Result<&[u8], Error> {
        match self.tokens.get(self.at) {
            Some(Token { kind: Kind::Term, start, end }) => Ok(&self.text[*start..*end]),
            _ => Err(self.syntax()),
        }
    }

    /// Names and values up to the closing bracket, and the token behind AS.
    fn knn_options(&mut self) -> Result<(Vec<Attribute>, Option<Token>), Error> {
        let mut options = Vec::new();
        let mut alias = None;
        loop {
            match self.peek() {
                Some(Kind::Term) => {
                    let name = self.text_of_term()?.to_vec();
                    self.at += 1;
                    options.push(Attribute { name, value: self.plain_value()? });
                }
                Some(Kind::As) => {
                    self.at += 1;
                    match self.peek() {
                        Some(Kind::Term | Kind::Param | Kind::Size) => alias = Some(self.next_token()),
                        _ => return Err(self.syntax()),
                    }
                    self.expect(b']')?;
                    break;
                }
                _ => {
                    self.expect(b']')?;
                    break;
                }
            }
        }
        Ok((options, alias))
    }

    fn value_of(&self, token: Token) -> Result<Vec<u8>, Error> {
        match token.kind {
            Kind::Param => Ok(self.param_of(token)?.to_vec()),
            _ => Ok(super::lexer::unescape(&self.text[token.start..token.end])),
        }
    }

    fn vector_field(&self, name: Token) -> Result<usize, Error> {
        let found = self.field(name, "VECTOR", |kind| matches!(kind, schema::Kind::Vector(_)))?;
        Ok(found.expect("an unknown field is an error here in every dialect"))
    }

    fn k(&self, token: Token) -> Result<usize, Error> {
        let text: &[u8] = match token.kind {
            Kind::Param => self.param_of(token)?,
            _ => &self.text[token.start..token.end],
        };
        if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
            let name = &self.text[token.start + 1..token.end];
            let pattern = "Invalid numeric value (%) for parameter `%`";
            return Err(Error::quoting(NUMERIC_VALUE_INVALID, pattern, &[text, name]));
        }
        let k: Option<u64> = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        k.filter(|k| *k <= MAX_K).map(|k| k as usize).ok_or_else(|| {
            let text = "Error parsing vector similarity query: query KNN K parameter is too large, must not exceed %";
            Error::quoting(QUERY_BAD, text, &[MAX_K.to_string().as_bytes()])
        })
    }

    /// The vector that a parameter holds, and the parameter's name.
    fn blob(&self, field: usize, token: Token) -> Result<(Arc<[u8]>, Vec<u8>), Error> {
        let vector = self.blob_param(&self.text[token.start + 1..token.end])?.clone();
        check_blob(vector_options(self.context.definition, field), &vector)?;
        Ok((vector, self.text[token.start + 1..token.end].to_vec()))
    }

    /// `[VECTOR_RANGE radius $blob]`, from the word on.
    pub fn vector_range(&mut self, name: Token) -> Result<Part, Error> {
        self.count_range()?;
        self.at += 1;
        let radius = self.value()?;
        let blob = match self.peek() {
            Some(Kind::Param) => self.next_token(),
            _ => return Err(self.syntax()),
        };
        self.expect(b']')?;
        let field = self.vector_field(name)?;
        let radius = self.number(radius)?;
        check_radius(radius)?;
        let (vector, parameter) = self.blob(field, blob)?;
        let range = VectorRange { field, radius, vector, parameter, epsilon: None, distance: None };
        Ok(Part::kind(NodeKind::VectorRange(range)))
    }

    /// Notes the name of a distance: it may be neither a field's nor another distance's.
    pub fn name_distance(&mut self, name: Vec<u8>) -> Result<(), Error> {
        if self.context.definition.field(&name).is_some() {
            return Err(Error::quoting(INDEX_EXISTS, "Property `%` already exists in schema", &[&name]));
        }
        if self.distances.contains(&name) {
            return Err(Error::quoting(FIELD_DUP, "Property `%` specified more than once", &[&name]));
        }
        self.distances.insert(name);
        Ok(())
    }
}

fn vector_options(definition: &Definition, field: usize) -> &VectorOptions {
    match &definition.fields[field].kind {
        schema::Kind::Vector(options) => options,
        _ => unreachable!("the field was looked up as a vector's"),
    }
}

/// Whether a query vector is as long as the field's, and finite.
pub(in crate::search) fn check_blob(options: &VectorOptions, vector: &[u8]) -> Result<(), Error> {
    let expected = options.dim * options.element.size();
    if vector.len() == expected {
        return match vector.chunks_exact(options.element.size()).all(|number| is_finite(options.element, number)) {
            true => Ok(()),
            false => Err(Error::new(QUERY_BAD, "Error parsing vector similarity query: query vector is not finite")),
        };
    }
    let text =
        "Error parsing vector similarity query: query vector blob size (%) does not match index's expected size (%).";
    let (got, expected) = (vector.len().to_string(), expected.to_string());
    Err(Error::quoting(QUERY_BAD, text, &[got.as_bytes(), expected.as_bytes()]))
}

/// Whether a component is a number: its exponent is not all ones.
fn is_finite(element: Element, number: &[u8]) -> bool {
    let exponent = match (element, number) {
        (Element::Float64, [.., a, b]) => (0x7ff0, u16::from_le_bytes([*a, *b])),
        (Element::Float32 | Element::Bfloat16, [.., a, b]) => (0x7f80, u16::from_le_bytes([*a, *b])),
        (Element::Float16, [.., a, b]) => (0x7c00, u16::from_le_bytes([*a, *b])),
        _ => return true,
    };
    exponent.0 & exponent.1 != exponent.0
}

/// Whether a radius is a distance.
pub(in crate::search) fn check_radius(radius: f64) -> Result<(), Error> {
    if radius >= 0.0 {
        return Ok(());
    }
    let text = "Error parsing vector similarity query: negative radius (%) given in a range query";
    Err(Error::quoting(QUERY_BAD, text, &[crate::search::number::format_number(radius).as_bytes()]))
}

/// The attributes of a vector clause as they are read.
pub(super) struct VectorAttributes<'a> {
    options: &'a VectorOptions,
    field: &'a [u8],
    range: bool,
    /// A KNN with a filter.
    hybrid: bool,
    given: Vec<Vec<u8>>,
    ad_hoc: bool,
    batch_size: bool,
    pub ef_runtime: Option<usize>,
    pub epsilon: Option<f64>,
    pub alias: Option<Vec<u8>>,
    yielded: Option<Vec<u8>>,
}

impl<'a> VectorAttributes<'a> {
    pub fn of_knn(definition: &'a Definition, field: usize, hybrid: bool) -> VectorAttributes<'a> {
        VectorAttributes {
            options: vector_options(definition, field),
            field: &definition.fields[field].name,
            range: false,
            hybrid,
            given: Vec::new(),
            ad_hoc: false,
            batch_size: false,
            ef_runtime: None,
            epsilon: None,
            alias: None,
            yielded: None,
        }
    }

    pub fn of_range(definition: &'a Definition, field: usize) -> VectorAttributes<'a> {
        VectorAttributes { range: true, ..VectorAttributes::of_knn(definition, field, false) }
    }

    /// An attribute in braces.
    pub fn brace(&mut self, attribute: &Attribute) -> Result<(), Error> {
        let Attribute { name, value } = attribute;
        match &name.to_ascii_lowercase()[..] {
            b"weight" => weight(value)
                .map(|_| ())
                .ok_or_else(|| Error::quoting(VALUE_BAD, "Invalid value (%) for `%`", &[value, name])),
            b"yield_distance_as" => match self.yielded.replace(value.clone()) {
                Some(_) => Err(twice()),
                None => Ok(()),
            },
            b"shard_k_ratio" if !self.range => check_ratio(value),
            b"ef_runtime"
            | b"epsilon"
            | b"hybrid_policy"
            | b"batch_size"
            | b"search_window_size"
            | b"use_search_history"
            | b"search_buffer_capacity" => self.option(attribute),
            _ => Err(invalid(name)),
        }
    }

    /// An option, in brackets or in braces.
    pub fn option(&mut self, Attribute { name, value }: &Attribute) -> Result<(), Error> {
        let name = name.to_ascii_lowercase();
        let algorithm = self.options.algorithm;
        if self.given.contains(&name) {
            return Err(twice());
        }
        match &name[..] {
            b"ef_runtime" if algorithm == Algorithm::Hnsw && !self.range => {
                self.ef_runtime = Some(positive(value)?);
            }
            b"epsilon" if algorithm != Algorithm::Flat => {
                if !self.range {
                    let text = "range query attributes were sent for a non-range query";
                    return Err(vector_error("SEARCH_RANGE_ATTR_NON_RANGE", text));
                }
                let epsilon = parse_number(value).filter(|epsilon| *epsilon > 0.0 && epsilon.is_finite());
                self.epsilon = Some(epsilon.ok_or_else(bad_value)?);
            }
            b"hybrid_policy" | b"batch_size" if !self.hybrid => {
                let text = "hybrid query attributes were sent for a non-hybrid query";
                return Err(vector_error("SEARCH_HYBRID_ATTR_NON_HYBRID", text));
            }
            b"hybrid_policy" => match &value.to_ascii_uppercase()[..] {
                b"ADHOC_BF" => self.ad_hoc = true,
                b"BATCHES" => {}
                _ => return Err(vector_error("SEARCH_HYBRID_POLICY_BAD", "invalid hybrid policy was given")),
            },
            b"batch_size" => {
                positive(value)?;
                self.batch_size = true;
            }
            b"search_window_size" | b"search_buffer_capacity" if algorithm == Algorithm::SvsVamana => {
                positive(value)?;
            }
            b"use_search_history" if algorithm == Algorithm::SvsVamana => {
                let known = matches!(&value.to_ascii_uppercase()[..], b"ON" | b"OFF" | b"AUTO" | b"TRUE" | b"FALSE");
                known.then_some(()).ok_or_else(bad_value)?;
            }
            _ => return Err(vector_error(OPTION_INVALID, "Invalid option")),
        }
        self.given.push(name);
        Ok(())
    }

    /// Checks that the given attributes are compatible.
    pub fn check(&self) -> Result<(), Error> {
        if self.ad_hoc && self.batch_size {
            let text = "'batch size' is irrelevant for the selected policy";
            return Err(vector_error("SEARCH_ADHOC_BATCH_SIZE_IRRELEVANT", text));
        }
        if self.ad_hoc && self.ef_runtime.is_some() {
            let text = "'EF_RUNTIME' is irrelevant for the selected policy";
            return Err(vector_error("SEARCH_ADHOC_EF_RUNTIME_IRRELEVANT", text));
        }
        Ok(())
    }

    /// The name that a range's distance was given.
    pub fn distance(&mut self) -> Option<Vec<u8>> {
        self.yielded.take()
    }

    /// The name of a KNN's distance.
    fn knn_distance(&self) -> Result<Vec<u8>, Error> {
        match (&self.alias, &self.yielded) {
            (Some(alias), Some(yielded)) => {
                let text = "Distance field was specified twice for vector query: % and %";
                Err(Error::quoting(FIELD_DUP, text, &[alias, yielded]))
            }
            (Some(name), None) | (None, Some(name)) => Ok(name.clone()),
            (None, None) => Ok([b"__", self.field, b"_score"].concat()),
        }
    }
}

/// Whether a vector field takes these attributes, for clauses that stand outside of queries.
pub(in crate::search) fn check_hints(
    definition: &Definition,
    field: usize,
    range: bool,
    hybrid: bool,
    hints: &[(Vec<u8>, Vec<u8>)],
) -> Result<(), Error> {
    let mut read = VectorAttributes { range, ..VectorAttributes::of_knn(definition, field, hybrid) };
    for (name, value) in hints {
        read.brace(&Attribute { name: name.clone(), value: value.clone() })?;
    }
    read.check()
}

/// The name of a KNN's distance that was given none.
pub(in crate::search) fn distance_name(definition: &Definition, field: usize) -> Vec<u8> {
    [b"__", &definition.fields[field].name[..], b"_score"].concat()
}

fn vector_error(code: &'static str, text: &str) -> Error {
    Error::new(code, format!("{text} (Error parsing vector similarity parameters)"))
}

fn bad_value() -> Error {
    vector_error(VALUE_BAD, "Invalid value was given")
}

fn twice() -> Error {
    vector_error(PARAM_DUP, "Parameter was specified twice")
}

fn positive(value: &[u8]) -> Result<usize, Error> {
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    number.filter(|number| *number >= 1).ok_or_else(bad_value)
}

fn check_ratio(value: &[u8]) -> Result<(), Error> {
    let Some(ratio) = parse_number(value) else {
        return Err(Error::quoting(QUERY_BAD, "Invalid shard k ratio value '%'", &[value]));
    };
    if ratio > 0.0 && ratio <= 1.0 {
        return Ok(());
    }
    let text = "Invalid shard k ratio value: Shard k ratio must be greater than 0 and at most 1 (got %)";
    Err(Error::quoting(QUERY_BAD, text, &[value]))
}
