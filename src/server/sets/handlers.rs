//! Commands that read a set or change attributes: parse, open the key, run, replicate, notify, reply. Inserting,
//! searching and removing by filter are in other files.

use super::open::{open, read};
use super::removal;
use super::search::may_wait;
use crate::command::{CommandError, Reply, inspect, vsim};
use crate::server::api::Context;
use crate::server::blocking::{self, Unblock};
use crate::server::commands::{Call, Outcome};

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
    Ok(Some(slice.close_and_announce(call.ctx, call.key, key).into()))
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
