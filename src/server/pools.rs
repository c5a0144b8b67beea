//! The threads: those that run queries, those that link.

use std::os::raw::c_int;
use std::sync::{Arc, OnceLock};

use super::settings;
use crate::workers::Pool;

/// Threads that run queries and free large sets.
static QUERIES: OnceLock<Arc<Pool>> = OnceLock::new();
/// Threads that link new elements and repair graphs.
static LINKERS: OnceLock<Arc<Pool>> = OnceLock::new();

/// Linkers run at this much lower a priority than everything else: they get what is left over, and
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
}

/// Carries out a change of the number of threads that run queries.
pub fn resize_queries() {
    if let Some(pool) = QUERIES.get() {
        pool.resize(settings::query_threads());
    }
}

/// Gives the calling thread a lower priority; a failure leaves it as it was.
fn lower_priority(nice: c_int) {
    // SAFETY: both calls take and return plain integers; 0 stands for the calling thread on Linux.
    unsafe {
        let thread = libc::syscall(libc::SYS_gettid) as libc::id_t;
        libc::setpriority(libc::PRIO_PROCESS, thread, nice);
    }
}
