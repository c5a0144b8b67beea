//! Moves a query between the pool, which evaluates it, and the main thread, which reads documents.
//!
//! ```text
//!   bind ─► evaluate ─► read documents ─► evaluate ─► … ─► reply
//!   main    pool        main               pool             main, or written by the pool if it is long
//! ```
//!
//! Reading many documents is done in slices, one per iteration of the server's event loop. Where the client may not be blocked, everything runs at once on the main thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::reply::Reply;
use crate::search::evaluate::Limits;
use crate::server::api::{self, Context};
use crate::server::blocking::{self, Unblock};
use crate::server::commands::{Failure, Outcome};
use crate::server::inline::{self, Traffic};
use crate::server::slices::{SLICE, next_turn};
use crate::server::{pools, reply, settings};

/// What a query needs to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To read this many documents.
    Documents(usize),
    Evaluation,
    /// It is done.
    Nothing,
}

/// A query under way.
pub trait Work: Send + 'static {
    fn need(&self) -> Need;

    /// Does what needs no documents, on any thread.
    fn evaluate(&mut self);

    /// Looks at documents, on the main thread, until it has seen all or the time is over.
    fn read_documents(&mut self, ctx: &Context, until: Option<Instant>);

    /// Ends it early, for example when the client disconnects.
    fn limits(&self) -> Option<&Limits> {
        None
    }

    /// About how many nanoseconds it takes, if that is known.
    fn estimate(&self) -> Option<u64> {
        None
    }

    /// Called when everything else waits for it: from now on it ends in time, with what it has.
    fn expedite(&mut self) {}

    /// Whether it takes less than the way to another thread and back.
    fn is_small(&self) -> bool;

    /// Whether even a few documents may take long to be read and evaluated.
    fn is_heavy(&self) -> bool;

    /// Whether reading even a few documents may take long: they may be large, and it reads more of them than what an index
    /// keeps.
    fn reads_much(&self) -> bool {
        self.is_heavy()
    }

    /// Whether the rows that were read have turned out to be long.
    fn is_long(&self) -> bool {
        false
    }

    /// What is replied in the end.
    fn reply(self: Box<Self>) -> Result<Reply, Failure>;
}

/// Documents that are read in one go: about 200 microseconds.
pub const AT_ONCE: usize = 100;
/// Longer replies are written by the pool: in bytes, of which each item counts as some.
const LONG_REPLY: usize = 64 << 10;
const ITEM: usize = 32;

/// Steps that a small query may take at once: to evaluate, to read its documents, and to evaluate those.
const TURNS: usize = 6;

/// Runs a query: in the pool if the client may be blocked and it is worth the way.
pub fn start(ctx: &Context, mut work: Box<dyn Work>) -> Outcome {
    if settings::single_threaded() || !blocking::is_allowed(ctx) {
        work.expedite();
        return finish(ctx, work).map(Some);
    }
    if work.is_small() && is_done(ctx, &mut *work) {
        return work.reply().map(Some);
    }
    let Some(mut unblock) = Unblock::block(ctx) else {
        work.expedite();
        return finish(ctx, work).map(Some);
    };
    if let Some(left) = work.limits().and_then(|limits| limits.cancelled.clone()) {
        unblock.watch(left);
    }
    pools::queries().spawn(Box::new(move || {
        go_on(work, unblock);
    }));
    Ok(None)
}

/// Runs a short query here, which is faster than switching threads; one whose documents turn out to be large continues in the
/// pool. `estimated` are the nanoseconds that it should take.
pub fn run_inline(ctx: &Context, mut work: Box<dyn Work>, estimated: u64) -> Outcome {
    let began = Instant::now();
    if work.reads_much() && blocking::is_allowed(ctx) && !is_done(ctx, &mut *work) {
        inline::note_end();
        return start(ctx, work);
    }
    let outcome = finish(ctx, work).map(Some);
    inline::note_search(estimated, began);
    reply::answer(ctx, outcome);
    inline::note_end();
    Ok(None)
}

/// Does what is left as far as that is little; whether that was all.
fn is_done(ctx: &Context, work: &mut dyn Work) -> bool {
    is_done_until(ctx, work, Instant::now() + SLICE)
}

fn is_done_until(ctx: &Context, work: &mut dyn Work, until: Instant) -> bool {
    for _ in 0..TURNS {
        match work.need() {
            Need::Nothing => return true,
            Need::Evaluation if Instant::now() < until && !work.is_long() => work.evaluate(),
            Need::Documents(_) if Instant::now() < until => work.read_documents(ctx, Some(until)),
            _ => return false,
        }
    }
    work.need() == Need::Nothing
}

/// Does all that is left, here.
fn finish(ctx: &Context, mut work: Box<dyn Work>) -> Result<Reply, Failure> {
    loop {
        match work.need() {
            Need::Nothing => return work.reply(),
            Need::Evaluation => work.evaluate(),
            Need::Documents(_) => work.read_documents(ctx, None),
        }
    }
}

/// Goes on in the pool.
fn go_on(mut work: Box<dyn Work>, unblock: Unblock) {
    while !unblock.has_left() {
        match work.need() {
            Need::Evaluation => work.evaluate(),
            Need::Documents(count) if count <= AT_ONCE && !work.reads_much() => {
                return unblock.answer(move |call| finish(call.ctx, work).map(Some));
            }
            Need::Documents(_) if api::can_wake_main() => return api::on_main(|ctx| read_on(ctx, work, unblock)),
            Need::Documents(_) => {
                api::with_lock(|ctx| work.read_documents(ctx, Some(Instant::now() + SLICE)));
                std::thread::sleep(BREATH);
            }
            Need::Nothing => {
                return end(unblock, work.reply());
            }
        }
    }
}

