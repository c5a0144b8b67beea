//! FT.SPELLCHECK's reply.

use super::{Protocol, bulk};
use crate::reply::Reply;
use crate::search::number::format_number;
use crate::search::spell::Suggestion;

/// Words and what may be meant by them. Scores are shares of the documents, or with `full` numbers of them behind the
/// number of all.
pub fn spelling(found: Vec<(Vec<u8>, Vec<Suggestion>)>, documents: usize, full: bool, protocol: Protocol) -> Reply {
    let of = if full { 1.0 } else { documents.max(1) as f64 };
    let score = |suggestion: &Suggestion| suggestion.documents as f64 / of;
    match protocol {
        Protocol::Resp2 => {
            let one = |suggestion: Suggestion| {
                Reply::Array(vec![bulk(format_number(score(&suggestion))), bulk(suggestion.word)])
            };
            let terms = found.into_iter().map(|(word, suggestions)| {
                let suggestions = suggestions.into_iter().map(one).collect();
                Reply::Array(vec![Reply::Simple("TERM"), bulk(word), Reply::Array(suggestions)])
            });
            Reply::Array(full.then(|| Reply::from(documents)).into_iter().chain(terms).collect())
        }
        Protocol::Resp3 => {
            let one = |suggestion: Suggestion| {
                let score = Reply::Double(score(&suggestion));
                Reply::Map(vec![(bulk(suggestion.word), score)])
            };
            let terms = found
                .into_iter()
                .map(|(word, suggestions)| (bulk(word), Reply::Array(suggestions.into_iter().map(one).collect())));
            let total = full.then(|| (Reply::Simple("total_docs"), Reply::from(documents)));
            let results = (Reply::Simple("results"), Reply::Map(terms.collect()));
            Reply::Map(total.into_iter().chain([results]).collect())
        }
    }
}
