//! Distribution of definitions in the cluster.
//!
//! A command that defines something is executed on its node, sent to all others, and replied to when all primaries have it, or
//! after a second: unreachable nodes catch up later. Every second each node sends the digest of its catalogue to a
//! few others; a node with a different digest sends its whole catalogue. Replicas keep the catalogue too, for when they are promoted, but get
//! their indexes from their primary.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::seq::SliceRandom;

use super::super::registry::Entry;
use super::super::{deletion, documents, registry};
use super::{DATABASE, is_on, link, prompt, topology};
use crate::reply::Reply;
use crate::search::cluster::catalog::{Catalog, Content, Contents, Definition, Kind};
use crate::search::cluster::message::Message;
use crate::search::cluster::topology::Topology;
use crate::search::command::{create, rewrite};
use crate::search::index::WordSet;
use crate::server::api::{Called, Context};
use crate::server::blocking::{self, Unblock};
use crate::server::commands::{Call, Outcome, registered_name};

/// Milliseconds between two comparisons of digests, and the time that a command waits for other nodes.
const ROUND: i64 = 1000;
/// Nodes that get the digest each time.
const SOME: usize = 3;

static CATALOG: Mutex<Option<Catalog>> = Mutex::new(None);
/// Whether a definition of another node is being applied.
static APPLYING: AtomicBool = AtomicBool::new(false);
/// Whether the keys were flushed, and the indexes with them.
static FLUSHED: AtomicBool = AtomicBool::new(false);

/// A client that waits until primaries know what it defined.
struct Waiting {
    unblock: Unblock,
    reply: Reply,
    nodes: Vec<Vec<u8>>,
}

static WAITING: Mutex<Option<HashMap<u64, Waiting>>> = Mutex::new(None);

fn catalog<R>(body: impl FnOnce(&mut Catalog) -> R) -> R {
    let mut catalog = CATALOG.lock().unwrap_or_else(|e| e.into_inner());
    body(catalog.get_or_insert_with(Catalog::default))
}

fn waiting<R>(body: impl FnOnce(&mut HashMap<u64, Waiting>) -> R) -> R {
    let mut waiting = WAITING.lock().unwrap_or_else(|e| e.into_inner());
    body(waiting.get_or_insert_with(HashMap::new))
}

fn now() -> u64 {
    u64::try_from(documents::now()).unwrap_or(0).max(2)
}

/// Whether a definition of another node is being applied; that node has checked the user.
pub fn is_applying() -> bool {
    APPLYING.load(Ordering::Relaxed)
}

/// This node's definitions.
fn contents() -> Contents {
    registry::with(|registry| {
        let mut contents = Contents::new();
        for name in registry.names(DATABASE) {
            for alias in registry.aliases(DATABASE, &name) {
                contents.insert((Kind::Alias, alias), vec![vec![name.clone()]]);
            }
            let Some(entry) = registry.find_named(DATABASE, &name) else { continue };
            let groups = entry.index.synonyms().groups().map(|(group, words)| {
                std::iter::once(group).chain(words.iter()).map(<[u8]>::to_vec).collect::<Vec<_>>()
            });
            let content: Content = std::iter::once(rewrite::words(&entry.definition)).chain(groups).collect();
            contents.insert((Kind::Index, name), content);
        }
        for (name, words) in &registry.dictionaries {
            contents.insert((Kind::Dictionary, name.clone()), vec![words.iter().map(<[u8]>::to_vec).collect()]);
        }
        contents
    })
}

/// Executes a command that defines something, and sends what it changed.
pub fn carry_out(call: &Call, handler: fn(&Call) -> Outcome) -> Outcome {
    let outcome = handler(call)?;
    if !is_on() || is_applying() || call.ctx.is_repetition() || call.ctx.database() != DATABASE {
        return Ok(outcome);
    }
    let with_documents = call.args.get(1).is_some_and(|word| word.eq_ignore_ascii_case(b"DD"));
    let changed = catalog(|catalog| catalog.observe(&contents(), now(), with_documents));
    if changed.is_empty() {
        return Ok(outcome);
    }
    let topology = topology(call.ctx);
    match outcome {
        Some(reply) if blocking::is_allowed(call.ctx) => wait(call.ctx, &topology, changed, reply),
        outcome => {
            send(call.ctx, &topology, 0, changed);
            Ok(outcome)
        }
    }
}

/// Sends definitions to all nodes; returns the primaries among those that were reached.
fn send(ctx: &Context, topology: &Topology, id: u64, definitions: Vec<Definition>) -> Vec<Vec<u8>> {
    let bytes = Message::Definitions { id, asks: false, definitions }.write();
    let me = topology.me().map(|me| &me.id);
    let others = topology.nodes.iter().filter(|node| Some(&node.id) != me && !node.is_lost);
    let reached = others.filter(|node| link::send_bytes(ctx, &node.id, &bytes) && node.is_primary);
    reached.map(|node| node.id.clone()).collect()
}

