//! The face for programs written for Kora: VECSET, VECQUERY and VECDEL, a thin layer over search.
//!
//! A vector is the field `vector` of a hash. The first VECSET of a database creates the index [`INDEX`] over all hashes with
//! such a field; search does the rest.
//!
//! | file | holds |
//! | --- | --- |
//! | `commands.rs` | the command table, with COMMAND DOCS |
//! | `request.rs` | arguments |
//! | `handlers.rs` | execution |
//! | `settings.rs` | parameters of the index and of queries |

mod commands;
mod handlers;
mod request;
mod settings;

use std::ffi::CStr;

use super::api::Context;
use super::commands::Command;
use super::face::{Face, Names};
use super::search;
use super::settings::Setting;

/// The index's name in each database.
pub const INDEX: &[u8] = b"kora";
/// The field of a hash that holds its vector.
pub const FIELD: &[u8] = b"vector";

pub struct Kora;

impl Face for Kora {
    fn name(&self) -> &'static str {
        "kora"
    }

    fn category(&self) -> &'static CStr {
        c"kora"
    }

    fn commands(&self) -> &'static [Command] {
        commands::TABLE
    }

    fn settings(&self) -> &'static [Setting] {
        &settings::ALL
    }

    fn register(&self, _ctx: &Context, _names: &Names) -> Result<(), String> {
        if search::is_there() { Ok(()) } else { Err("it needs the search of this module".into()) }
    }
}
