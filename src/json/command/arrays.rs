//! The commands on arrays.

use super::get::Format;
use super::{Call, Change, Changed, Keys, Measure, Reply, Wrong, integer, is_word};
use crate::json::parse::parse;
use crate::json::path::Match;
use crate::json::value::{Node, Value, View};
use crate::json::{Error, edit};

const NO_ARRAY: &str = "not an array";

fn length(node: Node) -> Option<usize> {
    if let View::Array(items) = node.view() { Some(items.len()) } else { None }
}

fn is_array(found: &Match) -> Result<bool, Error> {
    Ok(length(found.node).is_some())
}

/// The values of arguments.
fn values(args: &[&[u8]]) -> Result<Vec<Value>, Error> {
    args.iter().map(|arg| parse(arg)).collect()
}

/// Refuses values that would nest too deep, or take too much memory in this many arrays.
fn check(values: &[Value], matches: &[Match]) -> Result<(), Error> {
    edit::check_growth(matches.len(), values.iter().map(Value::memory).sum())?;
    let depth = values.iter().map(|value| value.node().depth()).max().unwrap_or(0);
    let mut arrays = matches.iter().filter(|found| length(found.node).is_some());
    arrays.try_for_each(|found| edit::check_depth(found.place.len() + 1, depth))
}

/// `JSON.ARRAPPEND key path value [value …]`
pub(super) fn append(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    keys.document(0)?;
    let path = call.path(1)?;
    let values = values(&call.args[2..])?;
    let change = Change { event: "json.arrappend", wrong: NO_ARRAY };
    check(&values, &change.matches(&path, keys)?)?;
    change.run(&path, keys, is_array, |array| {
        array.insert_items(array.array_len().unwrap_or(0), &values);
        Reply::from(array.array_len()).into()
    })
}

/// `JSON.ARRINSERT key path index value [value …]`
pub(super) fn insert(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    keys.document(0)?;
    let path = call.path(1)?;
    let values = values(&call.args[3..])?;
    let index = integer(call.args[2])?;
    let position = |len: usize| {
        let from_front = if index < 0 { index.saturating_add(len as i64) } else { index };
        usize::try_from(from_front).ok().filter(|&at| at <= len)
    };
    let change = Change { event: "json.arrinsert", wrong: NO_ARRAY };
    check(&values, &change.matches(&path, keys)?)?;
    let fits = |found: &Match| match length(found.node) {
        Some(len) if position(len).is_none() => Err(Error::new("index out of bounds")),
        found => Ok(found.is_some()),
    };
    change.run(&path, keys, fits, |array| {
        if let Some(at) = array.array_len().and_then(position) {
            array.insert_items(at, &values);
        }
        Reply::from(array.array_len()).into()
    })
}

/// `JSON.ARRLEN key [path]`
pub(super) fn len(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    let measure = Measure { missing: None, absent_is_nil: false, wrong: Wrong::Not(NO_ARRAY), grows: false };
    measure.reply(call, keys, |node| length(node).map(Reply::from))
}

/// `JSON.ARRPOP key [FORMAT format] [path [index]]`
pub(super) fn pop(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    keys.document(0)?;
    let mut args = call.args;
    let mut format = Format::Text;
    if let [_, word, name, rest @ ..] = args
        && is_word(word, "FORMAT")
        && (rest.len() != 1 || integer(name).is_err())
    {
        format = Format::of(name, "STRINGS", call.resp3)?;
        args = &args[2..];
    }
    if args.len() > 3 {
        return Err(Error::Arity);
    }
    let path = Call { args, ..*call }.path(1)?;
    let index = args.get(2).map_or(Ok(-1), |arg| integer(arg))?;
    let position = |len: usize| {
        let from_front = if index < 0 { index.saturating_add(len as i64) } else { index };
        usize::try_from(from_front).unwrap_or(0).min(len.saturating_sub(1))
    };
    Change { event: "json.arrpop", wrong: NO_ARRAY }.run(&path, keys, is_array, |array| {
        let popped = array.array_len().and_then(|len| array.remove_item(position(len)));
        Changed {
            different: popped.is_some(),
            reply: popped.as_ref().map(|value| format.reply(value.node())).into(),
            garbage: popped.into_iter().collect(),
        }
    })
}

/// `JSON.ARRTRIM key path start stop`, both inclusive.
pub(super) fn trim(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    keys.document(0)?;
    let path = call.path(1)?;
    let (start, stop) = (integer(call.args[2])?, integer(call.args[3])?);
    let range = |len: usize| {
        let len = len as i64;
        let from_front = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
        let (from, to) = (from_front(start).max(0), from_front(stop).saturating_add(1).min(len));
        if from < to { (from as usize, to as usize) } else { (0, 0) }
    };
    Change { event: "json.arrtrim", wrong: NO_ARRAY }.run(&path, keys, is_array, |array| {
        let (from, to) = range(array.array_len().unwrap_or(0));
        let garbage = array.trim_items(from, to);
        Changed { reply: array.array_len().into(), different: true, garbage }
    })
}

/// `JSON.ARRINDEX key path value [start [stop]]`, the stop exclusive, 0 for the end.
pub(super) fn index(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    keys.document(0)?;
    call.path(1)?;
    let wanted = parse(call.args[2])?;
    let bound = |at: usize| call.args.get(at).map_or(Ok(0), |arg| integer(arg));
    let (start, stop) = (bound(3)?, bound(4)?);
    let measure = Measure {
        missing: Some("Path or key does not exist"),
        absent_is_nil: false,
        wrong: Wrong::Expected("array"),
        grows: true,
    };
    measure.reply(call, keys, |node| {
        let View::Array(items) = node.view() else { return None };
        let len = items.len() as i64;
        let from_front = |index: i64| if index < 0 { index.saturating_add(len).max(0) } else { index };
        let from = from_front(start).min((len - 1).max(0));
        let to = if stop == 0 { len } else { from_front(stop).min(len) };
        let mut range = from..to;
        let is_there = |&at: &i64| items.get(at as usize).is_some_and(|item| item.is_same(wanted.node()));
        Some(Reply::Int(range.find(is_there).unwrap_or(-1)))
    })
}
