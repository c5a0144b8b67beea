//! JSON documents, which another face keeps.

use crate::search::index::FieldValue;
use crate::search::schema::Kind;
use crate::server::api::{Context, Key, TypePointer};

/// Whether the server has JSON documents.
pub fn is_there(_ctx: &Context) -> bool {
    false
}

/// Whether a type is that of JSON documents.
pub fn is_json(_of: TypePointer) -> bool {
    false
}

/// What a path yields.
pub fn part(_key: &Key, _path: &[u8]) -> FieldValue {
    FieldValue::Absent
}

/// The whole document as text.
pub fn whole(_key: &Key) -> Option<Vec<u8>> {
    None
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
pub fn vectors(value: FieldValue, _kind: &Kind) -> Vec<Vec<u8>> {
    match value {
        FieldValue::Bytes(bytes) => vec![bytes],
        FieldValue::Absent | FieldValue::Json(_) => Vec::new(),
    }
}
