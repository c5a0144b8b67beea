//! The saved form: definitions, aliases, synonyms and dictionaries stand before the keys of an RDB file.
//!
//! Its frame never changes: a number of strings, then the strings. What they hold is a matter of versions; a string that
//! is not understood is left out, so that the keys behind it load all the same.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::sync::Mutex;

use crate::server::raw;

use super::registry::{self, Entry, Registry};
use super::{housekeeping, scan};
use crate::search::command::{create, rewrite};
use crate::search::index::SearchIndex;
use crate::server::api::{Context, Stream, log, register_type};

/// Of the frame.
const FRAME_VERSION: i32 = 1;
/// Of what the strings hold.
const VERSION: u8 = 1;

/// What a full sync loads beside what is served.
static ASIDE: Mutex<Option<Registry>> = Mutex::new(None);
/// Whether it does so.
static LOADING_ASIDE: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
use std::sync::atomic::Ordering::Relaxed;

/// Makes the type known to the server under which the strings are saved.
pub fn register(ctx: &Context) -> Result<(), String> {
    register_type(ctx, "vset-ftix", FRAME_VERSION, |methods| {
        methods.aux_save_triggers = raw::REDISMODULE_AUX_BEFORE_RDB as i32;
        methods.aux_load = Some(load);
        methods.aux_save = Some(save);
        // Writes nothing at all where there is nothing to write (7.2).
        methods.aux_save2 = Some(save);
    })
    .map(|_| ())
    .ok_or_else(|| "the server refuses the type vset-ftix".into())
}

unsafe extern "C" fn save(io: *mut raw::RedisModuleIO, _when: i32) {
    let strings = catch_unwind(AssertUnwindSafe(|| registry::with(strings))).unwrap_or_default();
    if strings.is_empty() && crate::server::api::saves_nothing_for_nothing() {
        return;
    }
    let mut stream = Stream(io);
    stream.save_unsigned(strings.len() as u64);
    strings.iter().for_each(|string| stream.save_bytes(string));
}

unsafe extern "C" fn load(io: *mut raw::RedisModuleIO, version: i32, _when: i32) -> i32 {
    const DONE: i32 = raw::REDISMODULE_OK as i32;
    const FAILED: i32 = raw::REDISMODULE_ERR as i32;
    if version != FRAME_VERSION {
        log(null_mut(), c"warning", "vectorset: indexes were saved by an unknown version");
        return FAILED;
    }
    let mut stream = Stream(io);
    let Ok(count) = stream.load_unsigned() else { return FAILED };
    for _ in 0..count {
        let Ok(string) = stream.load_bytes() else { return FAILED };
        let understood = catch_unwind(AssertUnwindSafe(|| take(string.as_ref())));
        if !matches!(understood, Ok(Some(()))) {
            log(null_mut(), c"warning", "vectorset: a saved index was not understood and is left out");
        }
    }
    DONE
}

/// The strings that a registry is saved as: one for each index, one for the dictionaries.
fn strings(registry: &mut Registry) -> Vec<Vec<u8>> {
    let mut strings = Vec::new();
    let indexes: Vec<(i32, Vec<u8>)> =
        registry.entries().map(|(database, entry)| (database, entry.definition.name.clone())).collect();
    for (database, name) in indexes {
        let aliases = registry.aliases(database, &name);
        let Some(entry) = registry.find_named(database, &name) else { continue };
        let mut fields = vec![vec![VERSION], b"index".to_vec(), database.to_string().into_bytes()];
        push_list(&mut fields, &rewrite::words(&entry.definition));
        push_list(&mut fields, &aliases);
        for (group, words) in entry.index.synonyms() {
            let group: Vec<Vec<u8>> = std::iter::once(group.to_vec()).chain(words.iter().cloned()).collect();
            push_list(&mut fields, &group);
        }
        strings.push(pack(&fields));
    }
    for (name, words) in &registry.dictionaries {
        let mut fields = vec![vec![VERSION], b"dictionary".to_vec(), name.clone()];
        push_list(&mut fields, &words.iter().cloned().collect::<Vec<_>>());
        strings.push(pack(&fields));
    }
    strings
}

fn push_list(fields: &mut Vec<Vec<u8>>, list: &[Vec<u8>]) {
    fields.push(pack(list));
}

/// Byte strings as one, each behind its length.
fn pack(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut packed = Vec::new();
    for part in parts {
        packed.extend_from_slice(&(part.len() as u64).to_le_bytes());
        packed.extend_from_slice(part);
    }
    packed
}

fn unpack(mut packed: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !packed.is_empty() {
        let (len, rest) = packed.split_at_checked(8)?;
        let len = u64::from_le_bytes(len.try_into().ok()?);
        let (part, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
        parts.push(part);
        packed = rest;
    }
    Some(parts)
}

/// Calls `body` with the registry that is being loaded.
fn with_loading<R>(body: impl FnOnce(&mut Registry) -> R) -> R {
    if LOADING_ASIDE.load(Relaxed) {
        let mut aside = ASIDE.lock().unwrap_or_else(|e| e.into_inner());
        body(aside.get_or_insert_with(Registry::default))
    } else {
        registry::with(body)
    }
}

/// Takes in a string.
fn take(string: &[u8]) -> Option<()> {
    match &unpack(string)?[..] {
        [[VERSION], b"index", database, words, aliases, synonyms @ ..] => {
            let database = std::str::from_utf8(database).ok()?.parse().ok()?;
            let definition = create::create(&unpack(words)?).ok()?;
            let name = definition.name.clone();
            let mut entry = Entry::new(SearchIndex::new(definition));
            for group in synonyms {
                let group = unpack(group)?;
                let (name, words) = group.split_first()?;
                let words: Vec<Vec<u8>> = words.iter().map(|word| word.to_vec()).collect();
                entry.index.add_synonyms(name, &words);
            }
            let aliases = unpack(aliases)?;
            with_loading(|registry| {
                if !registry.is_taken(database, &name) {
                    registry.add(database, entry);
                    aliases.iter().for_each(|alias| registry.set_alias(database, alias, &name));
                }
            });
        }
        [[VERSION], b"dictionary", name, words] => {
            let words = unpack(words)?.into_iter().map(<[u8]>::to_vec).collect();
            with_loading(|registry| registry.dictionaries.insert(name.to_vec(), words));
        }
        _ => return None,
    }
    Some(())
}

/// Keys were loaded: what was defined then but not filled by their events is filled now.
pub fn loaded(ctx: &Context) {
    if registry::is_any() {
        housekeeping::start(ctx);
    }
}

/// What is loaded from now on stands beside what is served.
pub fn load_aside() {
    LOADING_ASIDE.store(true, Relaxed);
}

/// What was loaded beside is not wanted.
pub fn forget_aside() {
    LOADING_ASIDE.store(false, Relaxed);
    let gone = ASIDE.lock().unwrap_or_else(|e| e.into_inner()).take();
    super::free_behind(gone);
}

/// What was loaded beside takes the place of what was served. Its documents are still to be read.
pub fn take_over(ctx: &Context) {
    LOADING_ASIDE.store(false, Relaxed);
    let mut loaded = ASIDE.lock().unwrap_or_else(|e| e.into_inner()).take().unwrap_or_default();
    registry::with(|registry| {
        loaded.settings = registry.settings.clone();
        std::mem::swap(registry, &mut loaded);
    });
    super::free_behind(loaded);
    scan::start_all(ctx);
    housekeeping::start(ctx);
}
