//! Periodic work: idle cursors, unused temporary indexes, expired documents whose keys still exist.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{cluster, cursors, deletion, follow, registry};
use crate::server::api::Context;

/// Milliseconds between two rounds.
const ROUND: i64 = 100;

static RUNNING: AtomicBool = AtomicBool::new(false);

/// Starts the rounds, unless they run.
pub fn start(ctx: &Context) {
    if !RUNNING.swap(true, Ordering::Relaxed) {
        set_timer(ctx);
    }
}

fn set_timer(ctx: &Context) {
    ctx.after(ROUND, |ctx| {
        round(ctx);
        if registry::is_any() {
            set_timer(ctx);
        } else {
            RUNNING.store(false, Ordering::Relaxed);
        }
    });
}

fn round(ctx: &Context) {
    cursors::collect();
    let (indexes, unused) = registry::with(|registry| {
        let indexes: Vec<u64> = registry.entries().map(|(_, entry)| entry.id).collect();
        let unused: Vec<(i32, Vec<u8>)> = (registry.entries())
            .filter(|(_, entry)| {
                let limit = entry.definition.temporary.map(Duration::from_secs);
                limit.is_some_and(|limit| entry.used.elapsed() >= limit)
            })
            .map(|(database, entry)| (database, entry.definition.name.clone()))
            .collect();
        (indexes, unused)
    });
    // A replica leaves this to its master.
    if !ctx.is_replica() {
        for (database, name) in unused {
            drop_unused(ctx, database, &name);
        }
    }
    for id in indexes {
        follow::expire(ctx, id);
    }
}

/// Drops a temporary index with its documents.
fn drop_unused(ctx: &Context, database: i32, name: &[u8]) {
    if !ctx.select(database) {
        return;
    }
    deletion::drop_index(ctx, database, name);
    cluster::note(ctx, true);
}
