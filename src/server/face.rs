//! What a face of the module is: a family of commands with its own types, settings and telemetry.

use std::ffi::CStr;

use super::api::Context;
use super::commands::Command;
use super::info::Section;
use super::settings::Setting;

/// A face; independent of the others.
pub trait Face: Sync {
    /// In lower case. The argument `NAME no` of loadmodule leaves the face out, unless it is the
    /// module's own.
    fn name(&self) -> &'static str;

    /// ACL category of its commands, beside the server's.
    fn category(&self) -> &'static CStr;

    fn commands(&self) -> &'static [Command];

    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    /// Whether it is optional: it is left out if the server already has its first command.
    fn is_optional(&self) -> bool {
        true
    }

    /// Registers types and subscribes to events, before its commands are registered. `names` are the names that
    /// load arguments may change.
    ///
    /// # Errors
    /// Why the face, and unless it is optional the module, cannot be loaded.
    fn register(&self, _ctx: &Context, _names: &Names) -> Result<(), String> {
        Ok(())
    }

    /// Called once all faces are registered and all threads run.
    fn start(&self, _ctx: &Context) {}

    /// Adds its sections to INFO.
    fn show(&self, _section: &Section) {}

    /// What `loadmodule FILE as NAME` shows to clients that check MODULE LIST.
    fn shown(&self) -> Option<Shown> {
        None
    }
}

/// A module that is shown and does nothing: the one in which clients expect the commands of a face.
pub struct Shown {
    pub name: &'static str,
    /// As in MODULE LIST: 20800 is 2.8.0.
    pub version: i32,
    /// Whether INFO has the face's section under this name too.
    pub section: bool,
}

/// The names that load arguments may change.
pub struct Names {
    /// Goes before every command's name.
    pub prefix: String,
    /// The module and the type of vector sets.
    pub data_type: String,
}
