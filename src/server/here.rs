//! Which queries the main thread runs itself: short ones of a client that is alone. On their way to another thread and back
//! they would take longer than another client waits for the main thread.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::pools;

/// A query that takes less than this is run here.
const BELOW_NANOS: u64 = 100_000;

/// The pause between two queries on the main thread that tells one client's next question from
/// others' questions that were waiting.
const PAUSE: Duration = Duration::from_micros(10);

thread_local! {
    /// When the main thread last ended a query of its own.
    static ENDED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// What a command finds when it begins.
#[derive(Clone, Copy)]
pub struct Traffic {
    is_alone: bool,
}

impl Traffic {
    /// The main thread has something else to do.
    pub const BUSY: Traffic = Traffic { is_alone: false };

    /// As it is now. On the main thread, before the command is read.
    pub fn now() -> Traffic {
        let has_paused = || ENDED.get().is_none_or(|ended| ended.elapsed() >= PAUSE);
        Traffic { is_alone: pools::queries().is_idle() && has_paused() }
    }

    /// Whether a query that takes about so many nanoseconds is to be run here.
    pub fn allows(self, nanos: u64) -> bool {
        self.is_alone && nanos < BELOW_NANOS
    }
}

/// Notes that the main thread has run a query.
pub fn note_end() {
    ENDED.set(Some(Instant::now()));
}
