//! COMMAND DOCS of each command of vector sets.
#![allow(non_upper_case_globals)] // named like the handlers, so that the table names both at once

use crate::server::docs::{Arg, BLOCK, DOUBLE, Docs, INTEGER, KEY, ONE_OF, STRING, TOKEN, UNIX_TIME, arg, simple};

const ELEMENT: Arg = arg(c"element", STRING);
const FP32: Arg = arg(c"fp32", TOKEN).token(c"FP32");
const FP64: Arg = arg(c"fp64", TOKEN).token(c"FP64");
const FP16: Arg = arg(c"fp16", TOKEN).token(c"FP16");
const BF16: Arg = arg(c"bf16", TOKEN).token(c"BF16");
const INT8: Arg = arg(c"int8", TOKEN).token(c"INT8");
const UINT8: Arg = arg(c"uint8", TOKEN).token(c"UINT8");
const VALUES: Arg = arg(c"values", TOKEN).token(c"VALUES");
const REDUCE: Arg = arg(c"reduce", BLOCK).token(c"REDUCE").optional().of(&[arg(c"dim", INTEGER)]);
const QUANTIZATION: Arg = arg(c"quant_type", ONE_OF).optional().of(&[
    arg(c"noquant", TOKEN).token(c"NOQUANT"),
    arg(c"f16", TOKEN).token(c"F16"),
    arg(c"bin", TOKEN).token(c"BIN"),
    arg(c"q8", TOKEN).token(c"Q8"),
]);
const METRIC: Arg = arg(c"metric", ONE_OF).token(c"METRIC").optional().of(&[
    arg(c"cosine", TOKEN).token(c"COSINE"),
    arg(c"l2", TOKEN).token(c"L2"),
    arg(c"ip", TOKEN).token(c"IP"),
]);
const EF: Arg = arg(c"build-exploration-factor", INTEGER).token(c"EF").optional();
const M: Arg = arg(c"numlinks", INTEGER).token(c"M").optional();
const CONDITION: Arg =
    arg(c"condition", ONE_OF).optional().of(&[arg(c"nx", TOKEN).token(c"NX"), arg(c"xx", TOKEN).token(c"XX")]);
const EXPIRATION: Arg = arg(c"expiration", ONE_OF).optional().of(&[
    arg(c"seconds", INTEGER).token(c"EX"),
    arg(c"milliseconds", INTEGER).token(c"PX"),
    arg(c"unix-time-seconds", UNIX_TIME).token(c"EXAT"),
    arg(c"unix-time-milliseconds", UNIX_TIME).token(c"PXAT"),
    arg(c"keepttl", TOKEN).token(c"KEEPTTL"),
]);
const PARAMS: Arg = arg(c"params", BLOCK).token(c"PARAMS").optional().of(&[
    arg(c"count", INTEGER),
    arg(c"parameter", BLOCK).multiple().of(&[arg(c"name", STRING), arg(c"value", STRING)]),
]);
/// The vectors of a query after the first.
const MORE_VECTORS: Arg = arg(c"more", BLOCK).token(c"AND").optional().multiple().of(&[
    arg(c"weight", DOUBLE).token(c"WEIGHT").optional(),
    FORMAT_OR_ELEMENT,
    arg(c"vector_or_element", STRING),
]);
const FORMAT_OR_ELEMENT: Arg =
    arg(c"format", ONE_OF).of(&[arg(c"ele", TOKEN).token(c"ELE"), FP32, FP64, FP16, BF16, INT8, UINT8, VALUES]);

pub const vadd: Docs = Docs {
    summary: "Adds an element to a vector set, or gives it another vector.",
    complexity: "O(dimension) for the command; O(log N * EF) in the background, N being the number of elements.",
    since: c"8.0.0",
    arguments: &[
        KEY,
        REDUCE,
        arg(c"format", ONE_OF).of(&[FP32, FP64, FP16, BF16, INT8, UINT8, VALUES]),
        arg(c"vector", STRING),
        ELEMENT,
        arg(c"cas", TOKEN).token(c"CAS").optional(),
        QUANTIZATION,
        EF,
        arg(c"attributes", STRING).token(c"SETATTR").optional(),
        M,
        METRIC,
        CONDITION,
        EXPIRATION,
    ],
};

pub const vmadd: Docs = Docs {
    summary: "Adds many elements to a vector set, or gives them other vectors.",
    complexity: "As VADD, for each of the elements.",
    since: c"0.2.0",
    arguments: &[
        KEY,
        REDUCE,
        QUANTIZATION,
        METRIC,
        EF,
        M,
        CONDITION,
        EXPIRATION,
        arg(c"withattribs", TOKEN).token(c"WITHATTRIBS").optional(),
        arg(c"format", ONE_OF).of(&[FP32, FP64, FP16, BF16, INT8, UINT8]),
        arg(c"data", BLOCK).multiple().of(&[ELEMENT, arg(c"blob", STRING), arg(c"attributes", STRING).optional()]),
    ],
};

