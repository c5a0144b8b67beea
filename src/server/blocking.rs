//! Blocked clients and delayed replies: a query in the pool, a VADD under backpressure.
//!
//! A blocked client is unblocked exactly once, by dropping its [`Unblock`], on any thread and in all
//! cases: also if the work panics, and also if the client has disconnected, which the server
//! handles. The reply is passed to the main thread behind a pointer that the server's `free` callback takes back.
//!
//! The time from block to unblock is reported to the server as the command's duration, whether the
//! client waited in a queue, for the query itself, or for links. So SLOWLOG, LATENCY HISTOGRAM and
//! INFO commandstats show what clients see.

use std::collections::BTreeMap;
use std::os::raw::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::server::raw;

use super::api::{self, Context, api};
use super::commands::{Call, INTERNAL_ERROR, Outcome};
use super::{pools, reply};
use crate::reply::Reply;

/// Whether the client of this command may be blocked.
pub fn is_allowed(ctx: &Context) -> bool {
    let forbidding = raw::REDISMODULE_CTX_FLAGS_MULTI
        | raw::REDISMODULE_CTX_FLAGS_LUA
        | raw::REDISMODULE_CTX_FLAGS_DENY_BLOCKING
        | raw::REDISMODULE_CTX_FLAGS_LOADING
        | raw::REDISMODULE_CTX_FLAGS_REPLICATED
        | Context::slot_import_flag();
    ctx.flags() & forbidding == 0
}

/// Whether [`Unblock::write`] writes in the client's protocol: Redis 6.2 writes RESP2 there for all clients.
pub fn writes_in_any_protocol() -> bool {
    api::can_wake_main()
}

/// Builds the reply, on the main thread, where the server has kept the command's arguments.
pub type Answer = Box<dyn FnOnce(&Call) -> Outcome + Send>;

/// What is passed to the main thread; empty once it has been used.
type Payload = Option<Answer>;

/// Unblocks the client when dropped.
pub struct Unblock {
    client: *mut raw::RedisModuleBlockedClient,
    answer: Payload,
    /// Whether the client has disconnected, if that is watched.
    left: Option<Arc<AtomicBool>>,
}

/// Callbacks for blocked clients that disconnect, by the server's pointer.
static WATCHED: Mutex<BTreeMap<usize, Arc<AtomicBool>>> = Mutex::new(BTreeMap::new());

fn watched() -> MutexGuard<'static, BTreeMap<usize, Arc<AtomicBool>>> {
    WATCHED.lock().unwrap_or_else(|e| e.into_inner())
}

// SAFETY: the server allows unblocking from any thread, and nothing else is done with the pointer.
unsafe impl Send for Unblock {}

impl Unblock {
    /// Blocks the client of this command, without a timeout. Until an answer is set, the client
    /// would get an error.
    pub fn block(ctx: &Context) -> Option<Unblock> {
        let client = api!(RedisModule_BlockClient(ctx.ptr, Some(on_unblocked), None, Some(free), 0))?;
        if client.is_null() {
            return None;
        }
        api!(RedisModule_BlockedClientMeasureTimeStart(client));
        Some(Unblock { client, answer: None, left: None })
    }

    /// Sets `left` when the client disconnects before the reply.
    pub fn watch(&mut self, left: Arc<AtomicBool>) {
        watched().insert(self.client as usize, left.clone());
        api!(RedisModule_SetDisconnectCallback(self.client, Some(on_left)));
        self.left = Some(left);
    }

    /// Whether the client is known to have disconnected.
    pub fn has_left(&self) -> bool {
        self.left.as_ref().is_some_and(|left| left.load(Ordering::Relaxed))
    }

    /// Sets the function that replies once the client is unblocked.
    pub fn set(&mut self, answer: impl FnOnce(&Call) -> Outcome + Send + 'static) {
        self.answer = Some(Box::new(answer));
    }

    /// Unblocks the client with this answer.
    pub fn answer(mut self, answer: impl FnOnce(&Call) -> Outcome + Send + 'static) {
        self.set(answer);
    }

