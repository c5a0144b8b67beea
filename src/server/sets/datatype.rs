//! The data type's callbacks: load, save, rewrite, copy, free, digest, memory, defragmentation.

use std::os::raw::{c_char, c_int, c_ulong, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::expiring;
use crate::arena::Movable;
use crate::graph::Alone;
use crate::persist::{self, LoadError, Sink, Source};
use crate::server::api::{Context, Stream, Truncated, TypePointer, api, log, register_type, string_bytes};
use crate::server::commands::registered_name;
use crate::server::face::Names;
use crate::server::values::{self, warn};
use crate::server::{in_child, raw};
use crate::set::{Restored, VectorSet};
use crate::vector::Metric;

static TYPE: AtomicPtr<raw::RedisModuleType> = AtomicPtr::new(null_mut());

/// How the log names these values.
const KIND: &str = "vectorset";

/// Sets with more elements than this are freed by a separate thread.
const FREE_BEHIND: usize = 1000;

/// Elements whose damaged graph is rebuilt while clients wait: about a tenth of a second.
const MOST_REBUILT: usize = 1000;

/// The default number of databases.
const DATABASES: i32 = 16;

/// Our type, once it is registered.
pub fn pointer() -> TypePointer {
    TYPE.load(Ordering::Relaxed)
}

/// Registers the type.
pub fn register(ctx: &Context, names: &Names) -> Result<(), String> {
    let created = register_type(ctx, &names.data_type, persist::VERSION, |methods| {
        methods.rdb_load = Some(load);
        methods.rdb_save = Some(save);
        methods.aof_rewrite = Some(rewrite);
        methods.mem_usage = Some(memory);
        methods.free = Some(free);
        methods.free_effort = Some(free_effort);
        methods.copy = Some(copy);
        methods.digest = Some(digest);
        methods.defrag = Some(defragment);
    });
    let created =
        created.ok_or_else(|| format!("the server has a data type {} already, as Redis 8 does", names.data_type))?;
    TYPE.store(created, Ordering::Relaxed);
    Ok(())
}

/// # Safety
/// The value is one of our type that has no other user during `'a`.
unsafe fn set<'a>(value: *const c_void) -> &'a mut VectorSet {
    // SAFETY: values of our type are boxed sets; callbacks run on the main thread, or alone.
    unsafe { &mut *value.cast_mut().cast::<VectorSet>() }
}

fn alone() -> Alone {
    if in_child() { Alone::Yes } else { Alone::No }
}

impl Sink for Stream {
    fn unsigned(&mut self, value: u64) {
        self.save_unsigned(value);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.save_bytes(bytes);
    }
}

impl From<Truncated> for LoadError {
    fn from(_: Truncated) -> LoadError {
        LoadError::truncated()
    }
}

impl Source for Stream {
    fn unsigned(&mut self) -> Result<u64, LoadError> {
        Ok(self.load_unsigned()?)
    }

    fn numbers(&mut self, count: usize, out: &mut Vec<u64>) -> Result<(), LoadError> {
        Ok(self.load_numbers(count, out)?)
    }

    fn bytes(&mut self, out: &mut Vec<u8>) -> Result<(), LoadError> {
        let bytes = self.load_bytes()?;
        out.clear();
        out.extend_from_slice(bytes.as_ref());
        Ok(())
    }
}

unsafe extern "C" fn load(io: *mut raw::RedisModuleIO, version: c_int) -> *mut c_void {
    values::loaded(KIND, || {
        if version != persist::VERSION {
            return Err(format!("of version {version}; {} is known", persist::VERSION));
        }
        let most_rebuilt = if is_restored(io) { MOST_REBUILT } else { usize::MAX };
        let loaded = persist::load_with(&mut Stream(io), most_rebuilt).map_err(|why| why.to_string())?;
        match &loaded.graph {
            Restored::Whole => {}
            Restored::Joined(groups) => {
                log(null_mut(), c"notice", &format!("{KIND}: joined {groups} groups that had no connection"));
            }
            Restored::Rebuilt(why) => warn(KIND, &format!("rebuilt the graph of a value, since it was damaged: {why}")),
        }
        if loaded.set.expiring() > 0 {
            watch_loaded(io);
        }
        Ok(loaded.set)
    })
}

/// Whether a client restores the value: nothing is lost if it is refused, and other clients wait for it.
fn is_restored(io: *mut raw::RedisModuleIO) -> bool {
    // SAFETY: the server's context lives as long as the load.
    let ctx = api!(RedisModule_GetContextFromIO(io)).map(|ctx| unsafe { Context::new(ctx) });
    ctx.is_some_and(|ctx| !ctx.is_loading() && !ctx.is_replica())
}

/// Registers the key that is being loaded for the expiry of elements.
fn watch_loaded(io: *mut raw::RedisModuleIO) {
    let Some(name) = api!(RedisModule_GetKeyNameFromIO(io)).filter(|name| !name.is_null()) else { return };
    // SAFETY: the server's string lives during the load.
    let name = unsafe { string_bytes(name.cast_mut()) };
    match api!(RedisModule_GetDbIdFromIO(io)) {
        Some(database) => expiring::watch(database, name),
        // Before 7.0 the database is unknown: where there is no such key, it is dropped at the first lookup.
        None => (0..DATABASES).for_each(|database| expiring::watch(database, name)),
    }
}

unsafe extern "C" fn save(io: *mut raw::RedisModuleIO, value: *mut c_void) {
    // SAFETY: the server's value, of our type.
    let set = unsafe { set(value) };
    values::guard(KIND, "saving", || persist::save(&set.settle(alone()), &mut Stream(io)));
}

unsafe extern "C" fn rewrite(io: *mut raw::RedisModuleIO, key: *mut raw::RedisModuleString, value: *mut c_void) {
    // SAFETY: as in `save`.
    let set = unsafe { set(value) };
    let command = registered_name("VREPLAY");
    values::guard(KIND, "rewriting", || {
        let mut first = true;
        persist::rewrite(&set.settle(alone()), &mut |chunk, last| {
            let which = match (std::mem::take(&mut first), last) {
                (true, true) => c"ONLY",
                (true, false) => c"FIRST",
                (false, true) => c"LAST",
                (false, false) => c"MORE",
            };
            api!(RedisModule_EmitAOF(
                io,
                command.as_ptr(),
                c"scb".as_ptr(),
                key,
                which.as_ptr(),
                chunk.as_ptr().cast::<c_char>(),
                chunk.len(),
            ));
        });
    });
}

unsafe extern "C" fn memory(value: *const c_void) -> usize {
    // SAFETY: as in `save`.
    let set = unsafe { set(value) };
    catch_unwind(AssertUnwindSafe(|| set.memory())).unwrap_or(0)
}

unsafe extern "C" fn free(value: *mut c_void) {
    // SAFETY: the server gives the box back that it was given, and does not use it again.
    let set = unsafe { Box::from_raw(value.cast::<VectorSet>()) };
    let is_large = set.len() > FREE_BEHIND;
    values::free(KIND, set, is_large);
}

unsafe extern "C" fn free_effort(_key: *mut raw::RedisModuleString, value: *const c_void) -> usize {
    // SAFETY: as in `save`.
    unsafe { set(value) }.free_effort()
}

unsafe extern "C" fn copy(
    _from: *mut raw::RedisModuleString,
    _to: *mut raw::RedisModuleString,
    value: *const c_void,
) -> *mut c_void {
    // SAFETY: as in `save`.
    let set = unsafe { set(value) };
    values::copied(|| set.duplicate())
}

/// Active defragmentation of names and attributes; 1 if there are
/// more when time is up. Servers whose allocator does not support it never call this.
unsafe extern "C" fn defragment(
    ctx: *mut raw::RedisModuleDefragCtx,
    _key: *mut raw::RedisModuleString,
    value: *mut *mut c_void,
) -> c_int {
    // SAFETY: as in `save`; the server gives the place of the value.
    let set = unsafe { set(*value) };
    let mut from: c_ulong = 0;
    api!(RedisModule_DefragCursorGet(ctx, &mut from));
    let mut visited = 0;
    let elsewhere = |base: NonNull<u8>| {
        let moved = api!(RedisModule_DefragAlloc(ctx, base.as_ptr().cast::<c_void>()))?;
        NonNull::new(moved.cast::<u8>())
    };
    let mut visit = |movable: Movable| {
        // SAFETY: no other thread reads what is visited; the server moves the whole allocation within its
        // allocator, which is ours, and frees the old one.
        unsafe { movable.relocate(elsewhere) };
        visited += 1;
        visited % 64 != 0 || api!(RedisModule_DefragShouldStop(ctx)) != Some(1)
    };
    match catch_unwind(AssertUnwindSafe(|| set.visit_movable(from as u32, &mut visit))) {
        Ok(Some(next)) => {
            api!(RedisModule_DefragCursorSet(ctx, next.into()));
            1
        }
        Ok(None) | Err(_) => 0,
    }
}

/// Everything that clients can observe, but not the graph, which differs from server to server.
unsafe extern "C" fn digest(digest: *mut raw::RedisModuleDigest, value: *mut c_void) {
    // SAFETY: as in `save`.
    let set = unsafe { set(value) };
    let bytes = |bytes: &[u8]| {
        api!(RedisModule_DigestAddStringBuffer(digest, bytes.as_ptr().cast::<c_char>().cast_mut(), bytes.len()));
    };
    let number = |number: usize| {
        api!(RedisModule_DigestAddLongLong(digest, number as i64));
    };
    values::guard(KIND, "digesting", || {
        add_to_digest(set, &bytes, &number, &|| {
            api!(RedisModule_DigestEndSequence(digest));
        })
    });
}

fn add_to_digest(set: &VectorSet, bytes: &dyn Fn(&[u8]), number: &dyn Fn(usize), end: &dyn Fn()) {
    let params = set.params();
    number(set.len());
    number(params.dim);
    number(params.input_dim.unwrap_or(0));
    number(params.encoding.id() as usize);
    number(params.m);
    if params.metric != Metric::Cosine {
        number(params.metric.id() as usize);
    }
    end();
    set.for_each(&mut |element| {
        bytes(element.code);
        bytes(&element.l2.to_bits().to_le_bytes());
        bytes(&element.range.to_bits().to_le_bytes());
        bytes(element.name);
        if !element.attributes.is_empty() {
            bytes(element.attributes);
        }
        if let Some(time) = element.time {
            number(time as usize);
        }
        end();
    });
}
