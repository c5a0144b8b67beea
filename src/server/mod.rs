//! The server layer: the only folder that uses the module API.
//!
//! ```text
//!             ┌──────────── a face: sets, … ─────────────┐
//!   client ─► │ commands (table) ─► handlers ─► command::… ─► set
//!             └─────┬──────────────────┬─────────────────┘
//!                   │                  │ run here, or
//!            commands.rs ◄── reply ◄── blocking (pool)
//! ```
//!
//! A *face* is a family of commands with its data types, settings and telemetry. Faces use the shared
//! files and do not depend on each other, except `kora`, which is a thin layer over `search`; this file lists
//! them.
//!
//! API functions are pointers that are null on servers too old to have them: what 6.2 lacks is
//! checked where it is used, with a fallback.
//!
//! | file | holds |
//! | --- | --- |
//! | `raw/` | the module API as declared in C |
//! | `api/` | a safe Rust interface to it |
//! | `alloc.rs` | the server's allocator as Rust's global allocator |
//! | `face.rs` | what a face provides |
//! | `commands.rs`, `docs.rs` | registration of commands; COMMAND DOCS |
//! | `reply.rs`, `blocking.rs` | immediate replies; blocked clients and delayed replies |
//! | `slices.rs` | long work on the main thread, in slices |
//! | `pools.rs`, `inline.rs` | the threads; which queries the main thread runs itself |
//! | `settings.rs` | configuration parameters and load arguments |
//! | `info.rs` | the sections of INFO |
//! | `values.rs` | shared parts of the data type callbacks |
//! | `documents.rs` | the JSON document in a key, for all faces |
//! | `sets/`, `search/`, `json/`, `kora/` | the faces |
#![allow(unsafe_code)]

mod alloc;
mod api;
mod blocking;
mod commands;
mod docs;
mod documents;
mod face;
mod info;
mod inline;
mod json;
mod kora;
mod pools;
mod raw;
mod reply;
mod search;
mod sets;
mod settings;
mod slices;
mod values;

use std::os::raw::c_int;
use std::panic::catch_unwind;
use std::sync::OnceLock;

use api::Context;
use face::{Face, Names};

#[global_allocator]
static ALLOCATOR: alloc::ServerAllocator = alloc::ServerAllocator;

/// Name of the module and of the type of vector sets, unless an argument names them differently.
const NAME: &str = "vectorset";
/// What MODULE LIST shows: 10,203 is version 1.2.3.
const MODULE_VERSION: c_int = 10_000 * number(env!("CARGO_PKG_VERSION_MAJOR"))
    + 100 * number(env!("CARGO_PKG_VERSION_MINOR"))
    + number(env!("CARGO_PKG_VERSION_PATCH"));

const fn number(digits: &str) -> c_int {
    match c_int::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => panic!("a part of the version is no number"),
    }
}

/// All faces. The first is the module's own.
static FACES: &[&dyn Face] = &[&sets::Sets, &search::Search, &json::Json, &kora::Kora];

/// Called by the server when it loads the module.
///
/// # Safety
/// The server passes a valid context and `argc` strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn RedisModule_OnLoad(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    // SAFETY: the context is the server's; this fills in the API's function pointers, the
    // allocator's among them, before anything here allocates.
    unsafe { raw::initialize(ctx) };
    let loaded = catch_unwind(|| {
        // SAFETY: both live during this call.
        let (ctx, args) = unsafe { (Context::new(ctx), api::arguments(argv, argc)) };
        load(&ctx, &args).map_err(|why| ctx.warn(&format!("vset was not loaded: {why}")))
    });
    match loaded {
        Ok(Ok(())) => raw::REDISMODULE_OK as c_int,
        _ => raw::REDISMODULE_ERR as c_int,
    }
}

fn load(ctx: &Context, args: &[&[u8]]) -> Result<(), String> {
    if let &[b"as", name] = args {
        return load_as(ctx, name);
    }
    // The dynamic loader gives the same statics to each that opens the same file: a second load under
    // other names would take the data type from the first, whatever became of it.
    if pools::are_running() {
        return Err("this file is loaded already; a copy of it can be loaded under other names".into());
    }
    let settings::Arguments { names, faces } = settings::read_arguments(args, FACES, NAME)?;
    // Under another type's name it is another module, which can stand beside that of Redis 8.
    if !ctx.init_module(&names.data_type, MODULE_VERSION) {
        return Err(format!("the server has a module {} already, as Redis 8 does", names.data_type));
    }
    in_child();
    ctx.learn_server();
    ctx.set_module_options();
    api::remember_module(ctx);
    let faces = register_faces(ctx, &names, &faces)?;
    settings::register(ctx, &faces)?;
    info::register(ctx, &faces);
    watch_forks();
    pools::start();
    faces.iter().for_each(|face| face.start(ctx));
    if let Err(why) = crate::vector::kernel::configured() {
        ctx.warn(&format!("{why}; using {}", crate::vector::kernel::kernel_name()));
    }
    ctx.notice(&format!(
        "vset {}: {} query threads, {} linkers, kernel {}",
        env!("CARGO_PKG_VERSION"),
        settings::query_threads(),
        settings::linker_threads(),
        crate::vector::kernel::kernel_name()
    ));
    Ok(())
}

/// Registers each face; returns those that were registered. An optional one that the server already has is
/// left out.
fn register_faces(ctx: &Context, names: &Names, faces: &[&'static dyn Face]) -> Result<Vec<&'static dyn Face>, String> {
    let mut registered = Vec::new();
    for &face in faces {
        let first = format!("{}{}", names.prefix, face.commands().first().map_or("", |command| command.name));
        if face.is_optional() && ctx.has_command(&first) {
            ctx.notice(&format!("the server has {first} already: {} is left to it", face.name()));
            continue;
        }
        let done = face
            .register(ctx, names)
            .and_then(|()| commands::register(ctx, &names.prefix, face.category(), face.commands()));
        match done {
            Ok(()) => registered.push(face),
            Err(why) if face.is_optional() => ctx.warn(&format!("{} is not there: {why}", face.name())),
            Err(why) => return Err(why),
        }
    }
    Ok(registered)
}

/// `loadmodule FILE as NAME`, for clients that look into MODULE LIST: shows the module in which they expect the
/// commands of a face, and nothing else.
fn load_as(ctx: &Context, name: &[u8]) -> Result<(), String> {
    let shown = FACES.iter().filter_map(|face| face.shown()).find(|shown| shown.name.as_bytes() == name);
    let shown = shown.ok_or_else(|| format!("nothing is shown as {}", name.escape_ascii()))?;
    if !ctx.init_module(shown.name, shown.version) {
        return Err(format!("the server has a module {} already", shown.name));
    }
    if shown.section {
        info::register_alias(ctx);
    }
    Ok(())
}

/// Blocks changes of links during each fork() of the server, so that a child finds consistent graphs.
fn watch_forks() {
    use crate::graph::gate;
    extern "C" fn before() {
        gate::shut();
    }
    extern "C" fn in_parent() {
        gate::open();
    }
    extern "C" fn in_child() {
        gate::open_in_child();
    }
    // SAFETY: the handlers are functions of this module, which is never unloaded: the server
    // refuses to unload a module that has a data type.
    unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
}

/// Whether this process is a fork of the one that loaded the module.
fn in_child() -> bool {
    static LOADED_BY: OnceLock<u32> = OnceLock::new();
    *LOADED_BY.get_or_init(std::process::id) != std::process::id()
}
