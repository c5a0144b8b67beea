//! EXPLAINSCORE: how a score is computed, as nested arrays of texts.

use super::bulk;
use crate::reply::Reply;
use crate::search::evaluate::Explanation;
use crate::search::value::Value;

/// The score and its explanation.
pub(super) fn explained(score: Reply, explanation: &Explanation) -> Reply {
    Reply::Array(vec![score, explanation_of(&explanation.value())])
}

/// An explanation that is the cell of a row, whose depth was bounded when it was made.
pub(super) fn explanation_of(value: &Value) -> Reply {
    match value {
        Value::Null => Reply::Nil,
        Value::Number(score) => Reply::Double(*score),
        Value::Text(text) => bulk(&text[..]),
        Value::Array(parts) => Reply::Array(parts.iter().map(explanation_of).collect()),
    }
}
