//! What COMMAND DOCS and COMMAND INFO tell of each command, on servers that ask modules (7.0).
#![allow(non_upper_case_globals)] // named like the handlers, so that the table names both at once

use std::ffi::{CStr, CString};
use std::os::raw::{c_int, c_uint};
use std::ptr::{null, null_mut};

use redis_module::raw;

use super::api::api;
use super::commands::Command;

/// Documentation of a command.
pub(super) struct Docs {
    summary: &'static str,
    complexity: &'static str,
    since: &'static CStr,
    arguments: &'static [Arg],
}

/// Documentation of an argument.
struct Arg {
    name: &'static CStr,
    kind: c_uint,
    token: &'static CStr,
    optional: bool,
    inner: &'static [Arg],
}

const NO_TOKEN: &CStr = c"";

const fn arg(name: &'static CStr, kind: c_uint) -> Arg {
    Arg { name, kind, token: NO_TOKEN, optional: false, inner: &[] }
}

impl Arg {
    const fn token(mut self, token: &'static CStr) -> Arg {
        self.token = token;
        self
    }

    const fn optional(mut self) -> Arg {
        self.optional = true;
        self
    }

    const fn of(mut self, inner: &'static [Arg]) -> Arg {
        self.inner = inner;
        self
    }
}

const STRING: c_uint = raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_STRING;
const INTEGER: c_uint = raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_INTEGER;
const DOUBLE: c_uint = raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_DOUBLE;
const TOKEN: c_uint = raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_PURE_TOKEN;
const ONE_OF: c_uint = raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_ONEOF;
const BLOCK: c_uint = raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_BLOCK;
const KEY: Arg = arg(c"key", raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_KEY);
const ELEMENT: Arg = arg(c"element", STRING);

const FP32: Arg = arg(c"fp32", TOKEN).token(c"FP32");
const VALUES: Arg = arg(c"values", TOKEN).token(c"VALUES");

pub(super) const vadd: Docs = Docs {
    summary: "Adds an element to a vector set, or gives it another vector.",
    complexity: "O(dimension) for the command; O(log N * EF) in the background, N being the number of elements.",
    since: c"8.0.0",
    arguments: &[
        KEY,
        arg(c"reduce", BLOCK).token(c"REDUCE").optional().of(&[arg(c"dim", INTEGER)]),
        arg(c"format", ONE_OF).of(&[FP32, VALUES]),
        arg(c"vector", STRING),
        ELEMENT,
        arg(c"cas", TOKEN).token(c"CAS").optional(),
        arg(c"quant_type", ONE_OF).optional().of(&[
            arg(c"noquant", TOKEN).token(c"NOQUANT"),
            arg(c"bin", TOKEN).token(c"BIN"),
            arg(c"q8", TOKEN).token(c"Q8"),
        ]),
        arg(c"build-exploration-factor", INTEGER).token(c"EF").optional(),
        arg(c"attributes", STRING).token(c"SETATTR").optional(),
        arg(c"numlinks", INTEGER).token(c"M").optional(),
    ],
};

const SEARCH: &[Arg] = &[
    KEY,
    arg(c"format", ONE_OF).of(&[arg(c"ele", TOKEN).token(c"ELE"), FP32, VALUES]),
    arg(c"vector_or_element", STRING),
    arg(c"withscores", TOKEN).token(c"WITHSCORES").optional(),
    arg(c"withattribs", TOKEN).token(c"WITHATTRIBS").optional(),
    arg(c"count", INTEGER).token(c"COUNT").optional(),
    arg(c"max_distance", DOUBLE).token(c"EPSILON").optional(),
    arg(c"search-exploration-factor", INTEGER).token(c"EF").optional(),
    arg(c"expression", STRING).token(c"FILTER").optional(),
    arg(c"max-filtering-effort", INTEGER).token(c"FILTER-EF").optional(),
    arg(c"truth", TOKEN).token(c"TRUTH").optional(),
    arg(c"nothread", TOKEN).token(c"NOTHREAD").optional(),
];

pub(super) const vsim: Docs = Docs {
    summary: "Returns the elements that are most similar to a vector or to an element.",
    complexity: "O(log N * EF), N being the number of elements; O(N) with TRUTH or a filter that few elements match.",
    since: c"8.0.0",
    arguments: SEARCH,
};

pub(super) const vexplain: Docs = Docs {
    summary: "Runs a VSIM and tells how it was done.",
    complexity: "As VSIM.",
    since: c"0.1.0",
    arguments: SEARCH,
};

