//! JSON documents, which another face keeps.

use crate::json::{Node, Value, compiled, select, to_text};
use crate::search::index::{FieldValue, from_json};
use crate::search::schema::Kind;
use crate::server::api::{Context, Key, TypePointer};
use crate::server::documents;

/// Values that one path may yield of a document.
const MAX_VALUES: usize = 100_000;

/// Whether the server has JSON documents of ours.
pub fn is_there(_ctx: &Context) -> bool {
    !documents::json_type().is_null()
}

/// Whether a type is that of JSON documents.
pub fn is_json(of: TypePointer) -> bool {
    documents::is_json(of)
}

/// What a path yields; a path that is none yields nothing.
pub fn part(key: &Key, path: &[u8]) -> FieldValue {
    let values = |root: &Value| select(root, &*compiled(path).ok()?, MAX_VALUES).ok();
    match documents::json(key).and_then(values) {
        Some(values) if !values.is_empty() => FieldValue::Json(values),
        _ => FieldValue::Absent,
    }
}

/// The whole document as text.
pub fn whole(key: &Key) -> Option<Vec<u8>> {
    documents::json(key).map(Value::node).map(|node: Node| to_text(node))
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

/// The vectors of a document as bytes of their field's element type.
pub fn vectors(value: FieldValue, kind: &Kind) -> Vec<Vec<u8>> {
    match (value, kind) {
        (FieldValue::Json(values), Kind::Vector(options)) => {
            values.iter().filter_map(|value| from_json(options, value).ok()).collect()
        }
        _ => Vec::new(),
    }
}
