//! Change capture: each change of a key reaches the indexes before its command is replied to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::server::raw;

use super::documents::{self, Found, Wanted};
use super::registry::{self, Entry};
use super::{cluster, json, persist, rewrite};
use crate::search::index::Document;
use crate::search::schema::Source;
use crate::search::value as search;
use crate::server::api::{Called, Context, KeyEvent, ServerEvent, Text, Value};

/// Where RENAME took a key from, between its two events.
static RENAMED: Mutex<Option<(i32, Vec<u8>)>> = Mutex::new(None);

/// Whether fields of hashes can expire on this server.
static FIELDS_EXPIRE: AtomicBool = AtomicBool::new(false);

/// Events of keys that an index may be concerned with.
pub const CLASSES: i32 = raw::REDISMODULE_NOTIFY_ALL | raw::REDISMODULE_NOTIFY_LOADED | raw::REDISMODULE_NOTIFY_MODULE;

/// Finds out what the server can do.
pub fn start(ctx: &Context) {
    FIELDS_EXPIRE.store(ctx.has_command("HPEXPIRETIME"), Ordering::Relaxed);
}

/// Called at each event of a key, within the command that caused it.
pub fn on_key(ctx: &Context, event: &KeyEvent) {
    if registry::is_any() {
        follow(ctx, event, ctx.database());
    }
}

fn follow(ctx: &Context, event: &KeyEvent, database: i32) {
    match event.event {
        b"del" | b"expired" | b"evicted" | b"unlink" | b"move_from" => forget(database, event.name),
        b"rename_from" => {
            *RENAMED.lock().unwrap_or_else(|e| e.into_inner()) = Some((database, event.name.to_vec()));
        }
        b"rename_to" => {
            let from = RENAMED.lock().unwrap_or_else(|e| e.into_inner()).take();
            if let Some((_, from)) = from.filter(|(number, _)| *number == database) {
                rename(database, &from, event.name);
            }
            reread(ctx, database, event.name, None, Depth::Whole);
        }
        b"expire" | b"persist" => note_expiry(ctx, database, event.name),
        // The databases that are being loaded stand beside those that can be read.
        b"loaded" if ctx.flags() & raw::REDISMODULE_CTX_FLAGS_ASYNC_LOADING != 0 => {}
        b"hset" | b"hincrby" | b"hincrbyfloat" | b"hdel" => reread(ctx, database, event.name, None, Depth::Fields),
        _ => reread(ctx, database, event.name, None, Depth::Whole),
    }
}

/// Called at events of the server.
pub fn on_server(ctx: &Context, event: ServerEvent) {
    match event {
        ServerEvent::Flushing { database } => registry::with(|registry| registry.flush(database)),
        ServerEvent::Flushed { .. } => cluster::flushed(ctx),
        ServerEvent::Swapped(a, b) => registry::with(|registry| registry.swap(a, b)),
        ServerEvent::AsyncLoadBegins => persist::load_aside(),
        ServerEvent::AsyncLoadAborted => persist::forget_aside(),
        ServerEvent::AsyncLoadDone => persist::take_over(ctx),
        ServerEvent::LoadingEnded { failed: false } => persist::loaded(ctx),
        ServerEvent::ChildBorn => rewrite::on_child(ctx),
        _ => {}
    }
}

/// How much an event may have changed.
#[derive(Clone, Copy, PartialEq)]
pub enum Depth {
    /// Values of fields.
    Fields,
    /// Anything, also when fields expire.
    Whole,
}

/// Brings the indexes that a key belongs to, or only one of them, up to what the key holds now.
pub fn reread(ctx: &Context, database: i32, name: &[u8], only: Option<u64>, depth: Depth) {
    let concerned = |entry: &&mut Entry| only.is_none_or(|id| entry.id == id);
    let wanted: Vec<_> = registry::with(|registry| {
        registry.covering(database, name).filter(concerned).map(|entry| entry.wanted.clone()).collect()
    });
    if wanted.is_empty() {
        return;
    }
    let wanted: Vec<&Wanted> = wanted.iter().map(|wanted| &**wanted).collect();
    let key = Text::new(name);
    let mut found = documents::read(ctx, &key, &wanted);
    if let Some(found) = &mut found
        && depth == Depth::Whole
        && found.source == Source::Hash
    {
        let fields = fields_expire(ctx, &key, &wanted);
        found.expires = found.expires.into_iter().chain(fields).min();
    }
    let is_import = ctx.flags() & Context::slot_import_flag() != 0;
    registry::with(|registry| {
        for entry in registry.covering(database, name).filter(concerned) {
            apply(entry, name, found.as_ref(), depth);
            if is_import {
                cluster::unsettle(&entry.settled);
            }
        }
    });
}

