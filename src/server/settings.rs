//! Configuration parameters: what each kind of them is, how loadmodule's arguments and CONFIG reach
//! them, and those that concern all faces. A face lists its own.
//!
//! | name | default | bounds | |
//! | --- | --- | --- | --- |
//! | `force-single-threaded-execution` | no | yes, no | everything on the main thread |
//! | `threads` | 0 | 0..=256 | threads that run queries; 0 is one a core |
//! | `linker-threads` | 0 | 0..=256 | threads that link; 0 is one a core |
//!
//! Servers from 7.0 on know them as `vectorset.NAME` (CONFIG GET, SET, REWRITE); any server takes
//! them as arguments when the module is loaded: `loadmodule libvset.so threads 4`. There, and only
//! there, `prefix TEXT` goes before every command's name, `type NAME` (nine characters) names the
//! data type of vector sets, and `FACE no` leaves a face out.

use std::ffi::CStr;
use std::os::raw::{c_char, c_int, c_longlong, c_void};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::server::raw;

use super::api::{Context, api};
use super::face::{Face, Names};
use super::pools;
use crate::command::args::integer;

/// A parameter of some kind.
#[derive(Clone, Copy)]
pub enum Setting {
    Number(&'static Number),
    Flag(&'static Flag),
    Choice(&'static Choice),
}

/// A whole number within bounds.
pub struct Number {
    pub name: &'static CStr,
    pub value: AtomicI64,
    pub least: i64,
    pub most: i64,
    /// Carries a change out; at load, nothing runs yet.
    pub apply: fn(i64),
    /// Cannot change while the server runs.
    pub fixed: bool,
}

/// Yes or no.
pub struct Flag {
    pub name: &'static CStr,
    pub value: AtomicBool,
    /// Carries a change out; at load, nothing runs yet.
    pub apply: fn(bool),
}

/// One of a few words.
pub struct Choice {
    pub name: &'static CStr,
    /// The position of the word.
    pub value: AtomicI64,
    pub words: &'static [&'static CStr],
}

impl Choice {
    /// The word that is set.
    pub fn get(&self) -> &'static str {
        self.words[self.value.load(Ordering::Relaxed) as usize].to_str().unwrap_or_default()
    }
}

impl Number {
    /// One that is looked at when it is needed.
    pub const fn new(name: &'static CStr, default: i64, least: i64, most: i64) -> Number {
        Number { name, value: AtomicI64::new(default), least, most, apply: |_| (), fixed: false }
    }

    pub fn get(&self) -> i64 {
        self.value.load(Ordering::Relaxed)
    }

    fn set(&self, value: i64) {
        self.value.store(value, Ordering::Relaxed);
        (self.apply)(value);
    }
}

impl Flag {
    pub fn get(&self) -> bool {
        self.value.load(Ordering::Relaxed)
    }

    fn set(&self, value: bool) {
        self.value.store(value, Ordering::Relaxed);
        (self.apply)(value);
    }
}

static SINGLE_THREADED: Flag = Flag {
    name: c"force-single-threaded-execution",
    value: AtomicBool::new(false),
    apply: |yes| crate::set::link_in_background(!yes),
};
static THREADS: Number = Number { apply: |_| pools::resize_queries(), ..Number::new(c"threads", 0, 0, 256) };
static LINKER_THREADS: Number = Number { fixed: true, ..Number::new(c"linker-threads", 0, 0, 256) };

/// Those that concern all faces.
static COMMON: [Setting; 3] =
    [Setting::Flag(&SINGLE_THREADED), Setting::Number(&THREADS), Setting::Number(&LINKER_THREADS)];

/// Whether everything is to happen on the main thread.
pub fn single_threaded() -> bool {
    SINGLE_THREADED.get()
}

/// Threads that run queries.
pub fn query_threads() -> usize {
    threads(&THREADS)
}

/// Threads that link.
pub fn linker_threads() -> usize {
    threads(&LINKER_THREADS)
}

fn threads(setting: &Number) -> usize {
    match setting.get() {
        0 => std::thread::available_parallelism().map_or(2, |n| n.get()),
        n => n as usize,
    }
}

/// What the arguments of loadmodule ask for.
pub struct Arguments {
    pub names: Names,
    pub faces: Vec<&'static dyn Face>,
}

/// Reads the arguments of `loadmodule`: names and values in turn.
///
/// # Errors
/// Which of them is wrong, and why.
pub fn read_arguments(args: &[&[u8]], all_faces: &[&'static dyn Face], name: &str) -> Result<Arguments, String> {
    let mut faces = all_faces.to_vec();
    let mut names = Names { prefix: String::new(), data_type: name.into() };
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
            face if all_faces.iter().any(|f| f.is_optional() && f.name() == face) => {
                if !yes_or_no(&name, text)? {
                    faces.retain(|f| f.name() != face);
                }
            }
            known => set_argument(all_faces, &name, known, text)?,
        }
    }
    Ok(Arguments { names, faces })
}

