//! One command's life: read the arguments, open the key, run, replicate, notify, reply.

use std::cell::Cell;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use redis_module::raw;

use super::api::{Context, Key, Opened, arguments, string_bytes};
use super::commands::{Outcome, registered_name};
use super::reply::{HitFormat, send_hits};
use super::{blocking, datatype, info, query_pool, settings, slices};
use crate::command::args::is_word;
use crate::command::{CommandError, Reply, inspect, vadd as vadd_command, vsim as vsim_command};
use crate::persist::Replay;
use crate::set::{AddError, DEFAULT_EF_ADD, Selected, VectorSet};

/// Where a bug of ours ends.
pub(super) const INTERNAL_ERROR: &[u8] = b"ERR internal error of the vectorset module";

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

/// A command as it was called.
pub(super) struct Call<'a> {
    pub ctx: &'a Context<'a>,
    pub key: *mut raw::RedisModuleString,
    /// The arguments behind the command's name, the key first.
    pub args: &'a [&'a [u8]],
}

impl Call<'_> {
    /// Calls `body` with the command of these arguments.
    ///
    /// # Safety
    /// `argv` holds `argc` strings, of which the first is the command's name, that live during the call.
    pub unsafe fn with<R>(
        ctx: &Context,
        argv: *mut *mut raw::RedisModuleString,
        argc: std::os::raw::c_int,
        body: impl FnOnce(&Call) -> R,
    ) -> R {
        // SAFETY: the caller's word.
        let arguments = unsafe { arguments(argv, argc) };
        let key = match argc {
            0 | 1 => std::ptr::null_mut(),
            // SAFETY: there are at least two arguments.
            _ => unsafe { *argv.add(1) },
        };
        body(&Call { ctx, key, args: arguments.get(1..).unwrap_or(&[]) })
    }

    /// Runs `body` on the set in the key; a missing key answers `absent`.
    fn read(&self, absent: Reply, body: impl FnOnce(&mut VectorSet) -> Result<Reply, CommandError>) -> Outcome {
        let mut key = self.ctx.open_to_read(self.key);
        match open(&mut key)? {
            Some(set) => body(set).map(Some),
            None => Ok(Some(absent)),
        }
    }

    /// Sends on what this call did, as it was called.
    fn replicate(&self, command: &str) {
        let args: Vec<Vec<u8>> = self.args.iter().map(|arg| arg.to_vec()).collect();
        self.ctx.replicate(registered_name(command), &args);
    }
}

/// The set in a key, if there is one.
fn open(key: &mut Key) -> Result<Option<&mut VectorSet>, CommandError> {
    match key.value(datatype::pointer()) {
        Opened::Absent => Ok(None),
        Opened::Holds(set) => Ok(Some(set)),
        Opened::WrongType => Err(CommandError::WrongType),
    }
}

impl From<AddError> for CommandError {
    fn from(error: AddError) -> CommandError {
        match error {
            AddError::Full => CommandError::SetFull,
            AddError::NotFinite => CommandError::InvalidVector,
        }
    }
}

pub(super) fn vadd(call: &Call) -> Outcome {
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
    call.ctx.changed(call.key, c"vadd");
    info::STATS.inserts.add(began.elapsed());
    reply_with_room(call, open(&mut key)?, Reply::Bool(is_new))
}

/// Answers a write that is done: at once, or when the set has caught up with its links.
fn reply_with_room(call: &Call, set: Option<&mut VectorSet>, reply: Reply) -> Outcome {
    let Some(set) = set.filter(|set| set.is_over_bound()) else { return Ok(Some(reply)) };
    if blocking::is_allowed(call.ctx) && !settings::single_threaded() {
        blocking::reply_with_room(call.ctx, set, reply);
        return Ok(None);
    }
    set.link_some();
    Ok(Some(reply))
}

pub(super) fn vrem(call: &Call) -> Outcome {
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
    call.replicate("VREM");
    call.ctx.changed(call.key, c"vrem");
    if empty {
        call.ctx.notify(call.key, c"del");
    }
    reply_with_room(call, open(&mut key)?, Reply::Bool(true))
}

