//! Everything the server sees, and the only folder that names its API.
//!
//! ```text
//!   client ─► commands (table) ─► handlers ─► command::…  ─► set
//!                                   │                         │
//!             reply ◄── run here ◄──┴──► blocking (pool) ◄────┘
//! ```
//!
//! API functions are pointers that are null on servers too old to have them: what 6.2 lacks is
//! probed where it is used and done without.
//!
//! | file | holds |
//! | --- | --- |
//! | `api.rs` | the server's functions, with Rust types |
//! | `alloc.rs` | the server's allocator as Rust's |
//! | `commands.rs`, `docs.rs` | the command table; what COMMAND DOCS tells |
//! | `handlers.rs` | one command's life: open, run, replicate, notify |
//! | `blocking.rs` | replies that come later |
//! | `slices.rs` | main-thread work that is too much for one go |
//! | `reply.rs` | a typed reply as RESP2 or RESP3 |
//! | `datatype.rs` | load, save, rewrite, copy, free, digest, memory, defragmentation |
//! | `settings.rs` | each configuration parameter, its default and bounds |
//! | `info.rs` | counters and the INFO section |
#![allow(unsafe_code)]

mod alloc;
mod api;
mod blocking;
mod commands;
mod datatype;
mod docs;
mod handlers;
mod info;
mod reply;
mod settings;
mod slices;

use std::os::raw::c_int;
use std::panic::catch_unwind;
use std::sync::{Arc, OnceLock};

use redis_module::raw;

use crate::workers::Pool;
use api::Context;

#[global_allocator]
static ALLOCATOR: alloc::ServerAllocator = alloc::ServerAllocator;

/// Name of the module and of its data type, unless an argument names them differently.
const NAME: &str = "vectorset";
const MODULE_VERSION: c_int = 1;

/// Threads that run queries and free large sets.
static QUERY_POOL: OnceLock<Arc<Pool>> = OnceLock::new();
/// Threads that link new elements and repair graphs.
static LINKERS: OnceLock<Arc<Pool>> = OnceLock::new();

fn query_pool() -> &'static Pool {
    QUERY_POOL.get().expect("started when the module was loaded")
}

fn linkers() -> &'static Pool {
    LINKERS.get().expect("started when the module was loaded")
}

/// Linkers run at this much lower a priority than everything else: they get what is left over, and
/// the scheduler's small share of a busy machine.
const LINKER_NICE: c_int = 10;

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
    unsafe { raw::Export_RedisModule_InitAPI(ctx) };
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
    // The dynamic loader gives the same statics to whoever opens the same file: a second load under
    // other names would take the data type from the first, whatever became of it.
    if QUERY_POOL.get().is_some() {
        return Err("this file is loaded already; a copy of it can be loaded under other names".into());
    }
    let names = settings::read_arguments(args)?;
    // Under another type's name it is another module, which can stand beside that of Redis 8.
    if !ctx.init_module(&names.data_type, MODULE_VERSION) {
        return Err(format!("the server has a module {} already, as Redis 8 does", names.data_type));
    }
    in_child();
    ctx.set_module_options();
    datatype::register(ctx, &names)?;
    commands::register(ctx, &names)?;
    settings::register(ctx)?;
    info::register(ctx);
    watch_forks();
    let linkers = Pool::start("vset-linker", settings::linker_threads(), || lower_priority(LINKER_NICE));
    crate::set::start_linkers(linkers.clone());
    let _ = LINKERS.set(linkers);
    let _ = QUERY_POOL.set(Pool::start("vset-query", settings::query_threads(), || ()));
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

/// Gives the calling thread a lower priority; a failure leaves it as it was.
fn lower_priority(nice: c_int) {
    // SAFETY: both calls take and return plain integers; 0 stands for the calling thread on Linux.
    unsafe {
        let thread = libc::syscall(libc::SYS_gettid) as libc::id_t;
        libc::setpriority(libc::PRIO_PROCESS, thread, nice);
    }
}

/// Holds back changes of links around each fork() of the server, so that a child finds whole graphs.
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
