//! VADD, VMADD and VREM: check, store, replicate, notify, and reply once there is room for more.

use std::time::Instant;

use super::open::open;
use super::{batches, datatype, expiring, info, reclaim, settings};
use crate::command::expiry::Expiry;
use crate::command::insertion::{Condition, Insertion};
use crate::command::{CommandError, Reply, vadd, vmadd};
use crate::server::api::Key;
use crate::server::blocking::{self, Unblock};
use crate::server::commands::{Call, Failure, Outcome, registered_name};
use crate::server::settings::single_threaded;
use crate::set::{AddError, DEFAULT_EF_ADD, VectorSet, now};
use crate::vector::Projection;

/// Elements that are stored at once: some milliseconds.
pub const SLICE: usize = 500;

/// `VADD key … element …`: stores an element.
pub fn vadd(call: &Call) -> Outcome {
    let began = Instant::now();
    let default_ef = default_ef(call);
    let request = vadd::parse(call.args, default_ef)?;
    let now = now();
    let mut key = call.ctx.open_to_write(call.key);
    let mut removed = Vec::new();
    let add = |set: &mut VectorSet| {
        let (input, attributes) = (request.vector.input(), request.attribute_change());
        let is_new = set.put(request.element, input, request.how.ef, attributes)?;
        set_time(set, request.element, request.how.expiry, now);
        Ok::<bool, AddError>(is_new)
    };
    let is_new = match open(&mut key)? {
        Some(set) => {
            request.how.check(request.dim(), set.params())?;
            if !request.how.condition.holds(set.contains(request.element)) {
                return Ok(Some(Reply::Bool(false)));
            }
            removed = expiring::remove_hidden(call, set, &[request.element]);
            add(set)?
        }
        None if request.how.condition == Condition::There => return Ok(Some(Reply::Bool(false))),
        None => {
            request.how.check_new(request.dim())?;
            let mut set = Box::new(VectorSet::new(request.how.params(request.dim())));
            let is_new = add(&mut set)?;
            key.set(datatype::pointer(), set);
            is_new
        }
    };
    let is_over = is_over_bound(&mut key);
    drop(key);
    watch_times(call, &request.how);
    expiring::announce(call.ctx, call.key, &removed);
    match request.is_normal(call.args) {
        // Without copies of all.
        true => call.ctx.replicate_verbatim(),
        false => call.ctx.replicate(registered_name("VADD"), &request.normalised(now)),
    }
    call.ctx.changed(call.key, c"vadd");
    info::STATS.inserts.add(began.elapsed());
    reply_with_room(call, is_over, Reply::Bool(is_new))
}

/// Whether more waits to be linked in the key's set than may.
fn is_over_bound(key: &mut Key) -> bool {
    open(key).is_ok_and(|set| set.is_some_and(|set| set.is_over_bound()))
}

fn default_ef(call: &Call) -> usize {
    // An EF that differs from the one that all servers have in common was sent on.
    if call.ctx.is_repetition() { DEFAULT_EF_ADD } else { settings::vadd_ef() }
}

/// What an insertion does to the time of its element.
fn set_time(set: &mut VectorSet, element: &[u8], expiry: Expiry, now: i64) {
    if expiry != Expiry::Keep && (set.expiring() > 0 || expiry != Expiry::None) {
        set.set_time(element, expiry.at(now));
    }
}

/// Sees to it that elements are removed when their time has come.
fn watch_times(call: &Call, how: &Insertion) {
    if !matches!(how.expiry, Expiry::None) {
        expiring::watch(call.ctx.database(), call.args[0]);
    }
}

/// `VMADD key … FORMAT element blob …`: stores many elements.
///
/// Up to some number of them at once; more than that in slices, between which other clients are served and the
/// linkers catch up.
pub fn vmadd(call: &Call) -> Outcome {
    let request = vmadd::parse(call.args, default_ef(call))?;
    let mut key = call.ctx.open_to_write(call.key);
    let set = open(&mut key)?;
    match &set {
        Some(set) => request.check(set)?,
        None => {
            let params = request.check_new()?;
            if request.how.condition == Condition::There {
                return Ok(Some(Reply::Int(0)));
            }
            if let Some(input) = params.input_dim {
                request.check_vectors(&params, Some(&Projection::generate(params.dim, input)))?;
            }
        }
    }
    let waits = request.elements.len() > SLICE || set.is_some_and(|set| set.is_over_bound());
    drop(key);
    if waits && blocking::is_allowed(call.ctx) && !single_threaded() {
        return batches::start(call, &request);
    }
    let (added, is_over) = add_all(call, &request)?;
    reply_with_room(call, is_over, added.into())
}