pub(super) fn vsim(call: &Call) -> Outcome {
    let alone = query_pool().is_idle() && QUERY_ENDED.get().is_none_or(|ended| ended.elapsed() >= PAUSE);
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
        maps: call.ctx.flags() & raw::REDISMODULE_CTX_FLAGS_RESP3 != 0 && has_maps(),
    };
    let Some(set) = set else {
        send_hits(call.ctx, None, format);
        return Ok(None);
    };
    let query = set.query(near.target(), &options.search)?;
    let estimate = query.estimate();
    let at_once = options.no_thread || alone && estimate < INLINE_ALONE_BELOW_NANOS;
    if !at_once && may_wait(call, estimate) {
        blocking::run_query(call.ctx, query, format);
    } else {
        send_hits(call.ctx, Some(&info::measured(query)), format);
        QUERY_ENDED.set(Some(Instant::now()));
    }
    Ok(None)
}

/// Whether this server has map replies for modules (7.0).
fn has_maps() -> bool {
    // SAFETY: set when the module was loaded, never changed.
    unsafe { raw::RedisModule_ReplyWithMap }.is_some()
}

/// `VCHECK key`: proves that the set is sound, or says what is wrong. For tests and operators.
pub(super) fn vcheck(call: &Call) -> Outcome {
    call.read(Reply::Nil, |set| match set.check() {
        Ok(()) => Ok(Reply::Simple("OK")),
        Err(why) => Err(CommandError::Unsound(why)),
    })
}

