//! The saved form of a set, that of Redis 8, behind two small traits so that it can be tested
//! without a server.
//!
//! ```text
//!   dim  count  config  flags  [input_dim  matrix]          config: encoding | M << 8
//!   count times:                                            flags: 1 matrix, 2 attributes
//!     name  [attributes]  code  n  params[n]
//!   params: id, level | node format << 24, then for each level from 0:
//!             links, capacity, id…, and in format 1 worst index | worst distance << 32
//!           and last: l2 | range << 32
//! ```
//!
//! Sets with a metric other than cosine, with components of 2 bytes, or with elements that expire are saved in an
//! *extended* form, which Redis 8 refuses as an unknown quantization. (A data type has one version number for all of its
//! values, so the version cannot distinguish the two forms.)
//!
//! ```text
//!   config: encoding | 128 | M << 8         flags: 1 matrix, 2 attributes, 4 times
//!   metric, behind the matrix
//!   time, behind an element's attributes: milliseconds since 1970, 0 for none
//! ```
//!
//! All fields are unsigned 64-bit numbers except names, attributes, codes and the matrix, which are byte
//! strings; floats are stored by their bit patterns. Saved data is untrusted: each number is checked
//! before it determines the size of an allocation or becomes a link.

mod load;
mod replays;
mod rewrite;
mod save;
#[cfg(test)]
mod tests;

pub use crate::index::{LoadError, Sink, Source};
pub use load::{Loaded, load, load_with};
pub use replays::{Part, Replays};
pub use rewrite::{CHUNK_BYTES, Replay, rewrite};
pub use save::save;

/// Version of the layout; another one is refused.
pub const VERSION: i32 = 0;

const HAS_MATRIX: u64 = 1;
const HAS_ATTRIBUTES: u64 = 2;
const HAS_TIMES: u64 = 4;
/// In the place of the quantization.
const EXTENDED: u64 = 0x80;
/// The newest node format that is read. Format 0 is written: what it lacks is recomputed when needed.
const NODE_FORMAT: u64 = 1;
