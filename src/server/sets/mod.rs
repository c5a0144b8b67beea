//! The face of vector sets: the commands V*.
//!
//! | file | holds |
//! | --- | --- |
//! | `commands.rs`, `docs.rs` | the command table; COMMAND DOCS |
//! | `insertion.rs`, `batches.rs` | VADD, VMADD, VREM; large VMADDs, in slices |
//! | `search.rs` | VSIM, VMSIM, VEXPLAIN |
//! | `expire.rs`, `expiring.rs` | VEXPIRE and related commands; removing expired elements |
//! | `random.rs` | VRANDMEMBER |
//! | `check.rs` | VCHECK |
//! | `replay.rs` | VREPLAY |
//! | `handlers.rs` | all other commands |
//! | `removal.rs` | VREMBYFILTER, in slices |
//! | `reclaim.rs` | freeing the memory of removed elements |
//! | `reply.rs` | hits as RESP |
//! | `datatype.rs` | load, save, rewrite, copy, free, digest, memory, defragmentation |
//! | `open.rs` | opening the set in a key |
//! | `settings.rs`, `info.rs` | parameters; counters and their section of INFO |

mod batches;
mod check;
mod commands;
mod datatype;
mod docs;
mod expire;
mod expiring;
mod handlers;
mod info;
mod insertion;
mod open;
mod random;
mod reclaim;
mod removal;
mod replay;
mod reply;
mod search;
mod settings;

use std::ffi::CStr;

use super::api::Context;
use super::commands::Command;
use super::face::{Face, Names};
use super::info::Section;
use super::settings::Setting;

pub struct Sets;

impl Face for Sets {
    fn name(&self) -> &'static str {
        "sets"
    }

    fn category(&self) -> &'static CStr {
        c"vectorset"
    }

    fn commands(&self) -> &'static [Command] {
        commands::TABLE
    }

    fn settings(&self) -> &'static [Setting] {
        &settings::ALL
    }

    fn is_optional(&self) -> bool {
        false
    }

    fn register(&self, ctx: &Context, names: &Names) -> Result<(), String> {
        datatype::register(ctx, names)
    }

    fn start(&self, ctx: &Context) {
        expiring::start(ctx);
    }

    fn show(&self, section: &Section) {
        info::show(section);
    }
}
