//! FT.* over a cluster, without a server: the messages between nodes, which node is asked, and how answers are merged.
//! The *coordinator* of a query is the node that received it.
//!
//! ```text
//!   client ─► coordinator: FT.SEARCH …
//!               │  Ask (the command's arguments)
//!               ├────────────► one node of each other shard ─► its part: rows in order, partial groups, sums
//!               │                                                    │
//!               │  Answer (the slots that it covers, its part) ◄─────┘
//!               └─► merge ─► reply
//! ```
//!
//! **Transport.** Module messages over the cluster bus, which is already connected and secured by the cluster's passwords and
//! certificates. A message is split into pieces of 64 KiB, so that it does not delay the cluster's heartbeats ([`message`]). Messages
//! are validated like commands of a client: invalid bytes cause an error, nothing else.
//!
//! **Each document once.** An answer lists the slots that it covers. A reply is built only if the answers cover every assigned slot; if
//! a slot moved between two answers, the query is repeated. Duplicate keys are dropped. Where keys move
//! one by one (CLUSTER SETSLOT, MIGRATE), the importing node is asked again after all others have answered: a key that had
//! left the exporting node before its search is found there.
//!
//! **Definitions.** Every node remembers what was created, changed and dropped, each name with a version; the latest wins
//! ([`catalog`]). A change is sent to all nodes at once; nodes compare digests every second and exchange what differs, so that nodes that
//! join or were disconnected catch up. An index whose name has a hash tag holds only documents of that slot, and only its shard is asked.
//!
//! | file | holds |
//! | --- | --- |
//! | `wire.rs`, `message.rs` | the binary encoding; messages and their pieces |
//! | `slots.rs`, `topology.rs` | slots and sets of them; nodes and their slots |
//! | `shards.rs` | the shards of a query: which node is asked, which has answered |
//! | `catalog.rs` | definitions and their versions |
//! | `values.rs` | values and rows in messages |
//! | `search.rs`, `aggregate.rs`, `hybrid.rs`, `info.rs`, `tags.rs`, `spelling.rs`, `profile.rs` | the parts of a reply, and their merging |

pub mod aggregate;
pub mod catalog;
pub mod hybrid;
pub mod info;
pub mod message;
pub mod profile;
pub mod search;
pub mod shards;
pub mod slots;
pub mod spelling;
pub mod tags;
#[cfg(test)]
mod tests;
pub mod topology;
mod values;
mod wire;

pub use wire::Malformed;
