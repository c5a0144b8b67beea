//! This node's part of an answer.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use super::super::access::{Target, find_in};
use super::super::aggregate::Aggregate;
use super::super::binding;
use super::super::execution::{self, Sent, Work};
use super::super::ft_search::Search;
use super::super::hybrid::Hybrid;
use super::super::inspect;
use super::super::profile::{Outline, Profilable, Profiling, Receiver, Watch};
use super::super::words::Spelling;
use super::super::{refuse, registry};
use super::collected::short_bytes;
use super::{DATABASE, ask, link, topology, topology_lately};
use crate::reply::Reply;
use crate::search::cluster::aggregate::Sharing;
use crate::search::cluster::message::{Answer, Ask, Message, Outcome, Question, is_too_long};
use crate::search::cluster::slots::{Slots, slot_of};
use crate::search::command::aggregate::AggregateRequest;
use crate::search::command::hybrid::HybridRequest;
use crate::search::command::options::QueryOptions;
use crate::search::command::search::SearchRequest;
use crate::search::command::simple::SpellcheckRequest;
use crate::search::evaluate::Owned;
use crate::server::api::{self, Context};
use crate::server::commands::Failure;
use crate::server::inline::Traffic;

/// The requests that are being worked on: the asking node and the number.
static WORKING: Mutex<BTreeSet<(Vec<u8>, u64)>> = Mutex::new(BTreeSet::new());

fn working() -> MutexGuard<'static, BTreeSet<(Vec<u8>, u64)>> {
    WORKING.lock().unwrap_or_else(|e| e.into_inner())
}

/// Marks a request as being worked on, until dropped.
struct Working((Vec<u8>, u64));

impl Working {
    /// None if it is being worked on already: the request was repeated.
    fn begin(asker: &[u8], id: u64) -> Option<Working> {
        let question = (asker.to_vec(), id);
        let is_new = working().insert(question.clone());
        // Made only then: dropping it would end the other.
        is_new.then(|| Working(question))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        working().remove(&self.0);
    }
}

/// The receiver of an answer.
enum Asker {
    Node {
        id: Vec<u8>,
        working: Working,
    },
    /// This node, of this id.
    Me(Vec<u8>),
}

impl Asker {
    /// Encodes an answer.
    fn send(self, question: u64, mut answer: Answer) -> Sent {
        match self {
            Asker::Node { id, working } => {
                let mut bytes = Message::write_answer(question, &answer);
                if is_too_long(&answer, bytes.len()) {
                    answer.outcome = Outcome::Failed(b"ERR a shard's part is too long; ask for less at once".to_vec());
                    bytes = Message::write_answer(question, &answer);
                }
                drop(working);
                let mut sending = link::Sending::new(id, bytes);
                Box::new(move |ctx| sending.go_on(ctx))
            }
            Asker::Me(id) => {
                let bytes = short_bytes(&answer);
                let mut answer = Some(answer);
                Box::new(move |ctx| {
                    answer.take().into_iter().for_each(|answer| ask::answered(ctx, &id, question, answer, bytes));
                    false
                })
            }
        }
    }
}

/// Answers a request of another node.
pub fn answer(ctx: &Context, asker: Vec<u8>, id: u64, question: Ask) {
    let traffic = Traffic::now();
    let Some(working) = Working::begin(&asker, id) else { return };
    let asker = Asker::Node { id: asker, working };
    // Not within the message callback: reading documents deletes those that have expired.
    ctx.after(0, move |ctx| start(ctx, asker, id, &question, traffic));
}

/// Answers this node's own request, in the pool, so that the main thread is free to ask others.
pub fn answer_here(ctx: &Context, id: u64, question: &Ask) {
    if let Some(me) = topology_lately(ctx).me() {
        start(ctx, Asker::Me(me.id.clone()), id, question, Traffic::BUSY);
    }
}

/// An answer without its part, and its receiver.
struct Answering {
    asker: Asker,
    question: u64,
    slots: Slots,
    importing: bool,
    migrating: bool,
}

impl Answering {
    fn send(mut self, ctx: Option<&Context>, outcome: Outcome) -> Sent {
        match ctx {
            Some(ctx) => self.keep_up(ctx),
            None => api::with_lock(|ctx| self.keep_up(ctx)),
        }
        let Answering { asker, question, slots, importing, migrating } = self;
        asker.send(question, Answer { slots, importing, migrating, outcome })
    }

    /// Documents may have left after the slots were determined and before they were read: the answer covers the slots that this node
    /// still has, and reports slots that have begun to move. So the slots need not be exact at the beginning.
    fn keep_up(&mut self, ctx: &Context) {
        let topology = topology(ctx);
        self.slots.retain(&topology.me().map(|me| topology.slots_of(me)).unwrap_or_default());
        self.importing |= !topology.importing.is_empty();
        self.migrating |= !topology.migrating.is_empty();
    }
}

impl execution::Asker for Answering {
    fn answer(self: Box<Self>, ctx: Option<&Context>, reply: Result<Reply, Failure>) -> Sent {
        let outcome = match reply {
            Ok(part) => Outcome::Part(part),
            Err(failure) => Outcome::Failed(text(failure)),
        };
        self.send(ctx, outcome)
    }
}

