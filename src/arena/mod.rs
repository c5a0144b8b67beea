//! Memory of a set: arrays that grow in chunks and never move, and the grace periods after which
//! what was taken out of them may be used again.
//!
//! ```text
//!   id ──► directory ──► chunk ──► row       chunks: 4, 4, 8, 16 … rows, then equal ones of about 64 KiB
//! ```
//!
//! Readers on any thread resolve an id without a lock; one owner hands out ids ([`Ids`]) and takes
//! them back only when [`Grace`] says that no reader can still see them. With the distance kernels
//! and the server layer this is the only folder with `unsafe`.
//!
//! | file | holds |
//! | --- | --- |
//! | `chunks.rs` | untyped rows in chunks: the allocation and the arithmetic |
//! | `array.rs` | rows of atomics (links, states), written by anyone at any time |
//! | `bytes.rs` | rows of plain bytes (vectors), written once before they are published |
//! | `blobs.rs` | one immutable byte string an id (names, attributes) |
//! | `ids.rs` | ids: fresh, published, retired, fresh again |
//! | `prefetch.rs` | asking for memory ahead of its use |
//! | `grace.rs` | when retired things may be reused |
#![allow(unsafe_code)]

mod array;
mod blobs;
mod bytes;
mod chunks;
mod grace;
mod ids;
mod prefetch;

pub use array::Array;
pub use blobs::{Blob, Blobs, Movable};
pub use bytes::ByteRows;
pub use grace::{Grace, Presence, Ticket};
pub use ids::{FreshId, Ids};
pub use prefetch::prefetch;
