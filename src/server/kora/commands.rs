//! The table of Kora's commands.

use super::handlers::{vecdel, vecquery, vecset};
use crate::server::commands::{Command, KeyUse, Keys};
use crate::server::docs::{Arg, DOUBLE, INTEGER, KEY, STRING, arg, simple};

const COMPONENTS: Arg = arg(c"component", DOUBLE).multiple();

/// All commands.
pub static TABLE: &[Command] = &[
    Command {
        name: "VECSET",
        handler: vecset,
        flags: "write deny-oom",
        categories: "write slow",
        keys: Keys::one(KeyUse::Insert),
        arity: -4,
        docs: simple(
            "Stores a vector at a key.",
            "O(dimension) for the command; O(log N * EF) in the background, N being the number of vectors.",
            c"0.2.0",
            &[KEY, arg(c"dim", INTEGER), COMPONENTS],
        ),
    },
    Command {
        name: "VECQUERY",
        handler: vecquery,
        flags: "readonly",
        categories: "read slow",
        // Its key is a pattern, and any node of a cluster answers.
        keys: Keys::None,
        arity: -4,
        docs: simple(
            "Returns the keys of the nearest vectors, with their distances.",
            "O(log N * EF), N being the number of vectors; O(N) with a pattern.",
            c"0.2.0",
            &[
                arg(c"pattern", STRING),
                arg(c"k", INTEGER),
                COMPONENTS,
                arg(c"search-exploration-factor", INTEGER).token(c"EF").optional(),
            ],
        ),
    },
    Command {
        name: "VECDEL",
        handler: vecdel,
        flags: "write fast",
        categories: "write fast",
        keys: Keys::one(KeyUse::Delete),
        arity: 2,
        docs: simple("Removes the vector at a key.", "O(1)", c"0.2.0", &[KEY]),
    },
];