    /// Unblocks the client with a long reply: `body` writes it on this thread, which is rarely the main thread. It may
    /// call only the reply functions of its context.
    pub fn write(self, body: impl FnOnce(&Context)) {
        // The client may disconnect at any time, except under the lock, which the main thread holds.
        let reply = if api::on_main_thread() { Building::new(self) } else { api::with_lock(|_| Building::new(self)) };
        reply.add(body);
        reply.send();
    }

    /// Unblocks the client with this reply.
    pub fn reply(self, reply: Reply) {
        self.answer(move |_| Ok(Some(reply)));
    }
}

/// A reply of a blocked client that is built piece by piece.
pub struct Building {
    unblock: Unblock,
    ctx: *mut raw::RedisModuleCtx,
}

// SAFETY: the context is the reply's own, which one thread at a time fills.
unsafe impl Send for Building {}

impl Building {
    /// Begins the reply to a client that is blocked.
    pub fn new(unblock: Unblock) -> Building {
        let ctx = api!(RedisModule_GetThreadSafeContext(unblock.client)).unwrap_or(std::ptr::null_mut());
        Building { unblock, ctx }
    }

    /// Adds to the reply what `body` sends. It may use only the reply functions of its context.
    pub fn add(&self, body: impl FnOnce(&Context)) {
        // SAFETY: the context was made for this client and lives as long as `self`. What is replied
        // through it is kept apart until the client is unblocked.
        body(&unsafe { Context::new(self.ctx) });
    }

    /// Sends what was added.
    pub fn send(mut self) {
        self.unblock.set(|_| Ok(None));
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        // Before the client is unblocked, which comes after.
        api!(RedisModule_FreeThreadSafeContext(self.ctx));
    }
}

impl Drop for Unblock {
    fn drop(&mut self) {
        if self.left.is_some() {
            // Before the server may use the pointer for another.
            watched().remove(&(self.client as usize));
        }
        let payload = Box::into_raw(Box::new(self.answer.take()));
        api!(RedisModule_BlockedClientMeasureTimeEnd(self.client));
        api!(RedisModule_UnblockClient(self.client, payload.cast::<c_void>()));
    }
}

/// Runs `task` in the pool and then, on the main thread, the answer that it returns. Where nothing
/// may be blocked, both run here.
pub fn run<A>(ctx: &Context, task: impl FnOnce() -> A + Send + 'static) -> Outcome
where
    A: FnOnce(&Context) -> Outcome + Send + 'static,
{
    let Some(unblock) = Unblock::block(ctx) else { return task()(ctx) };
    pools::queries().spawn(Box::new(move || {
        let answer = task();
        unblock.answer(move |call| answer(call.ctx));
    }));
    Ok(None)
}

/// A blocked client has disconnected.
unsafe extern "C" fn on_left(_ctx: *mut raw::RedisModuleCtx, client: *mut raw::RedisModuleBlockedClient) {
    if let Some(left) = watched().get(&(client as usize)) {
        left.store(true, Ordering::Relaxed);
    }
}

/// Builds the reply, on the main thread.
unsafe extern "C" fn on_unblocked(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    let payload = api!(RedisModule_GetBlockedClientPrivateData(ctx)).unwrap_or(std::ptr::null_mut());
    // SAFETY: the server's context; the private data is the payload that `drop` left, which no other thread
    // else uses now.
    let (ctx, payload) = unsafe { (Context::new(ctx), payload.cast::<Payload>().as_mut()) };
    let answer = payload.and_then(Option::take);
    let sent = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match answer {
        // SAFETY: the server has kept the command's arguments for this call.
        Some(answer) => unsafe { Call::with(&ctx, argv, argc, |call| reply::answer(&ctx, answer(call))) },
        None => ctx.reply_error(INTERNAL_ERROR),
    }));
    if sent.is_err() {
        ctx.reply_error(INTERNAL_ERROR);
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
