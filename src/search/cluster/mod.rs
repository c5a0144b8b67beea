//! FT.* over a cluster, as far as it needs no server: which messages nodes exchange, who is asked, what answers come to.
//!
//! ```text
//!   client ─► any node: FT.SEARCH …
//!               │  Ask (the command's words)
//!               ├────────────► one node of each other shard ─► its part: rows in order, groups, sums
//!               │                                                    │
//!               │  Answer (the slots that it speaks for, its part) ◄─┘
//!               └─► merge ─► reply
//! ```
//!
//! **Transport.** Messages between modules on the cluster's own bus: nodes that are a cluster can talk already, with its passwords and
//! certificates. A message is cut in pieces of 64 KiB, so that the cluster's heartbeats never wait for long ([`message`]). Whatever
//! arrives is read with as much distrust as what a client sends: an error, no more, comes of bytes that make no sense.
//!
//! **Each document once.** An answer names the slots it speaks for. A reply is built only of answers that name every assigned slot, so a
//! slot that changes hands between two answers is not lost: the query is asked again. Keys are dropped that come twice. Where keys move
//! one by one (CLUSTER SETSLOT, MIGRATE), the node to which they come is asked again after all others have answered: a key that had
//! left the one before it looked is then at the other.
//!
//! **Definitions.** Every node remembers what was created, changed and dropped, each name with a version; the later holds
//! ([`catalog`]). A change goes to all nodes at once; nodes compare digests every second and exchange what differs, so that nodes that
//! join, or were away, learn all. An index whose name has a hash tag holds documents of that slot alone, and only its shard is asked.
//!
//! | file | holds |
//! | --- | --- |
//! | `wire.rs`, `message.rs` | bytes; messages and their pieces |
//! | `slots.rs`, `topology.rs` | slots and sets of them; who has them |
//! | `roll.rs` | the shards of a question: who is asked, who has answered |
//! | `catalog.rs` | definitions and their versions |
//! | `values.rs` | values as they travel |
//! | `search.rs`, `aggregate.rs`, `hybrid.rs`, `info.rs`, `tags.rs`, `spelling.rs`, `profile.rs` | the parts of a reply, and their merging |

pub mod aggregate;
pub mod catalog;
pub mod hybrid;
pub mod info;
pub mod message;
pub mod profile;
pub mod roll;
pub mod search;
pub mod slots;
pub mod spelling;
pub mod tags;
#[cfg(test)]
mod tests;
pub mod topology;
mod values;
mod wire;

pub use wire::Malformed;
