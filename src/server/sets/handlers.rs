//! One command's life: read the arguments, open the key, run, replicate, notify, reply.

use std::cell::Cell;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use redis_module::raw;

use super::open::{open, read};
use super::reply::{HitFormat, send_hits};
use super::{datatype, info, removal, settings};
use crate::command::args::is_word;
use crate::command::{CommandError, Reply, inspect, vadd as vadd_command, vsim as vsim_command};
use crate::persist::Replay;
use crate::server::api::{Context, Key};
use crate::server::blocking::{self, Unblock};
use crate::server::commands::{Call, Failure, Outcome, registered_name};
use crate::server::pools;
use crate::server::settings::single_threaded;
use crate::set::{DEFAULT_EF_ADD, Query, VectorSet};

/// A query that takes less than this is run at once: handing it over costs about as much.
const INLINE_BELOW_NANOS: u64 = 20_000;

/// One that takes less than this is run at once while nobody else is asking: on its way to another
/// thread and back it would take longer than anybody waits for the main thread.
const INLINE_ALONE_BELOW_NANOS: u64 = 100_000;

/// The pause between two queries on the main thread that tells one client's next question from
/// others' questions that were waiting.
const PAUSE: Duration = Duration::from_micros(10);

thread_local! {
    /// When the main thread last ended a query of its own.
    static QUERY_ENDED: Cell<Option<Instant>> = const { Cell::new(None) };
}

pub fn vadd(call: &Call) -> Outcome {
    let began = Instant::now();
    // An EF that differs from the one that all servers have in common was sent on.
    let default_ef = if call.ctx.is_repetition() { DEFAULT_EF_ADD } else { settings::vadd_ef() };
    let request = vadd_command::parse(call.args, default_ef)?;
    let mut key = call.ctx.open_to_write(call.key);
    let is_new = match open(&mut key)? {
        Some(set) => {
            request.check(set.params())?;
            set.add(request.element, &request.vector, request.ef, request.attribute_change())?
        }
        None => {
            request.check_new()?;
            let mut set = Box::new(VectorSet::new(request.params()));
            let is_new = set.add(request.element, &request.vector, request.ef, request.attribute_change())?;
            key.set(datatype::pointer(), set);
            is_new
        }
    };
    call.ctx.replicate(registered_name("VADD"), &request.normalised());
    let is_over = is_over_bound(&mut key);
    drop(key);
    call.ctx.changed(call.key, c"vadd");
    info::STATS.inserts.add(began.elapsed());
    reply_with_room(call, is_over, Reply::Bool(is_new))
}

/// Whether more waits to be linked in the key's set than may.
fn is_over_bound(key: &mut Key) -> bool {
    open(key).is_ok_and(|set| set.is_some_and(|set| set.is_over_bound()))
}

/// Answers a write that is done: at once, or when the set has caught up with its links.
fn reply_with_room(call: &Call, is_over: bool, reply: Reply) -> Outcome {
    if !is_over {
        return Ok(Some(reply));
    }
    // Opened once more: those who were told of the change may have done anything to the key.
    let mut key = call.ctx.open_to_read(call.key);
    let Ok(Some(set)) = open(&mut key) else { return Ok(Some(reply)) };
    if blocking::is_allowed(call.ctx) && !single_threaded() {
        return reply_later(call, set, reply);
    }
    set.link_some();
    Ok(Some(reply))
}

/// A reply that is ready and goes out when this is dropped.
struct Withheld {
    since: Instant,
    /// Dropped after `drop` has counted the time.
    _unblock: Unblock,
}

impl Drop for Withheld {
    fn drop(&mut self) {
        info::STATS.withheld.add(self.since.elapsed());
    }
}

/// Replies once the set has room for more pending elements.
fn reply_later(call: &Call, set: &VectorSet, reply: Reply) -> Outcome {
    let Some(mut unblock) = Unblock::block(call.ctx) else { return Ok(Some(reply)) };
    unblock.set(move |_| Ok(Some(reply)));
    set.wait_for_room(Box::new(Withheld { since: Instant::now(), _unblock: unblock }));
    Ok(None)
}

pub fn vrem(call: &Call) -> Outcome {
    let mut key = call.ctx.open_to_write(call.key);
    let Some(set) = open(&mut key)? else { return Ok(Some(Reply::Bool(false))) };
    if !set.remove(call.args[1]) {
        return Ok(Some(Reply::Bool(false)));
    }
    info::STATS.removals.add(1);
    let empty = set.is_empty();
    if empty {
        key.delete();
    }
    let is_over = is_over_bound(&mut key);
    drop(key);
    call.replicate("VREM");
    call.ctx.changed(call.key, c"vrem");
    if empty {
        call.ctx.notify(call.key, c"del");
    }
    reply_with_room(call, is_over, Reply::Bool(true))
}

