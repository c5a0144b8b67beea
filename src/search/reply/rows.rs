//! FT.AGGREGATE's reply, and the values of rows.

use std::collections::HashSet;

use super::explanation::explanation_of;
use super::{Protocol, Warnings, bulk, results};
use crate::json::expanded;
use crate::reply::Reply;
use crate::search::aggregate::{Shown, Table, TooLarge};
use crate::search::command::options::Format;
use crate::search::number::{format_exact, format_number};
use crate::search::value::Value;

/// Arrays in arrays deeper than this show as nothing.
const MAX_DEPTH: usize = 16;

/// Names and values of a row.
pub type AggregateRow = Vec<(Vec<u8>, Reply)>;

/// The reply: a number of rows, and rows.
pub fn aggregate(
    total: usize,
    rows: Vec<AggregateRow>,
    warnings: Warnings,
    (protocol, format): (Protocol, Format),
) -> Reply {
    match protocol {
        Protocol::Resp2 => {
            let flat = |row: AggregateRow| row.into_iter().flat_map(|(name, value)| [bulk(name), value]).collect();
            let rows = rows.into_iter().map(|row| Reply::Array(flat(row)));
            Reply::Array(std::iter::once(Reply::from(total)).chain(rows).collect())
        }
        Protocol::Resp3 => {
            let map = |row: AggregateRow| {
                let fields = row.into_iter().map(|(name, value)| (bulk(name), value)).collect();
                Reply::Map(vec![
                    (Reply::Simple("extra_attributes"), Reply::Map(fields)),
                    (Reply::Simple("values"), Reply::Array(Vec::new())),
                ])
            };
            results(total, rows.into_iter().map(map).collect(), warnings, format)
        }
    }
}

/// The rows of a table, as long as there is room for their texts: values that rows share, and lists many times, are written for
/// each.
///
/// # Errors
/// If there is not.
pub fn rows(table: &Table, shown: &[Shown], bytes_left: &mut usize) -> Result<Vec<AggregateRow>, TooLarge> {
    let bytes = |cells: &[Option<Value>], column: &Shown| {
        column.name.len() + cells[column.whole.unwrap_or(column.column)].as_ref().map_or(0, Value::bytes)
    };
    let rows = table.rows().map(|cells| {
        let bytes = shown.iter().fold(0, |sum: usize, column| sum.saturating_add(bytes(cells, column)));
        *bytes_left = bytes_left.checked_sub(bytes).ok_or(TooLarge)?;
        Ok(row(cells, shown))
    });
    rows.collect()
}

/// What a row shows of its cells.
fn row(cells: &[Option<Value>], shown: &[Shown]) -> AggregateRow {
    let mut row: AggregateRow = Vec::with_capacity(shown.len());
    // An explanation stands before what documents hold, whatever their fields are called.
    let mut begin = 0;
    for column in shown {
        if column.explains {
            row.extend(cells[column.column].iter().map(|value| (column.name.clone(), explanation_of(value))));
            begin = row.len();
            continue;
        }
        if let Some(whole) = column.whole {
            if let Some(Value::Text(text)) = &cells[whole] {
                let values = expanded(text).unwrap_or_else(|| bulk(&text[..]));
                row.push((column.name.clone(), values));
            }
            continue;
        }
        match &cells[column.column] {
            None => {}
            Some(Value::Array(pairs)) if column.everything => {
                // Documents may have any number of fields.
                let mut known: HashSet<Vec<u8>> = row[begin..].iter().map(|(name, _)| name.clone()).collect();
                for pair in pairs.chunks_exact(2) {
                    if let Value::Text(name) = &pair[0]
                        && known.insert(name.to_vec())
                    {
                        row.push((name.to_vec(), stored(&pair[1])));
                    }
                }
            }
            Some(value) => {
                let reply = if column.exact { stored(value) } else { computed(value) };
                row.push((column.name.clone(), reply));
            }
        }
    }
    row
}

/// A value that was computed: numbers with twelve digits.
pub fn computed(value: &Value) -> Reply {
    reply(value, &format_number, MAX_DEPTH)
}

/// A value of a document: numbers in the shortest form that reads back the same.
pub fn stored(value: &Value) -> Reply {
    reply(value, &format_exact, MAX_DEPTH)
}

fn reply(value: &Value, format: &dyn Fn(f64) -> String, depth: usize) -> Reply {
    match value {
        Value::Null => Reply::Nil,
        Value::Number(number) => bulk(format(*number)),
        Value::Text(text) => bulk(&text[..]),
        Value::Array(_) if depth == 0 => Reply::Nil,
        Value::Array(values) => Reply::Array(values.iter().map(|value| reply(value, format, depth - 1)).collect()),
    }
}
