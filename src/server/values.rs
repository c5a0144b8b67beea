//! Shared parts of the data type callbacks: they catch panics, free large values in the background, and log what they
//! refuse.

use std::cell::Cell;
use std::fmt::Display;
use std::ops::{Deref, DerefMut};
use std::os::raw::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::time::{Duration, Instant};

use super::api::{api, log, on_main_thread};
use super::{in_child, pools};

/// Logs for a type of values.
pub fn warn(kind: &str, text: &str) {
    log(null_mut(), c"warning", &format!("{kind}: {text}"));
}

/// Runs a callback's body and catches panics.
pub fn guard(kind: &str, what: &str, body: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(body)).is_err() {
        // A child must not finish an incomplete file as if it were complete.
        if in_child() {
            std::process::abort();
        }
        warn(kind, &format!("{what} failed: a bug; please report it"));
    }
}

/// Reads a value; null, and a line in the log, if it is refused.
pub fn loaded<T, E: Display>(kind: &str, read: impl FnOnce() -> Result<T, E>) -> *mut c_void {
    let refused = |why: &str| {
        warn(kind, &format!("refused a value: {why}"));
        null_mut()
    };
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Box::into_raw(Box::new(value)).cast::<c_void>(),
        Ok(Err(why)) => refused(&why.to_string()),
        Err(_) => refused("internal error"),
    }
}

/// The value that a copy makes, in a box; null if it fails.
pub fn copied<T>(copy: impl FnOnce() -> T) -> *mut c_void {
    let made = catch_unwind(AssertUnwindSafe(copy));
    made.map_or(null_mut(), |copy| Box::into_raw(Box::new(copy)).cast::<c_void>())
}

/// Frees a value, a large one on a separate thread. The server's lazy-free threads call this too: they
/// have the time. Above its limit a server evicts one key after another until it sees memory come back: what is freed
/// in the background would cost keys that could have stayed.
pub fn free<T: Send + 'static>(kind: &str, value: T, is_large: bool) {
    if is_large && on_main_thread() && !in_child() && !memory_is_short() {
        pools::freer().spawn(Box::new(move || drop(value)));
    } else {
        guard(kind, "freeing", || drop(value));
    }
}

/// A query's reference to a value that may have been deleted by now.
pub trait Holds {
    /// Whether this may be the last to hold the value's memory.
    fn is_last(&self) -> bool;
}

/// Keeps such a reference until it is dropped, on any thread: if it is the last, the memory is not freed on the main thread.
pub struct Held<T: Holds + Send + 'static>(Option<T>);

impl<T: Holds + Send + 'static> Held<T> {
    pub fn new(hold: T) -> Held<T> {
        Held(Some(hold))
    }
}

impl<T: Holds + Send + 'static> Deref for Held<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.as_ref().expect("there until it is dropped")
    }
}

impl<T: Holds + Send + 'static> DerefMut for Held<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("there until it is dropped")
    }
}

impl<T: Holds + Send + 'static> Drop for Held<T> {
    fn drop(&mut self) {
        if let Some(hold) = self.0.take().filter(Holds::is_last) {
            free("a query", hold, true);
        }
    }
}

/// Whether the server is above its limit, or was a moment ago. While it evicts, other threads free memory too and may
/// take it below the limit; it goes on all the same until it has seen enough come back from what it evicts itself.
fn memory_is_short() -> bool {
    const A_MOMENT: Duration = Duration::from_secs(1);
    thread_local!(static SHORT_AT: Cell<Option<Instant>> = const { Cell::new(None) });
    if api!(RedisModule_GetUsedMemoryRatio()).is_some_and(|ratio| ratio > 1.0) {
        SHORT_AT.set(Some(Instant::now()));
    }
    SHORT_AT.get().is_some_and(|short| short.elapsed() < A_MOMENT)
}
