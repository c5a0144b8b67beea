//! Which queries the main thread runs itself: short ones while it is otherwise idle. Switching to another thread and
//! back would take longer than another client waits for the main thread.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::pools;
use crate::search::pace::Pace;

/// The main thread runs queries that are estimated to take less than this.
const BELOW_NANOS: u64 = 100_000;
/// The same of searches over documents, whose estimates are calibrated to this machine: two switches of threads cost as
/// much where processors sleep, and far more where threads wait for one.
const SEARCH_BELOW_NANOS: u64 = 250_000;

/// The pause between two queries on the main thread that distinguishes one client's next query from
/// others' questions that were waiting.
const PAUSE: Duration = Duration::from_micros(10);

thread_local! {
    /// When the main thread last finished running a query.
    static ENDED: Cell<Option<Instant>> = const { Cell::new(None) };
    /// The calibration of estimates for searches over documents.
    static PACE: Cell<Pace> = const { Cell::new(Pace::START) };
}

/// The load of the main thread when a command begins.
#[derive(Clone, Copy)]
pub struct Traffic {
    is_alone: bool,
}

impl Traffic {
    /// The main thread has other work.
    pub const BUSY: Traffic = Traffic { is_alone: false };

    /// The current load. Called on the main thread, before the command is parsed.
    pub fn now() -> Traffic {
        let has_paused = || ENDED.get().is_none_or(|ended| ended.elapsed() >= PAUSE);
        Traffic { is_alone: pools::queries().is_idle() && has_paused() }
    }

    /// Whether the main thread has nothing else to do.
    pub fn is_alone(self) -> bool {
        self.is_alone
    }

    /// Whether to run a search over documents here that is estimated to take this many nanoseconds, as those before it show
    /// what that means.
    pub fn allows_search(self, estimated: u64) -> bool {
        let pace = PACE.get();
        let is_short = pace.of(estimated) < SEARCH_BELOW_NANOS;
        if self.is_alone && !is_short && estimated < SEARCH_BELOW_NANOS {
            PACE.set(pace.untried());
        }
        self.is_alone && is_short
    }

    /// Whether to run a query here that is estimated to take this many nanoseconds.
    pub fn allows(self, nanos: u64) -> bool {
        self.is_alone && nanos < BELOW_NANOS
    }
}

/// Records the estimate and the start of a search over documents that the main thread has run.
pub fn note_search(estimated: u64, began: Instant) {
    PACE.set(PACE.get().after(estimated, began.elapsed().as_nanos() as u64));
}

/// Records that the main thread has run a query.
pub fn note_end() {
    ENDED.set(Some(Instant::now()));
}
