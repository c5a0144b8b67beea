//! A query that is waiting for its shards.
//!
//! ```text
//!   start ─► round: ask each shard ─► answered … answered ─► settle ─► gather, in the pool ─► reply
//!              ▲                                               │
//!              └──── slots have moved, an index is not there yet ┘
//! ```
//!
//! Each round has its own number, so that late answers to an earlier one are recognised. Everything here runs under the
//! server's lock, for a few shards at a time. A timer checks for lost shards and the time limit, and repeats the request
//! to nodes that have not answered: a server drops messages of a node that it has only just met, and those on a link that breaks. A node
//! that is already working on the request ignores the repetition.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::collected::Collected;
use super::{Gather, link, part, topology};
use crate::search::cluster::message::{Answer, Ask, Message, Outcome as Answered, Question};
use crate::search::cluster::shards::Roll;
use crate::search::cluster::slots::Slots;
use crate::search::cluster::topology::{Node, Topology};
use crate::server::api::Context;
use crate::server::blocking::Unblock;
use crate::server::commands::{Failure, Outcome};
use crate::server::pools;

/// The grace time for answers after the query's time limit: shards stop in time and send what they have.
const GRACE: Duration = Duration::from_millis(500);
/// The time limit of queries without one.
const LONGEST: Duration = Duration::from_secs(60);
/// Milliseconds between two checks for lost nodes.
const TICK: i64 = 50;
/// A request without an answer is repeated after this time, then after twice that, and so on.
const REMINDED: Duration = Duration::from_millis(100);
/// Milliseconds until a round that met moving slots is repeated.
const AGAIN: i64 = 10;
/// Up to this many bytes of answers are merged by the main thread: faster than switching to the pool and back.
const SHORT: usize = 16 << 10;
/// Rounds after which two nodes may claim the same slot: duplicates are recognised by their keys. Not so where a number is
/// replied of documents whose keys were not sent.
const PATIENCE: u32 = 10;

struct Asking {
    unblock: Unblock,
    gather: Box<dyn Gather>,
    ask: Arc<Ask>,
    /// The encoded request of this round.
    message: link::Circular,
    /// The slot whose shard alone is asked.
    slot: Option<u16>,
    partial: bool,
    end: Instant,
    /// When those that are silent are asked again, and how long they will have had.
    reminded: Instant,
    pause: Duration,
    rounds: u32,
    /// Whether nodes without slots are asked too: keys of some slot may be migrating there.
    wide: bool,
    /// Whether importing nodes have been asked after all others.
    second: bool,
    /// The slots that were assigned when the round began.
    assigned: Slots,
    roll: Roll<Collected>,
}

static ASKING: Mutex<Option<HashMap<u64, Asking>>> = Mutex::new(None);
static TICKING: AtomicBool = AtomicBool::new(false);

fn with<R>(body: impl FnOnce(&mut HashMap<u64, Asking>) -> R) -> R {
    let mut asking = ASKING.lock().unwrap_or_else(|e| e.into_inner());
    body(asking.get_or_insert_with(HashMap::new))
}

/// The request, and which shards it goes to.
pub struct Start {
    pub ask: Ask,
    /// The slot whose shard alone is asked.
    pub slot: Option<u16>,
    pub partial: bool,
    pub topology: Arc<Topology>,
}

/// Blocks the client and sends the request.
pub fn start(ctx: &Context, start: Start, gather: Box<dyn Gather>) -> Outcome {
    let Start { ask, slot, partial, topology } = start;
    let Some(unblock) = Unblock::block(ctx) else {
        return Err(Failure::Text(b"ERR the client cannot wait for other nodes".to_vec()));
    };
    let time = match ask.milliseconds {
        0 => LONGEST,
        some => Duration::from_millis(some.min(315_360_000_000)) + GRACE,
    };
    let now = Instant::now();
    let asking = Asking {
        unblock,
        gather,
        ask: Arc::new(ask),
        message: link::Circular::default(),
        slot,
        partial,
        end: now + time,
        reminded: now,
        pause: REMINDED,
        rounds: 0,
        wide: false,
        second: false,
        assigned: Slots::default(),
        roll: Roll::default(),
    };
    round(ctx, asking, &topology);
    Ok(None)
}

/// Asks all shards.
fn round(ctx: &Context, mut asking: Asking, topology: &Arc<Topology>) {
    let is_meant = |node: &&Node| asking.slot.is_none_or(|slot| node.slots.contains(slot));
    asking.roll = match asking.wide {
        true => Roll::of(topology.shards_and_others().filter(is_meant)),
        false => Roll::of(topology.shards().filter(is_meant)),
    };
    asking.assigned = topology.assigned().clone();
    asking.rounds += 1;
    asking.second = false;
    go_on(ctx, asking, topology);
}

