//! Commands that only read. Each takes the arguments behind its name; `check_*` those that are
//! refused before the key is opened.

use std::collections::HashSet;
use std::ops::Bound;

use rand::seq::SliceRandom;

use super::args::{integer, is_word};
use super::{Arguments, CommandError, Reply};
use crate::set::VectorSet;

/// Maximum number of names with repeats in a VRANDMEMBER: a reply of a few hundred megabytes.
pub const MAX_REPEATS: u64 = 10_000_000;

/// `VEMB key element [RAW]`: whether RAW is given.
///
/// # Errors
/// If anything else stands behind the element.
pub fn check_vemb(args: Arguments) -> Result<bool, CommandError> {
    match args {
        [_, _, options @ ..] if options.iter().all(|option| is_word(option, "RAW")) => Ok(!options.is_empty()),
        [_, _, ..] => Err(CommandError::InvalidOption),
        _ => Err(CommandError::Arity),
    }
}

/// VEMB on a set.
pub fn vemb(set: &VectorSet, element: &[u8], raw: bool) -> Reply {
    if !raw {
        return match set.vector(element) {
            Some(vector) => Reply::Array(vector.into_iter().map(Reply::from).collect()),
            None => Reply::Nil,
        };
    }
    let Some(raw) = set.raw_vector(element) else { return Reply::Nil };
    let mut items = vec![Reply::Simple(set.params().encoding.name()), Reply::Bulk(raw.code), raw.l2.into()];
    items.extend(raw.range.map(Reply::from));
    Reply::Array(items)
}

/// `VLINKS key element [WITHSCORES]`: whether scores are wanted.
///
/// # Errors
/// If anything else stands behind the element.
pub fn check_vlinks(args: Arguments) -> Result<bool, CommandError> {
    match args {
        [_, _] => Ok(false),
        [_, _, option] if is_word(option, "WITHSCORES") => Ok(true),
        _ => Err(CommandError::Arity),
    }
}

/// VLINKS on a set.
pub fn vlinks(set: &mut VectorSet, element: &[u8], with_scores: bool) -> Reply {
    let Some(levels) = set.links(element) else { return Reply::Nil };
    let level = |links: Vec<(Vec<u8>, f32)>| match with_scores {
        true => Reply::Map(links.into_iter().map(|(name, score)| (Reply::Bulk(name), score.into())).collect()),
        false => Reply::Array(links.into_iter().map(|(name, _)| Reply::Bulk(name)).collect()),
    };
    Reply::Array(levels.into_iter().map(level).collect())
}

/// VINFO on a set.
pub fn vinfo(set: &VectorSet) -> Reply {
    let (params, info) = (set.params(), set.info());
    let mut fields = vec![
        ("quant-type", Reply::Simple(params.encoding.name())),
        ("hnsw-m", params.m.into()),
        ("vector-dim", params.dim.into()),
        ("projection-input-dim", params.input_dim.unwrap_or(0).into()),
        ("size", info.size.into()),
        ("max-level", info.max_level.into()),
        ("attributes-count", info.attributes_count.into()),
        ("vset-uid", Reply::Int(info.uid as i64)),
        ("hnsw-max-node-uid", Reply::Int(info.max_node_uid as i64)),
        ("distance-metric", Reply::Simple(params.metric.name())),
    ];
    if info.expiring > 0 {
        fields.push(("expiring", info.expiring.into()));
    }
    fields.push(("pending", info.pending.into()));
    Reply::Map(fields.into_iter().map(|(name, value)| (Reply::Simple(name), value)).collect())
}

/// `VRANDMEMBER key [count]`: the count.
///
/// # Errors
/// If it is no integer, or asks for more repeats than [`MAX_REPEATS`].
pub fn check_vrandmember(args: Arguments) -> Result<Option<i64>, CommandError> {
    match args {
        [_] => Ok(None),
        [_, count] => {
            let count = integer(count).ok_or(CommandError::CountNotInteger)?;
            if count < 0 && count.unsigned_abs() > MAX_REPEATS {
                return Err(CommandError::CountOutOfRange);
            }
            Ok(Some(count))
        }
        _ => Err(CommandError::Arity),
    }
}

/// A random element: every one equally likely. None if all are hidden.
pub fn random_element(set: &VectorSet) -> Option<&[u8]> {
    set.draws().next(&mut rand::rng())
}

/// `count` random elements, each drawn from all of them; none if all are hidden.
pub fn random_repeats(set: &VectorSet, count: u64) -> impl Iterator<Item = &[u8]> {
    let (mut draws, mut rng) = (set.draws(), rand::rng());
    (0..count).map_while(move |_| draws.next(&mut rng))
}

/// `count` different random elements, or all.
pub fn random_elements(set: &VectorSet, count: usize) -> Vec<&[u8]> {
    let (mut rng, visible) = (rand::rng(), set.visible());
    if count < visible / 2 && set.expiring() > 0 {
        let (mut chosen, mut names) = (HashSet::with_capacity(count), Vec::with_capacity(count));
        let mut draws = set.draws();
        while names.len() < count {
            let Some(name) = draws.next(&mut rng) else { break };
            if chosen.insert(name) {
                names.push(name);
            }
        }
        return names;
    }
    if visible == set.len() {
        return rand::seq::index::sample(&mut rng, visible, count.min(visible))
            .into_iter()
            .map(|at| set.nth(at))
            .collect();
    }
    let mut names = set.visible_names();
    names.shuffle(&mut rng);
    names.truncate(count);
    names
}

/// The arguments of VRANGE.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range<'a> {
    start: Bound<&'a [u8]>,
    end: Bound<&'a [u8]>,
    limit: usize,
}

/// `VRANGE key start end [count]`.
///
/// # Errors
/// The first that is wrong, the count before the bounds.
pub fn check_vrange<'a>(args: Arguments<'a>) -> Result<Range<'a>, CommandError> {
    let (start, end, count) = match args {
        [_, start, end] => (start, end, None),
        [_, start, end, count] => (start, end, Some(integer(count).ok_or(CommandError::RangeCount)?)),
        _ => return Err(CommandError::Arity),
    };
    let bound = |arg: &'a [u8]| match arg {
        b"-" | b"+" => Some(Bound::Unbounded),
        [b'[', name @ ..] if !name.is_empty() => Some(Bound::Included(name)),
        [b'(', name @ ..] if !name.is_empty() => Some(Bound::Excluded(name)),
        _ => None,
    };
    let range = Range {
        start: bound(start).ok_or(CommandError::RangeStart)?,
        end: bound(end).ok_or(CommandError::RangeEnd)?,
        limit: count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX)),
    };
    if *start == b"+" || *end == b"-" {
        return Err(CommandError::RangeOrder);
    }
    Ok(range)
}

/// VRANGE on a set: calls `name` with each name.
pub fn vrange(set: &VectorSet, range: Range, name: &mut dyn FnMut(&[u8])) {
    let mut left = range.limit;
    if left > 0 {
        set.range(range.start, range.end, &mut |found| {
            name(found);
            left -= 1;
            left > 0
        });
    }
}