/// Stores the elements as one command; yields the number of new ones, and whether more waits to be linked than may.
pub fn add_all(call: &Call, request: &vmadd::Request) -> Result<(usize, bool), Failure> {
    let (began, now) = (Instant::now(), now());
    let mut key = call.ctx.open_to_write(call.key);
    if open(&mut key)?.is_none() {
        key.set(datatype::pointer(), Box::new(VectorSet::new(request.check_new()?)));
    }
    let set = open(&mut key)?.ok_or(CommandError::NoSuchKey)?;
    request.check(set)?;
    let (elements, mut removed) = (&request.elements, Vec::new());
    if set.hidden() > 0 {
        let names: Vec<&[u8]> = elements.iter().map(|element| element.name).collect();
        removed = expiring::remove_hidden(call, set, &names);
    }
    let (mut added, mut done) = (0, Vec::with_capacity(elements.len()));
    for element in elements {
        if !request.how.condition.holds(set.stored(element.name)) {
            continue;
        }
        added +=
            usize::from(set.put(element.name, element.vector.input(), request.how.ef, element.attribute_change())?);
        set_time(set, element.name, request.how.expiry, now);
        done.push(element);
    }
    let is_over = set.is_over_bound();
    if set.is_empty() {
        key.delete();
    }
    drop(key);
    expiring::announce(call.ctx, call.key, &removed);
    if !done.is_empty() {
        watch_times(call, &request.how);
        call.ctx.replicate(registered_name("VMADD"), &request.normalised(now, &done));
        call.ctx.changed(call.key, c"vadd");
        info::STATS.inserts.add(began.elapsed());
    }
    Ok((added, is_over))
}

/// Answers a write that is done: at once, or when the set has caught up with its links.
fn reply_with_room(call: &Call, is_over: bool, reply: Reply) -> Outcome {
    if !is_over {
        return Ok(Some(reply));
    }
    // Opened again: listeners of the event may have done anything to the key.
    let mut key = call.ctx.open_to_read(call.key);
    let Ok(Some(set)) = open(&mut key) else { return Ok(Some(reply)) };
    if blocking::is_allowed(call.ctx) && !single_threaded() {
        return reply_later(call, set, reply);
    }
    set.link_some();
    Ok(Some(reply))
}

/// A reply that is ready and goes out when this is dropped.
pub struct Delayed {
    since: Instant,
    /// Dropped after `drop` has counted the time.
    _unblock: Unblock,
}

impl Delayed {
    /// With an answer that is set.
    pub fn new(unblock: Unblock) -> Delayed {
        Delayed { since: Instant::now(), _unblock: unblock }
    }
}

impl Drop for Delayed {
    fn drop(&mut self) {
        info::STATS.delayed.add(self.since.elapsed());
    }
}

/// Replies once the set has room for more pending elements.
fn reply_later(call: &Call, set: &VectorSet, reply: Reply) -> Outcome {
    let Some(mut unblock) = Unblock::block(call.ctx) else { return Ok(Some(reply)) };
    unblock.set(move |_| Ok(Some(reply)));
    set.wait_for_room(Box::new(Delayed::new(unblock)));
    Ok(None)
}

pub fn vrem(call: &Call) -> Outcome {
    let mut key = call.ctx.open_to_write(call.key);
    let Some(set) = open(&mut key)? else { return Ok(Some(Reply::Bool(false))) };
    // What is hidden from this server's clients is there for the commands of its master.
    if !call.ctx.is_repetition() && set.is_hidden(call.args[1]) {
        return Ok(Some(Reply::Bool(false)));
    }
    if !set.remove(call.args[1]) {
        return Ok(Some(Reply::Bool(false)));
    }
    info::STATS.removals.add(1);
    reclaim::free_later(call);
    let empty = set.is_empty();
    if empty {
        key.delete();
    }
    let is_over = is_over_bound(&mut key);
    drop(key);
    call.replicate("VREM");
    call.ctx.changed(call.key, c"vrem");
    if empty {
        call.ctx.notify(call.key, c"del");
    }
    reply_with_room(call, is_over, Reply::Bool(true))
}
