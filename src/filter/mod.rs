//! The filter language: an expression over the attributes of an element, which matches or not.
//!
//! ```text
//! text --lexer--> tokens --parser--> Expression --compile--> Program --matches--> true or false
//!                                       |  ^
//!                                     print, parse again
//! ```
//!
//! A program can also be evaluated on columns ([`Program::matches_columns`], or in blocks,
//! [`Program::matches_block`]): eight bytes per field, enough to decide most elements of a scan
//! without their records.
//!
//! The language is that of Redis 8's FILTER: every valid expression there means the same here, except that
//! all escapes in attributes are decoded.
//!
//! ```text
//! expr     := operand { binary operand }
//! operand  := number | string | array | field | parameter | "null" | "(" expr ")" | ("!" | "not") operand | call
//! field    := "." key { "." key }          key := [A-Za-z0-9_-]+ | '...' | "..."
//! number   := ["-"] digit [0-9.eE]*        an exponent may have a sign
//! string   := '...' | "..."                a backslash keeps the next character from ending the
//!                                          string, and stays in it
//! array    := "[" [ item { "," item } [","] ] "]"      item := number | string | parameter
//! parameter := "$" [A-Za-z0-9_]+           a string that comes with the filter: [`Expression::bind`]
//! binary   := "**"   then  * / %   then  + -   then  < <= > >= == != in   then  and &&   then  or ||
//! ```
//!
//! `x not in y` is `(not x) in y`, surprising as it is: existing expressions mean that.
//!
//! Beyond that of Redis 8, where all of it is a syntax error:
//!
//! | | |
//! |---|---|
//! | `.movie.year` | a field of a nested object |
//! | `."a.b"`, `.movie.'the year'` | a key of any characters; in it a backslash stands before a quote or backslash |
//! | `exists(.field)` | 1 if the field has a value (null is one, an object is not), else 0; the only place where a missing field does not make the whole expression false |
//! | `contains(a, b)` | 1 if both are strings and `b` occurs in `a`, else 0 |
//! | `startswith(a, b)`, `endswith(a, b)` | 1 if both are strings and `a` starts or ends with `b`, else 0 |
//! | `geodist(.field, lon, lat)` | metres from the array `[lon, lat]` to the point, on the sphere of GEODIST; a value that is no such pair is as good as missing |
//! | `$name` | a value from PARAMS: a string where strings are compared, a number where numbers are, never syntax |
//! | `!!x`, `1e-3`, `(.x == null)` | stacked prefix operators, signed exponents, null beside any punctuation |
//!
//! Stricter than Redis 8: misplaced operators (`1 2 +`) and NUL bytes outside strings are errors.
//!
//! An expression has at most [`MAX_TEXT`] bytes and nests at most [`MAX_DEPTH`] deep. Evaluation
//! never fails and never allocates; a step takes at most time linear in the strings and arrays
//! that it reads.

mod block;
mod columns;
mod compile;
mod error;
mod eval;
mod expression;
mod geo;
mod lexer;
mod list;
mod number;
mod parser;
mod print;
mod program;
mod stack;
mod value;

pub use block::{BLOCK, Verdict};
pub use error::{Error, ErrorKind};
pub use expression::{BadParameter, Expression};
pub use parser::parse;
pub use program::Program;

/// The longest expression, in bytes.
pub const MAX_TEXT: usize = 64 << 10;
/// The deepest nesting of parentheses, and the most values that may wait for their operator.
pub const MAX_DEPTH: usize = 4096;
/// The most values that may wait for their operator when a block is looked at as a whole.
const MAX_BLOCK_DEPTH: usize = 32;
