//! Incremental iteration over all keys of a database, or over the fields of a key.

use std::os::raw::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::server::raw;

use super::{Context, Key, api};

/// The position of an iteration. Whatever exists from its start to its end is visited at least once.
pub struct Cursor {
    pub(super) ptr: *mut raw::RedisModuleScanCursor,
}

impl Default for Cursor {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        api!(RedisModule_ScanCursorDestroy(self.ptr));
    }
}

// SAFETY: a cursor is a number; it may travel in a closure, and is used on the main thread.
unsafe impl Send for Cursor {}

type Visit<'a> = &'a mut dyn FnMut(&Context, *mut raw::RedisModuleString, Option<&Key>);

impl Cursor {
    /// The start.
    pub fn new() -> Cursor {
        Cursor { ptr: api!(RedisModule_ScanCursorCreate()).unwrap_or(std::ptr::null_mut()) }
    }

    /// Visits some keys of the selected database, a handful at a time; false once all were visited.
    /// A key is passed open for reading if the server has opened it. The name is valid during the visit;
    /// keys must not be changed by it.
    pub fn step(
        &self,
        ctx: &Context,
        mut visit: impl FnMut(&Context, *mut raw::RedisModuleString, Option<&Key>),
    ) -> bool {
        let mut visit: Visit = &mut visit;
        let data = (&raw mut visit).cast::<c_void>();
        api!(RedisModule_Scan(ctx.ptr, self.ptr, Some(on_key), data)).is_some_and(|more: c_int| more != 0)
    }
}

unsafe extern "C" fn on_key(
    ctx: *mut raw::RedisModuleCtx,
    name: *mut raw::RedisModuleString,
    key: *mut raw::RedisModuleKey,
    visit: *mut c_void,
) {
    // SAFETY: `step` passes its closure; the server's context and key live during this call.
    let (ctx, visit) = unsafe { (Context::new(ctx), &mut *visit.cast::<Visit>()) };
    let key = (!key.is_null()).then(|| Key::lent(key));
    let _ = catch_unwind(AssertUnwindSafe(|| visit(&ctx, name, key.as_ref())));
}
