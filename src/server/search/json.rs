//! Reads JSON documents: those of the JSON face, or those of another module by its `JSON.GET`.

use std::sync::atomic::{AtomicU8, Ordering};

use super::documents::Open;
use crate::json::path::Shared;
use crate::json::{Path, Value, compiled, parse, select, select_each, to_text};
use crate::reply::Reply;
use crate::search::index::{FieldValue, from_json};
use crate::search::schema::{Definition, Kind, Source};
use crate::server::api::{Called, Context, Text};
use crate::server::documents;

/// Values that one path may yield of a document.
const MAX_VALUES: usize = 100_000;

/// Whether the server has JSON documents, of ours or of another module.
pub fn is_there(ctx: &Context) -> bool {
    FOREIGN.store(UNKNOWN, Ordering::Relaxed);
    !documents::json_type().is_null() || is_foreign(ctx)
}

const UNKNOWN: u8 = 0;
const YES: u8 = 1;
const NO: u8 = 2;
/// Whether another module keeps JSON documents. Modules may be loaded behind ours, so that it is found out when it is first
/// needed, and again when an index is made.
static FOREIGN: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Whether another module keeps JSON documents.
pub fn is_foreign(ctx: &Context) -> bool {
    if FOREIGN.load(Ordering::Relaxed) == UNKNOWN {
        let is_foreign = documents::json_type().is_null() && ctx.has_command("JSON.GET");
        FOREIGN.store(if is_foreign { YES } else { NO }, Ordering::Relaxed);
    }
    FOREIGN.load(Ordering::Relaxed) == YES
}

/// The document of another module in a key; none if the key holds something else.
pub fn foreign(ctx: &Context, name: &Text) -> Option<Value> {
    let reply = ctx.call("JSON.GET", &[name.bytes()], Called::default()).ok()?;
    parse(reply.text()).ok()
}

/// What a path yields; a path that is none yields nothing.
pub fn part(document: &Value, path: &[u8]) -> FieldValue {
    match compiled(path).ok().and_then(|path| select(document, &path, MAX_VALUES).ok()) {
        Some(values) if !values.is_empty() => FieldValue::Json(values),
        _ => FieldValue::Absent,
    }
}

/// What each path yields, as [`part`] has it, in one walk where that is possible; of those that take too much work or memory
/// why.
pub fn parts(document: &Value, paths: &[&[u8]]) -> Vec<Result<FieldValue, String>> {
    let _shared = Shared::begin();
    let compiled: Vec<_> = paths.iter().map(|path| compiled(path).ok()).collect();
    let readable: Vec<&Path> = compiled.iter().flatten().map(|path| &**path).collect();
    let mut found = select_each(document, &readable, MAX_VALUES).into_iter();
    let one = |path: &Option<_>| match path.as_ref().and_then(|_| found.next()) {
        Some(Ok(values)) if !values.is_empty() => Ok(FieldValue::Json(values)),
        Some(Err(error)) => Err(error.to_string().trim_start_matches("ERR ").to_string()),
        _ => Ok(FieldValue::Absent),
    };
    compiled.iter().map(one).collect()
}

/// Whether a part of a document is found at once, without a search through it.
pub fn is_direct(definition: &Definition, path: &[u8]) -> bool {
    definition.source == Source::Hash || compiled(path).map_or(true, |path| path.is_static())
}

/// The whole document as text.
pub fn whole(key: &Open) -> Option<Vec<u8>> {
    key.json().map(|document| to_text(document.node()))
}

/// What a reply shows of a field: a hash's bytes; of JSON the first value up to dialect 2, all of them as an array from 3
/// on. Strings stand without quotes, null is nothing.
pub fn text(value: FieldValue, dialect: u8) -> Option<Vec<u8>> {
    match value {
        FieldValue::Absent => None,
        FieldValue::Bytes(bytes) => Some(bytes),
        FieldValue::Json(values) if dialect >= 3 => serde_json::to_vec(&values).ok(),
        FieldValue::Json(values) => match values.into_iter().next()? {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text.into_bytes()),
            value => serde_json::to_vec(&value).ok(),
        },
    }
}

/// What a reply shows of a field where values are no texts: all values of the path, in the forms of the protocol.
pub fn expanded(value: FieldValue) -> Option<Reply> {
    match value {
        FieldValue::Absent => None,
        FieldValue::Bytes(bytes) => Some(Reply::Bulk(bytes)),
        FieldValue::Json(values) => Some(Reply::Array(values.into_iter().map(native).collect())),
    }
}

/// As deep as the value, which is bounded.
fn native(value: serde_json::Value) -> Reply {
    match value {
        serde_json::Value::Null => Reply::Nil,
        serde_json::Value::Bool(value) => Reply::Bool(value),
        serde_json::Value::String(text) => Reply::Bulk(text.into_bytes()),
        serde_json::Value::Array(items) => Reply::Array(items.into_iter().map(native).collect()),
        serde_json::Value::Object(members) => {
            let members = members.into_iter();
            Reply::Map(members.map(|(name, value)| (Reply::Bulk(name.into_bytes()), native(value))).collect())
        }
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => Reply::Int(number),
            None => Reply::Double(number.as_f64().unwrap_or_default()),
        },
    }
}

/// The vectors of a document as bytes of their field's element type.
pub fn vectors(value: FieldValue, kind: &Kind) -> Vec<Vec<u8>> {
    match (value, kind) {
        (FieldValue::Json(values), Kind::Vector(options)) => {
            values.iter().filter_map(|value| from_json(options, value).ok()).collect()
        }
        _ => Vec::new(),
    }
}
