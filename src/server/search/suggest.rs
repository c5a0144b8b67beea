//! FT.SUGADD and related commands, with the data type of suggestions.

use std::os::raw::{c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Instant;

use crate::server::raw;

use super::execution::{self, Need, Work};
use super::refuse;
use crate::reply::Reply;
use crate::search::command::simple::{SugaddRequest, SuggetRequest};
use crate::search::number::format_digits;
use crate::search::reply::Protocol;
use crate::search::suggest::{Finding, Suggested, Suggestions};
use crate::server::api::{Context, Key, Opened, Stream, Text, Truncated, TypePointer, api, register_type};
use crate::server::commands::{Call, Failure, Outcome, registered_name};
use crate::server::values;

/// How the log names these values.
const KIND: &str = "suggestions";

/// Larger values are freed by a separate thread.
const FREE_BEHIND: usize = 1000;
/// Strings that are looked at between two looks at the clock.
const AT_ONCE: usize = 50;

/// Of the saved form.
const VERSION: c_int = 100;

static TYPE: AtomicPtr<raw::RedisModuleType> = AtomicPtr::new(null_mut());

fn pointer() -> TypePointer {
    TYPE.load(Ordering::Relaxed)
}

/// Registers the type, under the name that clients see in TYPE.
pub fn register(ctx: &Context) -> Result<(), String> {
    let created = register_type(ctx, "trietype0", VERSION, |methods| {
        methods.rdb_load = Some(load);
        methods.rdb_save = Some(save);
        methods.aof_rewrite = Some(rewrite);
        methods.mem_usage = Some(memory);
        methods.free = Some(free);
        methods.free_effort = Some(free_effort);
        methods.copy = Some(copy);
    });
    TYPE.store(created.ok_or("the server has a data type trietype0 already")?, Ordering::Relaxed);
    Ok(())
}

/// # Safety
/// The value is one of our type that does not change during `'a`.
unsafe fn suggestions<'a>(value: *const c_void) -> &'a Suggestions {
    // SAFETY: values of our type are boxed suggestions.
    unsafe { &*value.cast::<Suggestions>() }
}

unsafe extern "C" fn save(io: *mut raw::RedisModuleIO, value: *mut c_void) {
    // SAFETY: the server's value, of our type.
    let all = unsafe { suggestions(value) };
    values::guard(KIND, "saving", || {
        let mut stream = Stream(io);
        stream.save_unsigned(all.len() as u64);
        for Suggested { string, score, payload } in all.iter() {
            stream.save_bytes(string);
            stream.save_unsigned(score.to_bits());
            stream.save_unsigned(payload.is_some() as u64);
            stream.save_bytes(payload.unwrap_or_default());
        }
    });
}

unsafe extern "C" fn load(io: *mut raw::RedisModuleIO, version: c_int) -> *mut c_void {
    values::loaded(KIND, || {
        if version != VERSION {
            return Err("of an unknown version");
        }
        read(&mut Stream(io)).map_err(|Truncated| "truncated")
    })
}

fn read(stream: &mut Stream) -> Result<Suggestions, Truncated> {
    let mut all = Suggestions::default();
    for _ in 0..stream.load_unsigned()? {
        let string = stream.load_bytes()?;
        let score = f64::from_bits(stream.load_unsigned()?);
        let has_payload = stream.load_unsigned()? != 0;
        let payload = stream.load_bytes()?;
        all.add(string.as_ref(), score, false, has_payload.then_some(payload.as_ref()));
    }
    Ok(all)
}

unsafe extern "C" fn rewrite(io: *mut raw::RedisModuleIO, key: *mut raw::RedisModuleString, value: *mut c_void) {
    // SAFETY: as in `save`.
    let all = unsafe { suggestions(value) };
    let command = registered_name("FT.SUGADD").as_ptr();
    values::guard(KIND, "rewriting", || {
        for Suggested { string, score, payload } in all.iter() {
            let score = format_digits(score, 17);
            let (text, texts) = (string.as_ptr().cast::<c_char>(), string.len());
            let (number, numbers) = (score.as_ptr().cast::<c_char>(), score.len());
            match payload {
                None => api!(RedisModule_EmitAOF(io, command, c"sbb".as_ptr(), key, text, texts, number, numbers)),
                Some(payload) => api!(RedisModule_EmitAOF(
                    io,
                    command,
                    c"sbbcb".as_ptr(),
                    key,
                    text,
                    texts,
                    number,
                    numbers,
                    c"PAYLOAD".as_ptr(),
                    payload.as_ptr().cast::<c_char>(),
                    payload.len()
                )),
            };
        }
    });
}

unsafe extern "C" fn memory(value: *const c_void) -> usize {
    // SAFETY: as in `save`.
    unsafe { suggestions(value) }.memory()
}

unsafe extern "C" fn free(value: *mut c_void) {
    // SAFETY: the server gives the box back that it was given, and does not use it again.
    let all = unsafe { Box::from_raw(value.cast::<Suggestions>()) };
    let is_large = all.len() > FREE_BEHIND;
    values::free(KIND, all, is_large);
}

unsafe extern "C" fn free_effort(_key: *mut raw::RedisModuleString, value: *const c_void) -> usize {
    // SAFETY: as in `save`.
    unsafe { suggestions(value) }.len()
}

unsafe extern "C" fn copy(
    _from: *mut raw::RedisModuleString,
    _to: *mut raw::RedisModuleString,
    value: *const c_void,
) -> *mut c_void {
    // SAFETY: as in `save`.
    let all = unsafe { suggestions(value) };
    values::copied(|| all.clone())
}

fn wrong_type() -> Failure {
    Failure::Text(b"WRONGTYPE Operation against a key holding the wrong kind of value".to_vec())
}

/// The suggestions of an open key; none if it is absent.
fn open(key: &mut Key) -> Result<Option<&mut Suggestions>, Failure> {
    match key.value::<Suggestions>(pointer()) {
        Opened::Absent => Ok(None),
        Opened::Holds(all) => Ok(Some(all)),
        Opened::WrongType => Err(wrong_type()),
    }
}

/// FT.SUGADD
pub fn ft_sugadd(call: &Call) -> Outcome {
    let request = SugaddRequest::parse(call.args).map_err(refuse)?;
    let mut key = call.ctx.open_to_write(call.key);
    let add = |all: &mut Suggestions| {
        all.add(&request.string, request.score, request.increment, request.payload.as_deref());
        all.len()
    };
    let count = match open(&mut key)? {
        Some(all) => add(all),
        None if request.string.is_empty() => return Ok(Some(Reply::Int(0))),
        None => {
            let mut all = Box::<Suggestions>::default();
            let count = add(&mut all);
            key.set(pointer(), all);
            count
        }
    };
    drop(key);
    call.ctx.replicate_verbatim();
    call.ctx.changed(call.key, c"ft.sugadd");
    Ok(Some(Reply::from(count)))
}

/// FT.SUGDEL
pub fn ft_sugdel(call: &Call) -> Outcome {
    let mut key = call.ctx.open_to_write(call.key);
    let Some(all) = open(&mut key)? else { return Ok(Some(Reply::Int(0))) };
    let removed = all.remove(call.args[1]);
    if all.is_empty() {
        key.delete();
    }
    drop(key);
    if removed {
        call.ctx.replicate_verbatim();
        call.ctx.changed(call.key, c"ft.sugdel");
    }
    Ok(Some(Reply::Int(removed as i64)))
}

/// FT.SUGLEN
pub fn ft_suglen(call: &Call) -> Outcome {
    let mut key = call.ctx.open_to_read(call.key);
    let count = open(&mut key)?.map_or(0, |all| all.len());
    Ok(Some(Reply::from(count)))
}

/// FT.SUGGET
pub fn ft_sugget(call: &Call) -> Outcome {
    let request = SuggetRequest::parse(call.args).map_err(refuse)?;
    let mut key = call.ctx.open_to_read(call.key);
    open(&mut key)?;
    drop(key);
    let finding = Finding::new(&request.prefix, request.fuzzy, request.max);
    let (database, protocol) = (call.ctx.database(), super::protocol(call.ctx));
    execution::start(call.ctx, Box::new(Search { request, finding: Ok(finding), is_done: false, database, protocol }))
}

/// An FT.SUGGET under way.
struct Search {
    request: SuggetRequest,
    finding: Result<Finding, Failure>,
    is_done: bool,
    database: i32,
    protocol: Protocol,
}

impl Work for Search {
    fn need(&self) -> Need {
        if self.is_done { Need::Nothing } else { Need::Documents(usize::MAX) }
    }

    fn evaluate(&mut self) {}

    fn read_documents(&mut self, ctx: &Context, until: Option<Instant>) {
        ctx.select(self.database);
        let name = Text::new(&self.request.key);
        let mut key = ctx.open_to_read(name.ptr());
        let Ok(finding) = &mut self.finding else { return self.is_done = true };
        match open(&mut key) {
            Ok(Some(all)) => {
                while !self.is_done && until.is_none_or(|until| Instant::now() < until) {
                    self.is_done = !finding.step(all, AT_ONCE);
                }
            }
            // It went: what was found before is nowhere any more.
            gone => {
                self.is_done = true;
                self.finding = gone.map(|_| Finding::new(b"", false, 0));
            }
        }
    }

    fn is_small(&self) -> bool {
        true
    }

    fn is_heavy(&self) -> bool {
        true
    }

    fn reply(self: Box<Self>) -> Result<Reply, Failure> {
        let mut items = Vec::new();
        for found in self.finding?.found() {
            items.push(Reply::Bulk(found.string));
            if self.request.with_scores {
                items.push(match self.protocol {
                    Protocol::Resp2 => Reply::Bulk(format_digits(found.score, 17).into_bytes()),
                    Protocol::Resp3 => Reply::Double(found.score),
                });
            }
            if self.request.with_payloads {
                items.push(found.payload.map_or(Reply::Nil, Reply::Bulk));
            }
        }
        Ok(Reply::Array(items))
    }
}
