//! The saved form in RDB files: definitions, aliases, synonyms, dictionaries and graphs come before the keys, and after
//! the keys a marker that all of them were loaded.
//!
//! The frame never changes: a sequence of strings, terminated by an empty one. The content of a string depends on its version; one that
//! is not understood is skipped, so that the keys after it still load. A graph is saved as blocks, one per string;
//! a damaged graph is skipped, and its vectors are linked as new ones.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::server::raw;

use super::registry::{self, Registry};
use super::saved::{self, Saved};
use super::{housekeeping, scan};
use crate::index::{Alone, KeptGraph};
use crate::server::api::{self, Context, Stream, log, register_type};
use crate::server::in_child;

/// Of the frame.
const FRAME_VERSION: i32 = 2;
const BEFORE: i32 = raw::REDISMODULE_AUX_BEFORE_RDB as i32;
const AFTER: i32 = raw::REDISMODULE_AUX_AFTER_RDB as i32;

/// What a full sync loads beside what is served.
static ASIDE: Mutex<Option<Registry>> = Mutex::new(None);
/// Whether it does so.
static LOADING_ASIDE: AtomicBool = AtomicBool::new(false);
/// The graph whose blocks are being loaded: its database, index and field; none if it is damaged.
static GRAPH: Mutex<Option<(Whose, Option<KeptGraph>)>> = Mutex::new(None);

type Whose = (i32, Vec<u8>, usize);

/// Makes the type known to the server under which the strings are saved.
pub fn register(ctx: &Context) -> Result<(), String> {
    register_type(ctx, "vset-ftix", FRAME_VERSION, |methods| {
        methods.aux_save_triggers = BEFORE | AFTER;
        methods.aux_load = Some(load);
        methods.aux_save = Some(save);
        // Writes nothing at all where there is nothing to write (7.2).
        methods.aux_save2 = Some(save);
    })
    .map(|_| ())
    .ok_or_else(|| "the server refuses the type vset-ftix".into())
}

unsafe extern "C" fn save(io: *mut raw::RedisModuleIO, when: i32) {
    let saved = catch_unwind(AssertUnwindSafe(|| registry::with(|registry| save_all(registry, Stream(io), when))));
    // A child that writes a file must not call it whole.
    if saved.is_err() && in_child() {
        std::process::abort();
    }
}

fn save_all(registry: &mut Registry, mut stream: Stream, when: i32) {
    let strings = saved::strings(registry);
    if strings.is_empty() && api::saves_nothing_for_nothing() {
        return;
    }
    if when == BEFORE {
        strings.iter().for_each(|string| stream.save_bytes(string));
        save_graphs(registry, &mut stream);
    }
    stream.save_bytes(b"");
}

fn save_graphs(registry: &mut Registry, stream: &mut Stream) {
    let alone = if in_child() { Alone::Yes } else { Alone::No };
    for (database, entry) in registry.entries() {
        let name = entry.definition.name.clone();
        entry.index.save_graphs(alone, &mut |field, block| {
            stream.save_bytes(&saved::graph(database, &name, field, block));
        });
    }
}

unsafe extern "C" fn load(io: *mut raw::RedisModuleIO, version: i32, when: i32) -> i32 {
    const FAILED: i32 = raw::REDISMODULE_ERR as i32;
    if version != FRAME_VERSION {
        log(null_mut(), c"warning", "vectorset: indexes were saved by an unknown version");
        return FAILED;
    }
    let mut stream = Stream(io);
    loop {
        let Ok(string) = stream.load_bytes() else { return FAILED };
        if string.as_ref().is_empty() {
            break;
        }
        let understood = catch_unwind(AssertUnwindSafe(|| take(string.as_ref())));
        if !matches!(understood, Ok(Some(()))) {
            log(null_mut(), c"warning", "vectorset: a saved index was not understood and is left out");
        }
    }
    // Keys that a full sync loads beside those that are served are read when they have taken their place.
    if when == AFTER && !LOADING_ASIDE.load(Relaxed) {
        end_waiting();
    }
    raw::REDISMODULE_OK as i32
}

/// All documents have come that saved graphs wait for, but for those that a walk over the keys brings.
fn end_waiting() {
    *GRAPH.lock().unwrap_or_else(|e| e.into_inner()) = None;
    registry::with(|registry| {
        let complete = registry.entries().filter(|(_, entry)| entry.scan.is_none());
        complete.for_each(|(_, entry)| entry.index.end_waiting());
    });
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
    match Saved::read(string)? {
        Saved::Graph { database, name, field, block } => take_graph((database, name, field), &block),
        Saved::Index(index) => with_loading(|registry| {
            if !registry.is_taken(index.database, index.name()) {
                index.put(registry);
            }
        }),
        Saved::Dictionary { name, words } => with_loading(|registry| _ = registry.dictionaries.insert(name, words)),
    }
    Some(())
}

/// Takes in a block of a graph; with the last, vectors that come find their places in it.
fn take_graph(whose: Whose, block: &[u8]) {
    let mut loading = GRAPH.lock().unwrap_or_else(|e| e.into_inner());
    let mut graph = match loading.take() {
        Some((of, graph)) if of == whose => graph,
        // What was there before ends too early.
        _ => Some(KeptGraph::default()),
    };
    let (database, name, field) = &whose;
    match graph.as_mut().map_or(Ok(false), |graph| graph.read(block)) {
        Ok(false) => {}
        Ok(true) => {
            let graph = graph.take().unwrap_or_default();
            with_loading(|registry| {
                registry.find_named(*database, name).map(|entry| entry.index.await_graph(*field, graph))
            });
        }
        Err(why) => {
            graph = None;
            let name = name.escape_ascii();
            let text = format!("vectorset: the saved graph of {name} is damaged, its vectors are linked again: {why}");
            log(null_mut(), c"warning", &text);
        }
    }
    *loading = Some((whose, graph));
}

/// Keys were loaded: what was defined then but not filled by their events is filled now.
pub fn loaded(ctx: &Context) {
    end_waiting();
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

/// What was loaded beside takes the place of what was served. Its documents are still to be read; queries are refused
/// until they are.
pub fn take_over(ctx: &Context) {
    LOADING_ASIDE.store(false, Relaxed);
    let mut loaded = ASIDE.lock().unwrap_or_else(|e| e.into_inner()).take().unwrap_or_default();
    registry::with(|registry| {
        loaded.settings = registry.settings.clone();
        std::mem::swap(registry, &mut loaded);
    });
    super::free_behind(loaded);
    scan::refill_all(ctx);
    housekeeping::start(ctx);
}
