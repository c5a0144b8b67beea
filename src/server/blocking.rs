//! Replies that come later: a query in the pool, a VADD whose reply waits for room.
//!
//! A blocked client is unblocked exactly once, by dropping its [`Unblock`], on any thread, whatever
//! happens: also when the work panics, and also when the client is long gone, which the server
//! handles. The payload crosses to the main thread behind a pointer that `free` takes back.
//!
//! The server is told that the command took all of the time from block to unblock, in which its
//! client waited: in a queue, for the query itself, or for links. So SLOWLOG, LATENCY HISTOGRAM and
//! INFO commandstats show what clients see.

use std::os::raw::{c_int, c_void};
use std::time::Instant;

use redis_module::raw;

use super::api::{Context, SLOT_IMPORT_CLIENT, api};
use super::commands::{self, Outcome};
use super::handlers::Call;
use super::{info, query_pool, reply};
use crate::command::Reply;
use crate::set::{Hits, Query, VectorSet};

/// Whether this command may be answered later.
pub(super) fn is_allowed(ctx: &Context) -> bool {
    let forbidding = raw::REDISMODULE_CTX_FLAGS_MULTI
        | raw::REDISMODULE_CTX_FLAGS_LUA
        | raw::REDISMODULE_CTX_FLAGS_DENY_BLOCKING
        | raw::REDISMODULE_CTX_FLAGS_LOADING
        | raw::REDISMODULE_CTX_FLAGS_REPLICATED
        | SLOT_IMPORT_CLIENT;
    ctx.flags() & forbidding == 0
}

/// What the main thread needs to build a reply.
enum Payload {
    Hits(Hits, reply::HitFormat),
    Reply(Reply),
    /// Runs the command, whose arguments the server has kept.
    Run(Handler),
}

/// A command that is run once more, this time to the end.
pub(super) type Handler = fn(&Call) -> Outcome;

/// Unblocks the client when dropped.
pub(super) struct Unblock {
    client: *mut raw::RedisModuleBlockedClient,
    payload: Option<Box<Payload>>,
}

// SAFETY: the server allows unblocking from any thread, and nothing else is done with the pointer.
unsafe impl Send for Unblock {}

impl Unblock {
    /// Blocks the client of this command, for as long as it takes.
    pub fn block(ctx: &Context) -> Option<Unblock> {
        let client = api!(RedisModule_BlockClient(ctx.ptr, Some(on_unblocked), None, Some(free), 0))?;
        if client.is_null() {
            return None;
        }
        api!(RedisModule_BlockedClientMeasureTimeStart(client));
        Some(Unblock { client, payload: None })
    }

    /// Unblocks the client with this reply.
    pub fn reply(self, reply: Reply) {
        self.with(Some(Payload::Reply(reply)));
    }

    /// Unblocks the client with this; without anything, it gets an error.
    fn with(mut self, payload: Option<Payload>) {
        self.payload = payload.map(Box::new);
    }
}

impl Drop for Unblock {
    fn drop(&mut self) {
        let payload = self.payload.take().map_or(std::ptr::null_mut(), Box::into_raw);
        api!(RedisModule_BlockedClientMeasureTimeEnd(self.client));
        api!(RedisModule_UnblockClient(self.client, payload.cast::<c_void>()));
    }
}

/// Runs a query in the pool and replies when it is done.
pub(super) fn run_query(ctx: &Context, query: Query, format: reply::HitFormat) {
    let Some(unblock) = Unblock::block(ctx) else {
        let hits = info::measured(query);
        return reply::send_hits(ctx, Some(&hits), format);
    };
    query_pool().spawn(Box::new(move || {
        let hits = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| info::measured(query)));
        unblock.with(hits.ok().map(|hits| Payload::Hits(hits, format)));
    }));
}

/// Runs something in the pool that makes the reply.
pub(super) fn run(ctx: &Context, task: impl FnOnce() -> Reply + Send + 'static) {
    let Some(unblock) = Unblock::block(ctx) else {
        return reply::send(ctx, &Ok(task()));
    };
    query_pool().spawn(Box::new(move || {
        let reply = std::panic::catch_unwind(std::panic::AssertUnwindSafe(task));
        unblock.with(reply.ok().map(Payload::Reply));
    }));
}

/// A reply that is ready and goes out when this is dropped.
struct Withheld {
    since: Instant,
    /// Dropped after `drop` has counted the time.
    _unblock: Unblock,
}

impl Drop for Withheld {
    fn drop(&mut self) {
        info::STATS.withheld.add(self.since.elapsed());
    }
}

/// Replies once the set has room for more pending elements.
pub(super) fn reply_with_room(ctx: &Context, set: &VectorSet, reply: Reply) {
    let Some(mut unblock) = Unblock::block(ctx) else {
        return reply::send(ctx, &Ok(reply));
    };
    unblock.payload = Some(Box::new(Payload::Reply(reply)));
    set.wait_for_room(Box::new(Withheld { since: Instant::now(), _unblock: unblock }));
}

/// Runs the command once the links that are still to be made are made.
pub(super) fn run_when_linked(ctx: &Context, set: &VectorSet, handler: Handler) -> bool {
    let Some(mut unblock) = Unblock::block(ctx) else { return false };
    unblock.payload = Some(Box::new(Payload::Run(handler)));
    set.wait_for_links(Box::new(unblock));
    true
}

/// Builds the reply, on the main thread.
unsafe extern "C" fn on_unblocked(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    let payload = api!(RedisModule_GetBlockedClientPrivateData(ctx)).unwrap_or(std::ptr::null_mut());
    // SAFETY: the server's context; the private data is the payload that `drop` left, or null.
    let (ctx, payload) = unsafe { (Context::new(ctx), payload.cast::<Payload>().as_ref()) };
    let sent = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match payload {
        Some(Payload::Hits(hits, format)) => reply::send_hits(&ctx, Some(hits), *format),
        Some(Payload::Reply(reply)) => reply::send(&ctx, &Ok(reply.clone())),
        // SAFETY: the server has kept the command's arguments for this call.
        Some(Payload::Run(handler)) => unsafe {
            Call::with(&ctx, argv, argc, |call| commands::answer(&ctx, handler(call)))
        },
        None => ctx.reply_error(super::handlers::INTERNAL_ERROR),
    }));
    if sent.is_err() {
        ctx.reply_error(super::handlers::INTERNAL_ERROR);
    }
    raw::REDISMODULE_OK as c_int
}

/// Frees the payload, whether a reply was built from it or the client was gone.
unsafe extern "C" fn free(_ctx: *mut raw::RedisModuleCtx, payload: *mut c_void) {
    if !payload.is_null() {
        // SAFETY: `drop` made it with Box::into_raw, and the server calls this once.
        drop(unsafe { Box::from_raw(payload.cast::<Payload>()) });
    }
}