/// Replies, from the pool.
pub fn reply(unblock: Unblock, reply: Reply) {
    if is_long(&reply) && blocking::writes_in_any_protocol() {
        unblock.write(|ctx| reply::send(ctx, &reply))
    } else {
        unblock.reply(reply)
    }
}

/// Replies what became of a query, from the pool.
fn end(unblock: Unblock, outcome: Result<Reply, Failure>) {
    match outcome {
        Ok(made) => reply(unblock, made),
        outcome => unblock.answer(move |_| outcome.map(Some)),
    }
}

/// How long the main thread has between two slices of a query without a client.
const BREATH: Duration = Duration::from_micros(100);

/// What is done with a reply under the server's lock, again for as long as it says that there is more.
pub type Sent = Box<dyn FnMut(&Context) -> bool + Send>;

/// What becomes of the reply of a query for which no client waits here.
pub trait Asker: Send + 'static {
    /// Makes of the reply what is sent: in the pool, or on the main thread if there is a context.
    fn answer(self: Box<Self>, ctx: Option<&Context>, reply: Result<Reply, Failure>) -> Sent;
}

/// Runs a query for which no client waits here: in the pool if it is worth the way.
pub fn start_for(ctx: &Context, mut work: Box<dyn Work>, traffic: Traffic, asker: Box<dyn Asker>) {
    let estimated = if traffic.is_alone() && !work.reads_much() { work.estimate() } else { None };
    let short = estimated.filter(|nanos| traffic.allows_search(*nanos));
    if short.is_some() || settings::single_threaded() {
        let began = Instant::now();
        let reply = finish(ctx, work);
        short.into_iter().for_each(|nanos| inline::note_search(nanos, began));
        send_on(ctx, asker.answer(Some(ctx), reply));
        return inline::note_end();
    }
    if work.is_small() && is_done(ctx, &mut *work) {
        return send_on(ctx, asker.answer(Some(ctx), work.reply()));
    }
    pools::queries().spawn(Box::new(move || {
        let Some(mut sent) = go_on_for(work, asker) else { return };
        while api::with_lock(|ctx| sent(ctx)) {
            std::thread::sleep(BREATH);
        }
    }));
}

/// Sends what there is, some in each turn of the server's loop.
pub fn send_on(ctx: &Context, mut sent: Sent) {
    if sent(ctx) {
        ctx.after(0, |ctx| send_on(ctx, sent));
    }
}

/// Goes on in the pool; what is still to be sent.
fn go_on_for(mut work: Box<dyn Work>, asker: Box<dyn Asker>) -> Option<Sent> {
    loop {
        match work.need() {
            Need::Nothing => return Some(asker.answer(None, work.reply())),
            Need::Evaluation => work.evaluate(),
            Need::Documents(count) if count <= AT_ONCE && !work.reads_much() => {
                return api::with_lock(|ctx| {
                    let mut sent = asker.answer(Some(ctx), finish(ctx, work));
                    sent(ctx).then_some(sent)
                });
            }
            Need::Documents(_) => {
                api::with_lock(|ctx| work.read_documents(ctx, Some(Instant::now() + SLICE)));
                std::thread::sleep(BREATH);
            }
        }
    }
}

/// Looks at documents on the main thread, now and at the next turns of the server's loop. What is then little to do is done at
/// once.
fn read_on(ctx: &Context, mut work: Box<dyn Work>, unblock: Unblock) {
    let until = Instant::now() + SLICE;
    let go_on_here = |work: &mut Box<dyn Work>| match work.is_heavy() {
        true => work.read_documents(ctx, Some(until)),
        false => _ = is_done_until(ctx, &mut **work, until),
    };
    let went = catch_unwind(AssertUnwindSafe(|| go_on_here(&mut work)));
    // A client that is there gets an error when `unblock` is dropped.
    if went.is_err() || unblock.has_left() {
        return pools::queries().spawn(Box::new(move || drop((work, unblock))));
    }
    match work.need() {
        Need::Documents(_) => next_turn(ctx, |ctx| read_on(ctx, work, unblock)),
        Need::Nothing if !work.is_heavy() => match work.reply() {
            Ok(made) if is_long(&made) => pools::queries().spawn(Box::new(move || reply(unblock, made))),
            outcome => end(unblock, outcome),
        },
        _ => pools::queries().spawn(Box::new(move || go_on(work, unblock))),
    }
}

/// Whether a reply takes long to be written; stops counting at the limit.
fn is_long(reply: &Reply) -> bool {
    fn take_off(reply: &Reply, left: &mut usize) {
        *left = left.saturating_sub(ITEM + if let Reply::Bulk(bytes) = reply { bytes.len() } else { 0 });
        let mut each = |item: &Reply| {
            take_off(item, left);
            *left > 0
        };
        match reply {
            Reply::Array(items) | Reply::Set(items) => _ = items.iter().all(&mut each),
            Reply::Map(pairs) => _ = pairs.iter().all(|(name, value)| each(name) && each(value)),
            _ => {}
        }
    }
    let mut left = LONG_REPLY;
    take_off(reply, &mut left);
    left == 0
}