/// Replies when all primaries have what changed.
fn wait(ctx: &Context, topology: &Topology, changed: Vec<Definition>, reply: Reply) -> Outcome {
    let id = link::number();
    let nodes = send(ctx, topology, id, changed);
    if nodes.is_empty() {
        return Ok(Some(reply));
    }
    let Some(unblock) = Unblock::block(ctx) else { return Ok(Some(reply)) };
    reply_later(ctx, id, Waiting { unblock, reply, nodes });
    Ok(None)
}

fn reply_later(ctx: &Context, id: u64, client: Waiting) {
    waiting(|all| all.insert(id, client));
    ctx.after(ROUND, move |_| {
        if let Some(late) = waiting(|all| all.remove(&id)) {
            late.unblock.reply(late.reply);
        }
    });
}

/// Replies to a client whose command took long when all primaries have what it did to an index.
pub fn confirm(ctx: &Context, index: &[u8], unblock: Unblock, reply: Reply) {
    let state = if is_on() { catalog(|catalog| catalog.find(Kind::Index, index)) } else { None };
    let id = link::number();
    let nodes = state.map(|state| send(ctx, &topology(ctx), id, vec![state])).unwrap_or_default();
    match nodes.is_empty() {
        true => unblock.reply(reply),
        false => reply_later(ctx, id, Waiting { unblock, reply, nodes }),
    }
}

/// A node has acknowledged definitions.
pub fn acknowledged(sender: &[u8], id: u64) {
    let done = waiting(|all| {
        let one = all.get_mut(&id)?;
        one.nodes.retain(|node| node != sender);
        if one.nodes.is_empty() { all.remove(&id) } else { None }
    });
    if let Some(done) = done {
        done.unblock.reply(done.reply);
    }
}

/// Sends what changed without a command.
pub fn note(ctx: &Context, with_documents: bool) {
    if !is_on() || ctx.is_replica() {
        return;
    }
    let changed = catalog(|catalog| catalog.observe(&contents(), now(), with_documents));
    if !changed.is_empty() {
        send(ctx, &topology(ctx), 0, changed);
    }
}

/// The keys were flushed, and the indexes with them: the indexes are dropped on all nodes, unless this node owns no slots.
pub fn flushed(ctx: &Context) {
    if is_on() {
        FLUSHED.store(true, Ordering::Relaxed);
        // What a restart or a full synchronisation flushes is loaded by then.
        ctx.after(0, take_flush);
    }
}

fn take_flush(ctx: &Context) {
    let owns_slots = || topology(ctx).me().is_some_and(|me| !me.slots.is_empty());
    if FLUSHED.swap(false, Ordering::Relaxed) && !ctx.is_loading() && owns_slots() {
        note(ctx, false);
    }
}

/// Starts the comparison.
pub fn start(ctx: &Context) {
    ctx.after(ROUND, |ctx| {
        take_flush(ctx);
        if !ctx.is_loading() {
            round(ctx);
        }
        start(ctx);
    });
}

fn round(ctx: &Context) {
    if !ctx.is_replica() {
        let here = contents();
        let differing = catalog(|catalog| {
            catalog.adopt(&here);
            catalog.differing(&here)
        });
        apply(ctx, differing, Since::Earlier);
    }
    let topology = topology(ctx);
    prompt::keep(&topology);
    let me = topology.me().map(|me| &me.id);
    let mut others: Vec<_> = topology.nodes.iter().filter(|node| Some(&node.id) != me && !node.is_lost).collect();
    others.shuffle(&mut rand::rng());
    let digest = Message::Digest(catalog(|catalog| catalog.digest()));
    for node in others.into_iter().take(SOME) {
        link::send(ctx, &node.id, &digest);
    }
}

/// A node has sent the digest of its catalogue.
pub fn compare(ctx: &Context, sender: &[u8], digest: u64) {
    let all = catalog(|catalog| (catalog.digest() != digest).then(|| catalog.all()));
    if let Some(definitions) = all {
        link::send(ctx, sender, &Message::Definitions { id: 0, asks: true, definitions });
    }
}

/// A node has sent definitions.
pub fn learn(ctx: &Context, sender: &[u8], id: u64, asks: bool, definitions: Vec<Definition>) {
    let (news, all) = catalog(|catalog| {
        let news = catalog.merge(definitions.clone(), now());
        (news, asks.then(|| catalog.all()).filter(|all| *all != definitions))
    });
    if let Some(definitions) = all {
        link::send(ctx, sender, &Message::Definitions { id: 0, asks: false, definitions });
    }
    let sender = sender.to_vec();
    // Not within the message callback: what is applied is replicated.
    ctx.after(0, move |ctx| {
        if !ctx.is_replica() && !ctx.is_loading() {
            // A definition has a number while the client that sent it waits.
            apply(ctx, news, if id == 0 { Since::Earlier } else { Since::Now });
        }
        if id != 0 {
            link::send(ctx, &sender, &Message::Acknowledged(id));
        }
    });
}

