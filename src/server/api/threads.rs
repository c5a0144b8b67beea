//! Work of other threads under the server's lock.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::mpsc::channel;

use crate::server::raw;

use super::timers::{Sent, can_wake_main, on_main};
use super::{Context, api};

/// A context that names this module and lives for ever, of which others are made.
static MODULE: AtomicPtr<raw::RedisModuleCtx> = AtomicPtr::new(null_mut());

/// Keeps what [`with_lock`] needs to know of this module.
pub fn remember_module(ctx: &Context) {
    let kept = api!(RedisModule_GetDetachedThreadSafeContext(ctx.ptr)).unwrap_or(null_mut());
    MODULE.store(kept, Ordering::Release);
}

/// The context of the module itself.
pub(super) fn module() -> *mut raw::RedisModuleCtx {
    MODULE.load(Ordering::Acquire)
}

/// Whether this is the server's main thread.
pub fn on_main_thread() -> bool {
    // SAFETY: both calls only return a number.
    unsafe { libc::syscall(libc::SYS_gettid) == libc::c_long::from(libc::getpid()) }
}

/// Whether the server shuts down: no thread takes its lock any more.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// The server shuts down.
pub(super) fn close() {
    CLOSED.store(true, Ordering::SeqCst);
}

/// Calls `body` while the main thread waits: on this thread if the server's lock is free, else on the main thread. The context
/// belongs to no client and has database 0 selected. Not from the main thread, nor under a lock that the main thread may wait for.
///
/// No thread waits for the lock: Valkey 9.1 gives it back while it unloads its modules at the end, and asserts that no thread takes it.
pub fn with_lock<R: Send>(body: impl FnOnce(&Context) -> R + Send) -> R {
    if CLOSED.load(Ordering::SeqCst) {
        wait_for_the_end();
    }
    match Lock::take() {
        // SAFETY: the context is the server's and lives until the lock is dropped.
        Some(lock) => body(&unsafe { Context::new(lock.0) }),
        None => run_on_main(body),
    }
}

/// Has the main thread call `body`, and waits for that.
fn run_on_main<R: Send>(body: impl FnOnce(&Context) -> R + Send) -> R {
    let (send, receive) = channel();
    let task: Box<dyn FnOnce(&Context) + Send + '_> = Box::new(move |ctx| {
        let _ = send.send(catch_unwind(AssertUnwindSafe(|| body(ctx))));
    });
    // SAFETY: this function does not return before the task was called, so that what it borrows is still there.
    let task: Sent = unsafe { std::mem::transmute(task) };
    on_main(task);
    match receive.recv() {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => wait_for_the_end(),
    }
}

/// The process is about to end.
fn wait_for_the_end() -> ! {
    loop {
        std::thread::park();
    }
}

/// The server's lock, given back when dropped, also by a panic.
struct Lock(*mut raw::RedisModuleCtx);

impl Lock {
    /// None if it is taken and there is another way; see [`can_wake_main`].
    fn take() -> Option<Lock> {
        let ctx = api!(RedisModule_GetDetachedThreadSafeContext(module())).unwrap_or(null_mut());
        if !can_wake_main() {
            api!(RedisModule_ThreadSafeContextLock(ctx));
        } else if api!(RedisModule_ThreadSafeContextTryLock(ctx)) != Some(raw::REDISMODULE_OK as i32) {
            api!(RedisModule_FreeThreadSafeContext(ctx));
            return None;
        }
        Some(Lock(ctx))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        api!(RedisModule_ThreadSafeContextUnlock(self.0));
        api!(RedisModule_FreeThreadSafeContext(self.0));
    }
}