/// Sets a parameter from an argument; those of faces that are left out are taken, too.
fn set_argument(faces: &[&'static dyn Face], name: &str, known: &str, text: &str) -> Result<(), String> {
    let setting = all(faces).find(|s| s.name().to_bytes() == known.as_bytes());
    match setting.ok_or_else(|| format!("unknown argument {name}"))? {
        Setting::Flag(flag) => flag.set(yes_or_no(name, text)?),
        Setting::Number(number) => {
            let value = integer(text.as_bytes()).filter(|n| (number.least..=number.most).contains(n));
            number.set(value.ok_or_else(|| format!("{name} is {}..={}, not {text}", number.least, number.most))?);
        }
        Setting::Choice(choice) => {
            let position = choice.words.iter().position(|word| text.as_bytes().eq_ignore_ascii_case(word.to_bytes()));
            let words = || choice.words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(", ");
            let position = position.ok_or_else(|| format!("{name} is one of {}, not {text}", words()))?;
            choice.value.store(position as i64, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn yes_or_no(name: &str, text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("{name} is yes or no, not {text}")),
    }
}

/// What no server reads as anything else: `|` leads to a subcommand, and 7.0 crashes on it; `@` is a
/// category to an ACL.
fn is_prefix(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-_".contains(&b))
}

fn is_type_name(text: &str) -> bool {
    text.len() == 9 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn all(faces: &[&'static dyn Face]) -> impl Iterator<Item = Setting> {
    COMMON.into_iter().chain(faces.iter().flat_map(|face| face.settings()).copied())
}

/// Makes the settings of these faces known to servers that have module settings.
pub fn register(ctx: &Context, faces: &[&'static dyn Face]) -> Result<(), String> {
    for setting in all(faces) {
        match setting.register(ctx) {
            None => return Ok(()),
            Some(status) if status != raw::REDISMODULE_OK as c_int => {
                return Err(format!("setting {} was refused", setting.name().to_string_lossy()));
            }
            Some(_) => {}
        }
    }
    match api!(RedisModule_LoadConfigs(ctx.ptr)) {
        Some(status) if status != raw::REDISMODULE_OK as c_int => Err("the settings could not be applied".into()),
        _ => Ok(()),
    }
}

impl Setting {
    fn name(self) -> &'static CStr {
        match self {
            Setting::Number(number) => number.name,
            Setting::Flag(flag) => flag.name,
            Setting::Choice(choice) => choice.name,
        }
    }

    /// The server's answer; none if it has no module settings.
    fn register(self, ctx: &Context) -> Option<c_int> {
        let name = self.name().as_ptr();
        let flags = raw::REDISMODULE_CONFIG_DEFAULT;
        match self {
            Setting::Flag(flag) => api!(RedisModule_RegisterBoolConfig(
                ctx.ptr,
                name,
                flag.get() as c_int,
                flags,
                Some(get_flag),
                Some(set_flag),
                None,
                std::ptr::from_ref(flag).cast_mut().cast::<c_void>(),
            )),
            Setting::Number(number) => api!(RedisModule_RegisterNumericConfig(
                ctx.ptr,
                name,
                number.get() as c_longlong,
                if number.fixed { raw::REDISMODULE_CONFIG_IMMUTABLE } else { flags },
                number.least as c_longlong,
                number.most as c_longlong,
                Some(get_number),
                Some(set_number),
                None,
                std::ptr::from_ref(number).cast_mut().cast::<c_void>(),
            )),
            Setting::Choice(choice) => {
                // The server copies words and values.
                let mut words: Vec<_> = choice.words.iter().map(|word| word.as_ptr()).collect();
                let values: Vec<c_int> = (0..choice.words.len() as c_int).collect();
                api!(RedisModule_RegisterEnumConfig(
                    ctx.ptr,
                    name,
                    choice.value.load(Ordering::Relaxed) as c_int,
                    flags,
                    words.as_mut_ptr(),
                    values.as_ptr(),
                    values.len() as c_int,
                    Some(get_choice),
                    Some(set_choice),
                    None,
                    std::ptr::from_ref(choice).cast_mut().cast::<c_void>(),
                ))
            }
        }
    }
}

unsafe extern "C" fn get_flag(_name: *const c_char, flag: *mut c_void) -> c_int {
    // SAFETY: the private data is the flag that was registered, which lives for ever.
    unsafe { &*flag.cast::<Flag>() }.get() as c_int
}

unsafe extern "C" fn set_flag(
    _name: *const c_char,
    value: c_int,
    flag: *mut c_void,
    _error: *mut *mut raw::RedisModuleString,
) -> c_int {
    // SAFETY: as above.
    unsafe { &*flag.cast::<Flag>() }.set(value != 0);
    raw::REDISMODULE_OK as c_int
}

unsafe extern "C" fn get_number(_name: *const c_char, number: *mut c_void) -> c_longlong {
    // SAFETY: the private data is the number that was registered, which lives for ever.
    unsafe { &*number.cast::<Number>() }.get()
}

unsafe extern "C" fn set_number(
    _name: *const c_char,
    value: c_longlong,
    number: *mut c_void,
    _error: *mut *mut raw::RedisModuleString,
) -> c_int {
    // SAFETY: as above.
    unsafe { &*number.cast::<Number>() }.set(value);
    raw::REDISMODULE_OK as c_int
}

unsafe extern "C" fn get_choice(_name: *const c_char, choice: *mut c_void) -> c_int {
    // SAFETY: the private data is the choice that was registered, which lives for ever.
    unsafe { &*choice.cast::<Choice>() }.value.load(Ordering::Relaxed) as c_int
}

unsafe extern "C" fn set_choice(
    _name: *const c_char,
    position: c_int,
    choice: *mut c_void,
    _error: *mut *mut raw::RedisModuleString,
) -> c_int {
    // SAFETY: as above. The server passes one of the registered values.
    unsafe { &*choice.cast::<Choice>() }.value.store(i64::from(position), Ordering::Relaxed);
    raw::REDISMODULE_OK as c_int
}
