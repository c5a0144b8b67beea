//! The table of vector set commands.

use super::{
    check::vcheck, docs, expire::*, handlers::*, insertion::*, random::vrandmember, replay::vreplay, search::*,
};
use crate::server::commands::{Command, KeyUse, Keys};

const READ: Keys = Keys::one(KeyUse::Read);
const INSERT: Keys = Keys::one(KeyUse::Insert);
const UPDATE: Keys = Keys::one(KeyUse::Update);
const DELETE: Keys = Keys::one(KeyUse::Delete);
const KEYS: Keys = Keys::Counted { at: 1, usage: KeyUse::Read };

macro_rules! table {
    ($(($name:literal, $handler:ident, $flags:literal, $categories:literal, $key:expr, $arity:literal)),* $(,)?) => {
        /// All commands.
        pub static TABLE: &[Command] = &[$(Command {
            name: $name,
            handler: $handler,
            flags: $flags,
            categories: $categories,
            keys: $key,
            arity: $arity,
            docs: docs::$handler,
        }),*];
    };
}

table![
    ("VADD", vadd, "write deny-oom", "write slow", INSERT, -5),
    ("VMADD", vmadd, "write deny-oom", "write slow", INSERT, -5),
    ("VREM", vrem, "write", "write slow", DELETE, 3),
    ("VSIM", vsim, "readonly", "read slow", READ, -4),
    ("VMSIM", vmsim, "readonly", "read slow", KEYS, -5),
    ("VDIM", vdim, "readonly fast", "read fast", READ, 2),
    ("VCARD", vcard, "readonly fast", "read fast", READ, 2),
    ("VEMB", vemb, "readonly fast", "read fast", READ, -3),
    ("VLINKS", vlinks, "readonly fast", "read fast", READ, -3),
    ("VINFO", vinfo, "readonly fast", "read fast", READ, 2),
    ("VSETATTR", vsetattr, "write deny-oom fast", "write fast", UPDATE, 4),
    ("VGETATTR", vgetattr, "readonly fast", "read fast", READ, 3),
    ("VRANDMEMBER", vrandmember, "readonly", "read slow", READ, -2),
    ("VISMEMBER", vismember, "readonly fast", "read fast", READ, 3),
    ("VRANGE", vrange, "readonly", "read slow", READ, -4),
    ("VCOUNT", vcount, "readonly", "read slow", READ, -3),
    ("VREMBYFILTER", vrembyfilter, "write", "write slow", DELETE, -3),
    ("VEXPIRE", vexpire, "write fast", "write fast", UPDATE, -6),
    ("VPEXPIRE", vpexpire, "write fast", "write fast", UPDATE, -6),
    ("VEXPIREAT", vexpireat, "write fast", "write fast", UPDATE, -6),
    ("VPEXPIREAT", vpexpireat, "write fast", "write fast", UPDATE, -6),
    ("VTTL", vttl, "readonly fast", "read fast", READ, -5),
    ("VPTTL", vpttl, "readonly fast", "read fast", READ, -5),
    ("VEXPIRETIME", vexpiretime, "readonly fast", "read fast", READ, -5),
    ("VPEXPIRETIME", vpexpiretime, "readonly fast", "read fast", READ, -5),
    ("VPERSIST", vpersist, "write fast", "write fast", UPDATE, -5),
    ("VEXPLAIN", vexplain, "readonly", "read slow", READ, -4),
    ("VCHECK", vcheck, "readonly admin", "read slow dangerous", READ, 2),
    ("VREPLAY", vreplay, "write deny-oom", "write slow", INSERT, 4),
];
