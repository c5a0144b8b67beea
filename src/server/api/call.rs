//! Calls of other commands, and their replies.

use std::ffi::{CStr, CString};
use std::os::raw::c_char;

use crate::server::raw;

use super::{Context, Text, api};

/// How a command is called.
#[derive(Clone, Copy, Default)]
pub struct Called {
    /// What it changes goes to replicas and to the append-only file.
    pub replicates: bool,
    /// Only what the client's user may do.
    pub checks_rights: bool,
    /// Maps, sets and doubles arrive as such, on servers that can (7.0).
    pub resp3: bool,
}

/// The reply of a command that was called.
pub struct CallReply(*mut raw::RedisModuleCallReply);

impl Drop for CallReply {
    fn drop(&mut self) {
        api!(RedisModule_FreeCallReply(self.0));
    }
}

/// A reply, taken out of the server's memory.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Nil,
    Int(i64),
    Bool(bool),
    Double(f64),
    Bytes(Vec<u8>),
    Error(Vec<u8>),
    /// Arrays and sets; what servers before 7.0 give for maps too.
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

/// Deeper replies end in [`Value::Nil`]: no command of a server's nests that much.
const MAX_DEPTH: usize = 128;

impl Context<'_> {
    /// Calls a command. One that replies an error gives its text, as does one that the server refuses.
    ///
    /// # Errors
    /// The error's text, beginning with its code.
    pub fn call(&self, command: &str, args: &[impl AsRef<[u8]>], how: Called) -> Result<CallReply, Vec<u8>> {
        let name = CString::new(command).unwrap_or_default();
        let strings: Vec<Text> = args.iter().map(|arg| Text::new(arg.as_ref())).collect();
        let pointers: Vec<_> = strings.iter().map(Text::ptr).collect();
        let (argv, argc) = (pointers.as_ptr(), pointers.len());
        let reply = api!(RedisModule_Call(self.ptr, name.as_ptr(), format(how).as_ptr(), argv, argc));
        let reply = reply.unwrap_or(std::ptr::null_mut());
        if reply.is_null() {
            let why = match std::io::Error::last_os_error().raw_os_error() {
                Some(libc::ENOENT) => "unknown command",
                Some(libc::EINVAL) => "wrong number of arguments",
                Some(libc::EACCES) => "no permission",
                Some(libc::EPERM) => "the key is on another node",
                Some(libc::EROFS) => "the cluster is down",
                Some(libc::ENETDOWN) => "the cluster is down",
                Some(libc::ENOSPC) => "not allowed here",
                _ => "the server refused it",
            };
            return Err(format!("ERR {command}: {why}").into_bytes());
        }
        let reply = CallReply(reply);
        match reply.kind() {
            raw::REDISMODULE_REPLY_ERROR => Err(reply.text().to_vec()),
            _ => Ok(reply),
        }
    }

    /// Whether the server knows a command.
    pub fn has_command(&self, name: &str) -> bool {
        let Ok(reply) = self.call("COMMAND", &["INFO", name], Called::default()) else { return false };
        matches!(reply.value(), Value::Array(found) if matches!(found.first(), Some(Value::Array(_))))
    }
}

fn format(how: Called) -> &'static CStr {
    // SAFETY: set when the module was loaded, never changed.
    let has_resp3 = unsafe { raw::RedisModule_CallReplyMapElement }.is_some();
    match (how.replicates, how.checks_rights, how.resp3 && has_resp3) {
        (false, false, false) => c"v",
        (false, false, true) => c"v3",
        (false, true, false) => c"vC",
        (false, true, true) => c"vC3",
        (true, false, false) => c"v!",
        (true, false, true) => c"v!3",
        (true, true, false) => c"v!C",
        (true, true, true) => c"v!C3",
    }
}

impl CallReply {
    fn kind(&self) -> isize {
        kind(self.0)
    }

    /// The bytes of a string or of an error's text; none otherwise.
    pub fn text(&self) -> &[u8] {
        text(self.0)
    }

    /// The whole reply.
    pub fn value(&self) -> Value {
        value(self.0, MAX_DEPTH)
    }
}

fn kind(reply: *mut raw::RedisModuleCallReply) -> isize {
    api!(RedisModule_CallReplyType(reply)).map_or(raw::REDISMODULE_REPLY_UNKNOWN, |kind| kind as isize)
}

/// # Lifetime
/// That of the reply that holds `reply`: callers are methods that borrow it.
fn text<'a>(reply: *mut raw::RedisModuleCallReply) -> &'a [u8] {
    let mut len = 0;
    let bytes = match kind(reply) {
        raw::REDISMODULE_REPLY_VERBATIM_STRING => {
            let mut format: *const c_char = std::ptr::null();
            api!(RedisModule_CallReplyVerbatim(reply, &mut len, &mut format))
        }
        raw::REDISMODULE_REPLY_BIG_NUMBER => api!(RedisModule_CallReplyBigNumber(reply, &mut len)),
        _ => api!(RedisModule_CallReplyStringPtr(reply, &mut len)),
    };
    let bytes = bytes.unwrap_or(std::ptr::null());
    if bytes.is_null() {
        return &[];
    }
    // SAFETY: the server gives the bytes and their number; they live as long as the reply.
    unsafe { std::slice::from_raw_parts(bytes.cast(), len) }
}

fn value(reply: *mut raw::RedisModuleCallReply, depth: usize) -> Value {
    if reply.is_null() || depth == 0 {
        return Value::Nil;
    }
    let len = || api!(RedisModule_CallReplyLength(reply)).unwrap_or(0);
    match kind(reply) {
        raw::REDISMODULE_REPLY_STRING | raw::REDISMODULE_REPLY_VERBATIM_STRING | raw::REDISMODULE_REPLY_BIG_NUMBER => {
            Value::Bytes(text(reply).to_vec())
        }
        raw::REDISMODULE_REPLY_ERROR => Value::Error(text(reply).to_vec()),
        raw::REDISMODULE_REPLY_INTEGER => Value::Int(api!(RedisModule_CallReplyInteger(reply)).unwrap_or(0)),
        raw::REDISMODULE_REPLY_BOOL => Value::Bool(api!(RedisModule_CallReplyBool(reply)) == Some(1)),
        raw::REDISMODULE_REPLY_DOUBLE => Value::Double(api!(RedisModule_CallReplyDouble(reply)).unwrap_or(0.0)),
        raw::REDISMODULE_REPLY_ARRAY => {
            let item = |i| api!(RedisModule_CallReplyArrayElement(reply, i)).unwrap_or(std::ptr::null_mut());
            Value::Array((0..len()).map(|i| value(item(i), depth - 1)).collect())
        }
        raw::REDISMODULE_REPLY_SET => {
            let item = |i| api!(RedisModule_CallReplySetElement(reply, i)).unwrap_or(std::ptr::null_mut());
            Value::Array((0..len()).map(|i| value(item(i), depth - 1)).collect())
        }
        raw::REDISMODULE_REPLY_MAP => Value::Map((0..len()).map(|i| pair(reply, i, depth)).collect()),
        _ => Value::Nil,
    }
}

fn pair(map: *mut raw::RedisModuleCallReply, i: usize, depth: usize) -> (Value, Value) {
    let (mut key, mut of_key) = (std::ptr::null_mut(), std::ptr::null_mut());
    api!(RedisModule_CallReplyMapElement(map, i, &mut key, &mut of_key));
    (value(key, depth - 1), value(of_key, depth - 1))
}
