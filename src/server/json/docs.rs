//! COMMAND DOCS of each command of JSON documents.
#![allow(non_upper_case_globals)] // named like the handlers, so that the table names both at once

use crate::server::docs::{Arg, Docs, INTEGER, KEY, ONE_OF, STRING, TOKEN, arg, simple};

const PATH: Arg = arg(c"path", STRING);
const VALUE: Arg = arg(c"value", STRING);
/// What most commands take.
const AT: &[Arg] = &[KEY, PATH.optional()];

const DOCUMENT: &str = "O(N), N being the size of the document.";
const ONE_VALUE: &str = "O(N), N being the size of the document; O(1) for one value.";
const WRITTEN: &str = "O(M+N), M being the size of the value and N that of the document.";
const ARRAYS: &str = "O(N), N being the size of the arrays.";

pub const set: Docs = simple(
    "Sets or updates the JSON value at a path.",
    WRITTEN,
    c"1.0.0",
    &[
        KEY,
        PATH,
        VALUE,
        arg(c"condition", ONE_OF).optional().of(&[arg(c"nx", TOKEN).token(c"NX"), arg(c"xx", TOKEN).token(c"XX")]),
        arg(c"type", STRING).token(c"FPHA").optional(),
    ],
);
pub const mset: Docs = simple(
    "Sets JSON values at paths of one or more keys, all or none.",
    "O(K*(M+N)), K being the number of triplets.",
    c"2.6.0",
    &[KEY, PATH, VALUE],
);
pub const merge: Docs =
    simple("Merges a JSON value into those at a path (RFC 7396).", WRITTEN, c"2.6.0", &[KEY, PATH, VALUE]);
pub const get: Docs = simple(
    "Returns the values at one or more paths as JSON text.",
    DOCUMENT,
    c"1.0.0",
    &[
        KEY,
        arg(c"indent", STRING).token(c"INDENT").optional(),
        arg(c"newline", STRING).token(c"NEWLINE").optional(),
        arg(c"space", STRING).token(c"SPACE").optional(),
        PATH.optional(),
    ],
);
pub const mget: Docs = simple(
    "Returns the values at a path of one or more keys.",
    "O(M*N), M being the number of keys and N the size of a document.",
    c"1.0.0",
    &[KEY, PATH],
);
pub const resp: Docs = simple("Returns the value at a path in the form of the protocol.", DOCUMENT, c"1.0.0", AT);
pub const del: Docs = simple("Deletes the values at a path.", DOCUMENT, c"1.0.0", AT);
pub const forget: Docs = simple("Deletes the values at a path, as JSON.DEL does.", DOCUMENT, c"1.0.0", AT);
pub const clear: Docs =
    simple("Empties arrays and objects and sets numbers to 0.", "O(N), N being the size of the values.", c"2.0.0", AT);
pub const kind: Docs = simple("Returns the kind of the values at a path.", ONE_VALUE, c"1.0.0", AT);
pub const numincrby: Docs = simple("Adds to the numbers at a path.", ONE_VALUE, c"1.0.0", &[KEY, PATH, VALUE]);
pub const nummultby: Docs = simple("Multiplies the numbers at a path.", ONE_VALUE, c"1.0.0", &[KEY, PATH, VALUE]);
pub const numpowby: Docs = simple("Raises the numbers at a path to a power.", ONE_VALUE, c"0.2.0", &[KEY, PATH, VALUE]);
pub const strappend: Docs =
    simple("Appends to the strings at a path.", ONE_VALUE, c"1.0.0", &[KEY, PATH.optional(), VALUE]);
pub const strlen: Docs = simple("Returns the length of the strings at a path, in bytes.", ONE_VALUE, c"1.0.0", AT);
pub const toggle: Docs = simple("Toggles the booleans at a path.", ONE_VALUE, c"2.0.0", &[KEY, PATH]);
pub const arrappend: Docs = simple("Appends values to the arrays at a path.", ONE_VALUE, c"1.0.0", &[KEY, PATH, VALUE]);
pub const arrinsert: Docs = simple(
    "Inserts values into the arrays at a path, before an index.",
    ARRAYS,
    c"1.0.0",
    &[KEY, PATH, arg(c"index", INTEGER), VALUE],
);
pub const arrlen: Docs = simple("Returns the length of the arrays at a path.", ONE_VALUE, c"1.0.0", AT);
pub const arrpop: Docs = simple(
    "Removes and returns the element at an index of the arrays at a path.",
    "O(N), N being the size of the arrays; O(1) for the last element.",
    c"1.0.0",
    &[KEY, PATH.optional(), arg(c"index", INTEGER).optional()],
);
pub const arrtrim: Docs = simple(
    "Keeps a range of the arrays at a path.",
    ARRAYS,
    c"1.0.0",
    &[KEY, PATH, arg(c"start", INTEGER), arg(c"stop", INTEGER)],
);
pub const arrindex: Docs = simple(
    "Returns the first position of a value in the arrays at a path.",
    ARRAYS,
    c"1.0.0",
    &[KEY, PATH, VALUE, arg(c"start", INTEGER).optional(), arg(c"stop", INTEGER).optional()],
);
pub const objkeys: Docs = simple(
    "Returns the names of the members of the objects at a path.",
    "O(N), N being the number of members.",
    c"1.0.0",
    AT,
);
pub const objlen: Docs = simple("Returns the number of members of the objects at a path.", ONE_VALUE, c"1.0.0", AT);
pub const debug: Docs = simple(
    "Reports the memory that values take.",
    DOCUMENT,
    c"1.0.0",
    &[arg(c"subcommand", STRING), KEY.optional(), PATH.optional()],
);
