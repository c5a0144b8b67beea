//! Append-only files without an RDB preamble (`aof-use-rdb-preamble no`).
//!
//! The child that rewrites such a file writes only keys; modules have no hook for anything else. So the definitions at the
//! time of the fork are appended to the increment that follows, as FT.REPLAY commands.

use super::registry;
use super::saved::{self, Saved};
use super::{free_behind, housekeeping, ok, scan};
use crate::search::command::rewrite::words;
use crate::server::api::{Called, Context, Value};
use crate::server::commands::{Call, Failure, Outcome, registered_name};

/// A child was forked: appends the definitions at the next turn of the server's loop, if it rewrites such a file.
pub fn on_child(ctx: &Context) {
    let is_anything = registry::with(|registry| !registry.dictionaries.is_empty()) || registry::is_any();
    if !is_anything || !is_rewriting(ctx) || has_preamble(ctx) {
        return;
    }
    ctx.after(0, |ctx| {
        for string in registry::with(saved::strings) {
            ctx.append(registered_name("FT.REPLAY"), &string);
        }
    });
}

fn is_rewriting(ctx: &Context) -> bool {
    let info = ctx.call("INFO", &["persistence"], Called::default());
    info.is_ok_and(|info| memchr::memmem::find(info.text(), b"aof_rewrite_in_progress:1").is_some())
}

fn has_preamble(ctx: &Context) -> bool {
    let setting = ctx.call("CONFIG", &["GET", "aof-use-rdb-preamble"], Called::default());
    match setting.map(|setting| setting.value()) {
        Ok(Value::Array(pair)) => pair.get(1) == Some(&Value::Bytes(b"yes".to_vec())),
        _ => true,
    }
}

/// FT.REPLAY: what an append-only file holds of an index or of a dictionary. No interface for clients.
pub fn ft_replay(call: &Call) -> Outcome {
    if !call.ctx.is_repetition() {
        return Err(Failure::Text(b"ERR FT.REPLAY is for loading append-only files".to_vec()));
    }
    let understood = || Failure::Text(b"ERR a saved index is not understood".to_vec());
    match Saved::read(call.args[0]).ok_or_else(understood)? {
        Saved::Index(index) => put(call.ctx, *index),
        Saved::Dictionary { name, words } => {
            registry::with(|registry| registry.dictionaries.insert(name, words));
        }
        Saved::Graph { .. } => return Err(understood()),
    }
    ok()
}

/// Puts an index in the place of one of another definition; the keys that are there are looked at once all are loaded.
fn put(ctx: &Context, index: saved::Index) {
    let database = index.database;
    let (new, gone) = registry::with(|registry| {
        let before = registry.find_named(database, index.name()).map(|entry| words(&entry.definition));
        if before == Some(words(&index.definition)) {
            index.complete(registry);
            return (None, None);
        }
        let gone = registry.remove(database, index.name());
        (Some(index.put(registry)), gone)
    });
    free_behind(gone);
    let selected = ctx.database();
    if let Some(id) = new
        && ctx.select(database)
    {
        scan::refill(ctx, id);
        housekeeping::start(ctx);
        ctx.select(selected);
    }
}
