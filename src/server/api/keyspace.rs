//! Keyspace notifications and command filters: what clients do to keys.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::os::raw::{c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, OnceLock};

use crate::server::raw;

use super::threads::module;
use super::{Context, LENDS_CLIENTS, api, log, string_bytes};

/// A key was changed, created or removed.
pub struct KeyEvent<'a> {
    /// Such as "hset", "del", "rename_to".
    pub event: &'a [u8],
    pub name: &'a [u8],
}

type Listener = fn(&Context, &KeyEvent);

/// The database from which MOVE took a key, between its two events.
static MOVED_FROM: AtomicI32 = AtomicI32::new(0);

/// The database in which the running command began, for servers that may change it.
static BEGAN_IN: AtomicI32 = AtomicI32::new(0);

/// One per face.
static LISTENERS: [OnceLock<Listener>; 2] = [OnceLock::new(), OnceLock::new()];

/// Calls `listener` at each event of these classes (`REDISMODULE_NOTIFY_…`; the server ignores
/// those that it does not know). It is called within the command that caused the event, in MULTI, in
/// scripts, while loading and on replicas too: it may read, but neither change keys nor reply.
///
/// Called when the first event could matter; repeated calls have no effect. On the main thread.
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
    if LENDS_CLIENTS.get() == Some(&true) && slot == Some(0) {
        api!(RedisModule_RegisterCommandFilter(module(), Some(before_command), 0));
    }
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
    if LENDS_CLIENTS.get() == Some(&true) {
        give_back(&ctx, event.event);
    }
    raw::REDISMODULE_OK as c_int
}

/// Valkey 8 lends the client itself to events, and leaves the one of a MOVE or a COPY in the other database: selects the
/// one that it had. While a log is loaded no command is filtered; the last change gives its database, unless the
/// copy is the first change there.
fn give_back(ctx: &Context, event: &[u8]) {
    static CHANGED_LAST: AtomicI32 = AtomicI32::new(0);
    let is_loading = ctx.flags() & raw::REDISMODULE_CTX_FLAGS_LOADING != 0;
    match event {
        b"move_from" => MOVED_FROM.store(ctx.database(), Ordering::Relaxed),
        b"move_to" => _ = ctx.select(MOVED_FROM.load(Ordering::Relaxed)),
        b"copy_to" if is_loading => _ = ctx.select(CHANGED_LAST.load(Ordering::Relaxed)),
        b"copy_to" => _ = ctx.select(BEGAN_IN.load(Ordering::Relaxed)),
        _ => {}
    }
    CHANGED_LAST.store(ctx.database(), Ordering::Relaxed);
}

/// Notes the database of a command that copies, or may: a transaction, a script. A script's own commands have no client
/// of a number: they run where it began, or what it selected. A transaction is taken to copy in the one that it
/// selects last.
unsafe extern "C" fn before_command(filter: *mut raw::RedisModuleCommandFilterCtx) {
    // MULTI too: what a transaction has selected that was discarded is of no account to the next one.
    const NOTED: [&[u8]; 10] =
        [b"SELECT", b"COPY", b"MULTI", b"EXEC", b"EVAL", b"EVALSHA", b"EVAL_RO", b"EVALSHA_RO", b"FCALL", b"FCALL_RO"];
    let count = api!(RedisModule_CommandFilterArgsCount(filter)).unwrap_or(0);
    let word = |i: c_int| {
        let word = if i < count { api!(RedisModule_CommandFilterArgGet(filter, i)) } else { None };
        word.filter(|word| !word.is_null()).map(|word| {
            // SAFETY: the server's string lives during this call.
            unsafe { string_bytes(word) }
        })
    };
    let is = |name: &[u8]| word(0).is_some_and(|word| word.eq_ignore_ascii_case(name));
    if !NOTED.iter().any(|name| is(name)) {
        return;
    }
    let selected = || if is(b"SELECT") { std::str::from_utf8(word(1)?).ok()?.parse().ok() } else { None };
    let mut info = raw::RedisModuleClientInfo { version: 1, flags: 0, id: 0, addr: [0; 46], port: 0, db: 0 };
    let id = api!(RedisModule_CommandFilterGetClientId(filter)).unwrap_or(0);
    let has_client =
        api!(RedisModule_GetClientInfoById((&raw mut info).cast(), id)) == Some(raw::REDISMODULE_OK as c_int);
    let database = if !has_client {
        selected()
    } else if info.flags & raw::REDISMODULE_CLIENTINFO_FLAG_MULTI != 0 {
        in_transaction(id, selected(), is(b"EXEC")).or(Some(info.db.into()))
    } else {
        in_transaction(id, None, true);
        Some(info.db.into())
    };
    database.into_iter().for_each(|database| BEGAN_IN.store(database, Ordering::Relaxed));
}

/// The database that a client's transaction has selected, with this command; forgotten where the transaction ends.
fn in_transaction(client: u64, selected: Option<i32>, ends: bool) -> Option<i32> {
    /// Of clients that went within one: more are not kept.
    const MOST: usize = 1024;
    static SELECTED: Mutex<BTreeMap<u64, i32>> = Mutex::new(BTreeMap::new());
    let mut all = SELECTED.lock().unwrap_or_else(|e| e.into_inner());
    if let Some(database) = selected {
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(client, database);
    }
    if ends { all.remove(&client) } else { all.get(&client).copied() }
}