/// VEXPLAIN takes VSIM's arguments, runs it at once and tells how.
pub(super) fn vexplain(call: &Call) -> Outcome {
    let mut args = vsim_command::arguments(call.args)?;
    let near = vsim_command::parse_near(&mut args)?;
    let options = vsim_command::parse_options(&mut args, settings::search_defaults())?;
    call.read(Reply::NilArray, |set| {
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
pub(super) fn vcount(call: &Call) -> Outcome {
    let filter = vsim_command::parse_filter(call.args[1])?;
    let mut key = call.ctx.open_to_read(call.key);
    let Some(set) = open(&mut key)? else { return Ok(Some(Reply::Int(0))) };
    let selection = set.select(&filter);
    if may_wait(call, selection.estimate()) {
        blocking::run(call.ctx, move || Reply::from(selection.run().len()));
        return Ok(None);
    }
    Ok(Some(selection.run().len().into()))
}

/// `VREMBYFILTER key expression`: removes all elements that match; replies their number.
///
/// They are found in the pool and removed on the main thread in slices, between which other clients
/// are served; what no longer matches when its turn comes stays.
pub(super) fn vrembyfilter(call: &Call) -> Outcome {
    let filter = vsim_command::parse_filter(call.args[1])?;
    let mut key = call.ctx.open_to_write(call.key);
    let Some(set) = open(&mut key)? else { return Ok(Some(Reply::Int(0))) };
    let selection = set.select(&filter);
    if may_wait(call, selection.estimate()) {
        let name = call.args[0].to_vec();
        slices::remove(call.ctx, name, selection);
        return Ok(None);
    }
    let mut selected = selection.run();
    let removed = remove_slice(call.ctx, call.key, &mut key, &mut selected, usize::MAX)?;
    Ok(Some(removed.into()))
}

/// Removes the next up to `most` of the selected elements, as so many VREMs would.
pub(super) fn remove_slice(
    ctx: &Context,
    name: *mut raw::RedisModuleString,
    key: &mut Key,
    selected: &mut Selected,
    most: usize,
) -> Result<usize, CommandError> {
    let Some(set) = open(key)?.filter(|set| set.is_of(selected)) else {
        // Another set, or none: what was selected is gone.
        selected.clear();
        return Ok(0);
    };
    let removed = set.remove_selected(selected, most);
    info::STATS.removals.add(removed.len() as u64);
    let empty = set.is_empty();
    if empty {
        key.delete();
    }
    // SAFETY: the name lives as long as the key is open.
    let key_name = unsafe { string_bytes(name) }.to_vec();
    for element in &removed {
        ctx.replicate(registered_name("VREM"), &[key_name.clone(), element.clone()]);
        ctx.changed(name, c"vrem");
    }
    if empty {
        ctx.notify(name, c"del");
    }
    Ok(removed.len())
}

/// Whether a command that takes so long is to be answered later.
fn may_wait(call: &Call, nanos: u64) -> bool {
    nanos >= INLINE_BELOW_NANOS && !settings::single_threaded() && blocking::is_allowed(call.ctx)
}

pub(super) fn vdim(call: &Call) -> Outcome {
    let mut key = call.ctx.open_to_read(call.key);
    let set = open(&mut key)?.ok_or(CommandError::NoSuchKey)?;
    Ok(Some(set.params().dim.into()))
}

pub(super) fn vcard(call: &Call) -> Outcome {
    call.read(Reply::Int(0), |set| Ok(set.len().into()))
}

pub(super) fn vemb(call: &Call) -> Outcome {
    let raw = inspect::check_vemb(call.args)?;
    call.read(Reply::Nil, |set| Ok(inspect::vemb(set, call.args[1], raw)))
}

/// Answers when the links that are still to be made are made, so that what one VLINKS tells agrees
/// with the next.
pub(super) fn vlinks(call: &Call) -> Outcome {
    inspect::check_vlinks(call.args)?;
    let mut key = call.ctx.open_to_read(call.key);
    let unsettled = open(&mut key)?.filter(|set| !set.is_settled() && blocking::is_allowed(call.ctx));
    match unsettled {
        Some(set) if blocking::run_when_linked(call.ctx, set, vlinks_now) => Ok(None),
        _ => vlinks_now(call),
    }
}

fn vlinks_now(call: &Call) -> Outcome {
    let with_scores = inspect::check_vlinks(call.args)?;
    call.read(Reply::Nil, |set| Ok(inspect::vlinks(set, call.args[1], with_scores)))
}

pub(super) fn vinfo(call: &Call) -> Outcome {
    call.read(Reply::NilArray, |set| Ok(inspect::vinfo(set)))
}

pub(super) fn vsetattr(call: &Call) -> Outcome {
    let mut key = call.ctx.open_to_write(call.key);
    let done = open(&mut key)?.is_some_and(|set| set.set_attributes(call.args[1], call.args[2]));
    if done {
        call.replicate("VSETATTR");
        call.ctx.changed(call.key, c"vsetattr");
    }
    Ok(Some(Reply::Bool(done)))
}

pub(super) fn vgetattr(call: &Call) -> Outcome {
    call.read(Reply::Nil, |set| Ok(set.attributes(call.args[1]).map_or(Reply::Nil, |text| Reply::Bulk(text.to_vec()))))
}

pub(super) fn vismember(call: &Call) -> Outcome {
    call.read(Reply::Bool(false), |set| Ok(Reply::Bool(set.contains(call.args[1]))))
}

pub(super) fn vrandmember(call: &Call) -> Outcome {
    let count = inspect::check_vrandmember(call.args)?;
    if count == Some(0) {
        return Ok(Some(Reply::Array(Vec::new())));
    }
    let absent = if count.is_some() { Reply::Array(Vec::new()) } else { Reply::Nil };
    call.read(absent, |set| Ok(inspect::vrandmember(set, count)))
}

pub(super) fn vrange(call: &Call) -> Outcome {
    let range = inspect::check_vrange(call.args)?;
    call.read(Reply::Array(Vec::new()), |set| Ok(inspect::vrange(set, range)))
}

/// Sets whose chunks have come in part, by database and key.
static REPLAYS: Mutex<Vec<(i32, Vec<u8>, Replay)>> = Mutex::new(Vec::new());

/// VREPLAY key ONLY|FIRST|MORE|LAST chunk: what an append-only file without a binary preamble holds of
/// a set, and what comes of it when Valkey moves a slot. No interface for clients.
pub(super) fn vreplay(call: &Call) -> Outcome {
    let refuse = |why: &str| Err(CommandError::Replay(why.into()));
    if !call.ctx.is_repetition() {
        return refuse("VREPLAY is for loading append-only files and for moving slots");
    }
    let &[name, which, chunk] = call.args else { return Err(CommandError::Arity) };
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