fn start(ctx: &Context, asker: Asker, id: u64, question: &Ask, traffic: Traffic) {
    let topology = topology_lately(ctx);
    let slots = topology.me().map(|me| topology.slots_of(me)).unwrap_or_default();
    let (importing, migrating) = (!topology.importing.is_empty(), !topology.migrating.is_empty());
    let mut served = slots.clone();
    served.extend(&topology.importing);
    let answering = Answering { asker, question: id, slots, importing, migrating };
    let address = topology.me().map(|me| me.address.clone()).unwrap_or_default();
    match part(ctx, question, served, address) {
        Ok(Part::Work(work)) => execution::start_for(ctx, work, traffic, Box::new(answering)),
        Ok(Part::Done(reply)) => execution::send_on(ctx, answering.send(Some(ctx), Outcome::Part(reply))),
        Err(outcome) => execution::send_on(ctx, answering.send(Some(ctx), outcome)),
    }
}

fn text(failure: Failure) -> Vec<u8> {
    match failure {
        Failure::Text(text) => text,
        Failure::Arity => b"ERR wrong number of arguments".to_vec(),
    }
}

enum Part {
    Work(Box<dyn Work>),
    Done(Reply),
}

fn part(ctx: &Context, question: &Ask, served: Slots, address: Vec<u8>) -> Result<Part, Outcome> {
    let words: Vec<&[u8]> = question.words.iter().map(|word| &word[..]).collect();
    let name = words.first().copied().unwrap_or_default();
    ctx.select(DATABASE);
    let is_filled = |target: &Target| question.question == Question::Info || !target.is_filling;
    let is_ready = |target: &Target| !ctx.is_loading() && is_filled(target);
    let target = find_in(DATABASE, name).filter(is_ready).ok_or(Outcome::NoIndex)?;
    let failed = |failure| Outcome::Failed(text(failure));
    let bad = |error| failed(refuse(error));
    let settings = binding::settings();
    let timeout = Some(question.milliseconds);
    let is_replica = ctx.is_replica();
    let outline = |target: &Target, options: &QueryOptions| {
        question.profiled.then(|| Outline::of(target, options)).transpose().map_err(failed)
    };
    let owned = |target: &Target| (!is_replica).then(|| owned(target, &served)).flatten();
    let sharing = Sharing { keyed: question.keyed, nearest: None };
    let began = Instant::now();
    let (query, outline): (Box<dyn Profilable>, _) = match question.question {
        Question::Search => {
            let mut request = SearchRequest::parse(&words, &settings).map_err(bad)?;
            request.options.timeout = timeout;
            let outline = outline(&target, &request.options)?;
            let owned = owned(&target);
            (Box::new(Search::part(ctx, target, request, &settings, owned).map_err(failed)?), outline)
        }
        Question::Aggregate => {
            let mut request = AggregateRequest::parse(&words, &settings).map_err(bad)?;
            request.options.timeout = timeout;
            let outline = outline(&target, &request.options)?;
            let owned = owned(&target);
            (Box::new(Aggregate::part(ctx, target, request, &settings, sharing, owned).map_err(failed)?), outline)
        }
        Question::Hybrid => {
            let mut request = HybridRequest::parse(&words, &settings).map_err(bad)?;
            request.search.timeout = timeout;
            let owned = [owned(&target), owned(&target)];
            (Box::new(Hybrid::part(ctx, target, request, &settings, owned).map_err(failed)?), Some(Outline::BOTH))
        }
        Question::Info => return Ok(Part::Done(inspect::info_part(&target).ok_or(Outcome::NoIndex)?.write())),
        Question::TagValues => {
            let field = words.get(1).copied().unwrap_or_default();
            return Ok(Part::Work(inspect::tag_values_part(&target, field).map_err(failed)?));
        }
        Question::Spelling => {
            let request = SpellcheckRequest::parse(&words, &settings).map_err(bad)?;
            return Ok(Part::Work(Box::new(Spelling::part(&target, &request, &settings).map_err(failed)?)));
        }
    };
    Ok(Part::Work(match outline.filter(|_| question.profiled) {
        Some(outline) => {
            let receiver = Receiver::Node(address);
            Box::new(Profiling::new(query, outline, Watch { began, parsing: 0.0 }, receiver))
        }
        None => query,
    }))
}

/// The filter that excludes documents whose slots are not served, unless it is known that there are none. This is determined from all
/// keys, in the pool, whenever the slots have changed or a key has arrived for a slot that this node does not own yet.
fn owned(target: &Target, served: &Slots) -> Option<Owned> {
    let settled = registry::with(|registry| registry.by_id(target.id).map(|(_, entry)| entry.settled.clone()))?;
    let mark = served.mark();
    let before = settled.load(Ordering::Relaxed);
    if before as u32 == mark {
        return None;
    }
    let served = served.clone();
    let all_pass = move || {
        let now = before & !u64::from(u32::MAX) | u64::from(mark);
        let _ = settled.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed);
    };
    Some(Owned { passes: Box::new(move |key| served.contains(slot_of(key))), all_pass: Box::new(all_pass) })
}

/// Records that a key has arrived whose slot this node may not serve.
pub fn unsettle(settled: &Arc<AtomicU64>) {
    let changed = |state: u64| Some((state | u64::from(u32::MAX)).wrapping_add(1));
    let _ = settled.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed);
}
