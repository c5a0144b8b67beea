//! VSIM, VMSIM and VEXPLAIN: run here, or in the pool.

use std::sync::{Arc, Mutex};

use super::open::{open, read};
use super::reply::{HitFormat, send_hits, send_keyed_hits};
use super::{info, settings};
use crate::command::near::{self, Question};
use crate::command::vsim::{self as vsim_command, Options};
use crate::command::{CommandError, Reply, vmsim as vmsim_command};
use crate::server::api::{Key, Text};
use crate::server::blocking::{self, Unblock};
use crate::server::commands::{Call, Failure, Outcome};
use crate::server::inline::{self, Traffic};
use crate::server::pools;
use crate::server::settings::single_threaded;
use crate::server::values::{Held, Holds};
use crate::set::{Hit, Hits, Query, Target, VectorSet};

/// A query that takes less than this is run at once: handing it over costs about as much.
const INLINE_BELOW_NANOS: u64 = 20_000;

/// A query that takes less than this is run once more, on the main thread, where hits were removed after it ended.
const AGAIN_BELOW_NANOS: u64 = 2_000_000;

impl Holds for Hits {
    fn is_last(&self) -> bool {
        self.is_last()
    }
}

/// What a VSIM asks.
struct Asked {
    /// None if there is no such set.
    query: Option<Query>,
    no_thread: bool,
    format: HitFormat,
}

fn ask(call: &Call) -> Result<Asked, Failure> {
    let mut args = vsim_command::arguments(call.args)?;
    let mut key = call.ctx.open_to_read(call.key);
    let set = open(&mut key)?;
    let question = near::parse(&mut args, false)?;
    if let Some(set) = &set {
        question.check(set)?;
    }
    let mut options = vsim_command::parse_options(&mut args, settings::search_defaults())?;
    options.complete(&question);
    let format = HitFormat {
        with_scores: options.with_scores,
        with_attributes: options.with_attributes,
        maps: call.ctx.has_resp3(),
    };
    let query = set.map(|set| query(set, &question, &options)).transpose()?;
    Ok(Asked { query, no_thread: options.no_thread, format })
}

pub fn vsim(call: &Call) -> Outcome {
    let traffic = Traffic::now();
    let Asked { query, no_thread, format } = ask(call)?;
    let Some(query) = query else {
        send_hits(call.ctx, &[], format);
        return Ok(None);
    };
    let estimate = query.estimate();
    let is_long = query.may_find_many();
    let at_once = no_thread || (traffic.allows(estimate) && !is_long);
    if !at_once
        && (may_wait(call, estimate) || is_long && may_block(call))
        && let Some(unblock) = Unblock::block(call.ctx)
    {
        run_in_pool(unblock, query, format);
        return Ok(None);
    }
    send_hits(call.ctx, &info::measured(query).resolve(), format);
    inline::note_end();
    Ok(None)
}

/// The query of a question.
fn query(set: &VectorSet, question: &Question, options: &Options) -> Result<Query, CommandError> {
    options.check(set.params())?;
    let blend = question.blend(set)?;
    let target = blend.as_deref().map_or_else(|| question.0[0].near.target(), Target::Stored);
    Ok(set.query(target, &options.search)?)
}

/// Runs a query in the pool and replies when it is done. Where hits were removed since, and too few are left, it
/// asks once more: others may have been there all the time. A reply of many hits is written in the pool too.
fn run_in_pool(unblock: Unblock, query: Query, format: HitFormat) {
    pools::queries().spawn(Box::new(move || {
        let hits = Held::new(info::measured(query));
        if hits.are_many() && blocking::writes_in_any_protocol() {
            let found = hits.resolve_beside();
            if !hits.is_short(found.len()) {
                return unblock.write(|ctx| send_hits(ctx, &found, format));
            }
        }
        unblock.answer(move |call| {
            let found = hits.resolve();
            if hits.is_short(found.len())
                && let Ok(Asked { query: Some(query), .. }) = ask(call)
                && query.estimate() < AGAIN_BELOW_NANOS
            {
                send_hits(call.ctx, &info::measured(query).resolve(), format);
            } else {
                send_hits(call.ctx, &found, format);
            }
            Ok(None)
        });
    }));
}

/// `VMSIM numkeys key … …`: one answer over several sets, whose searches run side by side.
pub fn vmsim(call: &Call) -> Outcome {
    let (request, mut args) = vmsim_command::parse(call.args)?;
    let options = vsim_command::parse_options(&mut args, settings::search_defaults())?;
    let queries = prepare(call, &request, &options)?;
    let format = HitFormat { with_scores: options.with_scores, with_attributes: options.with_attributes, maps: false };
    let count = options.search.count;
    let is_long = queries.iter().any(|(_, query)| query.may_find_many());
    if options.no_thread || !(may_wait(call, estimate(&queries)) || is_long && may_block(call)) {
        let found = run_here(queries);
        send_keyed_hits(call.ctx, request.keys, &vmsim_command::merge(resolved(&found, Hits::resolve), count), format);
        return Ok(None);
    }
    let Some(unblock) = Unblock::block(call.ctx) else { return Err(CommandError::VsimSyntax.into()) };
    // The last search to end unblocks the client, by dropping what all of them hold.
    let (found, unblock, sets) = (Mutex::default(), Mutex::new(Some(unblock)), queries.len());
    let keys = if is_long { request.keys.iter().map(|key| key.to_vec()).collect() } else { Vec::new() };
    let gathered = Arc::new(Gathered { found, sets, count, format, keys, unblock });
    for (set, query) in queries {
        let gathered = gathered.clone();
        pools::queries().spawn(Box::new(move || {
            let hits = Held::new(info::measured(query));
            gathered.found.lock().unwrap_or_else(|e| e.into_inner()).push((set, hits));
        }));
    }
    Ok(None)
}

