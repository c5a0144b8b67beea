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

    /// Bytes of its texts, those that it shares included. As deep as the value, which is bounded.
    pub fn bytes(&self) -> usize {
        match self {
            Value::Null | Value::Number(_) => 0,
            Value::Text(text) => text.len(),
            Value::Array(values) => {
                size_of_val(&values[..]) + values.iter().fold(0, |sum: usize, value| sum.saturating_add(value.bytes()))
            }
        }
    }
}
