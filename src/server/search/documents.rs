//! Documents as their keys hold them.

use std::collections::HashMap;

use crate::search::expression::Expression;
use crate::search::index::{Document, FieldValue};
use crate::search::schema::{Definition, Source};
use crate::server::api::{Context, Key, KeyType, Text};

/// Which parts of a document an index looks at.
pub struct Wanted {
    pub source: Source,
    /// Names of hash fields, or JSONPaths; each once.
    pub paths: Vec<Vec<u8>>,
}

impl Wanted {
    /// What an index of this definition looks at: its fields, those that tell language, score and payload, and those
    /// that its filter names.
    pub fn of(definition: &Definition) -> Wanted {
        let mut paths: Vec<Vec<u8>> = definition.fields.iter().map(|field| field.path.clone()).collect();
        let named = [&definition.language_field, &definition.score_field, &definition.payload_field];
        paths.extend(named.into_iter().flatten().cloned());
        if let Some(filter) = definition.filter.as_ref().and_then(|text| Expression::parse(text).ok()) {
            paths.extend(filter.properties().iter().filter(|name| *name != b"__key").cloned());
        }
        paths.sort();
        paths.dedup();
        Wanted { source: definition.source, paths }
    }
}

/// Parts of a document, taken out of its key.
#[derive(Default)]
pub struct Read {
    parts: HashMap<Vec<u8>, FieldValue>,
}

impl Document for Read {
    fn field(&self, path: &[u8]) -> FieldValue {
        self.parts.get(path).cloned().unwrap_or(FieldValue::Absent)
    }
}

/// A document that was looked at.
pub struct Found {
    pub source: Source,
    pub document: Read,
    /// Unix milliseconds at which the key expires, or the first of its fields.
    pub expires: Option<i64>,
}

/// Unix milliseconds.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

/// What kind of document an open key holds, if any.
pub fn source(key: &Key) -> Option<Source> {
    match key.key_type() {
        KeyType::Hash => Some(Source::Hash),
        KeyType::Module(of) if super::json::is_json(of) => Some(Source::Json),
        _ => None,
    }
}

/// Reads these parts of the document at a key of the selected database; none if there is no document.
pub fn read(ctx: &Context, name: &Text, wanted: &[&Wanted]) -> Option<Found> {
    let key = ctx.open_quietly(name.ptr());
    let source = source(&key)?;
    let mut document = Read::default();
    for path in wanted.iter().filter(|wanted| wanted.source == source).flat_map(|wanted| &wanted.paths) {
        if !document.parts.contains_key(path) {
            document.parts.insert(path.clone(), part(&key, source, path));
        }
    }
    let expires = key.time_to_live().map(|left| now() + left);
    Some(Found { source, document, expires })
}

/// A part of the document of an open key.
pub fn part(key: &Key, source: Source, path: &[u8]) -> FieldValue {
    match source {
        Source::Hash => match key.hash_field(&Text::new(path)) {
            Some(value) => FieldValue::Bytes(value.bytes().to_vec()),
            None => FieldValue::Absent,
        },
        Source::Json => super::json::part(key, path),
    }
}
