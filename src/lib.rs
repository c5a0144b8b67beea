//! **vset**: vector sets, search over documents and JSON for Redis and Valkey, as a loadable module around a plain
//! library.
//!
//! ```text
//!   client ─► server ─┬─► command ─► set ─► index ─► graph ─► (distances) ─► vector
//!                     │               │       │        └──────► arena ◄──────┘
//!                     ├─► persist ────┤       └─► workers
//!                     │               └─► attributes, filter
//!                     ├─► search ─────────► index, json
//!                     └─► json
//! ```
//!
//! | folder | holds | may depend on |
//! | --- | --- | --- |
//! | `server` | all that the server sees | all |
//! | [`command`] | vector sets: arguments in, requests and replies out | `args`, `reply`, `set`, `filter`, `vector` |
//! | [`persist`] | the saved form of a set | `set`, `index`, `graph`, `vector` |
//! | [`set`] | one vector set: names, attributes and filters around an index | `index` and below, `filter`, `attributes` |
//! | [`search`] | the commands `FT.*`: search over documents | `index` and below but `graph`, `json`, `args`, `reply` |
//! | [`json`] | JSON documents and what `JSON.*` does with them | `args`, `reply` |
//! | [`index`] | rows of vectors, found by what they are near to | `graph`, `vector`, `arena`, `workers` |
//! | [`graph`] | HNSW over opaque nodes | `arena` |
//! | [`vector`] | encodings, distances, kernels | none |
//! | [`filter`] | the expression language | `attributes` |
//! | [`attributes`] | JSON as typed records | none |
//! | [`arena`] | chunked arrays and their reclamation | none |
//! | [`workers`] | thread pools | none |
//! | `args`, [`reply`] | the arguments of a command; a reply before it is RESP | none |
//! | `metrics` | counters, and durations by their size | none |
//! | `sync` | atomics and mutexes that checkers see through | none |
//!
//! One word an idea: an *element* has a name and is in a set; its *node* is in the graph; a *link* joins two nodes on a
//! *level*; its *row* in the index is that node's number; an *encoding* is how a vector is stored; a *query* finds
//! *hits*; a *candidate* may become a hit or a neighbour.
//!
//! As a library, without a server:
//!
//! ```
//! use vset::set::{AttributeChange, DEFAULT_EF_ADD, Params, SearchOptions, Target, VectorSet};
//! use vset::vector::{Encoding, Metric};
//!
//! let mut fruit = VectorSet::new(Params { dim: 2, input_dim: None, encoding: Encoding::Int8, metric: Metric::Cosine, m: 16 });
//! let ripe = AttributeChange::Set(br#"{"ripe": true}"#);
//! fruit.add(b"apple", &[1.0, 0.1], DEFAULT_EF_ADD, ripe)?;
//! fruit.add(b"pear", &[0.9, 0.3], DEFAULT_EF_ADD, AttributeChange::Keep)?;
//!
//! let filter = Some(vset::filter::parse(b".ripe").expect("an expression"));
//! let options = SearchOptions { count: 1, filter, ..SearchOptions::default() };
//! let hits = fruit.query(Target::Vector(&[0.9, 0.3]), &options)?.run();
//! assert_eq!(hits.resolve()[0].name, b"apple");
//! # Ok::<(), vset::set::AddError>(())
//! ```
//!
//! The feature `module`, a default, adds what a server loads. Its allocator is the server's where there is
//! one and the system's elsewhere; a program with a `#[global_allocator]` of its own leaves the feature out.
#![deny(unsafe_code)]
#![warn(unsafe_op_in_unsafe_fn)]

pub mod arena;
mod args;
pub mod attributes;
pub mod command;
pub mod filter;
pub mod graph;
pub mod index;
pub mod json;
pub mod metrics;
pub mod persist;
pub mod reply;
pub mod search;
#[cfg(feature = "module")]
mod server;
pub mod set;
mod sync;
#[cfg(test)]
mod testing;
pub mod vector;
pub mod workers;
