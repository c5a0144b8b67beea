//! Work of the main thread that is too much for one go: done in slices, a timer's tick apart, so
//! that other clients are served in between.

use std::os::raw::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use redis_module::raw;

use super::api::{Context, api};
use super::blocking::Unblock;
use super::{handlers, query_pool};
use crate::command::Reply;
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
pub(super) fn remove(ctx: &Context, key: Vec<u8>, selection: Selection) {
    let Some(unblock) = Unblock::block(ctx) else {
        return ctx.reply_error(handlers::INTERNAL_ERROR);
    };
    let database = ctx.database();
    query_pool().spawn(Box::new(move || {
        let removal = Removal { unblock, database, key, selected: selection.run(), removed: 0 };
        // A context that belongs to no client, under the server's lock: only to set a timer.
        let ctx = api!(RedisModule_GetThreadSafeContext(std::ptr::null_mut())).unwrap_or(std::ptr::null_mut());
        api!(RedisModule_ThreadSafeContextLock(ctx));
        next_slice(ctx, 0, Box::new(removal));
        api!(RedisModule_ThreadSafeContextUnlock(ctx));
        api!(RedisModule_FreeThreadSafeContext(ctx));
    }));
}

fn next_slice(ctx: *mut raw::RedisModuleCtx, milliseconds: i64, removal: Box<Removal>) {
    api!(RedisModule_CreateTimer(ctx, milliseconds, Some(on_timer), Box::into_raw(removal).cast::<c_void>()));
}

/// Removes a slice, on the main thread.
unsafe extern "C" fn on_timer(ptr: *mut raw::RedisModuleCtx, removal: *mut c_void) {
    // SAFETY: `next_slice` gave the box away, and each timer fires once.
    let mut removal = unsafe { Box::from_raw(removal.cast::<Removal>()) };
    // SAFETY: the server's context lives during this call.
    let ctx = unsafe { Context::new(ptr) };
    // Writes are paused for a failover, or linkers have enough to repair.
    let paused = api!(RedisModule_AvoidReplicaTraffic()).unwrap_or(0) != 0;
    if paused || removal.selected.is_behind() {
        return next_slice(ptr, 5, removal);
    }
    let slice = catch_unwind(AssertUnwindSafe(|| {
        // What has become a replica takes its changes from its master alone.
        if ctx.flags() & raw::REDISMODULE_CTX_FLAGS_READONLY != 0 {
            removal.selected.clear();
            return;
        }
        ctx.with_key_to_write(removal.database, &removal.key, |name, key| {
            let removed = handlers::remove_slice(&ctx, name, key, &mut removal.selected, SLICE);
            match removed {
                Ok(removed) => removal.removed += removed,
                // The key holds something else by now.
                Err(_) => removal.selected.clear(),
            }
        });
    }));
    if slice.is_err() {
        return;
    }
    if removal.selected.is_empty() {
        removal.unblock.reply(Reply::from(removal.removed));
    } else {
        next_slice(ptr, 0, removal);
    }
}
