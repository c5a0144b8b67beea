//! The initial scan: indexes the keys that exist before their index, in slices between other commands.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::follow::{self, Depth};
use super::registry;
use crate::server::api::{Context, Cursor, string_bytes};
use crate::server::slices::SLICE;

/// A walk under way.
pub struct Scan {
    cursor: Cursor,
    seen: u64,
    /// Keys that were there at the begin.
    expected: u64,
}

/// Whether a timer is set.
static TICKING: AtomicBool = AtomicBool::new(false);
/// The index whose turn was last.
static LAST: AtomicU64 = AtomicU64::new(0);

impl Scan {
    /// The share that has been seen, below 1.
    pub fn share(&self) -> f64 {
        (self.seen as f64 / self.expected.max(1) as f64).min(0.999)
    }
}

/// Begins to walk the selected database for an index, unless it is empty.
pub fn start(ctx: &Context, id: u64) {
    let expected = ctx.keys();
    registry::with(|registry| {
        let Some((_, entry)) = registry.by_id(id) else { return };
        match expected {
            0 => entry.filled(),
            _ => entry.scan = Some(Scan { cursor: Cursor::new(), seen: 0, expected }),
        }
    });
    set_timer(ctx);
}

/// The same for an index that had documents before they were loaded: it answers no queries before the end.
pub fn refill(ctx: &Context, id: u64) {
    start(ctx, id);
    registry::with(|registry| registry.by_id(id).map(|(_, entry)| entry.fill()));
}

/// Refills all indexes.
pub fn refill_all(ctx: &Context) {
    let all: Vec<(i32, u64)> =
        registry::with(|registry| registry.entries().map(|(database, entry)| (database, entry.id)).collect());
    let selected = ctx.database();
    for (database, id) in all {
        ctx.select(database);
        refill(ctx, id);
    }
    ctx.select(selected);
}

fn set_timer(ctx: &Context) {
    if !TICKING.swap(true, Ordering::Relaxed) {
        ctx.after(0, |ctx| {
            TICKING.store(false, Ordering::Relaxed);
            tick(ctx);
        });
    }
}

/// Does a slice for the index whose turn it is.
fn tick(ctx: &Context) {
    let last = LAST.load(Ordering::Relaxed);
    let turn = registry::with(|registry| {
        let scanning = registry.entries().filter(|(_, entry)| entry.scan.is_some());
        let (database, entry) = scanning.min_by_key(|(_, entry)| (entry.id <= last, entry.id))?;
        Some((database, entry.id, entry.scan.take()?))
    });
    let Some((database, id, mut scan)) = turn else { return };
    LAST.store(id, Ordering::Relaxed);
    ctx.select(database);
    let ends = slice(ctx, database, id, &mut scan);
    registry::with(|registry| {
        let Some((_, entry)) = registry.by_id(id) else { return };
        match ends {
            true => entry.filled(),
            false => entry.scan = Some(scan),
        }
    });
    set_timer(ctx);
}

/// Goes on to the first step of the cursor behind the time of a slice; whether the walk is over.
fn slice(ctx: &Context, database: i32, id: u64, scan: &mut Scan) -> bool {
    let began = Instant::now();
    let mut names: Vec<Vec<u8>> = Vec::new();
    loop {
        let more = scan.cursor.step(ctx, |_, name, _| {
            // SAFETY: the server's string lives during the visit.
            names.push(unsafe { string_bytes(name) }.to_vec());
        });
        scan.seen += names.len() as u64;
        for name in names.drain(..) {
            follow::reread(ctx, database, &name, Some(id), Depth::Whole);
        }
        if !more || began.elapsed() >= SLICE {
            return !more;
        }
    }
}
