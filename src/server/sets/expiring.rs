//! Removes expired elements, in slices on the main thread; each removal is replicated as a VREM.
//!
//! Keys of sets with expiries are registered by the commands that set expiries, by loads and by commands that move
//! keys. When the time has come, the key is looked up again: a name that leads to another
//! value, or to none, is dropped. Replicas hide expired elements, but leave the removal to their primary.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::server::raw;

use super::open::open;
use super::{info, reclaim, replay};
use crate::server::api::{
    Context, KeyEvent, ServerEvent, Text, api, string_bytes, subscribe_to_keys, subscribe_to_server,
};
use crate::server::commands::{Call, registered_name};
use crate::set::{VectorSet, now};

/// Milliseconds between two checks for due elements.
const PERIOD: i64 = 100;
/// The main thread's time for a slice.
const SLICE: Duration = Duration::from_millis(1);
/// Elements between two readings of the clock.
const AT_ONCE: usize = 16;
/// Milliseconds until the linkers may have caught up.
const BEHIND: i64 = 5;

/// When to check which keys of a database.
#[derive(Default)]
struct Watched {
    due: BTreeSet<(i64, Vec<u8>)>,
    times: HashMap<Vec<u8>, i64>,
}

impl Watched {
    fn set(&mut self, key: Vec<u8>, time: i64) {
        if let Some(old) = self.times.insert(key.clone(), time) {
            self.due.remove(&(old, key.clone()));
        }
        self.due.insert((time, key));
    }

    fn take_due(&mut self, now: i64) -> Option<Vec<u8>> {
        self.due.first().filter(|(time, _)| *time <= now)?;
        let (_, key) = self.due.pop_first()?;
        self.times.remove(&key);
        Some(key)
    }
}

/// By database.
fn watched() -> MutexGuard<'static, BTreeMap<i32, Watched>> {
    static WATCHED: Mutex<BTreeMap<i32, Watched>> = Mutex::new(BTreeMap::new());
    WATCHED.lock().unwrap_or_else(|e| e.into_inner())
}

fn watch_until(database: i32, key: Vec<u8>, time: i64) {
    watched().entry(database).or_default().set(key, time);
}

/// The database and key that are due first.
fn take_due(now: i64) -> Option<(i32, Vec<u8>)> {
    let mut watched = watched();
    let next = |(database, watched): (&i32, &Watched)| Some((watched.due.first()?.0, *database));
    let (_, database) = watched.iter().filter_map(next).min()?;
    Some((database, watched.get_mut(&database)?.take_due(now)?))
}

/// Registers a key that may hold a set with expiries, to be checked soon.
pub fn watch(database: i32, key: &[u8]) {
    subscribe_to_keys(raw::REDISMODULE_NOTIFY_GENERIC, on_key);
    watch_until(database, key.to_vec(), 0);
}

/// Whether any key is watched.
fn is_watching() -> bool {
    watched().values().any(|watched| !watched.times.is_empty())
}

/// Starts the timer.
pub fn start(ctx: &Context) {
    subscribe_to_server(ctx, on_server);
    ctx.after(PERIOD, tick);
}

fn on_key(ctx: &Context, event: &KeyEvent) {
    if matches!(event.event, b"rename_to" | b"move_to" | b"copy_to") && is_watching() {
        watch(ctx.database(), event.name);
    }
}

fn on_server(_: &Context, event: ServerEvent) {
    if let ServerEvent::LoadingEnded { .. } = event {
        replay::end_of_file();
    }
    let ServerEvent::Swapped(a, b) = event else { return };
    let mut watched = watched();
    let [of_a, of_b] = [a, b].map(|database| watched.remove(&database).unwrap_or_default());
    watched.insert(a, of_b);
    watched.insert(b, of_a);
}

fn tick(ctx: &Context) {
    // Writes are paused for a failover, or not all keys are there yet.
    let paused = api!(RedisModule_AvoidReplicaTraffic()).unwrap_or(0) != 0 || ctx.is_repetition();
    let slice = || if paused { PERIOD } else { run_slice(ctx) };
    // A panic must not stop the timer.
    let wait = catch_unwind(AssertUnwindSafe(slice)).unwrap_or(PERIOD);
    ctx.after(wait, tick);
}

/// Removes due elements for the time of a slice; returns the milliseconds until the next.
fn run_slice(ctx: &Context) -> i64 {
    let began = Instant::now();
    while began.elapsed() < SLICE {
        let Some((database, key)) = take_due(now()) else { return PERIOD };
        ctx.select(database);
        let name = Text::new(&key);
        let next = if ctx.is_replica() { next_on_replica(ctx, &name) } else { remove_from(ctx, &name) };
        if let Some(next) = next {
            watch_until(database, key, next);
        }
    }
    1
}

/// When to look again on a replica, which may be the master by then.
fn next_on_replica(ctx: &Context, name: &Text) -> Option<i64> {
    let mut key = ctx.open_quietly(name.ptr());
    let next = open(&mut key).ok()??.next_time()?;
    Some(next.max(now() + 10 * PERIOD))
}

/// Removes some elements whose time has come; yields when to look again, if there are times left.
fn remove_from(ctx: &Context, name: &Text) -> Option<i64> {
    let mut key = ctx.open_to_write(name.ptr());
    let set = open(&mut key).ok()??;
    if set.is_over_bound() {
        return Some(now() + BEHIND);
    }
    let removed = set.remove_hidden(AT_ONCE);
    let (next, empty) = (set.next_time(), set.is_empty());
    if empty {
        key.delete();
    }
    // Listeners of the events may do anything to the key.
    drop(key);
    announce(ctx, name.ptr(), &removed);
    if empty {
        ctx.notify(name.ptr(), c"del");
    }
    next
}

/// Replicates and notifies removals.
pub fn announce(ctx: &Context, name: *mut raw::RedisModuleString, removed: &[Vec<u8>]) {
    info::STATS.removals.add(removed.len() as u64);
    // SAFETY: the caller's string.
    let key = unsafe { string_bytes(name) }.to_vec();
    if !removed.is_empty() {
        reclaim::watch(ctx, ctx.database(), &key);
    }
    for element in removed {
        ctx.replicate(registered_name("VREM"), &[&key, element]);
        ctx.changed(name, c"vexpired");
    }
}

/// Before a write to elements: those of them whose time has come are removed first, as they would have been a
/// moment later. Returns their names, for [`announce`] once the key is closed.
pub fn remove_hidden(call: &Call, set: &mut VectorSet, elements: &[&[u8]]) -> Vec<Vec<u8>> {
    if call.ctx.is_repetition() || set.expiring() == 0 {
        return Vec::new();
    }
    let hidden = elements.iter().filter(|element| set.is_hidden(element)).map(|element| element.to_vec());
    let mut hidden: Vec<Vec<u8>> = hidden.collect();
    hidden.retain(|element| set.remove(element));
    hidden
}
