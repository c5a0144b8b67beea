//! A command under way among the shards.
//!
//! ```text
//!   start ─► round: ask each shard ─► answered … answered ─► settle ─► gather, in the pool ─► reply
//!              ▲                                               │
//!              └──── slots have moved, an index is not there yet ┘
//! ```
//!
//! Each round has a number of its own, so that answers to an earlier one are known as such. Everything here happens under the
//! server's lock, in constant time but for the number of shards; a timer looks whether shards were lost or time is over, and sends
//! the question again to those that are silent: a server drops messages of a node that it has only just met, and what was on a
//! link that breaks. Who works on the question already takes no notice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::collected::Collected;
use super::{Gather, link, part, topology};
use crate::search::cluster::message::{Answer, Ask, Message, Outcome as Answered, Question};
use crate::search::cluster::slots::Slots;
use crate::search::cluster::topology::{Node, Topology};
use crate::server::api::Context;
use crate::server::blocking::Unblock;
use crate::server::commands::{Failure, Outcome};
use crate::server::pools;

/// How long an answer may come after the time that a query may take: shards end in time and send what they have.
const GRACE: Duration = Duration::from_millis(500);
/// The time for queries that may take any.
const LONGEST: Duration = Duration::from_secs(60);
/// Milliseconds between two looks at who is lost.
const TICK: i64 = 50;
/// A question is sent again after this time of silence, and then after twice that, and so on.
const REMINDED: Duration = Duration::from_millis(100);
/// Milliseconds until a round that found slots on their way is repeated.
const AGAIN: i64 = 10;
/// Rounds after which two nodes may name the same slot: keys tell what came twice.
const PATIENCE: u32 = 10;

struct Asking {
    unblock: Unblock,
    gather: Box<dyn Gather>,
    ask: Ask,
    /// The slot whose shard alone is asked.
    slot: Option<u16>,
    partial: bool,
    end: Instant,
    /// When those that are silent are asked again, and how long they will have had.
    reminded: Instant,
    pause: Duration,
    rounds: u32,
    /// Whether nodes without slots are asked too: keys of some slot may be on their way there.
    wide: bool,
    /// Whether nodes to which keys come have been asked behind all others.
    second: bool,
    /// The slots that were anybody's when the round began.
    assigned: Slots,
    shards: Vec<Shard>,
}

/// A shard and what it said.
struct Shard {
    primary: Vec<u8>,
    address: Vec<u8>,
    /// The node that is asked for it.
    voice: Option<Vec<u8>>,
    /// Those that could not be asked.
    tried: Vec<Vec<u8>>,
    answer: Option<Collected>,
}

static ASKING: Mutex<Option<HashMap<u64, Asking>>> = Mutex::new(None);
static TICKING: AtomicBool = AtomicBool::new(false);

fn with<R>(body: impl FnOnce(&mut HashMap<u64, Asking>) -> R) -> R {
    let mut asking = ASKING.lock().unwrap_or_else(|e| e.into_inner());
    body(asking.get_or_insert_with(HashMap::new))
}

/// What is asked, and of whom.
pub struct Start {
    pub ask: Ask,
    /// The slot whose shard alone is asked.
    pub slot: Option<u16>,
    pub partial: bool,
    pub topology: Arc<Topology>,
}

/// Blocks the client and asks.
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
        ask,
        slot,
        partial,
        end: now + time,
        reminded: now,
        pause: REMINDED,
        rounds: 0,
        wide: false,
        second: false,
        assigned: Slots::default(),
        shards: Vec::new(),
    };
    round(ctx, asking, &topology);
    Ok(None)
}

/// Asks all shards.
fn round(ctx: &Context, mut asking: Asking, topology: &Arc<Topology>) {
    let shards = if asking.wide { topology.shards_and_others() } else { topology.shards() };
    let shards = shards.iter().filter(|node| asking.slot.is_none_or(|slot| node.slots.contains(slot)));
    let shard = |node: &&Node| Shard {
        primary: node.id.clone(),
        address: node.address.clone(),
        voice: None,
        tried: Vec::new(),
        answer: None,
    };
    asking.shards = shards.map(shard).collect();
    asking.assigned = topology.assigned();
    asking.rounds += 1;
    asking.second = false;
    go_on(ctx, asking, topology);
}

