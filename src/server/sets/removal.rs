//! VREMBYFILTER: found in the pool, removed on the main thread in slices, a timer's tick apart, so
//! that other clients are served in between.

use redis_module::raw;

use super::info;
use super::open::open;
use crate::command::{CommandError, Reply};
use crate::server::api::{Context, Key, api, string_bytes, with_lock};
use crate::server::blocking::Unblock;
use crate::server::commands::{Call, Failure, INTERNAL_ERROR, Outcome, registered_name};
use crate::server::pools;
use crate::set::{Selected, Selection};

/// Elements removed in a slice: about a millisecond.
const SLICE: usize = 200;

/// A removal under way.
struct Removal {
    unblock: Unblock,
    database: i32,
    key: Vec<u8>,
    selected: Selected,
    removed: usize,
}

/// Finds the elements of a selection in the pool, then removes them slice by slice, and replies
/// their number.
pub fn start(call: &Call, key: Vec<u8>, selection: Selection) -> Outcome {
    let Some(unblock) = Unblock::block(call.ctx) else { return Err(Failure::Text(INTERNAL_ERROR.into())) };
    let database = call.ctx.database();
    pools::queries().spawn(Box::new(move || {
        let removal = Removal { unblock, database, key, selected: selection.run(), removed: 0 };
        with_lock(|ctx| next_slice(ctx, 0, removal));
    }));
    Ok(None)
}

fn next_slice(ctx: &Context, milliseconds: i64, removal: Removal) {
    ctx.after(milliseconds, |ctx| remove_next(ctx, removal));
}

/// Removes a slice, on the main thread.
fn remove_next(ctx: &Context, mut removal: Removal) {
    // Writes are paused for a failover, or linkers have enough to repair.
    let paused = api!(RedisModule_AvoidReplicaTraffic()).unwrap_or(0) != 0;
    if paused || removal.selected.is_behind() {
        return next_slice(ctx, 5, removal);
    }
    if ctx.flags() & raw::REDISMODULE_CTX_FLAGS_READONLY != 0 {
        // What has become a replica takes its changes from its master alone.
        removal.selected.clear();
    } else {
        ctx.with_key_to_write(removal.database, &removal.key, |name, key| {
            match remove_slice(ctx, name, key, &mut removal.selected, SLICE) {
                Ok(removed) => removal.removed += removed,
                // The key holds something else by now.
                Err(_) => removal.selected.clear(),
            }
        });
    }
    if removal.selected.is_empty() {
        removal.unblock.reply(Reply::from(removal.removed));
    } else {
        next_slice(ctx, 0, removal);
    }
}

/// Removes the next up to `most` of the selected elements, as so many VREMs would.
pub fn remove_slice(
    ctx: &Context,
    name: *mut raw::RedisModuleString,
    key: &mut Key,
    selected: &mut Selected,
    most: usize,
) -> Result<usize, CommandError> {
    let Some(set) = open(key)?.filter(|set| set.is_of(selected)) else {
        // Another set, or none: what was selected is gone.
        selected.clear();
        return Ok(0);
    };
    let removed = set.remove_selected(selected, most);
    info::STATS.removals.add(removed.len() as u64);
    let empty = set.is_empty();
    if empty {
        key.delete();
    }
    // SAFETY: the name lives as long as the key is open.
    let key_name = unsafe { string_bytes(name) }.to_vec();
    for element in &removed {
        ctx.replicate(registered_name("VREM"), &[key_name.clone(), element.clone()]);
        ctx.changed(name, c"vrem");
    }
    if empty {
        ctx.notify(name, c"del");
    }
    Ok(removed.len())
}
