//! The commands of vector sets.

use super::docs;
use super::handlers::*;
use super::random::vrandmember;
use crate::server::commands::{Command, KeyUse, Keys};

macro_rules! table {
    ($(($name:literal, $handler:ident, $flags:literal, $categories:literal, $key:ident, $arity:literal)),* $(,)?) => {
        /// All commands.
        pub static TABLE: &[Command] = &[$(Command {
            name: $name,
            handler: $handler,
            flags: $flags,
            categories: $categories,
            keys: Keys::one(KeyUse::$key),
            arity: $arity,
            docs: docs::$handler,
        }),*];
    };
}

table![
    ("VADD", vadd, "write deny-oom", "write slow", Insert, -5),
    ("VREM", vrem, "write", "write slow", Delete, 3),
    ("VSIM", vsim, "readonly", "read slow", Read, -4),
    ("VDIM", vdim, "readonly fast", "read fast", Read, 2),
    ("VCARD", vcard, "readonly fast", "read fast", Read, 2),
    ("VEMB", vemb, "readonly fast", "read fast", Read, -3),
    ("VLINKS", vlinks, "readonly fast", "read fast", Read, -3),
    ("VINFO", vinfo, "readonly fast", "read fast", Read, 2),
    ("VSETATTR", vsetattr, "write deny-oom fast", "write fast", Update, 4),
    ("VGETATTR", vgetattr, "readonly fast", "read fast", Read, 3),
    ("VRANDMEMBER", vrandmember, "readonly", "read slow", Read, -2),
    ("VISMEMBER", vismember, "readonly fast", "read fast", Read, 3),
    ("VRANGE", vrange, "readonly", "read slow", Read, -4),
    ("VCOUNT", vcount, "readonly", "read slow", Read, 3),
    ("VREMBYFILTER", vrembyfilter, "write", "write slow", Delete, 3),
    ("VEXPLAIN", vexplain, "readonly", "read slow", Read, -4),
    ("VCHECK", vcheck, "readonly admin", "read slow dangerous", Read, 2),
    ("VREPLAY", vreplay, "write deny-oom", "write slow", Insert, 4),
];