/// Asks the shards that have not answered, under a new number.
fn go_on(ctx: &Context, mut asking: Asking, topology: &Arc<Topology>) {
    let id = link::number();
    (asking.reminded, asking.pause) = (Instant::now() + REMINDED, REMINDED);
    asking.roll.ask_again();
    asking.write(id);
    with(|all| all.insert(id, asking));
    ask_some(ctx, id, topology);
    tick_later(ctx);
}

/// Asks some of the shards that are still to be asked, and others in the next turn of the server's loop.
fn ask_some(ctx: &Context, id: u64, topology: &Arc<Topology>) {
    let asked = with(|all| {
        let asking = all.get_mut(&id)?;
        let asked = asking.roll.ask(topology, |node| asking.message.send(ctx, &node.id));
        Some((asked, asking.ask.clone()))
    });
    let Some((asked, ask)) = asked else { return };
    if asked.is_mine {
        part::answer_here(ctx, id, &ask);
    }
    if asked.more {
        let topology = topology.clone();
        ctx.after(0, move |ctx| ask_some(ctx, id, &topology));
    }
    conclude(ctx, id);
}

/// Whether the request of this number waits for the answer of a node.
pub fn awaits(sender: &[u8], id: u64) -> bool {
    with(|all| all.get(&id).is_some_and(|asking| asking.roll.awaits(sender)))
}

/// Takes an answer, whose message had this many bytes; one that no query waits for, or a duplicate, is dropped.
pub fn answered(ctx: &Context, sender: &[u8], id: u64, answer: Answer, bytes: usize) {
    let answer = Collected::new(answer, bytes);
    with(|all| {
        if let Some(asking) = all.get_mut(&id) {
            asking.roll.answer(sender, answer);
        }
    });
    conclude(ctx, id);
}

/// Continues if all have answered.
fn conclude(ctx: &Context, id: u64) {
    let done = with(|all| match all.get(&id) {
        Some(asking) if asking.roll.is_done() => all.remove(&id),
        _ => None,
    });
    if let Some(asking) = done {
        settle(ctx, asking);
    }
}

/// The outcome of a round.
enum Next {
    Reply,
    Refuse(Vec<u8>),
    /// A shard has not answered in time.
    Fail,
    /// Another round, after this many milliseconds.
    Again(i64),
    /// The same, with every primary: even if the index belongs to one, or some have no slots.
    AgainAll,
    /// The same, each document with its key.
    AgainKeyed,
    /// The importing nodes are asked again.
    Second,
}

/// All that can have answered.
fn settle(ctx: &Context, mut asking: Asking) {
    match asking.next() {
        Next::Reply => finish(asking),
        Next::Refuse(text) => asking.unblock.answer(move |_| Err(Failure::Text(text))),
        Next::Fail => fail(asking),
        Next::Again(milliseconds) => again(ctx, asking, milliseconds),
        Next::AgainAll => {
            (asking.slot, asking.wide) = (None, true);
            again(ctx, asking, 0);
        }
        Next::AgainKeyed => {
            Arc::make_mut(&mut asking.ask).keyed = true;
            again(ctx, asking, 0);
        }
        Next::Second => {
            asking.forget_later();
            go_on(ctx, asking, &topology(ctx));
        }
    }
}

