//! Frees the memory of removed elements: most of it is freed by later changes of the set, the rest by a timer that
//! runs in small steps while there is something to free.

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::open::open;
use crate::server::api::{Context, Text};
use crate::server::commands::Call;

/// Milliseconds between two looks.
const PERIOD: i64 = 100;
/// The main thread's time for a look.
const SLICE: Duration = Duration::from_millis(1);

/// A database and a key.
type Place = (i32, Vec<u8>);

/// Keys whose sets may have something to free, each once, in the order in which to look.
#[derive(Default)]
struct Places {
    order: VecDeque<Place>,
    known: HashSet<Place>,
}

thread_local! {
    /// On the main thread.
    static PLACES: RefCell<Places> = RefCell::default();
}

/// Has the set in the command's key looked at: elements were removed.
pub fn free_later(call: &Call) {
    watch(call.ctx, call.ctx.database(), call.args[0]);
}

/// Has the set in a key looked at: elements were removed.
pub fn watch(ctx: &Context, database: i32, key: &[u8]) {
    PLACES.with_borrow_mut(|places| {
        let place = (database, key.to_vec());
        if places.known.contains(&place) {
            return;
        }
        if places.order.is_empty() {
            ctx.after(PERIOD, tick);
        }
        places.known.insert(place.clone());
        places.order.push_back(place);
    });
}

fn tick(ctx: &Context) {
    let began = Instant::now();
    for _ in 0..PLACES.with_borrow(|places| places.order.len()) {
        let Some(place) = PLACES.with_borrow_mut(|places| places.order.pop_front()) else { break };
        // What fails is not looked at again.
        let done = catch_unwind(AssertUnwindSafe(|| free_some(ctx, place.0, &place.1, began))).unwrap_or(true);
        PLACES.with_borrow_mut(|places| match done {
            true => _ = places.known.remove(&place),
            false => places.order.push_back(place),
        });
        if began.elapsed() >= SLICE {
            break;
        }
    }
    if PLACES.with_borrow(|places| !places.order.is_empty()) {
        ctx.after(PERIOD, tick);
    }
}

/// Frees what can be freed now; true if there will be no more, or no such set.
fn free_some(ctx: &Context, database: i32, key: &[u8], began: Instant) -> bool {
    ctx.select(database);
    let name = Text::new(key);
    let mut key = ctx.open_quietly(name.ptr());
    let Ok(Some(set)) = open(&mut key) else { return true };
    while set.tidy() && began.elapsed() < SLICE {}
    !set.has_remains()
}
