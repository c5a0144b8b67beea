//! Long work on the main thread is done in slices, between which other clients are served.

use std::time::Duration;

use super::api::{self, Context};
use super::pools;

/// A slice ends behind this.
pub const SLICE: Duration = Duration::from_micros(400);

/// Runs `task` on the main thread at the next turn of the server's loop: by way of the pool, for what the main thread asks
/// of itself is done in the same turn, and timers, which Redis 6.2 has to do with, are a millisecond and more apart.
pub fn next_turn(ctx: &Context, task: impl FnOnce(&Context) + Send + 'static) {
    if api::can_wake_main() {
        pools::queries().spawn(Box::new(|| api::on_main(task)));
    } else {
        ctx.after(0, task);
    }
}
