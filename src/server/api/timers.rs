//! Closures that run later, on the main thread.

use std::os::raw::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::server::raw;

use super::threads::module;
use super::{Context, api, log};

type Task = Box<dyn FnOnce(&Context)>;

/// A task that another thread gives to the main one.
pub(super) type Sent = Box<dyn FnOnce(&Context) + Send>;

impl Context<'_> {
    /// Runs `task` on the main thread after this many milliseconds, 0 being the next turn of the
    /// server's loop. Its context belongs to no client and has database 0 selected.
    pub fn after(&self, milliseconds: i64, task: impl FnOnce(&Context) + 'static) {
        let task: Box<Task> = Box::new(Box::new(task));
        let data = Box::into_raw(task).cast::<c_void>();
        api!(RedisModule_CreateTimer(self.ptr, milliseconds, Some(on_timer), data));
    }
}

/// Whether [`on_main`] works: not on Redis 6.2.
pub fn can_wake_main() -> bool {
    // SAFETY: the pointer was filled in when the module was loaded and does not change.
    let function = unsafe { raw::RedisModule_EventLoopAddOneShot };
    function.is_some()
}

/// Runs `task` on the main thread at once, which this wakes: unlike a timer that another thread sets, of which a server that waits
/// for its clients learns late. From any thread; see [`can_wake_main`].
pub fn on_main(task: impl FnOnce(&Context) + Send + 'static) {
    let task: Box<Sent> = Box::new(Box::new(task));
    api!(RedisModule_EventLoopAddOneShot(Some(on_wake), Box::into_raw(task).cast::<c_void>()));
}

/// Leaves the task to a timer, which fires in the same turn of the loop: only behind a timer or a command the server propagates what
/// was changed. A task that reads a key that has expired deletes it, and what waited for propagation then would fail an assertion of
/// the server.
unsafe extern "C" fn on_wake(task: *mut c_void) {
    // SAFETY: `on_main` gave the box away, and this is called once.
    let task = unsafe { Box::from_raw(task.cast::<Sent>()) };
    let ctx = api!(RedisModule_GetDetachedThreadSafeContext(module())).unwrap_or(std::ptr::null_mut());
    // SAFETY: the context is the server's and lives until it is freed below; this is the main thread.
    unsafe { Context::new(ctx) }.after(0, |ctx| task(ctx));
    api!(RedisModule_FreeThreadSafeContext(ctx));
}

unsafe extern "C" fn on_timer(ctx: *mut raw::RedisModuleCtx, task: *mut c_void) {
    // SAFETY: `after` gave the box away, and each timer fires once; the context lives during this call.
    let (ctx, task) = unsafe { (Context::new(ctx), Box::from_raw(task.cast::<Task>())) };
    if catch_unwind(AssertUnwindSafe(|| task(&ctx))).is_err() {
        log(std::ptr::null_mut(), c"warning", "vectorset: a timer failed: a bug; please report it");
    }
}
