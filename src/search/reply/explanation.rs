//! EXPLAINSCORE: how a score is computed, as nested arrays of texts.

use super::{Protocol, bulk};
use crate::reply::Reply;
use crate::search::evaluate::Explanation;

/// Deeper parts are left out.
const MAX_DEPTH: usize = 32;

/// The score and its explanation.
pub(super) fn explained(score: Reply, explanation: &Explanation, _protocol: Protocol) -> Reply {
    Reply::Array(vec![score, part(explanation, MAX_DEPTH)])
}

fn part(explanation: &Explanation, depth: usize) -> Reply {
    let text = bulk(explanation.text.as_bytes());
    if explanation.parts.is_empty() || depth == 0 {
        return text;
    }
    let parts = explanation.parts.iter().map(|inner| part(inner, depth - 1)).collect();
    Reply::Array(vec![text, Reply::Array(parts)])
}
