//! Each configuration parameter, its default and bounds.
//!
//! | name | default | bounds | |
//! | --- | --- | --- | --- |
//! | `force-single-threaded-execution` | no | yes, no | everything on the main thread |
//! | `threads` | 0 | 0..=256 | threads that run queries; 0 is one a core |
//! | `linker-threads` | 0 | 0..=256 | threads that link; 0 is one a core |
//! | `pending-bytes` | 524288 | 0..=1073741824 | vectors of a set that may wait to be linked |
//! | `vadd-ef` | 200 | 1..=1000000 | EF of a VADD that names none |
//! | `vsim-ef` | 100 | 1..=1000000 | EF of a VSIM that names none |
//! | `vsim-filter-ef` | 0 | 0..=1000000000 | FILTER-EF of a VSIM that names none; 0 is as much as it takes |
//!
//! Servers from 7.0 on know them as `vectorset.NAME` (CONFIG GET, SET, REWRITE); any server takes
//! them as arguments when the module is loaded: `loadmodule libvset.so threads 4`. There, and only
//! there, `prefix TEXT` goes before every command's name and `type NAME` (nine characters) names the
//! data type.

use std::os::raw::{c_char, c_int, c_longlong, c_void};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use redis_module::raw;

use super::api::{Context, api};
use crate::command::args::integer;
use crate::set::{DEFAULT_EF_ADD, DEFAULT_EF_SEARCH, MAX_EF, SearchOptions};

static SINGLE_THREADED: AtomicBool = AtomicBool::new(false);

fn set_single(yes: bool) {
    SINGLE_THREADED.store(yes, Ordering::Relaxed);
    crate::set::link_in_background(!yes);
}

struct Number {
    name: &'static std::ffi::CStr,
    value: AtomicI64,
    least: i64,
    most: i64,
    /// Carries a change out; at load, nothing runs yet.
    apply: fn(i64),
    /// Cannot change while the server runs.
    fixed: bool,
}

impl Number {
    /// One that is looked at when it is needed.
    const fn new(name: &'static std::ffi::CStr, default: i64, least: i64, most: i64) -> Number {
        Number { name, value: AtomicI64::new(default), least, most, apply: |_| (), fixed: false }
    }

    fn get(&self) -> i64 {
        self.value.load(Ordering::Relaxed)
    }

    fn set(&self, value: i64) {
        self.value.store(value, Ordering::Relaxed);
        (self.apply)(value);
    }
}

static THREADS: Number = Number { apply: |_| resize_query_pool(), ..Number::new(c"threads", 0, 0, 256) };
static LINKER_THREADS: Number = Number { fixed: true, ..Number::new(c"linker-threads", 0, 0, 256) };
static PENDING_BYTES: Number = Number {
    apply: |bytes| crate::set::set_pending_bytes(bytes as usize),
    ..Number::new(c"pending-bytes", 512 << 10, 0, 1 << 30)
};
static VADD_EF: Number = Number::new(c"vadd-ef", DEFAULT_EF_ADD as i64, 1, MAX_EF as i64);
static VSIM_EF: Number = Number::new(c"vsim-ef", DEFAULT_EF_SEARCH as i64, 1, MAX_EF as i64);
static VSIM_FILTER_EF: Number = Number::new(c"vsim-filter-ef", 0, 0, 1_000_000_000);

static NUMBERS: [&Number; 6] = [&THREADS, &LINKER_THREADS, &PENDING_BYTES, &VADD_EF, &VSIM_EF, &VSIM_FILTER_EF];

fn resize_query_pool() {
    if let Some(pool) = super::QUERY_POOL.get() {
        pool.resize(query_threads());
    }
}

/// What load arguments may name differently.
pub(super) struct Names {
    pub prefix: String,
    pub data_type: String,
}

/// Whether everything is to happen on the main thread.
pub(super) fn single_threaded() -> bool {
    SINGLE_THREADED.load(Ordering::Relaxed)
}

/// Threads that run queries.
pub(super) fn query_threads() -> usize {
    threads(&THREADS)
}

/// Threads that link.
pub(super) fn linker_threads() -> usize {
    threads(&LINKER_THREADS)
}

fn threads(setting: &Number) -> usize {
    match setting.get() {
        0 => std::thread::available_parallelism().map_or(2, |n| n.get()),
        n => n as usize,
    }
}

/// EF of a VADD that names none.
pub(super) fn vadd_ef() -> usize {
    VADD_EF.get() as usize
}

/// What holds for a VSIM that does not say otherwise.
pub(super) fn search_defaults() -> SearchOptions {
    let filter_ef = VSIM_FILTER_EF.get() as usize;
    SearchOptions {
        default_ef: VSIM_EF.get() as usize,
        filter_ef: (filter_ef > 0).then_some(filter_ef),
        ..SearchOptions::default()
    }
}

