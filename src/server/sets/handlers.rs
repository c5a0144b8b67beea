//! Commands that read a set or change what is known of elements: read the arguments, open the key, run,
//! replicate, notify, reply. What stores and searches has files of its own.

use std::sync::Mutex;

use crate::server::raw;

use super::open::{open, read};
use super::search::may_wait;
use super::{datatype, expiring, removal};
use crate::command::args::is_word;
use crate::command::{CommandError, Reply, inspect, vsim};
use crate::persist::Replay;
use crate::server::api::Context;
use crate::server::blocking::{self, Unblock};
use crate::server::commands::{Call, Failure, Outcome};

/// `VCOUNT key expression`: how many elements match.
pub fn vcount(call: &Call) -> Outcome {
    let filter = vsim::parse_whole_filter(&call.args[1..])?;
    let mut key = call.ctx.open_to_read(call.key);
    let Some(set) = open(&mut key)? else { return Ok(Some(Reply::Int(0))) };
    let selection = set.select(&filter);
    if may_wait(call, selection.estimate()) {
        return blocking::run(call.ctx, move || {
            let found = selection.run().len();
            move |_: &Context| Ok(Some(found.into()))
        });
    }
    Ok(Some(selection.run().len().into()))
}

/// `VREMBYFILTER key expression`: removes all elements that match; replies their number.
///
/// They are found in the pool and removed on the main thread in slices, between which other clients
/// are served; what no longer matches when its turn comes stays.
pub fn vrembyfilter(call: &Call) -> Outcome {
    let filter = vsim::parse_whole_filter(&call.args[1..])?;
    let mut key = call.ctx.open_to_write(call.key);
    let Some(set) = open(&mut key)? else { return Ok(Some(Reply::Int(0))) };
    let selection = set.select(&filter);
    if may_wait(call, selection.estimate()) {
        let name = call.args[0].to_vec();
        return removal::start(call, name, selection);
    }
    let mut selected = selection.run();
    let slice = removal::take_slice(set, &mut selected, usize::MAX);
    Ok(Some(slice.close_and_tell(call.ctx, call.key, key).into()))
}

pub fn vdim(call: &Call) -> Outcome {
    let mut key = call.ctx.open_to_read(call.key);
    let set = open(&mut key)?.ok_or(CommandError::NoSuchKey)?;
    Ok(Some(set.params().dim.into()))
}

pub fn vcard(call: &Call) -> Outcome {
    read(call, Reply::Int(0), |set| Ok(set.visible().into()))
}

pub fn vemb(call: &Call) -> Outcome {
    let raw = inspect::check_vemb(call.args)?;
    read(call, Reply::Nil, |set| Ok(inspect::vemb(set, call.args[1], raw)))
}

/// Answers when the element has its links.
pub fn vlinks(call: &Call) -> Outcome {
    inspect::check_vlinks(call.args)?;
    let mut key = call.ctx.open_to_read(call.key);
    let unsettled = open(&mut key)?.filter(|set| set.is_pending(call.args[1]) && blocking::is_allowed(call.ctx));
    if let Some(set) = unsettled
        && let Some(mut unblock) = Unblock::block(call.ctx)
    {
        unblock.set(vlinks_now);
        set.wait_for_links_of(call.args[1], Box::new(unblock));
        return Ok(None);
    }
    vlinks_now(call)
}

fn vlinks_now(call: &Call) -> Outcome {
    let with_scores = inspect::check_vlinks(call.args)?;
    read(call, Reply::Nil, |set| Ok(inspect::vlinks(set, call.args[1], with_scores)))
}

pub fn vinfo(call: &Call) -> Outcome {
    read(call, Reply::NilArray, |set| Ok(inspect::vinfo(set)))
}

pub fn vsetattr(call: &Call) -> Outcome {
    let mut key = call.ctx.open_to_write(call.key);
    let done = match open(&mut key)? {
        // What is hidden from this server's clients is there for the commands of its master.
        Some(set) if call.ctx.is_repetition() || !set.is_hidden(call.args[1]) => {
            set.set_attributes(call.args[1], call.args[2])
        }
        _ => false,
    };
    if done {
        call.replicate("VSETATTR");
        call.ctx.changed(call.key, c"vsetattr");
    }
    Ok(Some(Reply::Bool(done)))
}

pub fn vgetattr(call: &Call) -> Outcome {
    read(call, Reply::Nil, |set| Ok(set.attributes(call.args[1]).map_or(Reply::Nil, |text| Reply::Bulk(text.to_vec()))))
}

pub fn vismember(call: &Call) -> Outcome {
    read(call, Reply::Bool(false), |set| Ok(Reply::Bool(set.contains(call.args[1]))))
}

pub fn vrange(call: &Call) -> Outcome {
    let range = inspect::check_vrange(call.args)?;
    let mut key = call.ctx.open_to_read(call.key);
    let Some(set) = open(&mut key)? else { return Ok(Some(Reply::Array(Vec::new()))) };
    call.ctx.begin_array();
    let mut len = 0;
    inspect::vrange(set, range, &mut |name| {
        call.ctx.reply_bytes(name);
        len += 1;
    });
    call.ctx.end_array(len);
    Ok(None)
}

/// Sets whose chunks have come in part, by database and key.
static REPLAYS: Mutex<Vec<(i32, Vec<u8>, Replay)>> = Mutex::new(Vec::new());

/// VREPLAY key ONLY|FIRST|MORE|LAST chunk: what an append-only file without a binary preamble holds of
/// a set, and what comes of it when Valkey moves a slot. No interface for clients.
pub fn vreplay(call: &Call) -> Outcome {
    let refuse = |why: &str| Err(CommandError::Replay(why.into()).into());
    if !call.ctx.is_repetition() {
        return refuse("VREPLAY is for loading append-only files and for moving slots");
    }
    let &[name, which, chunk] = call.args else { return Err(Failure::Arity) };
    let database = call.ctx.database();
    let mut replays = REPLAYS.lock().unwrap_or_else(|e| e.into_inner());
    if is_word(which, "FIRST") || is_word(which, "ONLY") {
        // A slot may come again after a part of it came.
        replays.retain(|(db, key, _)| *db != database || key != name);
    }
    let at = replays.iter().position(|(db, key, _)| *db == database && key == name);
    let at = at.unwrap_or_else(|| {
        replays.push((database, name.to_vec(), Replay::default()));
        replays.len() - 1
    });
    replays[at].2.push(chunk);
    if is_word(which, "LAST") || is_word(which, "ONLY") {
        let (_, _, replay) = replays.swap_remove(at);
        let loaded = replay.finish().map_err(|why| CommandError::Replay(why.to_string()))?;
        let mut key = call.ctx.open_to_write(call.key);
        if open(&mut key)?.is_some() {
            return refuse("the key exists");
        }
        if loaded.set.expiring() > 0 {
            expiring::watch(database, name);
        }
        key.set(datatype::pointer(), Box::new(loaded.set));
    }
    if call.ctx.flags() & raw::REDISMODULE_CTX_FLAGS_LOADING == 0 {
        call.replicate("VREPLAY");
    }
    Ok(Some(Reply::Simple("OK")))
}
