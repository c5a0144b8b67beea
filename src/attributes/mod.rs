//! The attributes of an element: the JSON text and, parsed once when it is set, the fields that
//! filters can use.
//!
//! A record is one contiguous byte string, so its owner chooses where to store it:
//!
//! ```text
//! [head 1][length of fields w][ name, value ]...[exact text to the end]
//!   head: w (1, 2 or 4 bytes for every length and offset), named or interned, or bare: no fields;
//!         and the length of the fields, if below 32: then it is not repeated
//!   name: an interned id of 1 or 2 bytes, ascending; or, in a named record, [length w][path]
//!   value: a tag, then 0 to 8 bytes, see `tag`
//! ```
//!
//! Names are interned in the set's [`Fields`], numbers take the smallest form that gives them
//! back exactly, strings point into the text unless they hold escapes. A name table that is full
//! makes records that carry their names: larger and slower, never wrong.
//!
//! **Why not a JSON crate.** The text need not be valid JSON: Redis 8's filters read invalid text key by key
//! from the left, as far as possible, and existing expressions rely on it. A strict parser would need a lenient
//! one beside it, and the two could disagree. One parser (`json`, `scan`) that accepts both, keeps positions in
//! the text, lets the first of two equal keys win and nests arrays a thousand deep without recursion is less
//! code. On valid JSON the tests compare it with serde_json.
//!
//! This folder does not depend on expressions, sets or the server.

mod bits;
mod encode;
mod fields;
mod json;
mod record;
mod scan;
mod tag;

pub use bits::{Bits, Seen};
pub use encode::{array_record, encode};
pub use fields::{FieldId, Fields, Path};
pub use record::{Array, Field, Items, RecordRef, Value};
