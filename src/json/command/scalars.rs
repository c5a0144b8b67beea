//! The commands on numbers, strings and booleans.

use super::get::number_reply;
use super::{Call, Change, Keys, Measure, Reply, Wrong, no_such};
use crate::json::number::{Arithmetic, Number};
use crate::json::parse::parse;
use crate::json::path::Place;
use crate::json::value::{Node, Value, View};
use crate::json::{Error, edit};

/// `JSON.NUMINCRBY key path number`
pub(super) fn numincrby(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    calculate(call, keys, Arithmetic::Add, "json.numincrby")
}

/// `JSON.NUMMULTBY key path number`
pub(super) fn nummultby(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    calculate(call, keys, Arithmetic::Multiply, "json.nummultby")
}

/// `JSON.NUMPOWBY key path number`
pub(super) fn numpowby(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    calculate(call, keys, Arithmetic::Power, "json.numpowby")
}

fn number(node: Node) -> Option<Number> {
    if let View::Number(number) = node.view() { Some(number) } else { None }
}

fn calculate(call: &Call, keys: &mut dyn Keys, arithmetic: Arithmetic, event: &'static str) -> Result<Reply, Error> {
    keys.document(0)?;
    let path = call.path(1)?;
    let operand = parse(call.args[2]).ok().and_then(|value| number(value.node()));
    let operand = operand.ok_or_else(|| Error::new("bad input number"))?;
    let root = keys.document(0)?.ok_or_else(Error::no_document)?;
    let mut results: Vec<Option<(Place, Number)>> = Vec::new();
    for found in path.matches(root)? {
        let result = match number(found.node) {
            None => None,
            Some(value) => {
                let result = value.apply(arithmetic, operand);
                Some((found.place, result.ok_or_else(|| Error::new("the result is not a number in range"))?))
            }
        };
        results.push(result);
    }
    for (place, result) in results.iter().flatten() {
        edit::put(root, place, Value::from(*result));
    }
    if results.iter().any(Option::is_some) {
        keys.changed(0, event);
    }
    if path.is_legacy() {
        let last = results.iter().flatten().last().map(|(_, result)| *result);
        results = vec![Some((Place::new(), last.ok_or_else(|| no_such("does not contains a number"))?))];
    }
    let numbers = results.into_iter().map(|result| result.map(|(_, number)| number));
    if call.resp3 {
        return Ok(Reply::Array(numbers.map(|n| n.map(|n| number_reply(n, true)).into()).collect()));
    }
    let text = |number: Option<Number>| {
        let mut text = Vec::new();
        match number {
            Some(number) => number.write(&mut text),
            None => text.extend_from_slice(b"null"),
        }
        text
    };
    let texts: Vec<Vec<u8>> = numbers.map(text).collect();
    let joined = texts.join(&b","[..]);
    Ok(Reply::Bulk(if path.is_legacy() { joined } else { [b"[", &joined[..], b"]"].concat() }))
}

/// `JSON.STRAPPEND key [path] string`
pub(super) fn strappend(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    keys.document(0)?;
    let (path, text) = match call.args {
        [_, text] => (call.path(usize::MAX)?, text),
        _ => (call.path(1)?, &call.args[2]),
    };
    let value = parse(text)?;
    let Value::String(more) = &value else { return Err(Error::Kind("string", value.node().kind())) };
    let change = Change { event: "json.strappend", wrong: "not a string" };
    let matches = change.matches(&path, keys)?.len();
    edit::check_growth(matches, more.bytes().len())?;
    let is_string = |node: Node| matches!(node.view(), View::String(_));
    change.run(
        &path,
        keys,
        |found| Ok(is_string(found.node)),
        |value| {
            let Value::String(text) = value else { return Reply::Nil.into() };
            text.push(more);
            Reply::from(text.bytes().len()).into()
        },
    )
}

/// `JSON.STRLEN key [path]`: bytes of UTF-8.
pub(super) fn strlen(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    let measure = Measure { missing: None, absent_is_nil: false, wrong: Wrong::Expected("string"), grows: false };
    measure.reply(call, keys, |node| match node.view() {
        View::String(text) => Some(text.bytes().len().into()),
        _ => None,
    })
}

/// `JSON.TOGGLE key path`
pub(super) fn toggle(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    let path = call.path(1)?;
    let change = Change { event: "json.toggle", wrong: "not a bool" };
    let is_bool = |node: Node| matches!(node.view(), View::Bool(_));
    change.run(
        &path,
        keys,
        |found| Ok(is_bool(found.node)),
        |value| {
            let now = matches!(value, Value::Bool(false));
            *value = Value::Bool(now);
            match path.is_legacy() {
                true => Reply::Bulk(now.to_string().into_bytes()).into(),
                false => Reply::Int(now.into()).into(),
            }
        },
    )
}
