//! This node's part of an answer.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::super::access::{Target, find_in};
use super::super::aggregate::Aggregate;
use super::super::binding;
use super::super::find::Search;
use super::super::hybrid::Hybrid;
use super::super::inspect;
use super::super::words::Spelling;
use super::super::work::{self, Work};
use super::super::{refuse, registry};
use super::{DATABASE, ask, link, topology};
use crate::reply::Reply;
use crate::search::cluster::aggregate::Sharing;
use crate::search::cluster::message::{Answer, Ask, Message, Outcome, Question, is_too_long};
use crate::search::cluster::slots::{Slots, slot_of};
use crate::search::cluster::topology::Topology;
use crate::search::command::aggregate::AggregateRequest;
use crate::search::command::hybrid::HybridRequest;
use crate::search::command::search::SearchRequest;
use crate::search::command::small::SpellcheckRequest;
use crate::search::evaluate::Owned;
use crate::server::api::{self, Context};
use crate::server::commands::Failure;

/// The questions that are being worked on: who asked, and the number.
static WORKING: Mutex<BTreeSet<(Vec<u8>, u64)>> = Mutex::new(BTreeSet::new());

fn working() -> MutexGuard<'static, BTreeSet<(Vec<u8>, u64)>> {
    WORKING.lock().unwrap_or_else(|e| e.into_inner())
}

/// A question that is being worked on, until this is dropped.
struct Working((Vec<u8>, u64));

impl Working {
    /// None if it is worked on already: it was sent again.
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

/// Answers a question of another node.
pub fn answer(ctx: &Context, asker: Vec<u8>, id: u64, question: Ask) {
    let Some(working) = Working::begin(&asker, id) else { return };
    start(ctx, &topology(ctx), question, move |mut answer| {
        let mut bytes = Message::write_answer(id, &answer);
        if is_too_long(&answer, bytes.len()) {
            answer.outcome = Outcome::Failed(b"ERR a shard's part is too long; ask for less at once".to_vec());
            bytes = Message::write_answer(id, &answer);
        }
        drop(working);
        let mut sending = link::Sending::new(asker, bytes);
        Box::new(move |ctx| sending.go_on(ctx))
    });
}

/// Answers this node's own question.
pub fn answer_here(ctx: &Context, topology: &Topology, id: u64, question: Ask) {
    let Some(me) = topology.me().map(|me| me.id.clone()) else { return };
    start(ctx, topology, question, move |answer| {
        let mut answer = Some(answer);
        Box::new(move |ctx| {
            answer.take().into_iter().for_each(|answer| ask::answered(ctx, &me, id, answer, 0));
            false
        })
    });
}

/// How long the main thread has between two lots of a long answer.
const BREATH: Duration = Duration::from_micros(100);

/// What is done with an answer under the server's lock, again for as long as it says that there is more.
type Sent = Box<dyn FnMut(&Context) -> bool>;

fn send_on(ctx: &Context, mut sent: Sent) {
    if sent(ctx) {
        ctx.after(0, |ctx| send_on(ctx, sent));
    }
}

fn start(ctx: &Context, topology: &Topology, question: Ask, done: impl FnOnce(Answer) -> Sent + Send + 'static) {
    let slots = topology.me().map(|me| topology.slots_of(me)).unwrap_or_default();
    let (importing, migrating) = (!topology.importing.is_empty(), !topology.migrating.is_empty());
    let mut served = slots.clone();
    served.extend(&topology.importing);
    let answer = move |outcome| Answer { slots, importing, migrating, outcome };
    match part(ctx, question, served) {
        Ok(Part::Work(work)) => work::start_for(work, move |part, has_looked| {
            let outcome = match part {
                Ok(part) => Outcome::Part(part),
                Err(failure) => Outcome::Failed(text(failure)),
            };
            let mut answer = answer(outcome);
            if has_looked {
                api::with_lock(|ctx| keep_up(ctx, &mut answer));
            }
            let mut sent = done(answer);
            while api::with_lock(|ctx| sent(ctx)) {
                std::thread::sleep(BREATH);
            }
        }),
        Ok(Part::Done(reply)) => send_on(ctx, done(answer(Outcome::Part(reply)))),
        Err(outcome) => send_on(ctx, done(answer(outcome))),
    }
}

/// Documents may have left between being found and being looked at: the answer speaks for what is this node's still, and tells of
/// slots that have begun to move.
fn keep_up(ctx: &Context, answer: &mut Answer) {
    let topology = topology(ctx);
    answer.slots.retain(&topology.me().map(|me| topology.slots_of(me)).unwrap_or_default());
    answer.importing |= !topology.importing.is_empty();
    answer.migrating |= !topology.migrating.is_empty();
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

fn part(ctx: &Context, question: Ask, served: Slots) -> Result<Part, Outcome> {
    let words: Vec<&[u8]> = question.words.iter().map(|word| &word[..]).collect();
    let name = words.first().copied().unwrap_or_default();
    ctx.select(DATABASE);
    let target = find_in(DATABASE, name).filter(|_| !ctx.is_loading()).ok_or(Outcome::NoIndex)?;
    let failed = |failure| Outcome::Failed(text(failure));
    let bad = |error| failed(refuse(error));
    let settings = binding::settings();
    let timeout = Some(question.milliseconds);
    let is_replica = ctx.is_replica();
    let owned = |target: &Target| (!is_replica).then(|| owned(target, &served)).flatten();
    let sharing = Sharing { keyed: question.keyed, nearest: None };
    Ok(match question.question {
        Question::Search => {
            let mut request = SearchRequest::parse(&words, &settings).map_err(bad)?;
            request.options.timeout = timeout;
            let owned = owned(&target);
            Part::Work(Box::new(Search::part(ctx, target, request, &settings, owned).map_err(failed)?))
        }
        Question::Aggregate => {
            let mut request = AggregateRequest::parse(&words, &settings).map_err(bad)?;
            request.options.timeout = timeout;
            let owned = owned(&target);
            Part::Work(Box::new(Aggregate::part(ctx, target, request, &settings, sharing, owned).map_err(failed)?))
        }
        Question::Hybrid => {
            let mut request = HybridRequest::parse(&words, &settings).map_err(bad)?;
            request.search.timeout = timeout;
            let owned = [owned(&target), owned(&target)];
            Part::Work(Box::new(Hybrid::part(ctx, target, request, &settings, owned).map_err(failed)?))
        }
        Question::Info => Part::Done(inspect::info_part(&target).ok_or(Outcome::NoIndex)?.write()),
        Question::TagValues => {
            let field = words.get(1).copied().unwrap_or_default();
            Part::Done(Reply::Array(inspect::tag_values(&target, field).map_err(failed)?))
        }
        Question::Spelling => {
            let request = SpellcheckRequest::parse(&words, &settings).map_err(bad)?;
            Part::Work(Box::new(Spelling::part(&target, &request, &settings).map_err(failed)?))
        }
    })
}

/// What leaves documents out whose slots are not served, unless it is known that there are none. That is found out by looking at all
/// keys, in the pool, whenever the slots have changed or a key has come for a slot that is not yet this node's.
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

/// Notes that a key has come whose slot this node may not serve.
pub fn unsettle(settled: &Arc<AtomicU64>) {
    let changed = |state: u64| Some((state | u64::from(u32::MAX)).wrapping_add(1));
    let _ = settled.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed);
}
