//! The threads: a pool for queries, the linkers, and one that frees large values.

use std::os::raw::c_int;
use std::sync::{Arc, OnceLock};

use super::settings;
use crate::workers::Pool;

/// Threads that run queries.
static QUERIES: OnceLock<Arc<Pool>> = OnceLock::new();
/// Threads that link new elements and repair graphs.
static LINKERS: OnceLock<Arc<Pool>> = OnceLock::new();
/// The thread that frees large values: separate, so that queries do not wait for it.
static FREER: OnceLock<Arc<Pool>> = OnceLock::new();

/// Linkers run at this much lower a priority than the server's main thread: they get what is left over, and
/// the scheduler's small share of a busy machine.
const LINKER_NICE: c_int = 10;

/// Threads that run queries.
pub fn queries() -> &'static Pool {
    QUERIES.get().expect("started when the module was loaded")
}

/// Threads that link and repair.
pub fn linkers() -> &'static Pool {
    LINKERS.get().expect("started when the module was loaded")
}

/// The thread that frees large values.
pub fn freer() -> &'static Pool {
    FREER.get().expect("started when the module was loaded")
}

/// Whether the module was loaded before.
pub fn are_running() -> bool {
    QUERIES.get().is_some()
}

/// Starts all of them.
pub fn start() {
    let linkers = Pool::start("vset-linker", settings::linker_threads(), || lower_priority(LINKER_NICE));
    crate::set::start_linkers(linkers.clone());
    let _ = LINKERS.set(linkers);
    let _ = QUERIES.set(Pool::start("vset-query", settings::query_threads(), || ()));
    let _ = FREER.set(Pool::start("vset-free", 1, || ()));
}

/// Changes the number of threads that run queries.
pub fn resize_queries() {
    if let Some(pool) = QUERIES.get() {
        pool.resize(settings::query_threads());
    }
}

/// Gives the calling thread a lower priority than the server's main thread has, which may have been
/// started with `nice`; a failure leaves it unchanged.
fn lower_priority(by: c_int) {
    // SAFETY: the calls take and return plain integers; 0 stands for the calling thread on Linux, the
    // process's number for its main thread.
    unsafe {
        let server = libc::getpriority(libc::PRIO_PROCESS, std::process::id() as libc::id_t);
        libc::setpriority(libc::PRIO_PROCESS, 0, server + by);
    }
}
