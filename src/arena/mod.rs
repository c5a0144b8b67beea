//! Memory of an index: arrays that grow in chunks and never move, and epoch-based reclamation of their rows.
//!
//! ```text
//!   id ──► directory ──► chunk ──► row       chunks: 4, 4, 8, 16 … rows, then equal ones of about 64 KiB
//! ```
//!
//! Readers on any thread resolve an id lock-free; one owner hands out ids ([`Ids`]) and reuses an id
//! only when no reader can still see its last use ([`Grace`]). Only this folder, the distance kernels
//! and the server layer contain `unsafe`.
//!
//! | file | holds |
//! | --- | --- |
//! | `chunks.rs` | untyped rows in chunks: allocation and addressing |
//! | `array.rs` | rows of atomics (links, states), written by any thread at any time |
//! | `bytes.rs` | rows of plain bytes (vectors), written once before they are published |
//! | `blobs.rs` | one immutable byte string per id (names, attributes) |
//! | `ids.rs` | ids: fresh, published, retired, fresh again |
//! | `prefetch.rs` | prefetch instructions |
//! | `grace.rs` | epochs: when retired memory may be reused |
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
