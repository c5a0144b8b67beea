//! What clients do to keys.

use std::ffi::CStr;
use std::os::raw::{c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::server::raw;

use super::threads::module;
use super::{Context, api, log, string_bytes};

/// A key was changed, or came, or went.
pub struct KeyEvent<'a> {
    /// Such as "hset", "del", "rename_to".
    pub event: &'a [u8],
    pub name: &'a [u8],
}

type Listener = fn(&Context, &KeyEvent);

/// The database from which MOVE took a key, between its two events.
static MOVED_FROM: AtomicI32 = AtomicI32::new(0);

/// One for each face that listens.
static LISTENERS: [OnceLock<Listener>; 2] = [OnceLock::new(), OnceLock::new()];

/// Has `listener` called at each event of these classes (`REDISMODULE_NOTIFY_…`; the server ignores
/// those that it does not know). It is called within the command that caused the event, in MULTI, in
/// scripts, while loading and on replicas too: it may read, but neither change keys nor reply.
///
/// For when the first event could matter, again and again: Valkey 8.1 leaves a client whose `COPY … DB n` was told to a
/// module in that database, so nothing is asked for that nothing needs. On the main thread.
pub fn subscribe_to_keys(classes: c_int, listener: Listener) {
    if LISTENERS.iter().any(|slot| slot.get().is_some_and(|known| std::ptr::fn_addr_eq(*known, listener))) {
        return;
    }
    let slot = LISTENERS.iter().position(|slot| slot.set(listener).is_ok());
    let callback = match slot {
        Some(0) => on_event::<0>,
        Some(_) => on_event::<1>,
        None => {
            return log(
                std::ptr::null_mut(),
                c"warning",
                "vectorset: too many listen to keys: a bug; please report it",
            );
        }
    };
    api!(RedisModule_SubscribeToKeyspaceEvents(module(), classes, Some(callback)));
}

unsafe extern "C" fn on_event<const SLOT: usize>(
    ctx: *mut raw::RedisModuleCtx,
    _class: c_int,
    event: *const c_char,
    key: *mut raw::RedisModuleString,
) -> c_int {
    let Some(listener) = LISTENERS[SLOT].get() else { return raw::REDISMODULE_OK as c_int };
    // SAFETY: the server's context, name of the event and key live during this call.
    let (ctx, event, name) = unsafe { (Context::new(ctx), CStr::from_ptr(event).to_bytes(), string_bytes(key)) };
    let event = KeyEvent { event, name };
    if catch_unwind(AssertUnwindSafe(|| listener(&ctx, &event))).is_err() {
        log(std::ptr::null_mut(), c"warning", "vectorset: an event of a key was lost: a bug; please report it");
    }
    // Valkey 8.1 lends the client itself to events, and leaves the one of a MOVE in the other database.
    match event.event {
        b"move_from" => MOVED_FROM.store(ctx.database(), Ordering::Relaxed),
        b"move_to" => _ = ctx.select(MOVED_FROM.load(Ordering::Relaxed)),
        _ => {}
    }
    raw::REDISMODULE_OK as c_int
}
