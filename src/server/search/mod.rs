//! The face of search: the commands `FT.*` over hashes and JSON documents.
//!
//! ```text
//!   events of keys ─► follow ─► registry: indexes by database and name
//!                                  │
//!   FT.SEARCH ─► binding ──────────┘─► execution (pool ⇄ main thread) ─► reply
//! ```
//!
//! | file | holds |
//! | --- | --- |
//! | `commands.rs` | the command table |
//! | `registry.rs`, `access.rs` | all indexes; which of them a user may use |
//! | `follow.rs`, `documents.rs`, `json.rs`, `expiry.rs` | change capture; reading documents; expiry |
//! | `check.rs` | FT.CHECK |
//! | `scan.rs`, `deletion.rs`, `housekeeping.rs` | long work of the main thread, in slices |
//! | `definitions.rs` | FT.CREATE, FT.ALTER, FT.DROPINDEX, FT._LIST, aliases |
//! | `binding.rs`, `execution.rs`, `rerank.rs` | running a query: binding, moving between threads, ranking by documents |
//! | `ft_search.rs`, `row_fields.rs`, `excerpts.rs` | FT.SEARCH; HIGHLIGHT and SUMMARIZE |
//! | `aggregate.rs`, `pipeline.rs`, `cursors.rs`, `hybrid.rs` | FT.AGGREGATE, FT.CURSOR, FT.HYBRID |
//! | `row_fields.rs`, `listing.rs` | the fields of a row, each read once; replies that list many items |
//! | `inspect.rs`, `profile.rs`, `config.rs` | FT.INFO, FT.TAGVALS, FT.MGET, FT.EXPLAIN; FT.PROFILE; FT.CONFIG |
//! | `suggest.rs` | suggestions |
//! | `words.rs`, `listing.rs` | synonyms, dictionaries, spell checking; replies that may be long lists |
//! | `cluster/` | all of this over a cluster |
//! | `persist.rs`, `saved.rs`, `rewrite.rs` | the saved form in RDB files; its strings; the form in append-only files without RDB preamble |
//! | `telemetry.rs` | the section of INFO |

mod access;
mod aggregate;
mod binding;
mod check;
mod cluster;
mod commands;
mod config;
mod cursors;
mod definitions;
mod deletion;
mod documents;
mod excerpts;
mod execution;
mod expiry;
mod follow;
mod ft_search;
mod housekeeping;
mod hybrid;
mod inspect;
mod json;
mod listing;
mod persist;
mod pipeline;
mod profile;
mod registry;
mod rerank;
mod rewrite;
mod row_fields;
mod saved;
mod scan;
mod suggest;
mod telemetry;
mod words;

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};

pub use access::{check_keys, find as find_index};
pub use definitions::create_everywhere;
pub use ft_search::search_as;

use crate::reply::Reply;
use crate::search::error::Error;
use crate::search::reply::Protocol;
use crate::server::api::{self, Context};
use crate::server::commands::{Command, Failure, Outcome};
use crate::server::face::{Face, Names, Shown};
use crate::server::info::Section;
use crate::server::pools;
use crate::server::settings::{Flag, Setting};

/// The face.
pub struct Search;

impl Face for Search {
    fn name(&self) -> &'static str {
        "search"
    }

    fn category(&self) -> &'static CStr {
        c"search"
    }

    fn commands(&self) -> &'static [Command] {
        commands::TABLE
    }

    fn settings(&self) -> &'static [Setting] {
        &SETTINGS
    }

    fn register(&self, ctx: &Context, _names: &Names) -> Result<(), String> {
        persist::register(ctx)?;
        suggest::register(ctx)?;
        api::subscribe_to_server(ctx, follow::on_server);
        IS_THERE.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn start(&self, ctx: &Context) {
        follow::start(ctx);
        cluster::start(ctx);
    }

    fn show(&self, section: &Section) {
        telemetry::show(section);
    }

    fn shown(&self) -> Option<Shown> {
        Some(Shown { name: "search", version: 20800, section: true })
    }
}

static IS_THERE: AtomicBool = AtomicBool::new(false);

/// Whether this module has search: it may be left out, or be another module's.
pub fn is_there() -> bool {
    IS_THERE.load(Ordering::Relaxed)
}

/// Whether errors begin with the words that later clients know them by.
static NEW_ERROR_TEXTS: Flag = Flag { name: c"ft-new-error-texts", value: AtomicBool::new(false), apply: |_| () };

static SETTINGS: [Setting; 2] = [Setting::Flag(&NEW_ERROR_TEXTS), Setting::Flag(&cluster::PARTIAL)];

/// What a command does with an index, which decides how it calls a missing one.
#[derive(Clone, Copy, PartialEq)]
enum Missing {
    Query,
    Definition,
    Dropped,
}

/// The error for an index that is not there.
fn refuse_missing(name: &[u8], missing: Missing) -> Failure {
    if NEW_ERROR_TEXTS.value.load(Ordering::Relaxed) {
        return Failure::Text([b"SEARCH_INDEX_NOT_FOUND Index not found: ", name].concat());
    }
    Failure::Text(match missing {
        Missing::Query => [name, b": no such index"].concat(),
        Missing::Definition => b"Unknown index name".to_vec(),
        Missing::Dropped => b"Unknown Index name".to_vec(),
    })
}

/// An error of the language as a client gets it.
fn refuse(error: Error) -> Failure {
    let text = error.text();
    if NEW_ERROR_TEXTS.value.load(Ordering::Relaxed) && !error.code.is_empty() {
        return Failure::Text([error.code.as_bytes(), b" ", &text].concat());
    }
    Failure::Text(text)
}

/// What a query says whose time was over, where it is not to say what it found.
fn timed_out() -> Failure {
    Failure::Text(b"SEARCH_TIMEOUT Timeout limit was reached".to_vec())
}

fn ok() -> Outcome {
    Ok(Some(Reply::Simple("OK")))
}

/// The protocol of the client.
fn protocol(ctx: &Context) -> Protocol {
    if ctx.has_resp3() { Protocol::Resp3 } else { Protocol::Resp2 }
}

/// Selects the database where an index is now, or where it was if it is gone, until the result is dropped: a client
/// stays in its own.
fn select<'a, 'b>(ctx: &'a Context<'b>, index: u64, was_in: i32) -> Selected<'a, 'b> {
    let selected = Selected { ctx, before: ctx.database() };
    let now_in = registry::with(|registry| registry.by_id(index).map(|(database, _)| database));
    ctx.select(now_in.unwrap_or(was_in));
    selected
}

/// Selects what was selected before when dropped.
struct Selected<'a, 'b> {
    ctx: &'a Context<'b>,
    before: i32,
}

impl Drop for Selected<'_, '_> {
    fn drop(&mut self) {
        self.ctx.select(self.before);
    }
}

/// Frees what may be large in the pool.
fn free_behind<T: Send + 'static>(gone: T) {
    pools::freer().spawn(Box::new(move || drop(gone)));
}
