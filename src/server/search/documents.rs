//! Reads documents from their keys.

use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;

use crate::json::Value;
use crate::search::expression::Expression;
use crate::search::index::{Document, FieldValue};
use crate::search::schema::{Definition, Source};
use crate::server::api::{Context, Key, KeyType, Text};
use crate::server::documents;

/// The parts of a document that an index reads.
pub struct Wanted {
    pub source: Source,
    /// Names of hash fields, or JSONPaths; each once.
    pub paths: Vec<Vec<u8>>,
}

impl Wanted {
    /// The fields that an index of this definition reads: those of its schema, of language, score and payload, and those
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

/// Parts of a document, read from its key.
#[derive(Default)]
pub struct Read {
    /// What was read, or why it could not be.
    parts: HashMap<Vec<u8>, Result<FieldValue, String>>,
}

impl Document for Read {
    fn field(&self, path: &[u8]) -> FieldValue {
        self.parts.get(path).and_then(|part| part.as_ref().ok()).cloned().unwrap_or(FieldValue::Absent)
    }

    fn refused(&self, path: &[u8]) -> Option<&str> {
        self.parts.get(path)?.as_ref().err().map(|why| &why[..])
    }
}

/// A document that was read.
pub struct Found {
    pub source: Source,
    pub document: Read,
    /// Unix milliseconds at which the key expires, or the first of its fields.
    pub expires: Option<i64>,
    /// Whether it has many fields or values.
    pub is_wide: bool,
}

/// Fields of a hash, or values of a JSON document, that are read in a few microseconds.
const NARROW: usize = 200;

/// Unix milliseconds.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

/// A key that is open to be read, with its JSON document where another module keeps those.
pub struct Open {
    key: Key,
    foreign: Option<Value>,
}

impl Deref for Open {
    type Target = Key;

    fn deref(&self) -> &Key {
        &self.key
    }
}

impl Open {
    /// As a client reads it.
    pub fn to_read(ctx: &Context, name: &Text) -> Open {
        Open::new(ctx, name, |ctx, name| ctx.open_to_read(name.ptr()))
    }

    /// As if no client had.
    pub fn quietly(ctx: &Context, name: &Text) -> Open {
        Open::new(ctx, name, |ctx, name| ctx.open_quietly(name.ptr()))
    }

    fn new(ctx: &Context, name: &Text, open: fn(&Context, &Text) -> Key) -> Open {
        let key = open(ctx, name);
        if !matches!(key.key_type(), KeyType::Module(_)) || !super::json::is_foreign(ctx) {
            return Open { key, foreign: None };
        }
        // No command runs while a key is open.
        drop(key);
        let foreign = super::json::foreign(ctx, name);
        Open { key: open(ctx, name), foreign }
    }

    /// What kind of document it holds, if any.
    pub fn source(&self) -> Option<Source> {
        match self.key.key_type() {
            KeyType::Hash => Some(Source::Hash),
            KeyType::Module(_) => self.json().map(|_| Source::Json),
            _ => None,
        }
    }

    /// The JSON document in it.
    pub fn json(&self) -> Option<&Value> {
        self.foreign.as_ref().or_else(|| documents::json(&self.key))
    }

    /// Parts of its document.
    fn parts(&self, source: Source, paths: &[&[u8]]) -> Read {
        let values = match (source, self.json()) {
            (Source::Json, Some(document)) => super::json::parts(document, paths),
            _ => paths.iter().map(|path| Ok(self.part(source, path))).collect(),
        };
        Read { parts: paths.iter().map(|path| path.to_vec()).zip(values).collect() }
    }

    /// A part of its document.
    pub fn part(&self, source: Source, path: &[u8]) -> FieldValue {
        match source {
            Source::Hash => match self.key.hash_field(&Text::new(path)) {
                Some(value) => FieldValue::Bytes(value.bytes().to_vec()),
                None => FieldValue::Absent,
            },
            Source::Json => self.json().map_or(FieldValue::Absent, |document| super::json::part(document, path)),
        }
    }
}

/// Reads these parts of the document at a key of the selected database; none if there is no document.
pub fn read(ctx: &Context, name: &Text, wanted: &[&Wanted]) -> Option<Found> {
    let key = Open::quietly(ctx, name);
    let source = key.source()?;
    let paths = wanted.iter().filter(|wanted| wanted.source == source).flat_map(|wanted| &wanted.paths);
    let paths: BTreeSet<&[u8]> = paths.map(|path| &path[..]).collect();
    let document = key.parts(source, &paths.into_iter().collect::<Vec<_>>());
    let expires = key.time_to_live().map(|left| now() + left);
    let is_wide = match source {
        Source::Hash => key.len() > NARROW,
        Source::Json => key.json().is_some_and(|document| document.count(NARROW + 1) > NARROW),
    };
    Some(Found { source, document, expires, is_wide })
}