/// Queries, or what they have found, by the places of their keys.
type Keyed<T> = Vec<(usize, T)>;

fn estimate(queries: &Keyed<Query>) -> u64 {
    queries.iter().map(|(_, query)| query.estimate()).sum()
}

fn run_here(queries: Keyed<Query>) -> Keyed<Held<Hits>> {
    queries.into_iter().map(|(set, query)| (set, Held::new(info::measured(query)))).collect()
}

/// The hits of each set, as they are read now.
fn resolved(found: &Keyed<Held<Hits>>, resolve: fn(&Hits) -> Vec<Hit<'_>>) -> Keyed<Vec<Hit<'_>>> {
    found.iter().map(|(set, hits)| (*set, resolve(hits))).collect()
}

/// Whether so many of some set's hits have been removed by now that too few are left.
fn is_short(found: &Keyed<Held<Hits>>, left: &Keyed<Vec<Hit<'_>>>) -> bool {
    found.iter().zip(left).any(|((_, hits), (_, left))| hits.is_short(left.len()))
}

/// What the searches of a VMSIM have found so far.
struct Gathered {
    found: Mutex<Keyed<Held<Hits>>>,
    /// How many searches there are.
    sets: usize,
    count: usize,
    format: HitFormat,
    /// All keys, if there may be many hits.
    keys: Vec<Vec<u8>>,
    unblock: Mutex<Option<Unblock>>,
}

impl Drop for Gathered {
    fn drop(&mut self) {
        let found = std::mem::take(self.found.get_mut().unwrap_or_else(|e| e.into_inner()));
        let (count, format) = (self.count, self.format);
        // One that has failed leaves the client with an error.
        let unblock = self.unblock.get_mut().unwrap_or_else(|e| e.into_inner()).take();
        if let Some(unblock) = unblock.filter(|_| found.len() == self.sets) {
            if blocking::writes_in_any_protocol() && found.iter().any(|(_, hits)| hits.are_many()) {
                let left = resolved(&found, Hits::resolve_beside);
                if !is_short(&found, &left) {
                    let hits = vmsim_command::merge(left, count);
                    let keys: Vec<&[u8]> = self.keys.iter().map(Vec::as_slice).collect();
                    return unblock.write(|ctx| send_keyed_hits(ctx, &keys, &hits, format));
                }
            }
            unblock.answer(move |call| {
                let (request, mut args) = vmsim_command::parse(call.args)?;
                let mut left = resolved(&found, Hits::resolve);
                let again;
                // As a VSIM does.
                if is_short(&found, &left) {
                    let options = vsim_command::parse_options(&mut args, settings::search_defaults())?;
                    let queries = prepare(call, &request, &options).ok();
                    if let Some(queries) = queries.filter(|queries| estimate(queries) < AGAIN_BELOW_NANOS) {
                        again = run_here(queries);
                        left = resolved(&again, Hits::resolve);
                    }
                }
                send_keyed_hits(call.ctx, request.keys, &vmsim_command::merge(left, count), format);
                Ok(None)
            });
        }
    }
}

/// The queries of the sets that are there, by the places of their keys.
fn prepare(call: &Call, request: &vmsim_command::Request, options: &Options) -> Result<Keyed<Query>, CommandError> {
    let names: Vec<Text> = request.keys.iter().map(|key| Text::new(key)).collect();
    let first = |at: usize| request.keys.iter().position(|key| *key == request.keys[at]).unwrap_or(at);
    // A set that is named twice is opened, and asked, once.
    let mut keys: Vec<Option<Key>> = (names.iter().enumerate())
        .map(|(at, name)| (first(at) == at).then(|| call.ctx.open_to_read(name.ptr())))
        .collect();
    let mut sets: Vec<Option<&VectorSet>> = Vec::with_capacity(keys.len());
    for key in &mut keys {
        sets.push(match key {
            Some(key) => open(key)?.map(|set| &*set),
            None => None,
        });
    }
    if sets.iter().all(Option::is_none) {
        return Ok(Vec::new());
    }
    let resolved = request.resolve(&sets)?;
    let mut queries = Vec::with_capacity(sets.len());
    for (at, set) in sets.iter().enumerate() {
        let Some(set) = set else { continue };
        options.check(set.params())?;
        let mut search = options.search.clone();
        if options.exclude {
            search.excluded = request.elements_of(at);
        }
        let vector = resolved.blend(set)?;
        queries.push((at, set.query(Target::Stored(&vector), &search)?));
    }
    Ok(queries)
}

/// VEXPLAIN takes VSIM's arguments, runs it at once and reports how.
pub fn vexplain(call: &Call) -> Outcome {
    let mut args = vsim_command::arguments(call.args)?;
    let question = near::parse(&mut args, false)?;
    let mut options = vsim_command::parse_options(&mut args, settings::search_defaults())?;
    options.complete(&question);
    read(call, Reply::NilArray, |set| {
        question.check(set)?;
        let hits = info::measured(query(set, &question, &options)?);
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

/// Whether a command that takes so long is to be answered later.
pub fn may_wait(call: &Call, nanos: u64) -> bool {
    nanos >= INLINE_BELOW_NANOS && may_block(call)
}

/// Whether a command may be answered later.
fn may_block(call: &Call) -> bool {
    !single_threaded() && blocking::is_allowed(call.ctx)
}
