//! What COMMAND DOCS tells of each command of vector sets.
#![allow(non_upper_case_globals)] // named like the handlers, so that the table names both at once

use crate::server::docs::{Arg, BLOCK, DOUBLE, Docs, INTEGER, KEY, ONE_OF, STRING, TOKEN, arg, simple};

const ELEMENT: Arg = arg(c"element", STRING);
const FP32: Arg = arg(c"fp32", TOKEN).token(c"FP32");
const VALUES: Arg = arg(c"values", TOKEN).token(c"VALUES");

pub const vadd: Docs = Docs {
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

pub const vsim: Docs = Docs {
    summary: "Returns the elements that are most similar to a vector or to an element.",
    complexity: "O(log N * EF), N being the number of elements; O(N) with TRUTH or a filter that few elements match.",
    since: c"8.0.0",
    arguments: SEARCH,
};

pub const vexplain: Docs = Docs {
    summary: "Runs a VSIM and tells how it was done.",
    complexity: "As VSIM.",
    since: c"0.1.0",
    arguments: SEARCH,
};

pub const vrem: Docs = simple(
    "Removes an element from a vector set.",
    "O(log N) for the command; O(M * M) in the background, M being the links of the element.",
    c"8.0.0",
    &[KEY, ELEMENT],
);
pub const vdim: Docs = simple("Returns the dimension of the stored vectors.", "O(1)", c"8.0.0", &[KEY]);
pub const vcard: Docs = simple("Returns the number of elements.", "O(1)", c"8.0.0", &[KEY]);
pub const vemb: Docs = simple(
    "Returns the vector of an element.",
    "O(dimension)",
    c"8.0.0",
    &[KEY, ELEMENT, arg(c"raw", TOKEN).token(c"RAW").optional()],
);
pub const vlinks: Docs = simple(
    "Returns the neighbours of an element in the graph, level by level.",
    "O(M), M being the links of the element.",
    c"8.0.0",
    &[KEY, ELEMENT, arg(c"withscores", TOKEN).token(c"WITHSCORES").optional()],
);
pub const vinfo: Docs = simple("Returns the parameters of a vector set.", "O(1)", c"8.0.0", &[KEY]);
pub const vsetattr: Docs = simple(
    "Sets or removes the attributes of an element.",
    "O(length of the attributes)",
    c"8.0.0",
    &[KEY, ELEMENT, arg(c"json", STRING)],
);
pub const vgetattr: Docs = simple("Returns the attributes of an element.", "O(log N)", c"8.0.0", &[KEY, ELEMENT]);
pub const vrandmember: Docs = simple(
    "Returns random elements.",
    "O(count), each element being equally likely.",
    c"8.0.0",
    &[KEY, arg(c"count", INTEGER).optional()],
);
pub const vismember: Docs =
    simple("Tells whether an element is in a vector set.", "O(log N)", c"8.2.0", &[KEY, ELEMENT]);
pub const vrange: Docs = simple(
    "Returns elements in the order of their names.",
    "O(log N + count)",
    c"8.4.0",
    &[KEY, arg(c"start", STRING), arg(c"end", STRING), arg(c"count", INTEGER).optional()],
);
pub const vcount: Docs =
    simple("Returns the number of elements that match a filter.", "O(N)", c"0.1.0", &[KEY, arg(c"expression", STRING)]);
pub const vrembyfilter: Docs = simple(
    "Removes all elements that match a filter.",
    "O(N + matches * log N), in slices between which other clients are served.",
    c"0.1.0",
    &[KEY, arg(c"expression", STRING)],
);
pub const vcheck: Docs = simple(
    "Proves that a vector set is sound: names, vectors, attributes and links agree.",
    "O(N * M)",
    c"0.1.0",
    &[KEY],
);
pub const vreplay: Docs = simple(
    "Restores a vector set from an append-only file or a slot that moves; not for clients.",
    "O(N)",
    c"0.1.0",
    &[KEY, arg(c"which", STRING), arg(c"chunk", STRING)],
);
