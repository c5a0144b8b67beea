//! SET, MSET and MERGE.

use std::rc::Rc;

use super::{Call, Keys, Reply, is_word};
use crate::json::fpha::FloatType;
use crate::json::parse::{parse, parse_to_depth};
use crate::json::path::{Last, Path, Place, Shared, compiled};
use crate::json::text::Text;
use crate::json::value::{Value, View};
use crate::json::{Error, MAX_DEPTH, MAX_DEPTH_SAVED, edit};

/// When SET does nothing.
#[derive(Clone, Copy, PartialEq)]
enum Condition {
    None,
    IfAbsent,
    IfPresent,
}

/// What a SET or MERGE is to do with a document.
enum Plan {
    /// The key gets a document.
    Create,
    /// Something at all these places.
    Matches(Vec<Place>),
    /// A member more in the object at this place.
    Member(Place, Text),
}

/// What is to be done for a path; none if the answer is nil.
fn plan(root: Option<&Value>, path: &Path, condition: Condition, depth: usize) -> Result<Option<Plan>, Error> {
    let Some(root) = root else {
        return match (condition, path.is_root()) {
            (Condition::IfPresent, _) => Ok(None),
            (_, true) => Ok(Some(Plan::Create)),
            (_, false) => Err(Error::new("new objects must be created at the root")),
        };
    };
    let places: Vec<Place> = path.matches(root)?.into_iter().map(|found| found.place).collect();
    if !places.is_empty() {
        return Ok((condition != Condition::IfAbsent).then_some(Plan::Matches(places)));
    }
    if condition == Condition::IfPresent {
        return Ok(None);
    }
    if !path.is_static() {
        return Err(Error::new("wrong static path"));
    }
    match path.last() {
        Last::Root => Ok(None),
        Last::Index => Err(Error::new("array index out of range")),
        Last::Name(name) => {
            let Some(place) = path.parent(root) else { return Ok(None) };
            if !is_object_at(root, &place) {
                return Ok(None);
            }
            edit::check_depth(place.len() + 1, depth)?;
            Ok(Some(Plan::Member(place, name.into())))
        }
    }
}

fn is_object_at(root: &Value, place: &[usize]) -> bool {
    let mut node = root.node();
    for &at in place {
        let next = match node.view() {
            View::Object(members) => members.at(at).map(|(_, value)| value.node()),
            View::Array(items) => items.get(at),
            _ => None,
        };
        let Some(next) = next else { return false };
        node = next;
    }
    matches!(node.view(), View::Object(_))
}

impl Plan {
    /// Sets the value; returns the previous ones. The caller executes a plan to create.
    fn set(self, root: &mut Value, value: Value) -> Result<Vec<Value>, Error> {
        match self {
            Plan::Create => Ok(vec![std::mem::replace(root, value)]),
            Plan::Matches(places) => edit::replace(root, places, value),
            Plan::Member(place, name) => {
                if let Some(parent) = edit::at(root, &place) {
                    parent.set_member(name, value);
                }
                Ok(Vec::new())
            }
        }
    }
}

/// `JSON.SET key path value [NX|XX] [FPHA type]`
pub(super) fn set(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    let (condition, float) = options(&call.args[3..])?;
    keys.document(0)?;
    let path = call.path(1)?;
    let mut value = parse_to_depth(call.args[2], if call.repeats { MAX_DEPTH_SAVED } else { MAX_DEPTH })?;
    if let Some(float) = float {
        float.convert(&mut value)?;
    }
    let depth = value.node().depth();
    match (plan(keys.document(0)?.as_deref(), &path, condition, depth)?, keys.document(0)?) {
        (None, _) => return Ok(Reply::Nil),
        (Some(plan), Some(root)) => {
            let garbage = plan.set(root, value)?;
            keys.discard(garbage);
        }
        (Some(_), None) => keys.create(0, value),
    }
    keys.changed(0, "json.set");
    Ok(Reply::Simple("OK"))
}

fn options(words: &[&[u8]]) -> Result<(Condition, Option<FloatType>), Error> {
    let syntax = || Error::new("syntax error");
    let (mut condition, mut float) = (Condition::None, None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if is_word(word, "FPHA") && float.is_none() {
            float = Some(FloatType::of(words.next().ok_or(Error::Arity)?)?);
        } else if is_word(word, "NX") && condition == Condition::None {
            condition = Condition::IfAbsent;
        } else if is_word(word, "XX") && condition == Condition::None {
            condition = Condition::IfPresent;
        } else {
            return Err(syntax());
        }
    }
    Ok((condition, float))
}

