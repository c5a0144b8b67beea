//! Replies, item by item. Servers from 7.0 on convert RESP3 types for RESP2 clients; 6.2 offers
//! modules only RESP2 types, so each function falls back to these.

use std::ffi::CString;
use std::os::raw::{c_char, c_int, c_long, c_longlong};

use crate::server::raw;

use super::{Context, api};

impl Context<'_> {
    /// Whether maps and the other forms of RESP3 reach this client.
    pub fn has_resp3(&self) -> bool {
        // SAFETY: set when the module was loaded, never changed.
        let sends_maps = unsafe { raw::RedisModule_ReplyWithMap }.is_some();
        sends_maps && self.flags() & raw::REDISMODULE_CTX_FLAGS_RESP3 != 0
    }

    /// Whether the reply goes to a script of a server that gives Lua no more stack for nested arrays: Redis 6.2 up to
    /// 6.2.5 writes beyond its end (CVE-2021-32626).
    pub fn goes_to_a_small_stack(&self) -> bool {
        // SAFETY: as above; servers with maps ask for the stack that they need.
        let is_old = unsafe { raw::RedisModule_ReplyWithMap }.is_none();
        is_old && self.flags() & raw::REDISMODULE_CTX_FLAGS_LUA != 0
    }

    pub fn reply_error(&self, text: &[u8]) {
        // The line ends at CR or LF, and C's string at NUL.
        let clean: Vec<u8> = text.iter().map(|&b| if matches!(b, 0 | b'\r' | b'\n') { b' ' } else { b }).collect();
        let clean = CString::new(clean).unwrap_or_default();
        api!(RedisModule_ReplyWithError(self.ptr, clean.as_ptr()));
    }

    pub fn reply_arity(&self) {
        api!(RedisModule_WrongArity(self.ptr));
    }

    pub fn reply_int(&self, value: i64) {
        api!(RedisModule_ReplyWithLongLong(self.ptr, value as c_longlong));
    }

    /// An integer above those of [`Context::reply_int`]; its text where there are no such replies.
    pub fn reply_big(&self, value: u64) {
        let text = value.to_string();
        let (bytes, len) = (text.as_ptr().cast::<c_char>(), text.len());
        if api!(RedisModule_ReplyWithBigNumber(self.ptr, bytes, len)).is_none() {
            self.reply_bytes(text.as_bytes());
        }
    }

    pub fn reply_bool(&self, value: bool) {
        if api!(RedisModule_ReplyWithBool(self.ptr, value as c_int)).is_none() {
            self.reply_int(value as i64);
        }
    }

    pub fn reply_nil(&self) {
        api!(RedisModule_ReplyWithNull(self.ptr));
    }

    pub fn reply_nil_array(&self) {
        if api!(RedisModule_ReplyWithNullArray(self.ptr)).is_none() {
            self.reply_nil();
        }
    }

    pub fn reply_double(&self, value: f64) {
        api!(RedisModule_ReplyWithDouble(self.ptr, value));
    }

    pub fn reply_bytes(&self, bytes: &[u8]) {
        api!(RedisModule_ReplyWithStringBuffer(self.ptr, bytes.as_ptr().cast::<c_char>(), bytes.len()));
    }

    pub fn reply_simple(&self, word: &str) {
        let word = CString::new(word).unwrap_or_default();
        api!(RedisModule_ReplyWithSimpleString(self.ptr, word.as_ptr()));
    }

    /// Begins an array of this many items.
    pub fn reply_array(&self, len: usize) {
        api!(RedisModule_ReplyWithArray(self.ptr, len as c_long));
    }

    /// Begins an array whose number of items is given at its end, by [`Context::end_array`]. Arrays
    /// that are begun so may be nested.
    pub fn begin_array(&self) {
        api!(RedisModule_ReplyWithArray(self.ptr, raw::REDISMODULE_POSTPONED_LEN as c_long));
    }

    /// Ends the array that was begun last.
    pub fn end_array(&self, len: usize) {
        api!(RedisModule_ReplySetArrayLength(self.ptr, len as c_long));
    }

    /// Begins a map of this many pairs; an array of twice as many items where there are no maps.
    pub fn reply_map(&self, pairs: usize) {
        if api!(RedisModule_ReplyWithMap(self.ptr, pairs as c_long)).is_none() {
            self.reply_array(2 * pairs);
        }
    }

    /// Begins a set of this many items; an array where there are no sets.
    pub fn reply_set(&self, len: usize) {
        if api!(RedisModule_ReplyWithSet(self.ptr, len as c_long)).is_none() {
            self.reply_array(len);
        }
    }
}
