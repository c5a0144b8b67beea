//! The saved form of a set: the one of Redis 8, over a small pair of traits, so that it is tested
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
//! Sets of another metric than cosine or of components of 2 bytes, and those with elements that expire, are saved in an *extended* form,
//! which Redis 8 refuses as an unknown quantization (a type has one version for all of its values, so that cannot
//! tell them apart):
//!
//! ```text
//!   config: encoding | 128 | M << 8         flags: 1 matrix, 2 attributes, 4 times
//!   metric, behind the matrix
//!   time, behind an element's attributes: milliseconds since 1970, 0 for none
//! ```
//!
//! All are unsigned numbers of 64 bits but names, attributes, codes and the matrix, which are byte
//! strings; floats travel as their bits. Saved bytes are foreign bytes: each number is checked
//! before it sizes an allocation or becomes a link.

mod load;
mod replays;
mod rewrite;
mod save;
#[cfg(test)]
mod tests;

pub use crate::index::{LoadError, Sink, Source};
pub use load::{Loaded, load};
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
/// The newest node format that is read. Format 0 is written: what it lacks is found where it matters.
const NODE_FORMAT: u64 = 1;
