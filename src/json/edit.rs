//! Edits at the places that a path selects.
//!
//! Places are determined once, before any change. Changes are applied backwards, so that those inside a value
//! come before those of the value itself, and later ones before earlier: no change invalidates the places that follow.

use std::collections::BTreeMap;

use super::path::Place;
use super::text::Text;
use super::value::{Value, View};
use super::{Error, MAX_DEPTH, MAX_TEXT};

/// Leads to the value at a place. Packed arrays on the way become plain ones.
pub fn at<'v>(root: &'v mut Value, place: &[usize]) -> Option<&'v mut Value> {
    let mut value = root;
    for &step in place {
        value = match value {
            Value::Object(members) => &mut members.get_mut(step)?.1,
            Value::Large(members) => members.get_index_mut(step)?.1,
            array => array.items_mut()?.get_mut(step)?,
        };
    }
    Some(value)
}

/// Sets the value at a place, and returns the previous one. The array around it stays packed if possible.
pub fn put(root: &mut Value, place: &[usize], value: Value) -> Value {
    if let Some((last, above)) = place.split_last()
        && let Some(parent) = at(root, above)
        && parent.array_len().is_some()
    {
        return parent.set_item(*last, value);
    }
    at(root, place).map_or(Value::Null, |old| std::mem::replace(old, value))
}

/// The places that lie inside no other of them, in the order of the document.
pub fn outermost(places: impl Iterator<Item = Place>) -> Vec<Place> {
    let mut sorted: Vec<Place> = places.collect();
    sorted.sort();
    let mut kept: Vec<Place> = Vec::new();
    for place in sorted {
        if kept.last().is_none_or(|outer| !place.starts_with(outer)) {
            kept.push(place);
        }
    }
    kept
}

/// Changes each match that `change` takes, and returns its results in the order of the matches. A match is changed
/// after those inside it.
pub fn backwards<R>(
    root: &mut Value,
    places: &[Option<Place>],
    mut change: impl FnMut(&mut Value) -> R,
) -> Vec<Option<R>> {
    let mut order: Vec<usize> = (0..places.len()).filter(|&i| places[i].is_some()).collect();
    order.sort_by(|&a, &b| places[b].cmp(&places[a]));
    let mut results: Vec<Option<R>> = places.iter().map(|_| None).collect();
    for i in order {
        if let Some(place) = &places[i] {
            results[i] = at(root, place).map(&mut change);
        }
    }
    results
}

/// Refuses to put a value that nests so deep at a place so deep.
pub fn check_depth(place: usize, value: usize) -> Result<(), Error> {
    match value > 0 && place + value > MAX_DEPTH {
        true => Err(Error::new("recursion limit exceeded")),
        false => Ok(()),
    }
}

/// Refuses to add too much to a document.
pub fn check_growth(times: usize, bytes: usize) -> Result<(), Error> {
    match times > 1 && times.saturating_mul(bytes) > MAX_TEXT {
        true => Err(Error::new("the document would grow too large")),
        false => Ok(()),
    }
}

/// Replaces the outermost matches by copies of a value; returns the previous values.
pub fn replace(root: &mut Value, places: Vec<Place>, value: Value) -> Result<Vec<Value>, Error> {
    let places = outermost(places.into_iter());
    check_growth(places.len(), value.memory())?;
    let depth = value.node().depth();
    places.iter().try_for_each(|place| check_depth(place.len(), depth))?;
    if let [place] = &places[..] {
        return Ok(vec![put(root, place, value)]);
    }
    Ok(places.iter().map(|place| put(root, place, value.clone())).collect())
}

/// Removes the outermost matches, of which none is the root; returns their number and values.
pub fn remove(root: &mut Value, places: Vec<Place>) -> (usize, Vec<Value>) {
    let places = outermost(places.into_iter());
    let mut by_parent: BTreeMap<&[usize], Vec<usize>> = BTreeMap::new();
    for (last, parent) in places.iter().filter_map(|place| place.split_last()) {
        by_parent.entry(parent).or_default().push(*last);
    }
    let mut removed = Vec::new();
    // Backwards: what a parent loses moves only what comes after the parent.
    for (parent, positions) in by_parent.into_iter().rev() {
        removed.extend(at(root, parent).map(|parent| parent.remove_positions(&positions)).unwrap_or_default());
    }
    (places.len(), removed)
}

/// Merges a patch into each match, outer ones first, inner ones where they are still there then.
pub fn merge(root: &mut Value, places: Vec<Place>, patch: &Value) -> Result<Vec<Value>, Error> {
    if !matches!(patch.view(), View::Object(_)) {
        return replace(root, places, patch.clone());
    }
    check_growth(places.len(), patch.memory())?;
    let depth = patch.node().depth();
    places.iter().try_for_each(|place| check_depth(place.len(), depth))?;
    let mut places = places;
    places.sort();
    let ways: Vec<Vec<Step>> = places.iter().map(|place| way(root, place)).collect();
    for steps in ways {
        let target = steps.iter().try_fold(&mut *root, |value, step| match step {
            Step::Name(name) => value.member_mut(name.bytes()),
            Step::Index(at) => value.items_mut()?.get_mut(*at),
        });
        if let Some(target) = target {
            merge_into(target, patch);
        }
    }
    Ok(Vec::new())
}

/// RFC 7396: null members of an object remove, a value that is not an object replaces. Recursion is as deep as the patch.
pub fn merge_into(target: &mut Value, patch: &Value) {
    let View::Object(members) = patch.view() else {
        *target = patch.clone();
        return;
    };
    if !matches!(target.view(), View::Object(_)) {
        *target = Value::object();
    }
    if let View::Object(old) = target.view() {
        let nulls = members.iter().filter(|(_, value)| matches!(value, Value::Null));
        let mut gone: Vec<usize> = nulls.filter_map(|(name, _)| Some(old.get(name.bytes())?.0)).collect();
        gone.sort();
        target.remove_positions(&gone);
    }
    for (name, value) in members.iter().filter(|(_, value)| !matches!(value, Value::Null)) {
        match target.member_mut(name.bytes()) {
            Some(old) => merge_into(old, value),
            None => target.set_member(name.clone(), merged(value)),
        }
    }
}

/// A patch merged into nothing.
pub fn merged(patch: &Value) -> Value {
    let mut value = Value::Null;
    merge_into(&mut value, patch);
    value
}

/// A step by name or index.
enum Step {
    Name(Text),
    Index(usize),
}

/// The way to a place by names: it stays right when members before it go.
fn way(root: &Value, place: &[usize]) -> Vec<Step> {
    let mut node = root.node();
    let mut steps = Vec::new();
    for &at in place {
        let next = match node.view() {
            View::Object(members) => members.at(at).map(|(name, value)| (Step::Name(name.clone()), value.node())),
            View::Array(items) => items.get(at).map(|node| (Step::Index(at), node)),
            _ => None,
        };
        let Some((step, next)) = next else { break };
        steps.push(step);
        node = next;
    }
    steps
}
