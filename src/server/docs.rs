//! COMMAND DOCS and COMMAND INFO of each command, on servers that let modules provide them (7.0).

use std::ffi::{CStr, CString};
use std::os::raw::{c_int, c_uint};
use std::ptr::{null, null_mut};

use crate::server::raw;

use super::api::api;
use super::commands::{Command, Keys};

/// Documentation of a command.
pub struct Docs {
    pub summary: &'static str,
    pub complexity: &'static str,
    pub since: &'static CStr,
    pub arguments: &'static [Arg],
}

/// Documentation of an argument.
pub struct Arg {
    name: &'static CStr,
    kind: c_uint,
    token: &'static CStr,
    optional: bool,
    multiple: bool,
    inner: &'static [Arg],
}

const NO_TOKEN: &CStr = c"";

pub const fn arg(name: &'static CStr, kind: c_uint) -> Arg {
    Arg { name, kind, token: NO_TOKEN, optional: false, multiple: false, inner: &[] }
}

impl Arg {
    pub const fn token(mut self, token: &'static CStr) -> Arg {
        self.token = token;
        self
    }

    pub const fn optional(mut self) -> Arg {
        self.optional = true;
        self
    }

    /// It may be repeated.
    pub const fn multiple(mut self) -> Arg {
        self.multiple = true;
        self
    }

    pub const fn of(mut self, inner: &'static [Arg]) -> Arg {
        self.inner = inner;
        self
    }
}

pub const STRING: c_uint = raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_STRING;
pub const INTEGER: c_uint = raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_INTEGER;
pub const DOUBLE: c_uint = raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_DOUBLE;
pub const TOKEN: c_uint = raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_PURE_TOKEN;
pub const ONE_OF: c_uint = raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_ONEOF;
pub const BLOCK: c_uint = raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_BLOCK;
pub const UNIX_TIME: c_uint = raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_UNIX_TIME;
pub const KEY: Arg = arg(c"key", raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_KEY);

/// One-line documentation.
pub const fn simple(
    summary: &'static str,
    complexity: &'static str,
    since: &'static CStr,
    arguments: &'static [Arg],
) -> Docs {
    Docs { summary, complexity, since, arguments }
}

/// The server's form of arguments, closed by an empty one. The lists stay allocated: the server
/// copies them, but not at a time that it promises.
fn to_server(arguments: &[Arg]) -> *mut raw::RedisModuleCommandArg {
    let mut list: Vec<raw::RedisModuleCommandArg> = arguments
        .iter()
        .map(|arg| {
            // SAFETY: all-zero bytes are a valid value of this C structure of integers and pointers.
            let mut out: raw::RedisModuleCommandArg = unsafe { std::mem::zeroed() };
            out.name = arg.name.as_ptr();
            out.type_ = arg.kind;
            out.key_spec_index = if arg.kind == KEY.kind { 0 } else { -1 };
            out.token = if arg.token.is_empty() { null() } else { arg.token.as_ptr() };
            out.flags = if arg.optional { raw::REDISMODULE_CMD_ARG_OPTIONAL as c_int } else { 0 }
                | if arg.multiple { raw::REDISMODULE_CMD_ARG_MULTIPLE as c_int } else { 0 };
            out.subargs = if arg.inner.is_empty() { null_mut() } else { to_server(arg.inner) };
            out
        })
        .collect();
    // SAFETY: as above; the empty one ends the list.
    list.push(unsafe { std::mem::zeroed() });
    Box::leak(list.into_boxed_slice()).as_mut_ptr()
}

/// Passes the documentation of a command to the server, if it supports that.
pub fn describe(handle: *mut raw::RedisModuleCommand, command: &Command) {
    static VERSION: raw::RedisModuleCommandInfoVersion = raw::RedisModuleCommandInfoVersion {
        version: 1,
        sizeof_historyentry: size_of::<raw::RedisModuleCommandHistoryEntry>(),
        sizeof_keyspec: size_of::<raw::RedisModuleCommandKeySpec>(),
        sizeof_arg: size_of::<raw::RedisModuleCommandArg>(),
    };
    let text = |text: &str| CString::new(text).unwrap_or_default();
    let (summary, complexity) = (text(command.docs.summary), text(command.docs.complexity));
    // SAFETY: all-zero bytes are a valid value of these C structures; an empty specification ends
    // the list of them.
    let (mut keys, mut info): ([raw::RedisModuleCommandKeySpec; 2], raw::RedisModuleCommandInfo) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    specify(&mut keys[0], command.keys);
    info.version = &VERSION;
    info.summary = summary.as_ptr();
    info.complexity = complexity.as_ptr();
    info.since = command.docs.since.as_ptr();
    info.arity = command.arity;
    info.key_specs = keys.as_mut_ptr();
    info.args = to_server(command.docs.arguments);
    api!(RedisModule_SetCommandInfo(handle, &info));
}

/// Writes a key specification; an empty one stays empty.
fn specify(spec: &mut raw::RedisModuleCommandKeySpec, keys: Keys) {
    let (begin, usage) = match keys {
        Keys::None => return,
        Keys::Range { first, last, step, usage } => {
            spec.find_keys_type = raw::RedisModuleKeySpecFindKeysType_REDISMODULE_KSPEC_FK_RANGE;
            // Relative to the first, unless it counts from the end.
            spec.fk.range.lastkey = if last < 0 { last } else { last - first };
            spec.fk.range.keystep = step;
            (first, usage)
        }
        Keys::Counted { at, usage } => {
            spec.find_keys_type = raw::RedisModuleKeySpecFindKeysType_REDISMODULE_KSPEC_FK_KEYNUM;
            // SAFETY: a structure of plain numbers in a union of such.
            spec.fk.keynum = unsafe { std::mem::zeroed() };
            spec.fk.keynum.firstkey = 1;
            spec.fk.keynum.keystep = 1;
            (at, usage)
        }
    };
    spec.flags = usage.flags() as u64;
    spec.begin_search_type = raw::RedisModuleKeySpecBeginSearchType_REDISMODULE_KSPEC_BS_INDEX;
    spec.bs.index.pos = begin;
}
