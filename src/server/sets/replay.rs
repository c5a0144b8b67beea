//! VREPLAY: a set that arrives in chunks, from a file or from a server that migrates a slot.

use std::sync::Mutex;
use std::time::Instant;

use super::open::open;
use super::{datatype, expiring};
use crate::command::args::is_word;
use crate::command::{CommandError, Reply};
use crate::persist::{Part, Replays};
use crate::server::api::Context;
use crate::server::commands::{Call, Failure, Outcome};

/// Sets whose chunks have come in part, and whether a timer is set that frees those that were given up.
static REPLAYS: Mutex<(Replays, bool)> = Mutex::new((Replays::new(), false));

/// Milliseconds between two looks at them.
const PERIOD: i64 = 60_000;

const PARTS: [(&str, Part); 4] =
    [("ONLY", Part::Only), ("FIRST", Part::First), ("MORE", Part::More), ("LAST", Part::Last)];

/// VREPLAY key ONLY|FIRST|MORE|LAST chunk: what an append-only file without a binary preamble holds of
/// a set, and what comes of it when Valkey moves a slot. No interface for clients.
pub fn vreplay(call: &Call) -> Outcome {
    let refuse = |why: &str| Failure::from(CommandError::Replay(why.into()));
    if !call.ctx.is_repetition() {
        return Err(refuse("VREPLAY is for loading append-only files and for moving slots"));
    }
    let &[name, which, chunk] = call.args else { return Err(Failure::Arity) };
    let part = PARTS.iter().find(|(word, _)| is_word(which, word)).ok_or_else(|| refuse("unknown part"))?.1;
    let database = call.ctx.database();
    let whole = {
        let (replays, is_watched) = &mut *REPLAYS.lock().unwrap_or_else(|e| e.into_inner());
        let whole = replays.add((database, name), part, chunk, Instant::now());
        if !std::mem::replace(is_watched, true) {
            call.ctx.after(PERIOD, tidy);
        }
        whole.map_err(|why| refuse(&why))?
    };
    if let Some(replay) = whole {
        let loaded = replay.finish().map_err(|why| refuse(&why.to_string()))?;
        let mut key = call.ctx.open_to_write(call.key);
        if open(&mut key)?.is_some() {
            return Err(refuse("the key exists"));
        }
        if loaded.set.expiring() > 0 {
            expiring::watch(database, name);
        }
        key.set(datatype::pointer(), Box::new(loaded.set));
    }
    if !call.ctx.is_loading() {
        call.replicate("VREPLAY");
    }
    Ok(Some(Reply::Simple("OK")))
}

/// Frees what a file began with and did not end.
pub fn end_of_file() {
    REPLAYS.lock().unwrap_or_else(|e| e.into_inner()).0.clear();
}

/// Frees what was given up, now and later.
fn tidy(ctx: &Context) {
    let (replays, is_watched) = &mut *REPLAYS.lock().unwrap_or_else(|e| e.into_inner());
    *is_watched = replays.tidy(Instant::now());
    if *is_watched {
        ctx.after(PERIOD, tidy);
    }
}