/// `JSON.MERGE key path patch`
pub(super) fn merge(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    keys.document(0)?;
    let path = call.path(1)?;
    let patch = parse(call.args[2])?;
    let depth = patch.node().depth();
    match (plan(keys.document(0)?.as_deref(), &path, Condition::None, depth)?, keys.document(0)?) {
        (None, _) => return Ok(Reply::Nil),
        (Some(Plan::Matches(places)), Some(root)) => {
            let garbage = edit::merge(root, places, &patch)?;
            keys.discard(garbage);
        }
        (Some(plan), Some(root)) => drop(plan.set(root, edit::merged(&patch))?),
        (Some(_), None) => keys.create(0, edit::merged(&patch)),
    }
    keys.changed(0, "json.merge");
    Ok(Reply::Simple("OK"))
}

/// The effect of one triplet of MSET, or of all triplets of one key.
enum Step {
    Plan(Plan, Value),
    Whole(Value),
    /// An earlier step of the same key has done it.
    Done,
}

/// A key, a path, and the value until it is used.
type Triplet<'a> = (&'a [u8], Rc<Path>, Option<Value>);

/// `JSON.MSET key path value [key path value …]`: all or nothing, each seeing what those before it did.
pub(super) fn mset(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    if !call.args.len().is_multiple_of(3) {
        return Err(Error::Arity);
    }
    let mut triplets: Vec<Triplet> = Vec::new();
    for (i, triplet) in call.args.chunks(3).enumerate() {
        keys.document(3 * i)?;
        triplets.push((triplet[0], compiled(triplet[1])?, Some(parse(triplet[2])?)));
    }
    let mut steps = Vec::new();
    let mut positions: std::collections::HashMap<&[u8], Vec<usize>> = Default::default();
    for (i, (name, ..)) in triplets.iter().enumerate() {
        positions.entry(name).or_default().push(i);
    }
    for i in 0..triplets.len() {
        let same = &positions[triplets[i].0];
        Shared::next_document();
        let step = match &same[..] {
            [_] => {
                let (_, path, value) = &mut triplets[i];
                let value = value.take().unwrap_or(Value::Null);
                let planned = plan(keys.document(3 * i)?.as_deref(), path, Condition::None, value.node().depth())?;
                planned.map(|plan| check(plan, &value).map(|plan| Step::Plan(plan, value))).transpose()?
            }
            [first, ..] if *first == i => {
                set_all(keys.document(3 * i)?.cloned(), &mut triplets, same)?.map(Step::Whole)
            }
            _ => Some(Step::Done),
        };
        steps.push(step);
    }
    // An error in a later one takes precedence over an earlier one that had nothing to do.
    let Some(steps) = steps.into_iter().collect::<Option<Vec<Step>>>() else { return Ok(Reply::Nil) };
    for (i, step) in steps.into_iter().enumerate() {
        match (step, keys.document(3 * i)?) {
            (Step::Plan(plan, value), Some(root)) => {
                let garbage = plan.set(root, value)?;
                keys.discard(garbage);
            }
            (Step::Whole(value), Some(root)) => {
                let garbage = vec![std::mem::replace(root, value)];
                keys.discard(garbage);
            }
            (Step::Plan(_, value) | Step::Whole(value), None) => keys.create(3 * i, value),
            (Step::Done, _) => {}
        }
        keys.changed(3 * i, "json.mset");
    }
    Ok(Reply::Simple("OK"))
}

/// Applies several triplets of one key to a copy of its document, which then replaces the document; None if one of them has
/// nothing to do.
fn set_all(mut copy: Option<Value>, triplets: &mut [Triplet], same: &[usize]) -> Result<Option<Value>, Error> {
    let mut possible = true;
    for &at in same {
        let (_, path, value) = &mut triplets[at];
        let value = value.take().unwrap_or(Value::Null);
        match plan(copy.as_ref(), path, Condition::None, value.node().depth())? {
            None => possible = false,
            Some(plan) => match &mut copy {
                Some(root) => drop(plan.set(root, value)?),
                None => copy = Some(value),
            },
        }
    }
    Ok(copy.filter(|_| possible))
}

/// A plan that will not fail when its turn comes.
fn check(plan: Plan, value: &Value) -> Result<Plan, Error> {
    let Plan::Matches(places) = plan else { return Ok(plan) };
    let places = edit::outermost(places.into_iter());
    edit::check_growth(places.len(), value.memory())?;
    let depth = value.node().depth();
    places.iter().try_for_each(|place| edit::check_depth(place.len(), depth))?;
    Ok(Plan::Matches(places))
}
