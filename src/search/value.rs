//! The values of rows and expressions. A missing value is `None` of an `Option<Value>`; [`Value::Null`] is an
//! explicit null.

use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Number(f64),
    Text(Arc<[u8]>),
    Array(Arc<[Value]>),
}

impl Value {
    /// A part of an explanation: its text, and an array of its own parts if it has any.
    pub fn explained(text: String, parts: Vec<Value>) -> Value {
        let text = Value::Text(text.into_bytes().into());
        if parts.is_empty() { text } else { Value::Array([text, Value::Array(parts.into())].into()) }
    }
}
