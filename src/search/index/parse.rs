//! Parses a document's value for a field by the field's type.

use serde_json::Value as Json;

use super::document::FieldValue;
use super::geo;
use super::shapes::Outline;
use super::vectors;
use crate::search::schema::{Definition, Field, Kind, Source, VectorOptions};
use crate::search::shape::{Coordinates, MAX_VERTICES, Shape};
use crate::search::text::{MAX_TOKEN, cut, fold};

/// A field's values in the form in which they are indexed.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed {
    /// The document has no such field.
    Missing,
    /// Sorted, distinct.
    Tags(Vec<Vec<u8>>),
    /// One tag, which is a hash field's value just as it is there.
    Verbatim(Vec<u8>),
    Numbers(Vec<f64>),
    /// Cells.
    Points(Vec<u64>),
    /// At least one.
    Shapes(Outline),
    /// Texts one after the other.
    Texts(Vec<Vec<u8>>),
    /// In the field's element type.
    Vectors(Vec<Vec<u8>>),
    /// There, and not indexed.
    Present,
}

const WRONG_STRING: &str = "Invalid JSON type: String type can represent only TEXT, TAG, GEO or GEOMETRY field";
const WRONG_NUMBER: &str = "Invalid JSON type: Numeric type can represent only NUMERIC field";
const WRONG_BOOLEAN: &str = "Invalid JSON type: Boolean type can be represented only as a TAG field";
const WRONG_OBJECT: &str = "Invalid JSON type: Object type can represent only GEOMETRY field";
const WRONG_ARRAY: &str = "Invalid JSON type: Array type can represent only one kind of values";

/// Reads a field's value; errors are FT.INFO's texts.
pub fn parse(definition: &Definition, field: &Field, value: FieldValue) -> Result<Parsed, String> {
    match value {
        FieldValue::Absent => Ok(Parsed::Missing),
        FieldValue::Bytes(bytes) => parse_bytes(definition, field, bytes),
        FieldValue::Json(values) => {
            let values: Vec<Json> = values.into_iter().filter(|value| !value.is_null()).collect();
            if values.is_empty() { Ok(Parsed::Missing) } else { parse_json(field, &values) }
        }
    }
}

fn parse_bytes(definition: &Definition, field: &Field, bytes: Vec<u8>) -> Result<Parsed, String> {
    match &field.kind {
        Kind::Tag { separator, .. } => {
            let separator = separator.unwrap_or(if definition.source == Source::Hash { b',' } else { 0 });
            Ok(match tags(field, split(&bytes, separator)) {
                Parsed::Tags(values) if values == [&bytes[..]] => Parsed::Verbatim(bytes),
                parsed => parsed,
            })
        }
        Kind::Numeric => number(&bytes).map(|number| Parsed::Numbers(vec![number])),
        Kind::Geo => point(&bytes).map(|point| Parsed::Points(vec![point])),
        Kind::GeoShape { coordinates } => shape(&bytes, *coordinates).map(|shape| Parsed::Shapes([shape].into())),
        Kind::Text { .. } => Ok(Parsed::Texts(vec![bytes])),
        Kind::Vector(options) => {
            let expected = options.dim * options.element.size();
            if bytes.len() != expected {
                let got = bytes.len();
                return Err(format!(
                    "SEARCH_VECTOR_BLOB_SIZE_MISMATCH Could not add vector with blob size {got} (expected size {expected})"
                ));
            }
            vectors::finite(&bytes, options.element)?;
            Ok(Parsed::Vectors(vec![bytes]))
        }
    }
}

/// The values a path yielded, none null, and of arrays their elements; at most two levels deep.
fn parse_json(field: &Field, values: &[Json]) -> Result<Parsed, String> {
    match &field.kind {
        Kind::Vector(options) => json_vectors(field, options, values),
        _ => {
            let elements = || {
                values.iter().flat_map(|value| match value {
                    Json::Array(elements) => elements.iter().filter(|element| !element.is_null()).collect(),
                    one => vec![one],
                })
            };
            match &field.kind {
                Kind::Tag { separator, .. } => {
                    let mut found = Vec::new();
                    for element in elements() {
                        match element {
                            Json::String(text) => match separator {
                                Some(separator) => found.extend(split(text.as_bytes(), *separator)),
                                None => found.push(text.as_bytes().to_vec()),
                            },
                            Json::Bool(truth) => found.push(truth.to_string().into_bytes()),
                            other => return Err(wrong(other)),
                        }
                    }
                    Ok(tags(field, found))
                }
                Kind::Text { .. } => {
                    let text = |element: &Json| match element {
                        Json::String(text) => Ok(text.as_bytes().to_vec()),
                        other => Err(wrong(other)),
                    };
                    elements().map(text).collect::<Result<_, _>>().map(Parsed::Texts)
                }
                Kind::Numeric => {
                    let number = |element: &Json| element.as_f64().ok_or_else(|| wrong(element));
                    elements().map(number).collect::<Result<_, _>>().map(Parsed::Numbers)
                }
                Kind::GeoShape { coordinates } => {
                    let shape = |element: &Json| match element {
                        Json::String(text) => shape(text.as_bytes(), *coordinates),
                        Json::Object(_) => Shape::from_geojson(element, *coordinates).map_err(no_shape),
                        other => Err(wrong(other)),
                    };
                    let shapes: Vec<Shape> = elements().map(shape).collect::<Result<_, _>>()?;
                    if shapes.is_empty() {
                        return Ok(Parsed::Present);
                    }
                    match shapes.iter().map(Shape::vertices).sum::<usize>() <= MAX_VERTICES {
                        true => Ok(Parsed::Shapes(shapes.into())),
                        false => Err(no_shape("more than 10000 vertices")),
                    }
                }
                _ => {
                    let point = |element: &Json| match element {
                        Json::String(text) => point(text.as_bytes()),
                        other => Err(wrong(other)),
                    };
                    elements().map(point).collect::<Result<_, _>>().map(Parsed::Points)
                }
            }
        }
    }
}