impl Asking {
    fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.roll.answers().filter_map(Collected::get)
    }

    fn is_missing(&self) -> bool {
        self.roll.missing().is_some()
    }

    fn next(&self) -> Next {
        let is_over = Instant::now() >= self.end;
        let is_unknown = self.answers().any(|answer| answer.outcome == Answered::NoIndex);
        if is_unknown || self.is_missing() && !self.partial {
            // The cluster may be about to replace a node, or to send it the index.
            return if is_over { Next::Fail } else { Next::Again(TICK) };
        }
        let failed = |answer: &Answer| match &answer.outcome {
            Answered::Failed(text) => Some(text.clone()),
            _ => None,
        };
        if let Some(text) = self.answers().find_map(failed) {
            return Next::Refuse(text);
        }
        self.slots(is_over)
    }

    /// Whether the answers cover each slot, and each key once.
    fn slots(&self, is_over: bool) -> Next {
        let (mut named, mut twice) = (Slots::default(), false);
        for answer in self.answers() {
            twice |= named.meets(&answer.slots);
            named.extend(&answer.slots);
        }
        let lacks = match self.slot {
            _ if self.is_missing() => false,
            Some(slot) => !named.contains(slot),
            None => !named.covers(&self.assigned),
        };
        let splits = self.answers().any(|answer| answer.migrating || answer.importing);
        let is_counted = self.ask.question == Question::Aggregate && !self.ask.keyed;
        let counts_twice = twice && self.ask.question == Question::Search;
        match () {
            _ if is_over && (lacks || counts_twice) && !self.partial => {
                Next::Refuse(b"ERR slots were moving all the time; try again".to_vec())
            }
            _ if is_over => Next::Reply,
            _ if lacks || counts_twice || twice && self.rounds < PATIENCE => Next::Again(AGAIN),
            _ if splits && !self.wide => Next::AgainAll,
            _ if (splits || twice) && is_counted => Next::AgainKeyed,
            _ if splits && !self.second => Next::Second,
            _ => Next::Reply,
        }
    }

    /// Importing nodes must search after the migrating ones. A node that did not yet know
    /// that it would import keys has answered too early as well.
    fn forget_later(&mut self) {
        let is_known = self.answers().any(|answer| answer.importing);
        let is_later = |answer: &Answer| if is_known { answer.importing } else { !answer.migrating };
        self.roll.forget(|answer| answer.get().is_some_and(is_later));
        self.second = true;
    }

    /// Encodes the request with a number.
    fn write(&mut self, id: u64) {
        self.message = link::Circular::new(&Message::write_ask(id, &self.ask));
    }

    /// Schedules the repetition of the request to nodes that have not answered for long; whether there are any.
    fn remind(&mut self, id: u64, now: Instant) -> bool {
        if now < self.reminded {
            return false;
        }
        self.pause *= 2;
        self.reminded = now + self.pause;
        self.write(id);
        self.roll.remind();
        true
    }
}

/// Asks all again, after this many milliseconds.
fn again(ctx: &Context, asking: Asking, milliseconds: i64) {
    ctx.after(milliseconds, move |ctx| round(ctx, asking, &topology(ctx)));
}

/// Merges the answers into a reply: in the pool, unless they are short.
fn finish(asking: Asking) {
    let missing = asking.is_missing();
    let Asking { unblock, gather, roll, .. } = asking;
    let is_short = gather.is_quick() && roll.answers().map(Collected::bytes).sum::<usize>() <= SHORT;
    let gather = move || {
        let (parts, _room): (Vec<_>, Vec<_>) = roll.into_answers().filter_map(Collected::into_part).unzip();
        match gather.gather(parts, missing) {
            // The lock is held: no other thread could write it.
            Ok(reply) if is_short => unblock.reply(reply),
            Ok(reply) => super::super::execution::reply(unblock, reply),
            Err(failure) => unblock.answer(move |_| Err(failure)),
        }
    };
    if is_short { gather() } else { pools::queries().spawn(Box::new(gather)) }
}

/// The error at the end of the time limit, which names a shard that did not answer.
fn fail(asking: Asking) {
    let name = |address: Option<&[u8]>| String::from_utf8_lossy(address.unwrap_or_default()).into_owned();
    let lacks = |answer: &Collected| answer.get().is_some_and(|answer| answer.outcome == Answered::NoIndex);
    let text = match asking.roll.missing() {
        Some(address) => format!("ERR shard {} did not answer", name(Some(address))),
        None => format!("ERR shard {} does not know the index yet", name(asking.roll.address(lacks))),
    };
    asking.unblock.answer(move |_| Err(Failure::Text(text.into_bytes())));
}

fn tick_later(ctx: &Context) {
    if !TICKING.swap(true, Ordering::Relaxed) {
        ctx.after(TICK, |ctx| {
            TICKING.store(false, Ordering::Relaxed);
            tick(ctx);
        });
    }
}

/// Ends queries that take too long, and asks replicas in place of lost nodes.
fn tick(ctx: &Context) {
    let now = Instant::now();
    let (over, waiting) = with(|all| {
        let over: Vec<u64> = all.iter().filter(|(_, asking)| now >= asking.end).map(|(id, _)| *id).collect();
        let over: Vec<Asking> = over.iter().filter_map(|id| all.remove(id)).collect();
        (over, all.keys().copied().collect::<Vec<u64>>())
    });
    for mut asking in over {
        asking.roll.give_up();
        settle(ctx, asking);
    }
    if waiting.is_empty() {
        return;
    }
    let topology = topology(ctx);
    for id in waiting {
        let lost = with(|all| match all.get(&id) {
            Some(asking) if asking.roll.has_lost(&topology) => all.remove(&id),
            _ => None,
        });
        if let Some(asking) = lost {
            again(ctx, asking, 0);
        } else if with(|all| all.get_mut(&id).is_some_and(|asking| asking.remind(id, now))) {
            ask_some(ctx, id, &topology);
        }
    }
    tick_later(ctx);
}