/// Asks the shards that have not answered, under a new number.
fn go_on(ctx: &Context, mut asking: Asking, topology: &Arc<Topology>) {
    let id = link::number();
    (asking.reminded, asking.pause) = (Instant::now() + REMINDED, REMINDED);
    let bytes = Message::Ask { id, ask: asking.ask.clone() }.write();
    let mut is_mine = false;
    for shard in asking.shards.iter_mut().filter(|shard| shard.answer.is_none()) {
        is_mine |= shard.ask(ctx, topology, &bytes);
    }
    let ask = asking.ask.clone();
    with(|all| all.insert(id, asking));
    if is_mine {
        part::answer_here(ctx, topology, id, ask);
    }
    tick_later(ctx);
    conclude(ctx, id);
}

impl Shard {
    /// Asks a node of the shard, another if that cannot be reached. True if it is this node.
    fn ask(&mut self, ctx: &Context, topology: &Topology, message: &[u8]) -> bool {
        self.voice = None;
        let Some(primary) = topology.node(&self.primary) else { return false };
        while let Some(node) = topology.voice(primary, &self.tried) {
            self.voice = Some(node.id.clone());
            let is_mine = topology.me().is_some_and(|me| me.id == node.id);
            if is_mine || link::send_bytes(ctx, &node.id, message) {
                return is_mine;
            }
            self.tried.push(node.id.clone());
            self.voice = None;
        }
        false
    }

    fn answer(&self) -> Option<&Answer> {
        self.answer.as_ref()?.get()
    }

    /// Whether it has answered, or none of its nodes can be asked.
    fn is_done(&self) -> bool {
        self.answer.is_some() || self.voice.is_none()
    }
}

/// Takes an answer, which came in so many bytes; one that no query waits for, or that came before, is dropped.
pub fn answered(ctx: &Context, sender: &[u8], id: u64, answer: Answer, bytes: usize) {
    let answer = Collected::new(answer, bytes);
    let is_awaited = with(|all| {
        let waiting = all.get_mut(&id)?.shards.iter_mut();
        let shard = waiting.into_iter().find(|shard| shard.voice.as_deref() == Some(sender))?;
        shard.answer.is_none().then(|| shard.answer = Some(answer))
    });
    if is_awaited.is_some() {
        conclude(ctx, id);
    }
}

/// Goes on if all have answered.
fn conclude(ctx: &Context, id: u64) {
    let done = with(|all| match all.get(&id) {
        Some(asking) if asking.shards.iter().all(Shard::is_done) => all.remove(&id),
        _ => None,
    });
    if let Some(asking) = done {
        settle(ctx, asking);
    }
}

/// What becomes of a round.
enum Next {
    Reply,
    Refuse(Vec<u8>),
    /// A shard has not answered, and time is over.
    Fail,
    /// Another round, in so many milliseconds.
    Again(i64),
    /// The same, of every primary: though the index belongs to one, or some have no slots.
    AgainAll,
    /// The same, each document with its key.
    AgainKeyed,
    /// Those to which keys come are asked once more.
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
            asking.ask.keyed = true;
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
        self.shards.iter().filter_map(Shard::answer)
    }

    fn is_missing(&self) -> bool {
        self.shards.iter().any(|shard| shard.answer.is_none())
    }

    fn next(&self) -> Next {
        let is_over = Instant::now() >= self.end;
        let is_unknown = self.answers().any(|answer| answer.outcome == Answered::NoIndex);
        if is_unknown || self.is_missing() && !self.partial {
            // The cluster may be about to replace a node, or to tell one of the index.
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

    /// Whether the answers speak for each slot, and for each key once.
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
        match () {
            _ if is_over && lacks && !self.partial => {
                Next::Refuse(b"ERR slots were moving all the time; try again".to_vec())
            }
            _ if is_over => Next::Reply,
            _ if lacks || twice && self.rounds < PATIENCE => Next::Again(AGAIN),
            _ if splits && !self.wide => Next::AgainAll,
            _ if (splits || twice) && is_counted => Next::AgainKeyed,
            _ if splits && !self.second => Next::Second,
            _ => Next::Reply,
        }
    }

    /// Where keys come to, they are looked for after they were looked for where they come from. A node that did not yet know
    /// that it would get some has answered too early as well.
    fn forget_later(&mut self) {
        let is_known = self.answers().any(|answer| answer.importing);
        let is_later = |answer: &Answer| if is_known { answer.importing } else { !answer.migrating };
        let later = self.shards.iter_mut().filter(|shard| shard.answer().is_some_and(is_later));
        later.for_each(|shard| shard.answer = None);
        self.second = true;
    }
}

