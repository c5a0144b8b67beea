//! Commands without a server: arguments in, a request out; a request on a set, a reply out.
//!
//! Each file reads the arguments of some commands and, where no more is needed than the set,
//! carries them out. What may fail fails before the first change. What a command does to the server
//! (open a key, replicate, notify) is `server`'s business.
//!
//! | file | holds |
//! | --- | --- |
//! | `args.rs` | a cursor over arguments; integers and doubles as the server reads them |
//! | `vector.rs` | the vector of VADD and VSIM |
//! | `vadd.rs`, `vsim.rs` | the two large ones |
//! | `inspect.rs` | what only looks: VEMB, VLINKS, VINFO, VRANDMEMBER, VRANGE |
//! | `error.rs` | every error text |

pub mod args;
mod error;
pub mod inspect;
pub mod vadd;
mod vector;
pub mod vsim;

pub use crate::reply::Reply;
pub use error::CommandError;
pub use vector::VectorArgument;

/// The arguments of a command behind its name.
pub type Arguments<'a> = &'a [&'a [u8]];