/// Resets [`APPLYING`] when dropped.
struct Applying;

impl Drop for Applying {
    fn drop(&mut self) {
        APPLYING.store(false, Ordering::Relaxed);
    }
}

/// How long other nodes have had a definition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Since {
    /// A command made it just now. As on one server, queries meet what has been read so far.
    Now,
    /// Queries rely on it: one that reads keys is answered when it has read them all.
    Earlier,
}

/// Applies definitions of other nodes. What cannot be applied, such as an index over JSON on a node without it, is retried each round.
fn apply(ctx: &Context, definitions: Vec<Definition>, since: Since) {
    if definitions.is_empty() {
        return;
    }
    APPLYING.store(true, Ordering::Relaxed);
    let _applying = Applying;
    ctx.select(DATABASE);
    for definition in definitions {
        let name = &definition.name[..];
        match (definition.kind, definition.state.content) {
            (Kind::Index, None) if definition.state.with_documents => deletion::drop_index(ctx, DATABASE, name),
            // The command would take an alias of that name too.
            (Kind::Index, None) if registry::with(|registry| registry.find_named(DATABASE, name).is_none()) => {}
            (Kind::Index, None) => run(ctx, "FT.DROPINDEX", &[name]),
            (Kind::Index, Some(content)) => {
                let creates = define(ctx, name, &content);
                if creates && since == Since::Earlier {
                    registry::with(|registry| registry.find_named(DATABASE, name).map(Entry::fill));
                }
            }
            (Kind::Alias, None) => run(ctx, "FT.ALIASDEL", &[name]),
            (Kind::Alias, Some(content)) => {
                if let Some([index]) = content.first().map(|words| &words[..]) {
                    run(ctx, "FT.ALIASUPDATE", &[name, index]);
                }
            }
            (Kind::Dictionary, content) => {
                let words = content.and_then(|content| content.into_iter().next()).unwrap_or_default();
                set_dictionary(ctx, name, &words);
            }
        }
    }
}

fn run(ctx: &Context, command: &str, args: &[&[u8]]) {
    let registered = registered_name(command);
    let _ = ctx.call(&registered.to_string_lossy(), args, Called { replicates: true, ..Called::default() });
}

/// Creates an index, or changes one to its definition; whether it creates one.
fn define(ctx: &Context, name: &[u8], content: &Content) -> bool {
    let Some((words, synonyms)) = content.split_first() else { return false };
    let words: Vec<&[u8]> = words.iter().map(|word| &word[..]).collect();
    let Ok(wanted) = create::create(&words) else { return false };
    let mut creates = false;
    let known = registry::with(|registry| registry.find_named(DATABASE, name).map(|entry| entry.definition.clone()));
    match known {
        None => {
            run(ctx, "FT.CREATE", &words);
            creates = true;
        }
        Some(known) if *known == wanted => {}
        Some(known) => {
            let (old, new) = wanted.fields.split_at(known.fields.len().min(wanted.fields.len()));
            let mut shorter = wanted.clone();
            shorter.fields = old.to_vec().into();
            if *known == shorter && old.len() == known.fields.len() {
                let added: Vec<Vec<u8>> = new.iter().flat_map(rewrite::field_words).collect();
                let words = [name, &b"SCHEMA"[..], &b"ADD"[..]].into_iter().chain(added.iter().map(|word| &word[..]));
                run(ctx, "FT.ALTER", &words.collect::<Vec<_>>());
            } else {
                run(ctx, "FT.DROPINDEX", &[name]);
                run(ctx, "FT.CREATE", &words);
                creates = true;
            }
        }
    }
    for group in synonyms {
        let words = std::iter::once(name).chain(group.iter().map(|word| &word[..]));
        run(ctx, "FT.SYNUPDATE", &words.collect::<Vec<_>>());
    }
    creates
}

fn set_dictionary(ctx: &Context, name: &[u8], words: &[Vec<u8>]) {
    let known = registry::with(|registry| registry.dictionaries.get(name).cloned().unwrap_or_default());
    let wanted: WordSet = words.iter().collect();
    let added = words.iter().filter(|word| !known.contains(word)).map(|word| &word[..]);
    let removed = known.iter().filter(|word| !wanted.contains(word));
    let added: Vec<&[u8]> = std::iter::once(name).chain(added).collect();
    let removed: Vec<&[u8]> = std::iter::once(name).chain(removed).collect();
    for (command, words) in [("FT.DICTADD", added), ("FT.DICTDEL", removed)] {
        if words.len() > 1 {
            run(ctx, command, &words);
        }
    }
}