impl Asking {
    /// Sends the question again to those that have been silent for long.
    fn remind(&mut self, ctx: &Context, id: u64, topology: &Topology, now: Instant) {
        if now < self.reminded {
            return;
        }
        self.pause *= 2;
        self.reminded = now + self.pause;
        let me = topology.me().map(|me| &me.id);
        let bytes = Message::Ask { id, ask: self.ask.clone() }.write();
        let silent = self.shards.iter().filter(|shard| shard.answer.is_none()).filter_map(|shard| shard.voice.as_ref());
        for node in silent.filter(|node| Some(*node) != me) {
            link::send_bytes(ctx, node, &bytes);
        }
    }
}

/// Asks all again, in so many milliseconds.
fn again(ctx: &Context, asking: Asking, milliseconds: i64) {
    ctx.after(milliseconds, move |ctx| round(ctx, asking, &topology(ctx)));
}

/// Makes a reply of the answers, in the pool.
fn finish(asking: Asking) {
    let missing = asking.is_missing();
    let Asking { unblock, gather, shards, .. } = asking;
    pools::queries().spawn(Box::new(move || {
        let parts = shards.into_iter().filter_map(|shard| shard.answer?.into_part());
        let (parts, _room): (Vec<_>, Vec<_>) = parts.unzip();
        match gather.gather(parts, missing) {
            Ok(reply) => super::super::work::reply(unblock, reply),
            Err(failure) => unblock.answer(move |_| Err(failure)),
        }
    }));
}

/// Time is over: names who did not answer.
fn fail(asking: Asking) {
    let name = |shard: &Shard| String::from_utf8_lossy(&shard.address).into_owned();
    let silent = asking.shards.iter().find(|shard| shard.answer.is_none());
    let text = match silent {
        Some(shard) => format!("ERR shard {} did not answer", name(shard)),
        None => {
            let lacks = |shard: &&Shard| shard.answer().is_some_and(|answer| answer.outcome == Answered::NoIndex);
            let shard = asking.shards.iter().find(lacks).map(name).unwrap_or_default();
            format!("ERR shard {shard} does not know the index yet")
        }
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

/// Ends what takes too long, and asks others for nodes that were lost.
fn tick(ctx: &Context) {
    let now = Instant::now();
    let (over, waiting) = with(|all| {
        let over: Vec<u64> = all.iter().filter(|(_, asking)| now >= asking.end).map(|(id, _)| *id).collect();
        let over: Vec<Asking> = over.iter().filter_map(|id| all.remove(id)).collect();
        (over, all.keys().copied().collect::<Vec<u64>>())
    });
    for mut asking in over {
        asking.shards.iter_mut().filter(|shard| shard.answer.is_none()).for_each(|shard| shard.voice = None);
        settle(ctx, asking);
    }
    if waiting.is_empty() {
        return;
    }
    let topology = topology(ctx);
    for id in waiting {
        let is_lost = |shard: &Shard| {
            let node = shard.voice.as_ref().and_then(|id| topology.node(id));
            shard.answer.is_none() && node.is_none_or(|node| node.is_lost)
        };
        let lost = with(|all| match all.get(&id) {
            Some(asking) if asking.shards.iter().any(is_lost) => all.remove(&id),
            _ => None,
        });
        match lost {
            Some(asking) => again(ctx, asking, 0),
            None => with(|all| all.get_mut(&id).into_iter().for_each(|asking| asking.remind(ctx, id, &topology, now))),
        }
    }
    tick_later(ctx);
}
