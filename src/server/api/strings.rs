//! Arguments and strings of the server.

use std::os::raw::{c_char, c_int};

use crate::server::raw;

use super::api;

/// The arguments as byte strings.
///
/// # Safety
/// `argv` holds `argc` strings that live during `'a`.
pub unsafe fn arguments<'a>(argv: *mut *mut raw::RedisModuleString, argc: c_int) -> Vec<&'a [u8]> {
    (0..argc as usize)
        .map(|i| {
            // SAFETY: guaranteed by the caller.
            unsafe { string_bytes(*argv.add(i)) }
        })
        .collect()
}

/// # Safety
/// The string lives during `'a`.
pub unsafe fn string_bytes<'a>(string: *const raw::RedisModuleString) -> &'a [u8] {
    let mut len = 0;
    let ptr = api!(RedisModule_StringPtrLen(string, &mut len)).unwrap_or(std::ptr::null());
    if ptr.is_null() {
        return &[];
    }
    // SAFETY: the server gives the string's bytes and their number.
    unsafe { std::slice::from_raw_parts(ptr.cast(), len) }
}

/// A string of the server that is ours: freed when dropped, on the main thread.
pub struct Text(*mut raw::RedisModuleString);

impl Text {
    /// A copy of these bytes.
    pub fn new(bytes: &[u8]) -> Text {
        let created =
            api!(RedisModule_CreateString(std::ptr::null_mut(), bytes.as_ptr().cast::<c_char>(), bytes.len()));
        Text(created.unwrap_or(std::ptr::null_mut()))
    }

    /// Takes a string that the server gave away; none for null.
    pub(super) fn owned(ptr: *mut raw::RedisModuleString) -> Option<Text> {
        (!ptr.is_null()).then_some(Text(ptr))
    }

    pub fn ptr(&self) -> *mut raw::RedisModuleString {
        self.0
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the string is ours and lives as long as `self`.
        unsafe { string_bytes(self.0) }
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        if !self.0.is_null() {
            api!(RedisModule_FreeString(std::ptr::null_mut(), self.0));
        }
    }
}
