//! The commands of vector sets, without a server: from arguments to a request, and from a request on a set to a reply.
//!
//! Each file parses the arguments of some commands and, where nothing but the set is needed, executes
//! them. All checks come before the first change. Everything that involves the server (opening keys,
//! replication, notifications) is in `server`.
//!
//! | file | holds |
//! | --- | --- |
//! | `args.rs` | integers and doubles, with the server's rules |
//! | `vector.rs` | a vector, in any format |
//! | `insertion.rs` | how elements are stored: the options of VADD and VMADD |
//! | `vadd.rs`, `vmadd.rs` | insertion of one element; of many |
//! | `near.rs` | the query vectors of VSIM and VMSIM |
//! | `vsim.rs`, `vmsim.rs` | searches in one set; in several |
//! | `expiry.rs` | expiry times of elements |
//! | `inspect.rs` | read-only commands: VEMB, VLINKS, VINFO, VRANDMEMBER, VRANGE |
//! | `error.rs` | every error text |

pub mod args;
mod error;
pub mod expiry;
pub mod insertion;
pub mod inspect;
pub mod near;
pub mod vadd;
mod vector;
pub mod vmadd;
pub mod vmsim;
pub mod vsim;

pub use crate::reply::Reply;
pub use error::CommandError;
pub use vector::VectorArgument;

/// The arguments of a command behind its name.
pub type Arguments<'a> = &'a [&'a [u8]];
