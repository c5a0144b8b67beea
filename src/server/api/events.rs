//! Server events: flushes, loading, swapped databases, changed roles, forks, shutdown.

use std::os::raw::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use crate::server::raw;

use super::{Context, api, log};

/// An event of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// A database, or all, will be emptied.
    Flushing { database: Option<i32> },
    /// A database, or all, was emptied.
    Flushed { database: Option<i32> },
    /// Loading begins, from a file or from a primary.
    LoadingBegins { from_master: bool },
    /// Loading has ended or failed.
    LoadingEnded { failed: bool },
    /// A full synchronisation loads keys while the old ones are still served.
    AsyncLoadBegins,
    /// The new keys have replaced the old ones.
    AsyncLoadDone,
    /// The new keys were discarded; the old ones stay.
    AsyncLoadAborted,
    /// Two databases were swapped.
    Swapped(i32, i32),
    /// The server became a replica, or a primary.
    RoleChanged { replica: bool },
    /// A module was loaded or unloaded.
    ModulesChanged,
    /// A child was forked, to write a file or a stream.
    ChildBorn,
    /// The server shuts down.
    ShuttingDown,
}

type Listener = fn(&Context, ServerEvent);

/// One per face.
static LISTENERS: [OnceLock<Listener>; 2] = [OnceLock::new(), OnceLock::new()];

/// Calls `listener` at each event, on the main thread.
pub fn subscribe_to_server(ctx: &Context, listener: Listener) {
    if LISTENERS.iter().position(|slot| slot.set(listener).is_ok()) != Some(0) {
        // The server calls for each event once.
        return;
    }
    for id in [
        raw::REDISMODULE_EVENT_FLUSHDB,
        raw::REDISMODULE_EVENT_LOADING,
        raw::REDISMODULE_EVENT_REPL_ASYNC_LOAD,
        raw::REDISMODULE_EVENT_SWAPDB,
        raw::REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED,
        raw::REDISMODULE_EVENT_MODULE_CHANGE,
        raw::REDISMODULE_EVENT_FORK_CHILD,
        raw::REDISMODULE_EVENT_SHUTDOWN,
    ] {
        let event = raw::RedisModuleEvent { id, dataver: 1 };
        api!(RedisModule_SubscribeToServerEvent(ctx.ptr, event, Some(on_event)));
    }
}

unsafe extern "C" fn on_event(
    ctx: *mut raw::RedisModuleCtx,
    event: raw::RedisModuleEvent,
    sub: u64,
    data: *mut c_void,
) {
    // SAFETY: the server's context lives during this call; the data are those of the event.
    let (ctx, event) = unsafe { (Context::new(ctx), read(event.id, sub, data)) };
    let Some(event) = event else { return };
    if event == ServerEvent::ShuttingDown {
        super::threads::close();
    }
    let notify = || LISTENERS.iter().filter_map(OnceLock::get).for_each(|listener| listener(&ctx, event));
    if catch_unwind(AssertUnwindSafe(notify)).is_err() {
        log(std::ptr::null_mut(), c"warning", &format!("vectorset: {event:?} was lost: a bug; please report it"));
    }
}

/// # Safety
/// `data` is what the server passes with the event.
unsafe fn read(id: u64, sub: u64, data: *mut c_void) -> Option<ServerEvent> {
    use ServerEvent::*;
    Some(match (id, sub) {
        (raw::REDISMODULE_EVENT_FLUSHDB, _) => {
            // SAFETY: guaranteed by the caller.
            let info = unsafe { data.cast::<raw::RedisModuleFlushInfo>().as_ref() };
            let database = info.map(|info| info.dbnum).filter(|&number| number >= 0);
            match sub {
                raw::REDISMODULE_SUBEVENT_FLUSHDB_START => Flushing { database },
                _ => Flushed { database },
            }
        }
        (raw::REDISMODULE_EVENT_LOADING, raw::REDISMODULE_SUBEVENT_LOADING_REPL_START) => {
            LoadingBegins { from_master: true }
        }
        (raw::REDISMODULE_EVENT_LOADING, raw::REDISMODULE_SUBEVENT_LOADING_ENDED) => LoadingEnded { failed: false },
        (raw::REDISMODULE_EVENT_LOADING, raw::REDISMODULE_SUBEVENT_LOADING_FAILED) => LoadingEnded { failed: true },
        (raw::REDISMODULE_EVENT_LOADING, _) => LoadingBegins { from_master: false },
        (raw::REDISMODULE_EVENT_REPL_ASYNC_LOAD, raw::REDISMODULE_SUBEVENT_REPL_ASYNC_LOAD_STARTED) => AsyncLoadBegins,
        (raw::REDISMODULE_EVENT_REPL_ASYNC_LOAD, raw::REDISMODULE_SUBEVENT_REPL_ASYNC_LOAD_COMPLETED) => AsyncLoadDone,
        (raw::REDISMODULE_EVENT_REPL_ASYNC_LOAD, _) => AsyncLoadAborted,
        (raw::REDISMODULE_EVENT_SWAPDB, _) => {
            // SAFETY: guaranteed by the caller.
            let info = unsafe { data.cast::<raw::RedisModuleSwapDbInfo>().as_ref() }?;
            Swapped(info.dbnum_first, info.dbnum_second)
        }
        (raw::REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED, _) => {
            RoleChanged { replica: sub == raw::REDISMODULE_EVENT_REPLROLECHANGED_NOW_REPLICA }
        }
        (raw::REDISMODULE_EVENT_MODULE_CHANGE, _) => ModulesChanged,
        (raw::REDISMODULE_EVENT_FORK_CHILD, raw::REDISMODULE_SUBEVENT_FORK_CHILD_BORN) => ChildBorn,
        (raw::REDISMODULE_EVENT_SHUTDOWN, _) => ShuttingDown,
        _ => return None,
    })
}
