//! FT.SEARCH's reply.

use super::explanation::explained;
use super::{Protocol, Warnings, bulk, results};
use crate::reply::Reply;
use crate::search::command::options::Format;
use crate::search::evaluate::Explanation;
use crate::search::number::format_digits;
use crate::search::value::Value;

/// Names and values of a row.
pub type Fields = Vec<(Vec<u8>, Reply)>;

/// What rows have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub protocol: Protocol,
    pub content: bool,
    pub scores: bool,
    pub payloads: bool,
    pub sort_keys: bool,
    pub format: Format,
}

/// A document in a reply.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRow {
    pub key: Vec<u8>,
    pub score: f64,
    pub explanation: Option<Box<Explanation>>,
    pub payload: Option<Vec<u8>>,
    pub sort: Option<Value>,
    pub fields: Fields,
}

/// The reply: the number of all matches and these rows.
pub fn search(total: usize, rows: Vec<SearchRow>, warnings: Warnings, shape: Shape) -> Reply {
    match shape.protocol {
        Protocol::Resp2 => {
            let mut flat = vec![Reply::from(total)];
            rows.into_iter().for_each(|row| flatten(row, shape, &mut flat));
            Reply::Array(flat)
        }
        Protocol::Resp3 => {
            results(total, rows.into_iter().map(|row| map(row, shape)).collect(), warnings, shape.format)
        }
    }
}

fn flatten(row: SearchRow, shape: Shape, into: &mut Vec<Reply>) {
    let score = score(&row, Protocol::Resp2);
    into.push(bulk(row.key));
    if shape.scores {
        into.push(score);
    }
    if shape.payloads {
        into.push(row.payload.map_or(Reply::Nil, Reply::Bulk));
    }
    if shape.sort_keys {
        into.push(sort_key(row.sort));
    }
    if shape.content {
        into.push(Reply::Array(row.fields.into_iter().flat_map(|(name, value)| [bulk(name), value]).collect()));
    }
}

fn map(row: SearchRow, shape: Shape) -> Reply {
    let score = score(&row, Protocol::Resp3);
    let mut pairs = vec![(Reply::Simple("id"), bulk(row.key))];
    if shape.scores {
        pairs.push((Reply::Simple("score"), score));
    }
    if shape.payloads {
        pairs.push((Reply::Simple("payload"), row.payload.map_or(Reply::Nil, Reply::Bulk)));
    }
    if shape.sort_keys {
        pairs.push((Reply::Simple("sortkey"), sort_key(row.sort)));
    }
    if shape.content {
        let fields = row.fields.into_iter().map(|(name, value)| (bulk(name), value)).collect();
        pairs.push((Reply::Simple("extra_attributes"), Reply::Map(fields)));
    }
    pairs.push((Reply::Simple("values"), Reply::Array(Vec::new())));
    Reply::Map(pairs)
}

fn score(row: &SearchRow, protocol: Protocol) -> Reply {
    let score = match protocol {
        Protocol::Resp2 => bulk(format_digits(row.score, 17)),
        Protocol::Resp3 => Reply::Double(row.score),
    };
    match &row.explanation {
        Some(explanation) => explained(score, explanation),
        None => score,
    }
}

/// `#` before numbers, `$` before texts.
fn sort_key(value: Option<Value>) -> Reply {
    match value {
        Some(Value::Number(number)) => bulk(format!("#{}", format_digits(number, 17))),
        Some(Value::Text(text)) => bulk([b"$", &text[..]].concat()),
        _ => Reply::Nil,
    }
}
