//! Work of other threads under the server's lock.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::server::raw;

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

/// Calls `body` on this thread while the main thread waits. The context belongs to no client and has
/// database 0 selected. Not from the main thread, nor under a lock that the main thread may wait for.
pub fn with_lock<R>(body: impl FnOnce(&Context) -> R) -> R {
    let lock = Lock::take();
    // SAFETY: the context is the server's and lives until the lock is dropped.
    body(&unsafe { Context::new(lock.0) })
}

/// The server's lock, given back when dropped, also by a panic.
struct Lock(*mut raw::RedisModuleCtx);

impl Lock {
    fn take() -> Lock {
        let ctx = api!(RedisModule_GetDetachedThreadSafeContext(module())).unwrap_or(null_mut());
        api!(RedisModule_ThreadSafeContextLock(ctx));
        Lock(ctx)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        api!(RedisModule_ThreadSafeContextUnlock(self.0));
        api!(RedisModule_FreeThreadSafeContext(self.0));
    }
}