fn wrong(value: &Json) -> String {
    match value {
        Json::String(_) => WRONG_STRING,
        Json::Number(_) => WRONG_NUMBER,
        Json::Bool(_) => WRONG_BOOLEAN,
        Json::Object(_) => WRONG_OBJECT,
        Json::Array(_) | Json::Null => WRONG_ARRAY,
    }
    .into()
}

fn json_vectors(field: &Field, options: &VectorOptions, values: &[Json]) -> Result<Parsed, String> {
    if !several(&field.path) && values.len() > 1 {
        return Err(WRONG_ARRAY.into());
    }
    values.iter().map(|value| vectors::from_json(options, value)).collect::<Result<_, _>>().map(Parsed::Vectors)
}

/// Whether a JSONPath may yield several values, in no defined order.
fn several(path: &[u8]) -> bool {
    let (mut quote, mut bracket) = (None, false);
    for (at, byte) in path.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if *byte == open && path[at - 1] != b'\\' => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'[') => bracket = true,
            (None, b']') => bracket = false,
            (None, b'*' | b'?') => return true,
            (None, b',' | b':') if bracket => return true,
            (None, b'.') if path.get(at + 1) == Some(&b'.') => return true,
            _ => {}
        }
    }
    false
}

fn split(bytes: &[u8], separator: u8) -> Vec<Vec<u8>> {
    bytes.split(|byte| *byte == separator).map(|part| part.trim_ascii().to_vec()).collect()
}

fn tags(field: &Field, mut values: Vec<Vec<u8>>) -> Parsed {
    let Kind::Tag { case_sensitive, .. } = field.kind else { return Parsed::Present };
    if !field.index_empty {
        values.retain(|value| !value.is_empty());
    }
    for value in &mut values {
        if !case_sensitive {
            *value = fold(value).into_owned();
        }
        let length = cut(value, MAX_TOKEN).len();
        value.truncate(length);
    }
    values.sort_unstable();
    values.dedup();
    Parsed::Tags(values)
}

/// A number as text, as in hashes.
pub fn number(bytes: &[u8]) -> Result<f64, String> {
    let text = std::str::from_utf8(bytes).ok();
    match text.and_then(|text| text.parse::<f64>().ok()).filter(|number| !number.is_nan()) {
        Some(number) => Ok(number),
        None => {
            Err(format!("SEARCH_NUMERIC_VALUE_INVALID Invalid numeric value: '{}'", String::from_utf8_lossy(bytes)))
        }
    }
}

/// The cell of `lon,lat` or `lon lat`.
fn point(bytes: &[u8]) -> Result<u64, String> {
    let text = String::from_utf8_lossy(bytes);
    let Some((lon, lat)) = text.split_once([',', ' ']) else {
        return Err("Invalid geo string: missing separator".into());
    };
    let (Ok(lon), Ok(lat)) = (lon.parse::<f64>(), lat.trim_start().parse::<f64>()) else {
        return Err(format!("Invalid geo string \"{text}\": coordinates must be numbers"));
    };
    if !(lon.abs() <= 180.0 && lat.abs() <= geo::MAX_LATITUDE) {
        return Err(format!("SEARCH_GEO_COORDINATES_INVALID Invalid geo coordinates: {lon:.6}, {lat:.6}"));
    }
    Ok(geo::cell(lon, lat))
}

/// A shape of well-known text.
fn shape(text: &[u8], coordinates: Coordinates) -> Result<Shape, String> {
    Shape::read(text, coordinates).map_err(no_shape)
}

fn no_shape(why: &str) -> String {
    format!("SEARCH_VALUE_BAD Error indexing geoshape: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_points_are_those_of_hashes() {
        for (text, expected) in [("inf", f64::INFINITY), ("+5", 5.0), (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0)] {
            assert_eq!(number(text.as_bytes()), Ok(expected));
        }
        for text in ["nan", "", " 5", "5 ", "1_000", "1,5", "aaaa"] {
            assert!(number(text.as_bytes()).unwrap_err().contains("Invalid numeric value"), "{text}");
        }
        assert!(["2.3,48.8", "2.3 48.8", "2.3, 48.8"].iter().all(|text| point(text.as_bytes()).is_ok()));
        for text in ["", "a,b", "1", " 2.3,48.8", "200,2", "1,86", "nan,1"] {
            assert!(point(text.as_bytes()).unwrap_err().contains("Invalid geo"), "{text}");
        }
    }

    #[test]
    fn paths_of_several_values_are_known() {
        for path in ["$..a", "$.a[*]", "$.*", "$.a[0,1]", "$.a[1:3]", "$.a[?(@.b)]"] {
            assert!(several(path.as_bytes()), "{path}");
        }
        for path in ["$.a", "$.a.b[0]", "$['a*,b']", "$[\"x..y\"]"] {
            assert!(!several(path.as_bytes()), "{path}");
        }
    }
}