pub fn vsim(call: &Call) -> Outcome {
    let alone = pools::queries().is_idle() && QUERY_ENDED.get().is_none_or(|ended| ended.elapsed() >= PAUSE);
    let mut args = vsim_command::arguments(call.args)?;
    let mut key = call.ctx.open_to_read(call.key);
    let set = open(&mut key)?;
    let near = vsim_command::parse_near(&mut args)?;
    if let Some(set) = &set {
        near.check(set)?;
    }
    let options = vsim_command::parse_options(&mut args, settings::search_defaults())?;
    let format = HitFormat {
        with_scores: options.with_scores,
        with_attributes: options.with_attributes,
        maps: call.ctx.has_resp3(),
    };
    let Some(set) = set else {
        send_hits(call.ctx, None, format);
        return Ok(None);
    };
    let query = set.query(near.target(), &options.search)?;
    let estimate = query.estimate();
    let at_once = options.no_thread || alone && estimate < INLINE_ALONE_BELOW_NANOS;
    if !at_once && may_wait(call, estimate) {
        return run_query(call, query, format);
    }
    send_hits(call.ctx, Some(&info::measured(query)), format);
    QUERY_ENDED.set(Some(Instant::now()));
    Ok(None)
}

/// Runs a query in the pool and replies when it is done.
fn run_query(call: &Call, query: Query, format: HitFormat) -> Outcome {
    blocking::run(call.ctx, move || {
        let hits = info::measured(query);
        move |ctx: &Context| {
            send_hits(ctx, Some(&hits), format);
            Ok(None)
        }
    })
}

/// `VCHECK key`: proves that the set is sound, or says what is wrong. For tests and operators.
pub fn vcheck(call: &Call) -> Outcome {
    read(call, Reply::Nil, |set| match set.check() {
        Ok(()) => Ok(Reply::Simple("OK")),
        Err(why) => Err(CommandError::Unsound(why)),
    })
}

/// VEXPLAIN takes VSIM's arguments, runs it at once and tells how.
pub fn vexplain(call: &Call) -> Outcome {
    let mut args = vsim_command::arguments(call.args)?;
    let near = vsim_command::parse_near(&mut args)?;
    let options = vsim_command::parse_options(&mut args, settings::search_defaults())?;
    read(call, Reply::NilArray, |set| {
        near.check(set)?;
        let hits = info::measured(set.query(near.target(), &options.search)?);
        let work = hits.work();
        let fields = [
            ("plan", Reply::Simple(work.plan.name())),
            ("estimated-selectivity", Reply::Double(work.selectivity)),
            ("elements", set.len().into()),
            ("tested", Reply::Int(work.tested as i64)),
            ("evaluated", Reply::Int(work.evaluated as i64)),
            ("results", hits.resolve().len().into()),
        ];
        Ok(Reply::Map(fields.into_iter().map(|(name, value)| (Reply::Simple(name), value)).collect()))
    })
}

/// `VCOUNT key expression`: how many elements match.
pub fn vcount(call: &Call) -> Outcome {
    let filter = vsim_command::parse_filter(call.args[1])?;
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
    let filter = vsim_command::parse_filter(call.args[1])?;
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

/// Whether a command that takes so long is to be answered later.
fn may_wait(call: &Call, nanos: u64) -> bool {
    nanos >= INLINE_BELOW_NANOS && !single_threaded() && blocking::is_allowed(call.ctx)
}

pub fn vdim(call: &Call) -> Outcome {
    let mut key = call.ctx.open_to_read(call.key);
    let set = open(&mut key)?.ok_or(CommandError::NoSuchKey)?;
    Ok(Some(set.params().dim.into()))
}

pub fn vcard(call: &Call) -> Outcome {
    read(call, Reply::Int(0), |set| Ok(set.len().into()))
}

pub fn vemb(call: &Call) -> Outcome {
    let raw = inspect::check_vemb(call.args)?;
    read(call, Reply::Nil, |set| Ok(inspect::vemb(set, call.args[1], raw)))
}

/// Answers when the links that are still to be made are made, so that what one VLINKS tells agrees
/// with the next.
pub fn vlinks(call: &Call) -> Outcome {
    inspect::check_vlinks(call.args)?;
    let mut key = call.ctx.open_to_read(call.key);
    let unsettled = open(&mut key)?.filter(|set| !set.is_settled() && blocking::is_allowed(call.ctx));
    if let Some(set) = unsettled
        && let Some(mut unblock) = Unblock::block(call.ctx)
    {
        unblock.set(vlinks_now);
        set.wait_for_links(Box::new(unblock));
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
    let done = open(&mut key)?.is_some_and(|set| set.set_attributes(call.args[1], call.args[2]));
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
        // A slot may come anew after a part of it came.
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
        key.set(datatype::pointer(), Box::new(loaded.set));
    }
    if call.ctx.flags() & raw::REDISMODULE_CTX_FLAGS_LOADING == 0 {
        call.replicate("VREPLAY");
    }
    Ok(Some(Reply::Simple("OK")))
}
