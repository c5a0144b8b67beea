//! VEXPIRE and its relatives: when elements expire.

use super::expiring;
use super::open::{open, read};
use crate::command::expiry::{self, Unit};
use crate::command::{Arguments, Reply};
use crate::server::commands::{Call, Failure, Outcome, registered_name};
use crate::set::{VectorSet, now};

const SECONDS: Unit = Unit { millis: 1000, is_relative: true };
const MILLISECONDS: Unit = Unit { millis: 1, is_relative: true };
const SECOND: Unit = Unit { millis: 1000, is_relative: false };
const MILLISECOND: Unit = Unit { millis: 1, is_relative: false };

/// There is no such element, or no such set.
const ABSENT: i64 = -2;

pub fn vexpire(call: &Call) -> Outcome {
    expire(call, SECONDS)
}

pub fn vpexpire(call: &Call) -> Outcome {
    expire(call, MILLISECONDS)
}

pub fn vexpireat(call: &Call) -> Outcome {
    expire(call, SECOND)
}

pub fn vpexpireat(call: &Call) -> Outcome {
    expire(call, MILLISECOND)
}

pub fn vttl(call: &Call) -> Outcome {
    reply_times(call, SECONDS)
}

pub fn vpttl(call: &Call) -> Outcome {
    reply_times(call, MILLISECONDS)
}

pub fn vexpiretime(call: &Call) -> Outcome {
    reply_times(call, SECOND)
}

pub fn vpexpiretime(call: &Call) -> Outcome {
    reply_times(call, MILLISECOND)
}

/// `VEXPIRE key time [NX | XX | GT | LT] ELEMENTS n element …`
fn expire(call: &Call, unit: Unit) -> Outcome {
    let now = now();
    let request = expiry::parse_expire(call.args, unit, now)?;
    let is_repetition = call.ctx.is_repetition();
    let mut changed: Vec<&[u8]> = Vec::new();
    let outcome = change(call, request.elements, |set, element| {
        // The primary has decided, by its clock; it may still see what is hidden here.
        let old = if is_repetition { set.stored(element).then_some(None) } else { set.time(element) };
        match old {
            None => (ABSENT, false),
            Some(old) if !is_repetition && !request.when.allows(old, request.at) => (0, false),
            Some(_) if !is_repetition && request.at <= now => (2, true),
            Some(_) => {
                set.set_time(element, Some(request.at));
                changed.push(element);
                (1, false)
            }
        }
    })?;
    if !changed.is_empty() {
        expiring::watch(call.ctx.database(), call.args[0]);
        let time = request.at.to_string();
        let count = changed.len().to_string();
        let mut args: Vec<&[u8]> = vec![call.args[0], time.as_bytes(), b"ELEMENTS", count.as_bytes()];
        args.extend(&changed);
        call.ctx.replicate(registered_name("VPEXPIREAT"), &args);
        call.ctx.changed(call.key, c"vexpire");
    }
    Ok(Some(outcome))
}

/// `VPERSIST key ELEMENTS n element …`
pub fn vpersist(call: &Call) -> Outcome {
    let elements = elements(call)?;
    let is_repetition = call.ctx.is_repetition();
    let mut changed: Vec<&[u8]> = Vec::new();
    let outcome = change(call, elements, |set, element| {
        let old = if is_repetition { set.stored(element).then_some(Some(0)) } else { set.time(element) };
        match old {
            None => (ABSENT, false),
            Some(None) => (-1, false),
            Some(Some(_)) => {
                set.set_time(element, None);
                changed.push(element);
                (1, false)
            }
        }
    })?;
    if !changed.is_empty() {
        let count = changed.len().to_string();
        let mut args: Vec<&[u8]> = vec![call.args[0], b"ELEMENTS", count.as_bytes()];
        args.extend(&changed);
        call.ctx.replicate(registered_name("VPERSIST"), &args);
        call.ctx.changed(call.key, c"vpersist");
    }
    Ok(Some(outcome))
}

/// Asks `body` for the code of each element, and whether it is to be removed.
fn change<'a>(
    call: &Call,
    elements: Arguments<'a>,
    mut body: impl FnMut(&mut VectorSet, &'a [u8]) -> (i64, bool),
) -> Result<Reply, Failure> {
    let mut key = call.ctx.open_to_write(call.key);
    let Some(set) = open(&mut key)? else {
        return Ok(Reply::Array(elements.iter().map(|_| Reply::Int(ABSENT)).collect()));
    };
    let mut codes = Vec::with_capacity(elements.len());
    let mut removed = Vec::new();
    for element in elements {
        let (code, is_over) = body(set, element);
        codes.push(Reply::Int(code));
        if is_over && set.remove(element) {
            removed.push(element.to_vec());
        }
    }
    let empty = set.is_empty();
    if empty {
        key.delete();
    }
    drop(key);
    expiring::announce(call.ctx, call.key, &removed);
    if empty {
        call.ctx.notify(call.key, c"del");
    }
    Ok(Reply::Array(codes))
}

/// `VTTL key ELEMENTS n element …`
fn reply_times(call: &Call, unit: Unit) -> Outcome {
    let elements = elements(call)?;
    let absent = Reply::Array(elements.iter().map(|_| Reply::Int(ABSENT)).collect());
    read(call, absent, |set| {
        let now = now();
        let code = |element: &&[u8]| match set.time(element) {
            None => ABSENT,
            Some(None) => -1,
            Some(Some(at)) => expiry::shown(at, unit, now),
        };
        Ok(Reply::Array(elements.iter().map(|element| Reply::Int(code(element))).collect()))
    })
}

/// The elements after the key.
fn elements<'a>(call: &Call<'a>) -> Result<Arguments<'a>, Failure> {
    Ok(expiry::elements(&call.args[1..])?)
}
