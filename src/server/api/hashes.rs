//! Fields of a hash. Expired fields are absent.

use std::os::raw::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

use crate::server::raw;

use super::{Cursor, Key, Text, api, string_bytes};

impl Key {
    /// The value of a field; none if it is absent, or the key is no hash.
    pub fn hash_field(&self, field: &Text) -> Option<Text> {
        let mut value: *mut raw::RedisModuleString = null_mut();
        let end: *mut c_void = null_mut();
        let status =
            api!(RedisModule_HashGet(self.ptr, raw::REDISMODULE_HASH_NONE as c_int, field.ptr(), &raw mut value, end));
        if status != Some(raw::REDISMODULE_OK as c_int) {
            return None;
        }
        Text::owned(value)
    }

    /// Calls `visit` with each field and its value. Nothing may change the hash until this ends.
    pub fn for_each_field(&self, mut visit: impl FnMut(&[u8], &[u8])) {
        let mut visit: &mut dyn FnMut(&[u8], &[u8]) = &mut visit;
        let cursor = Cursor::new();
        let data = (&raw mut visit).cast::<c_void>();
        while api!(RedisModule_ScanKey(self.ptr, cursor.ptr, Some(on_field), data)).is_some_and(|more| more != 0) {}
    }
}

unsafe extern "C" fn on_field(
    _key: *mut raw::RedisModuleKey,
    field: *mut raw::RedisModuleString,
    value: *mut raw::RedisModuleString,
    visit: *mut c_void,
) {
    if field.is_null() || value.is_null() {
        return;
    }
    // SAFETY: `for_each_field` passes its closure, and both strings live during this call.
    let (visit, field, value) =
        unsafe { (&mut *visit.cast::<&mut dyn FnMut(&[u8], &[u8])>(), string_bytes(field), string_bytes(value)) };
    let _ = catch_unwind(AssertUnwindSafe(|| visit(field, value)));
}