/// Reads the arguments of `loadmodule`: names and values in turn.
///
/// # Errors
/// Which of them is wrong, and why.
pub(super) fn read_arguments(args: &[&[u8]]) -> Result<Names, String> {
    let mut names = Names { prefix: String::new(), data_type: super::NAME.into() };
    let (pairs, rest) = args.as_chunks::<2>();
    if let [name] = rest {
        return Err(format!("argument {} has no value", name.escape_ascii()));
    }
    for [name, value] in pairs {
        let text = std::str::from_utf8(value).unwrap_or("?");
        let name = std::str::from_utf8(name).unwrap_or("?").to_ascii_lowercase();
        match name.trim_start_matches("vectorset.") {
            "prefix" if is_prefix(text) => names.prefix = text.into(),
            "prefix" => return Err(format!("prefix {text:?} is not letters, digits, '.', ':', '-' or '_'")),
            "type" if is_type_name(text) => names.data_type = text.into(),
            "type" => return Err(format!("type {text:?} is not nine letters, digits, '-' or '_'")),
            "force-single-threaded-execution" => match text.to_ascii_lowercase().as_str() {
                "yes" => set_single(true),
                "no" => set_single(false),
                _ => return Err(format!("{name} is yes or no, not {text}")),
            },
            known => {
                let setting = NUMBERS.iter().find(|s| s.name.to_bytes() == known.as_bytes());
                let setting = setting.ok_or_else(|| format!("unknown argument {name}"))?;
                let number = integer(value).filter(|n| (setting.least..=setting.most).contains(n));
                let number =
                    number.ok_or_else(|| format!("{name} is {}..={}, not {text}", setting.least, setting.most))?;
                setting.set(number);
            }
        }
    }
    Ok(names)
}

/// What no server reads as anything else: `|` leads to a subcommand, and 7.0 dies of it; `@` is a
/// category to an ACL.
fn is_prefix(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-_".contains(&b))
}

fn is_type_name(text: &str) -> bool {
    text.len() == 9 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Makes the settings known to servers that have module settings.
pub(super) fn register(ctx: &Context) -> Result<(), String> {
    let failed = |name: &std::ffi::CStr| Err(format!("setting {} was refused", name.to_string_lossy()));
    let name = c"force-single-threaded-execution";
    let flags = raw::REDISMODULE_CONFIG_DEFAULT;
    let registered = api!(RedisModule_RegisterBoolConfig(
        ctx.ptr,
        name.as_ptr(),
        single_threaded() as c_int,
        flags,
        Some(get_single_threaded),
        Some(set_single_threaded),
        None,
        std::ptr::null_mut(),
    ));
    match registered {
        None => return Ok(()),
        Some(status) if status != raw::REDISMODULE_OK as c_int => return failed(name),
        Some(_) => {}
    }
    for setting in NUMBERS {
        let flags = if setting.fixed { raw::REDISMODULE_CONFIG_IMMUTABLE } else { flags };
        let registered = api!(RedisModule_RegisterNumericConfig(
            ctx.ptr,
            setting.name.as_ptr(),
            setting.get() as c_longlong,
            flags,
            setting.least as c_longlong,
            setting.most as c_longlong,
            Some(get_number),
            Some(set_number),
            None,
            std::ptr::from_ref(setting).cast_mut().cast::<c_void>(),
        ));
        if registered != Some(raw::REDISMODULE_OK as c_int) {
            return failed(setting.name);
        }
    }
    match api!(RedisModule_LoadConfigs(ctx.ptr)) {
        Some(status) if status != raw::REDISMODULE_OK as c_int => Err("the settings could not be applied".into()),
        _ => Ok(()),
    }
}

unsafe extern "C" fn get_single_threaded(_name: *const c_char, _data: *mut c_void) -> c_int {
    single_threaded() as c_int
}

unsafe extern "C" fn set_single_threaded(
    _name: *const c_char,
    value: c_int,
    _data: *mut c_void,
    _error: *mut *mut raw::RedisModuleString,
) -> c_int {
    set_single(value != 0);
    raw::REDISMODULE_OK as c_int
}

unsafe extern "C" fn get_number(_name: *const c_char, setting: *mut c_void) -> c_longlong {
    // SAFETY: the private data is one of NUMBERS.
    unsafe { &*setting.cast::<Number>() }.get()
}

unsafe extern "C" fn set_number(
    _name: *const c_char,
    value: c_longlong,
    setting: *mut c_void,
    _error: *mut *mut raw::RedisModuleString,
) -> c_int {
    // SAFETY: the private data is one of NUMBERS.
    unsafe { &*setting.cast::<Number>() }.set(value);
    raw::REDISMODULE_OK as c_int
}
