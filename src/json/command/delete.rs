//! DEL, FORGET and CLEAR.

use super::{Call, Keys, Reply};
use crate::json::number::Number;
use crate::json::path::Place;
use crate::json::value::{Node, Value, View};
use crate::json::{Error, edit};

/// `JSON.DEL key [path]`, also named `JSON.FORGET`
pub(super) fn del(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    let path = call.path(1)?;
    let Some(root) = keys.document(0)? else { return Ok(Reply::Int(0)) };
    let (count, is_gone) = if path.is_root() {
        (1, true)
    } else {
        let places: Vec<Place> = path.matches(root)?.into_iter().map(|found| found.place).collect();
        if places.is_empty() {
            return Ok(Reply::Int(0));
        }
        let (count, garbage) = edit::remove(root, places);
        let is_gone = match root.view() {
            View::Array(items) => items.is_empty(),
            View::Object(members) => members.is_empty(),
            _ => false,
        };
        keys.discard(garbage);
        (count, is_gone)
    };
    if is_gone {
        keys.delete(0);
    }
    keys.changed(0, "json.del");
    Ok(count.into())
}

/// `JSON.CLEAR key [path]`: empties containers, sets numbers to 0.
pub(super) fn clear(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    let path = call.path(1)?;
    let root = keys.document(0)?.ok_or_else(Error::no_document)?;
    let found = path.matches(root)?.into_iter().filter_map(|found| Some((found.place, cleared(found.node)?)));
    let mut found: Vec<(Place, Value)> = found.collect();
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    // Matches inside a container that is emptied are removed with it.
    let mut kept: Vec<(Place, Value)> = Vec::new();
    for (place, value) in found {
        if kept.last().is_none_or(|(outer, _)| !place.starts_with(outer)) {
            kept.push((place, value));
        }
    }
    let count = kept.len();
    let garbage = kept.into_iter().map(|(place, value)| edit::put(root, &place, value)).collect();
    keys.discard(garbage);
    if count > 0 {
        keys.changed(0, "json.clear");
    }
    Ok(count.into())
}

/// The cleared value; none if it is clear already, or of another kind.
fn cleared(node: Node) -> Option<Value> {
    match node.view() {
        View::Array(items) => (!items.is_empty()).then(|| Value::array(Vec::new())),
        View::Object(members) => (!members.is_empty()).then(Value::object),
        View::Number(Number::Int(0)) => None,
        View::Number(number) => (number.as_f64() != 0.0).then_some(Value::Int(0)),
        _ => None,
    }
}
