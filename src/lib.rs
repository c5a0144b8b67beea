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
//! | `server` | the server layer: commands, data types, settings, INFO | all |
//! | [`command`] | the commands of vector sets: from arguments to requests and replies | `args`, `reply`, `set`, `filter`, `vector` |
//! | [`persist`] | the saved form of a set | `set`, `index`, `graph`, `vector` |
//! | [`set`] | one vector set: names, attributes and filters around an index | `index` and below, `filter`, `attributes` |
//! | [`search`] | the commands `FT.*`: search over documents | `index` and below but `graph`, `json`, `args`, `reply` |
//! | [`json`] | JSON documents and the commands `JSON.*` | `args`, `reply` |
//! | [`index`] | a nearest-neighbour index: rows of vectors, pending rows, query plans | `graph`, `vector`, `arena`, `workers` |
//! | [`graph`] | HNSW over opaque nodes | `arena` |
//! | [`vector`] | encodings, distances, kernels | none |
//! | [`filter`] | the filter language of VSIM | `attributes` |
//! | [`attributes`] | JSON attributes as typed records | none |
//! | [`arena`] | chunked arrays and epoch-based reclamation | none |
//! | [`workers`] | thread pools | none |
//! | `args`, [`reply`] | the arguments of a command; typed replies | none |
//! | `metrics` | counters and histograms of durations | none |
//! | `sync` | atomics and mutexes that model checkers can instrument | none |
//!
//! Terms: an *element* has a name and is in a set; its *row* in the index, a number, is also its *node* in the graph; a
//! *link* joins two nodes on a *level*; an *encoding* is how a vector is stored; a *query* returns *hits*; a
//! *candidate* may become a hit or a neighbour; the *owner* of an index is the thread (of a server, the main thread)
//! that inserts and removes; *linkers* are the threads that link rows in the background; a row is *pending* until
//! then; a *face* is a family of commands with its data types and settings.
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
//! The default feature `module` adds the server layer. Its global allocator is the server's, or the system's if the
//! crate is not loaded by a server; a program that defines its own `#[global_allocator]` leaves the feature out.
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
