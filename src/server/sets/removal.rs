//! VREMBYFILTER: matches are found in the pool and removed on the main thread in slices, a timer's tick apart, so
//! that other clients are served in between.

use crate::server::raw;

use super::open::open;
use super::{info, reclaim};
use crate::server::api::{Context, Key, Text, api, string_bytes, with_lock};
use crate::server::blocking::Unblock;
use crate::server::commands::{Call, Failure, INTERNAL_ERROR, Outcome, registered_name};
use crate::server::pools;
use crate::server::values::{Held, Holds};
use crate::set::{Selected, Selection, VectorSet};

/// Elements removed in a slice: about a millisecond.
const SLICE: usize = 200;

impl Holds for Selected {
    fn is_last(&self) -> bool {
        self.is_last()
    }
}

/// A removal under way.
struct Removal {
    unblock: Unblock,
    database: i32,
    key: Vec<u8>,
    selected: Held<Selected>,
    removed: usize,
}

/// Finds the elements of a selection in the pool, then removes them slice by slice, and replies
/// their number.
pub fn start(call: &Call, key: Vec<u8>, selection: Selection) -> Outcome {
    let Some(unblock) = Unblock::block(call.ctx) else { return Err(Failure::Text(INTERNAL_ERROR.into())) };
    let database = call.ctx.database();
    pools::queries().spawn(Box::new(move || {
        let removal = Removal { unblock, database, key, selected: Held::new(selection.run()), removed: 0 };
        with_lock(|ctx| next_slice(ctx, 0, removal));
    }));
    Ok(None)
}

fn next_slice(ctx: &Context, milliseconds: i64, removal: Removal) {
    ctx.after(milliseconds, |ctx| remove_next(ctx, removal));
}

/// Removes a slice, on the main thread.
fn remove_next(ctx: &Context, mut removal: Removal) {
    ctx.select(removal.database);
    let name = Text::new(&removal.key);
    let mut key = ctx.open_to_write(name.ptr());
    // What has become a replica takes its changes from its master alone.
    let is_replica = ctx.flags() & raw::REDISMODULE_CTX_FLAGS_READONLY != 0;
    let set = open(&mut key).ok().flatten().filter(|set| !is_replica && set.is_of(&removal.selected));
    // First of all: no linker repairs a set that is gone, so waiting for its linkers would not end.
    let Some(set) = set else { return removal.unblock.reply(removal.removed.into()) };
    // Writes are paused for a failover, or linkers have enough to repair.
    if api!(RedisModule_AvoidReplicaTraffic()).unwrap_or(0) != 0 || set.is_over_bound() {
        return next_slice(ctx, 5, removal);
    }
    let slice = take_slice(set, &mut removal.selected, SLICE);
    removal.removed += slice.close_and_announce(ctx, name.ptr(), key);
    if removal.selected.is_empty() {
        removal.unblock.reply(removal.removed.into());
    } else {
        next_slice(ctx, 0, removal);
    }
}

/// Elements that were removed and not yet reported.
pub struct Slice {
    names: Vec<Vec<u8>>,
    set_is_empty: bool,
}

/// Removes the next up to `most` of the selected elements.
pub fn take_slice(set: &mut VectorSet, selected: &mut Selected, most: usize) -> Slice {
    let names = set.remove_selected(selected, most);
    info::STATS.removals.add(names.len() as u64);
    Slice { names, set_is_empty: set.is_empty() }
}

impl Slice {
    /// Deletes the key of an empty set, closes it, and then replicates the removals and sends their events,
    /// like separate VREMs: with the key closed, since listeners may do anything to it. Returns their number.
    pub fn close_and_announce(self, ctx: &Context, name: *mut raw::RedisModuleString, mut key: Key) -> usize {
        if self.set_is_empty {
            key.delete();
        }
        drop(key);
        // SAFETY: the caller's string.
        let key_name = unsafe { string_bytes(name) };
        for element in &self.names {
            ctx.replicate(registered_name("VREM"), &[key_name, element]);
            ctx.changed(name, c"vrem");
        }
        if self.set_is_empty {
            ctx.notify(name, c"del");
        } else if !self.names.is_empty() {
            reclaim::watch(ctx, ctx.database(), key_name);
        }
        self.names.len()
    }
}