pub(super) const vrem: Docs = simple(
    "Removes an element from a vector set.",
    "O(log N) for the command; O(M * M) in the background, M being the links of the element.",
    c"8.0.0",
    &[KEY, ELEMENT],
);
pub(super) const vdim: Docs = simple("Returns the dimension of the stored vectors.", "O(1)", c"8.0.0", &[KEY]);
pub(super) const vcard: Docs = simple("Returns the number of elements.", "O(1)", c"8.0.0", &[KEY]);
pub(super) const vemb: Docs = simple(
    "Returns the vector of an element.",
    "O(dimension)",
    c"8.0.0",
    &[KEY, ELEMENT, arg(c"raw", TOKEN).token(c"RAW").optional()],
);
pub(super) const vlinks: Docs = simple(
    "Returns the neighbours of an element in the graph, level by level.",
    "O(M), M being the links of the element.",
    c"8.0.0",
    &[KEY, ELEMENT, arg(c"withscores", TOKEN).token(c"WITHSCORES").optional()],
);
pub(super) const vinfo: Docs = simple("Returns the parameters of a vector set.", "O(1)", c"8.0.0", &[KEY]);
pub(super) const vsetattr: Docs = simple(
    "Sets or removes the attributes of an element.",
    "O(length of the attributes)",
    c"8.0.0",
    &[KEY, ELEMENT, arg(c"json", STRING)],
);
pub(super) const vgetattr: Docs =
    simple("Returns the attributes of an element.", "O(log N)", c"8.0.0", &[KEY, ELEMENT]);
pub(super) const vrandmember: Docs = simple(
    "Returns random elements.",
    "O(count), each element being equally likely.",
    c"8.0.0",
    &[KEY, arg(c"count", INTEGER).optional()],
);
pub(super) const vismember: Docs =
    simple("Tells whether an element is in a vector set.", "O(log N)", c"8.2.0", &[KEY, ELEMENT]);
pub(super) const vrange: Docs = simple(
    "Returns elements in the order of their names.",
    "O(log N + count)",
    c"8.4.0",
    &[KEY, arg(c"start", STRING), arg(c"end", STRING), arg(c"count", INTEGER).optional()],
);
pub(super) const vcount: Docs =
    simple("Returns the number of elements that match a filter.", "O(N)", c"0.1.0", &[KEY, arg(c"expression", STRING)]);
pub(super) const vrembyfilter: Docs = simple(
    "Removes all elements that match a filter.",
    "O(N + matches * log N), in slices between which other clients are served.",
    c"0.1.0",
    &[KEY, arg(c"expression", STRING)],
);
pub(super) const vcheck: Docs = simple(
    "Proves that a vector set is sound: names, vectors, attributes and links agree.",
    "O(N * M)",
    c"0.1.0",
    &[KEY],
);
pub(super) const vreplay: Docs = simple(
    "Restores a vector set from an append-only file or a slot that moves; not for clients.",
    "O(N)",
    c"0.1.0",
    &[KEY, arg(c"which", STRING), arg(c"chunk", STRING)],
);

const fn simple(
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
            out.key_spec_index = if arg.name == c"key" { 0 } else { -1 };
            out.token = if arg.token.is_empty() { null() } else { arg.token.as_ptr() };
            out.flags = if arg.optional { raw::REDISMODULE_CMD_ARG_OPTIONAL as c_int } else { 0 };
            out.subargs = if arg.inner.is_empty() { null_mut() } else { to_server(arg.inner) };
            out
        })
        .collect();
    // SAFETY: as above; the empty one ends the list.
    list.push(unsafe { std::mem::zeroed() });
    Box::leak(list.into_boxed_slice()).as_mut_ptr()
}

/// Tells the server about a command, if it wants to know.
pub(super) fn describe(handle: *mut raw::RedisModuleCommand, command: &Command) {
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
    keys[0].flags = command.key.flags() as u64;
    keys[0].begin_search_type = raw::RedisModuleKeySpecBeginSearchType_REDISMODULE_KSPEC_BS_INDEX;
    keys[0].bs.index.pos = 1;
    keys[0].find_keys_type = raw::RedisModuleKeySpecFindKeysType_REDISMODULE_KSPEC_FK_RANGE;
    keys[0].fk.range.lastkey = 0;
    keys[0].fk.range.keystep = 1;
    info.version = &VERSION;
    info.summary = summary.as_ptr();
    info.complexity = complexity.as_ptr();
    info.since = command.docs.since.as_ptr();
    info.arity = command.arity;
    info.key_specs = keys.as_mut_ptr();
    info.args = to_server(command.docs.arguments);
    api!(RedisModule_SetCommandInfo(handle, &info));
}
