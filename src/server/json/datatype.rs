//! The type `ReJSON-RL`: load, save, rewrite, copy, free, digest, memory.

use std::os::raw::{c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::json::saved::{self, LoadError, Source};
use crate::json::value::{Node, View};
use crate::json::{Value, to_text};
use crate::server::api::{Context, Stream, Truncated, api, register_type};
use crate::server::{documents, raw, values};

const NAME: &str = "ReJSON-RL";
/// How the log names these values.
const KIND: &str = "json";

/// Documents with more values than this are freed by a separate thread.
const FREE_BEHIND: usize = 1000;

/// Registers the type.
pub fn register(ctx: &Context) -> Result<(), String> {
    let created = register_type(ctx, NAME, saved::VERSION, |methods| {
        methods.rdb_load = Some(load);
        methods.rdb_save = Some(save);
        methods.aof_rewrite = Some(rewrite);
        methods.mem_usage = Some(memory);
        methods.free = Some(free);
        methods.free_effort = Some(free_effort);
        methods.copy = Some(copy);
        methods.digest = Some(digest);
        methods.defrag = Some(super::defrag::defragment);
    });
    documents::set_json_type(created.ok_or_else(|| format!("the server has a data type {NAME} already"))?);
    Ok(())
}

/// # Safety
/// The value is one of our type, and it does not change during `'a`.
unsafe fn value<'a>(value: *const c_void) -> &'a Value {
    // SAFETY: values of our type are boxed documents.
    unsafe { &*value.cast::<Value>() }
}

impl From<Truncated> for LoadError {
    fn from(_: Truncated) -> LoadError {
        LoadError("truncated".into())
    }
}

impl Source for Stream {
    fn unsigned(&mut self) -> Result<u64, LoadError> {
        Ok(self.load_unsigned()?)
    }

    fn signed(&mut self) -> Result<i64, LoadError> {
        Ok(self.load_signed()?)
    }

    fn double(&mut self) -> Result<f64, LoadError> {
        Ok(self.load_double()?)
    }

    fn bytes(&mut self) -> Result<Vec<u8>, LoadError> {
        Ok(self.load_bytes()?.as_ref().to_vec())
    }
}

unsafe extern "C" fn load(io: *mut raw::RedisModuleIO, version: c_int) -> *mut c_void {
    values::loaded(KIND, || saved::load(version, &mut Stream(io)))
}

unsafe extern "C" fn save(io: *mut raw::RedisModuleIO, document: *mut c_void) {
    // SAFETY: the server's value, of our type.
    let document = unsafe { value(document) };
    values::guard(KIND, "saving", || Stream(io).save_bytes(&to_text(document.node())));
}

unsafe extern "C" fn rewrite(io: *mut raw::RedisModuleIO, key: *mut raw::RedisModuleString, document: *mut c_void) {
    // SAFETY: as in `save`.
    let document = unsafe { value(document) };
    values::guard(KIND, "rewriting", || {
        let text = to_text(document.node());
        let (bytes, len) = (text.as_ptr().cast::<c_char>(), text.len());
        let command = crate::server::commands::registered_name("JSON.SET");
        api!(RedisModule_EmitAOF(io, command.as_ptr(), c"scb".as_ptr(), key, c"$".as_ptr(), bytes, len));
    });
}

unsafe extern "C" fn memory(document: *const c_void) -> usize {
    // SAFETY: as in `save`.
    let document = unsafe { value(document) };
    catch_unwind(AssertUnwindSafe(|| document.memory())).unwrap_or(0)
}

unsafe extern "C" fn free(document: *mut c_void) {
    // SAFETY: the server gives the box back that it was given, and does not use it again.
    let document = unsafe { Box::from_raw(document.cast::<Value>()) };
    discard(vec![*document]);
}

/// Frees values: many of them on a thread of the pool.
pub fn discard(documents: Vec<Value>) {
    let mut left = FREE_BEHIND;
    for value in &documents {
        left = left.saturating_sub(value.count(left));
    }
    values::free(KIND, documents, left == 0);
}

/// The upper limit of the reported effort: more makes no difference to the server.
const ENOUGH_EFFORT: usize = 10_000;

unsafe extern "C" fn free_effort(_key: *mut raw::RedisModuleString, document: *const c_void) -> usize {
    // SAFETY: as in `save`.
    unsafe { value(document) }.count(ENOUGH_EFFORT)
}

unsafe extern "C" fn copy(
    _from: *mut raw::RedisModuleString,
    _to: *mut raw::RedisModuleString,
    document: *const c_void,
) -> *mut c_void {
    // SAFETY: as in `save`.
    let document = unsafe { value(document) };
    values::copied(|| document.clone())
}

unsafe extern "C" fn digest(digest: *mut raw::RedisModuleDigest, document: *mut c_void) {
    // SAFETY: as in `save`.
    let document = unsafe { value(document) };
    values::guard(KIND, "digesting", || {
        let mut text = Vec::new();
        sorted(document.node(), &mut text);
        let bytes = text.as_ptr().cast::<c_char>().cast_mut();
        api!(RedisModule_DigestAddStringBuffer(digest, bytes, text.len()));
        api!(RedisModule_DigestEndSequence(digest));
    });
}

/// A text that documents share which differ in the order of members only. As deep as the value, which is bounded.
fn sorted(node: Node, out: &mut Vec<u8>) {
    match node.view() {
        View::Array(items) => {
            out.push(b'[');
            for item in items.iter() {
                sorted(item, out);
                out.push(b',');
            }
            out.push(b']');
        }
        View::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.bytes().cmp(b.bytes()));
            out.push(b'{');
            for (name, value) in members {
                out.extend_from_slice(&(name.bytes().len() as u64).to_le_bytes());
                out.extend_from_slice(name.bytes());
                sorted(value.node(), out);
            }
            out.push(b'}');
        }
        _ => out.extend_from_slice(&to_text(node)),
    }
}