/// The arguments of a search: keys, the first vector, and all that may follow.
macro_rules! search {
    ($($keys:expr),+; $($with:expr)?) => {
        &[
            $($keys,)+
            FORMAT_OR_ELEMENT,
            arg(c"vector_or_element", STRING),
            $($with,)?
            MORE_VECTORS,
            arg(c"withscores", TOKEN).token(c"WITHSCORES").optional(),
            arg(c"withattribs", TOKEN).token(c"WITHATTRIBS").optional(),
            arg(c"count", INTEGER).token(c"COUNT").optional(),
            arg(c"max_distance", DOUBLE).token(c"EPSILON").optional(),
            arg(c"search-exploration-factor", INTEGER).token(c"EF").optional(),
            arg(c"expression", STRING).token(c"FILTER").optional(),
            arg(c"max-filtering-effort", INTEGER).token(c"FILTER-EF").optional(),
            arg(c"truth", TOKEN).token(c"TRUTH").optional(),
            arg(c"nothread", TOKEN).token(c"NOTHREAD").optional(),
            arg(c"min_score", DOUBLE).token(c"MINSCORE").optional(),
            arg(c"exclude", TOKEN).token(c"EXCLUDE").optional(),
            PARAMS,
        ]
    };
}
const SEARCH: &[Arg] = search![KEY;];

pub const vsim: Docs = Docs {
    summary: "Returns the elements that are most similar to a vector or to an element.",
    complexity: "O(log N * EF), N being the number of elements; O(N) with TRUTH or a filter that few elements match.",
    since: c"8.0.0",
    arguments: SEARCH,
};

pub const vmsim: Docs = Docs {
    summary: "Returns the elements of several vector sets that are most similar to a vector or to an element.",
    complexity: "As VSIM, for each of the sets.",
    since: c"0.2.0",
    arguments: search![arg(c"numkeys", INTEGER), KEY.multiple(); arg(c"from", STRING).token(c"FROM").optional()],
};

pub const vexplain: Docs = Docs {
    summary: "Runs a VSIM and reports how it was executed.",
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
    simple("Returns whether an element is in a vector set.", "O(log N)", c"8.2.0", &[KEY, ELEMENT]);
pub const vrange: Docs = simple(
    "Returns elements in the order of their names.",
    "O(log N + count)",
    c"8.4.0",
    &[KEY, arg(c"start", STRING), arg(c"end", STRING), arg(c"count", INTEGER).optional()],
);
pub const vcount: Docs = simple(
    "Returns the number of elements that match a filter.",
    "O(N)",
    c"0.1.0",
    &[KEY, arg(c"expression", STRING), PARAMS],
);
pub const vrembyfilter: Docs = simple(
    "Removes all elements that match a filter.",
    "O(N + matches * log N), in slices between which other clients are served.",
    c"0.1.0",
    &[KEY, arg(c"expression", STRING), PARAMS],
);
pub const vcheck: Docs =
    simple("Verifies a vector set: names, vectors, attributes and links agree.", "O(N * M)", c"0.1.0", &[KEY]);
pub const vreplay: Docs = simple(
    "Restores a vector set from an append-only file or a slot that moves; not for clients.",
    "O(N)",
    c"0.1.0",
    &[KEY, arg(c"which", STRING), arg(c"chunk", STRING)],
);

const ELEMENTS: Arg =
    arg(c"elements", BLOCK).token(c"ELEMENTS").of(&[arg(c"numelements", INTEGER), ELEMENT.multiple()]);
const WHEN: Arg = arg(c"condition", ONE_OF).optional().of(&[
    arg(c"nx", TOKEN).token(c"NX"),
    arg(c"xx", TOKEN).token(c"XX"),
    arg(c"gt", TOKEN).token(c"GT"),
    arg(c"lt", TOKEN).token(c"LT"),
]);
const EACH: &str = "O(N log M), N being the elements that are named and M those of the set.";

pub const vexpire: Docs = simple(
    "Sets the time in seconds after which elements expire.",
    EACH,
    c"0.2.0",
    &[KEY, arg(c"seconds", INTEGER), WHEN, ELEMENTS],
);
pub const vpexpire: Docs = simple(
    "Sets the time in milliseconds after which elements expire.",
    EACH,
    c"0.2.0",
    &[KEY, arg(c"milliseconds", INTEGER), WHEN, ELEMENTS],
);
pub const vexpireat: Docs = simple(
    "Sets the moment, in seconds since 1970, at which elements expire.",
    EACH,
    c"0.2.0",
    &[KEY, arg(c"unix-time-seconds", UNIX_TIME), WHEN, ELEMENTS],
);
pub const vpexpireat: Docs = simple(
    "Sets the moment, in milliseconds since 1970, at which elements expire.",
    EACH,
    c"0.2.0",
    &[KEY, arg(c"unix-time-milliseconds", UNIX_TIME), WHEN, ELEMENTS],
);
pub const vttl: Docs = simple("Returns the time in seconds that elements have left.", EACH, c"0.2.0", &[KEY, ELEMENTS]);
pub const vpttl: Docs =
    simple("Returns the time in milliseconds that elements have left.", EACH, c"0.2.0", &[KEY, ELEMENTS]);
pub const vexpiretime: Docs =
    simple("Returns the moment, in seconds since 1970, at which elements expire.", EACH, c"0.2.0", &[KEY, ELEMENTS]);
pub const vpexpiretime: Docs = simple(
    "Returns the moment, in milliseconds since 1970, at which elements expire.",
    EACH,
    c"0.2.0",
    &[KEY, ELEMENTS],
);
pub const vpersist: Docs = simple("Removes the time at which elements expire.", EACH, c"0.2.0", &[KEY, ELEMENTS]);