fn apply(entry: &mut Entry, key: &[u8], found: Option<&Found>, depth: Depth) {
    let began = Instant::now();
    let fits = |found: &&Found| found.source == entry.definition.source && admits(entry, key, found);
    match found.filter(fits) {
        Some(found) => {
            entry.is_wide |= found.is_wide;
            entry.index.put(key, &found.document);
            match depth {
                Depth::Whole => entry.expiry.set(key, found.expires),
                Depth::Fields => entry.expiry.note(key, found.expires),
            }
        }
        None => {
            entry.index.remove(key);
            entry.expiry.set(key, None);
        }
    }
    entry.indexing += began.elapsed();
}

/// Whether the FILTER of the index lets a document in.
pub fn admits(entry: &Entry, key: &[u8], found: &Found) -> bool {
    let Some(filter) = &entry.filter else { return true };
    filter.admits(&|name: &[u8]| {
        if name == b"__key" {
            return Some(search::Value::Text(key.into()));
        }
        let definition = &entry.definition;
        let path = definition.field(name).map_or(name, |field| &definition.fields[field].path);
        json::text(found.document.field(path), 2).map(|bytes| search::Value::Text(bytes.into()))
    })
}

/// A key is gone.
fn forget(database: i32, name: &[u8]) {
    registry::with(|registry| {
        registry.covering(database, name).for_each(|entry| apply(entry, name, None, Depth::Whole))
    });
}

/// A key has another name; what it held is read again behind this.
fn rename(database: i32, from: &[u8], to: &[u8]) {
    registry::with(|registry| {
        for entry in registry.covering(database, from) {
            if !(entry.covers(to) && entry.index.rename(from, to)) {
                entry.index.remove(from);
            }
            entry.expiry.set(from, None);
        }
    });
}

/// When a key expires has changed, nothing else.
fn note_expiry(ctx: &Context, database: i32, name: &[u8]) {
    let wanted: Vec<_> =
        registry::with(|registry| registry.covering(database, name).map(|entry| entry.wanted.clone()).collect());
    if wanted.is_empty() {
        return;
    }
    let key = Text::new(name);
    let open = documents::Open::quietly(ctx, &key);
    let whole = open.time_to_live().map(|left| documents::now() + left);
    let is_hash = open.source() == Some(Source::Hash);
    drop(open);
    let wanted: Vec<&Wanted> = wanted.iter().map(|wanted| &**wanted).collect();
    let fields = if is_hash { fields_expire(ctx, &key, &wanted) } else { None };
    let expires = whole.into_iter().chain(fields).min();
    registry::with(|registry| {
        for entry in registry.covering(database, name) {
            entry.expiry.set(name, expires.filter(|_| entry.index.contains(name)));
        }
    });
}

/// When the first of the wanted fields of a hash expires, in Unix milliseconds.
fn fields_expire(ctx: &Context, key: &Text, wanted: &[&Wanted]) -> Option<i64> {
    if !FIELDS_EXPIRE.load(Ordering::Relaxed) {
        return None;
    }
    let paths: Vec<&[u8]> = wanted.iter().flat_map(|wanted| &wanted.paths).map(|path| &path[..]).collect();
    if paths.is_empty() {
        return None;
    }
    let count = paths.len().to_string();
    let args: Vec<&[u8]> = [key.bytes(), b"FIELDS", count.as_bytes()].into_iter().chain(paths).collect();
    let reply = ctx.call("HPEXPIRETIME", &args, Called::default()).ok()?;
    let Value::Array(times) = reply.value() else { return None };
    let times = times.into_iter().filter_map(|time| if let Value::Int(time) = time { Some(time) } else { None });
    // Negative: no such field, or it does not expire.
    times.filter(|&time| time >= 0).min()
}

/// Documents looked at again before a query: more than these wait for the server's own expiry.
const MAX_DUE: usize = 1000;

/// Looks again at the documents of an index whose time has passed.
pub fn expire(ctx: &Context, id: u64) {
    let now = documents::now();
    let due = registry::with(|registry| {
        registry.by_id(id).map(|(database, entry)| (database, entry.expiry.due(now, MAX_DUE))).unwrap_or_default()
    });
    let (database, due) = due;
    if due.is_empty() {
        return;
    }
    let selected = ctx.database();
    ctx.select(database);
    for key in due {
        reread(ctx, database, &key, None, Depth::Whole);
    }
    ctx.select(selected);
}
