//! The face of JSON documents: the commands `JSON.*` and the type `ReJSON-RL`.
//!
//! | file | holds |
//! | --- | --- |
//! | `commands.rs`, `docs.rs` | the command table; COMMAND DOCS |
//! | `handlers.rs` | execution of a command: keys, replication, events |
//! | `datatype.rs` | load, save, rewrite, copy, free, digest, memory |
//! | `defrag.rs` | defragmentation |

mod commands;
mod datatype;
mod defrag;
mod docs;
mod handlers;

use std::ffi::CStr;

use super::api::Context;
use super::commands::Command;
use super::face::{Face, Names, Shown};

pub struct Json;

impl Face for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn category(&self) -> &'static CStr {
        c"json"
    }

    fn commands(&self) -> &'static [Command] {
        commands::TABLE
    }

    fn register(&self, ctx: &Context, _names: &Names) -> Result<(), String> {
        datatype::register(ctx)
    }

    fn shown(&self) -> Option<Shown> {
        Some(Shown { name: "ReJSON", version: 20800, section: false })
    }
}
