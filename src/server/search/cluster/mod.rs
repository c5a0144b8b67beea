//! FT.* over a cluster: every node accepts every command. [`crate::search::cluster`] describes the design.
//!
//! | file | does |
//! | --- | --- |
//! | `link.rs`, `prompt.rs` | sends messages and reassembles received ones; sets TCP_NODELAY |
//! | `ask.rs`, `collected.rs` | asks the shards, waits, retries; holds the answers until all have arrived |
//! | `part.rs` | answers for this node's documents |
//! | `gather.rs` | merges the parts into a reply |
//! | `commands.rs` | executes commands that define something, here and on all other nodes |
//! | `spread.rs` | compares definitions with other nodes and applies what changed there |
//!
//! Where the server is no node of a cluster nothing of this runs.

mod ask;
mod collected;
mod commands;
mod gather;
mod link;
mod part;
mod prompt;
mod spread;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use commands::*;
pub use gather::{Aggregation, As, Infos, Mixture, Profiles, Rows, Spellings, TagValues};
pub use part::unsettle;
pub use spread::{confirm, flushed, is_applying, note};

use super::access::Target;
use crate::reply::Reply;
use crate::search::cluster::message::{Ask, Question};
use crate::search::cluster::slots::{hash_tag, slot_of};
use crate::search::cluster::topology::{Topology, same_topology};
use crate::server::api::Context;
use crate::server::blocking;
use crate::server::commands::{Call, Failure, Outcome};
use crate::server::settings::Flag;

/// Whether the server is a node of a cluster, which it is from start to end or never.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// Whether what is there is replied where a shard does not answer.
pub static PARTIAL: Flag = Flag { name: c"search-partial", value: AtomicBool::new(false), apply: |_| () };

/// The only database that a cluster has, or that it is about.
const DATABASE: i32 = 0;

/// Whether the server is a node of a cluster.
pub fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// Begins to listen to other nodes, if there may be any.
pub fn start(ctx: &Context) {
    if ctx.is_in_cluster() {
        IS_ON.store(true, Ordering::Relaxed);
        ctx.receive_from_nodes(link::receive);
        spread::start(ctx);
    }
}

/// The cluster's nodes as the server reported them, and when.
struct Reported {
    text: Vec<u8>,
    topology: Arc<Topology>,
    at: Instant,
}

static REPORTED: Mutex<Option<Reported>> = Mutex::new(None);

/// The maximal age of this report where it only decides which node is asked: answers list the slots that they cover.
const LATELY: Duration = Duration::from_millis(100);

/// The cluster as this node sees it now; without any node if the server does not report it. The report has a line per node, which is
/// parsed only if it differs from the previous one.
fn topology(ctx: &Context) -> Arc<Topology> {
    static COMPLAINED: AtomicBool = AtomicBool::new(false);
    let text = ctx.cluster_nodes().unwrap_or_else(|why| {
        if !COMPLAINED.swap(true, Ordering::Relaxed) {
            ctx.warn(&format!("search does not know the cluster's nodes: {}", String::from_utf8_lossy(&why)));
        }
        Vec::new()
    });
    let mut reported = REPORTED.lock().unwrap_or_else(|e| e.into_inner());
    let at = Instant::now();
    match &mut *reported {
        Some(reported) if same_topology(&reported.text, &text) => {
            reported.at = at;
            reported.topology.clone()
        }
        _ => {
            let topology = Arc::new(Topology::read(&text));
            *reported = Some(Reported { text, topology: topology.clone(), at });
            topology
        }
    }
}

/// The cluster as this node saw it a moment ago.
fn topology_lately(ctx: &Context) -> Arc<Topology> {
    let reported = REPORTED.lock().unwrap_or_else(|e| e.into_inner());
    let known =
        reported.as_ref().filter(|reported| reported.at.elapsed() < LATELY).map(|reported| reported.topology.clone());
    drop(reported);
    known.unwrap_or_else(|| topology(ctx))
}

/// The slot of an index that holds documents of one slot alone.
pub fn only_slot(name: &[u8]) -> Option<u16> {
    hash_tag(name).filter(|_| is_on()).map(|_| slot_of(name))
}

/// Merges the parts of a reply, on any thread. `missing`: not all shards have answered.
pub trait Gather: Send + 'static {
    fn gather(self: Box<Self>, parts: Vec<Reply>, missing: bool) -> Result<Reply, Failure>;

    /// Whether short parts are merged in less time than the way to another thread and back takes.
    fn is_quick(&self) -> bool {
        false
    }
}

/// How a command is asked of all shards.
pub struct Asked {
    pub question: Question,
    /// Parts come with what they cost.
    pub profiled: bool,
    /// Milliseconds that it may take, 0 for any.
    pub milliseconds: u64,
    /// PARTIAL
    pub partial: bool,
}

/// Has the shards answer a command, if there are others than this node's; None if it is this node's to answer alone.
pub fn ask(
    call: &Call,
    target: &Target,
    asked: Asked,
    gather: impl FnOnce() -> Result<Box<dyn Gather>, Failure>,
) -> Option<Outcome> {
    match others(call.ctx, target) {
        Ok(None) => None,
        Ok(Some(others)) => Some(gather().and_then(|gather| others.ask(call.ctx, call.args, asked, gather))),
        Err(failure) => Some(Err(failure)),
    }
}

/// The shards that have to be asked about an index.
pub struct Others {
    topology: Arc<Topology>,
    /// The slot whose shard alone is asked.
    slot: Option<u16>,
}

/// The shards to be asked about an index; None if this node knows all of it.
///
/// # Errors
/// Where they cannot be asked.
pub fn others(ctx: &Context, target: &Target) -> Result<Option<Others>, Failure> {
    if !is_on() || target.database != DATABASE {
        return Ok(None);
    }
    let mut others = Others::of(topology_lately(ctx), target)?;
    if others.is_none() {
        // What this node alone answers no other checks.
        others = Others::of(topology(ctx), target)?;
    }
    if others.is_none() {
        return Ok(None);
    }
    if !blocking::is_allowed(ctx) {
        let text = b"ERR this asks other nodes of the cluster, which a transaction or a script cannot wait for";
        return Err(Failure::Text(text.to_vec()));
    }
    Ok(others)
}

impl Others {
    /// None if this node knows all of the index.
    fn of(topology: Arc<Topology>, target: &Target) -> Result<Option<Others>, Failure> {
        let slot = only_slot(&target.definition.name).filter(|slot| !topology.migrating.contains(*slot));
        let Some(me) = topology.me() else {
            return Err(Failure::Text(b"ERR the server does not report the nodes of the cluster".to_vec()));
        };
        let own = topology.slots_of(me);
        let is_alone = match slot {
            Some(slot) => own.contains(slot) || !topology.assigned().contains(slot),
            None => own.covers(topology.assigned()),
        };
        Ok((!is_alone).then_some(Others { topology, slot }))
    }

    /// Has them answer a command of these words.
    pub fn ask(self, ctx: &Context, words: &[&[u8]], asked: Asked, gather: Box<dyn Gather>) -> Outcome {
        let words = words.iter().map(|word| word.to_vec()).collect();
        let ask = Ask {
            question: asked.question,
            keyed: false,
            profiled: asked.profiled,
            milliseconds: asked.milliseconds,
            words,
        };
        let partial = asked.partial || PARTIAL.get();
        ask::start(ctx, ask::Start { ask, slot: self.slot, partial, topology: self.topology }, gather)
    }
}
