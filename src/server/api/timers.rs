//! Closures that run later, on the main thread.

use std::os::raw::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::server::raw;

use super::{Context, api, log};

type Task = Box<dyn FnOnce(&Context)>;

impl Context<'_> {
    /// Runs `task` on the main thread after so many milliseconds, 0 being the next turn of the
    /// server's loop. Its context belongs to no client and has database 0 selected.
    pub fn after(&self, milliseconds: i64, task: impl FnOnce(&Context) + 'static) {
        let task: Box<Task> = Box::new(Box::new(task));
        let data = Box::into_raw(task).cast::<c_void>();
        api!(RedisModule_CreateTimer(self.ptr, milliseconds, Some(on_timer), data));
    }
}

unsafe extern "C" fn on_timer(ctx: *mut raw::RedisModuleCtx, task: *mut c_void) {
    // SAFETY: `after` gave the box away, and each timer fires once; the context lives during this call.
    let (ctx, task) = unsafe { (Context::new(ctx), Box::from_raw(task.cast::<Task>())) };
    if catch_unwind(AssertUnwindSafe(|| task(&ctx))).is_err() {
        log(std::ptr::null_mut(), c"warning", "vectorset: a timer failed: a bug; please report it");
    }
}
