//! The table of JSON commands.

use super::{docs, handlers};
use crate::server::commands::{Command, KeyUse, Keys};

macro_rules! table {
    ($(($name:literal, $handler:ident, $flags:literal, $categories:literal, ($first:literal $last:literal $step:literal), $key:ident, $arity:literal)),* $(,)?) => {
        /// All commands.
        pub static TABLE: &[Command] = &[$(Command {
            name: $name,
            handler: |call| handlers::run($name, $flags.starts_with("write"), call),
            flags: $flags,
            categories: $categories,
            keys: Keys::Range { first: $first, last: $last, step: $step, usage: KeyUse::$key },
            arity: $arity,
            docs: docs::$handler,
        }),*];
    };
}

table![
    ("JSON.SET", set, "write deny-oom", "write slow", (1 1 1), Update, -4),
    ("JSON.MSET", mset, "write deny-oom", "write slow", (1 -3 3), Update, -4),
    ("JSON.MERGE", merge, "write deny-oom", "write slow", (1 1 1), Update, 4),
    ("JSON.GET", get, "readonly", "read slow", (1 1 1), Read, -2),
    ("JSON.MGET", mget, "readonly", "read slow", (1 -2 1), Read, -3),
    ("JSON.RESP", resp, "readonly", "read slow", (1 1 1), Read, -2),
    ("JSON.DEL", del, "write", "write slow", (1 1 1), Delete, -2),
    ("JSON.FORGET", forget, "write", "write slow", (1 1 1), Delete, -2),
    ("JSON.CLEAR", clear, "write", "write slow", (1 1 1), Delete, -2),
    ("JSON.TYPE", kind, "readonly", "read slow", (1 1 1), Read, -2),
    ("JSON.NUMINCRBY", numincrby, "write deny-oom", "write slow", (1 1 1), Update, 4),
    ("JSON.NUMMULTBY", nummultby, "write deny-oom", "write slow", (1 1 1), Update, 4),
    ("JSON.NUMPOWBY", numpowby, "write deny-oom", "write slow", (1 1 1), Update, 4),
    ("JSON.STRAPPEND", strappend, "write deny-oom", "write slow", (1 1 1), Insert, -3),
    ("JSON.STRLEN", strlen, "readonly", "read slow", (1 1 1), Read, -2),
    ("JSON.TOGGLE", toggle, "write deny-oom", "write slow", (1 1 1), Update, 3),
    ("JSON.ARRAPPEND", arrappend, "write deny-oom", "write slow", (1 1 1), Insert, -4),
    ("JSON.ARRINSERT", arrinsert, "write deny-oom", "write slow", (1 1 1), Insert, -5),
    ("JSON.ARRLEN", arrlen, "readonly", "read slow", (1 1 1), Read, -2),
    ("JSON.ARRPOP", arrpop, "write", "write slow", (1 1 1), Delete, -2),
    ("JSON.ARRTRIM", arrtrim, "write", "write slow", (1 1 1), Delete, 5),
    ("JSON.ARRINDEX", arrindex, "readonly", "read slow", (1 1 1), Read, -4),
    ("JSON.OBJKEYS", objkeys, "readonly", "read slow", (1 1 1), Read, -2),
    ("JSON.OBJLEN", objlen, "readonly", "read slow", (1 1 1), Read, -2),
    ("JSON.DEBUG", debug, "readonly", "read slow", (2 2 1), Read, -2),
];
