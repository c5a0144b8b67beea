//! Closures that run later, on the main thread.

use std::os::raw::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::server::raw;

use super::{Context, api, log};

type Task = Box<dyn FnOnce(&Context)>;

/// Names a timer, to stop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer(raw::RedisModuleTimerID);

impl Context<'_> {
    /// Runs `task` on the main thread after so many milliseconds, 0 being the next turn of the
    /// server's loop. Its context belongs to no client and has database 0 selected.
    pub fn after(&self, milliseconds: i64, task: impl FnOnce(&Context) + 'static) -> Timer {
        let task: Box<Task> = Box::new(Box::new(task));
        let data = Box::into_raw(task).cast::<c_void>();
        Timer(api!(RedisModule_CreateTimer(self.ptr, milliseconds, Some(on_timer), data)).unwrap_or(0))
    }

    /// Stops a timer; false if it has run.
    pub fn stop(&self, timer: Timer) -> bool {
        let mut data = std::ptr::null_mut();
        let stopped = api!(RedisModule_StopTimer(self.ptr, timer.0, &mut data));
        if stopped != Some(raw::REDISMODULE_OK as i32) || data.is_null() {
            return false;
        }
        // SAFETY: `after` gave the box away, and the server gives it back instead of running it.
        drop(unsafe { Box::from_raw(data.cast::<Task>()) });
        true
    }
}

unsafe extern "C" fn on_timer(ctx: *mut raw::RedisModuleCtx, task: *mut c_void) {
    // SAFETY: `after` gave the box away, and each timer fires once; the context lives during this call.
    let (ctx, task) = unsafe { (Context::new(ctx), Box::from_raw(task.cast::<Task>())) };
    if catch_unwind(AssertUnwindSafe(|| task(&ctx))).is_err() {
        log(std::ptr::null_mut(), c"warning", "vectorset: a timer failed: a bug; please report it");
    }
}
