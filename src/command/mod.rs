//! Commands without a server: arguments in, a request out; a request on a set, a reply out.
//!
//! Each file reads the arguments of some commands and, where no more is needed than the set,
//! carries them out. What may fail fails before the first change. What a command does to the server
//! (open a key, replicate, notify) is `server`'s business.
//!
//! | file | holds |
//! | --- | --- |
//! | `args.rs` | integers and doubles as the server reads them |
//! | `vector.rs` | a vector, in any format |
//! | `insertion.rs` | how elements are stored: the options of VADD and VMADD |
//! | `vadd.rs`, `vmadd.rs` | one element; many |
//! | `near.rs` | what to look near to: the vectors of VSIM and VMSIM |
//! | `vsim.rs`, `vmsim.rs` | one set; several |
//! | `expiry.rs` | times at which elements expire |
//! | `inspect.rs` | what only reads: VEMB, VLINKS, VINFO, VRANDMEMBER, VRANGE |
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
