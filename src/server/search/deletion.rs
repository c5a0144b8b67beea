//! FT.DROPINDEX DD: deletes the documents of an index, in slices. FT.DEL: one of them.

use super::access::target;
use super::registry::{self, Entry};
use super::{Missing, cluster, free_behind, ok, refuse};
use crate::reply::Reply;
use crate::search::error::{Error, PARSE_ARGS};
use crate::server::api::{Called, Context, Value};
use crate::server::blocking::{self, Unblock};
use crate::server::commands::{Call, Failure, Outcome, registered_name};

/// Documents deleted in a slice.
const SLICE: u32 = 100;
/// Document numbers visited in a slice, most of them unused.
const NUMBERS: u32 = 2000;

/// A dropped index whose documents are to be deleted.
pub struct Doomed {
    entry: Entry,
    /// The number of the next document.
    next: u32,
}

impl Doomed {
    /// An index that was taken out of the registry.
    pub fn new(entry: Entry) -> Doomed {
        Doomed { entry, next: 0 }
    }

    /// Deletes some documents; whether there may be more.
    fn slice(&mut self, ctx: &Context) -> bool {
        let mut keys = Vec::new();
        let last = self.next.saturating_add(NUMBERS).min(self.entry.index.end());
        while self.next < last && keys.len() < SLICE as usize {
            keys.extend(self.entry.index.key(self.next));
            self.next += 1;
        }
        let replicating = Called { replicates: true, ..Called::default() };
        // A command of several slots is refused in a cluster. A key that cannot be deleted, as on a cluster's other node, stays.
        let at_once = if cluster::is_on() { 1 } else { keys.len().max(1) };
        for keys in keys.chunks(at_once) {
            let _ = ctx.call("UNLINK", keys, replicating);
        }
        self.next < self.entry.index.end()
    }

    fn free(self) {
        free_behind(self.entry);
    }
}

/// FT.DEL: deletes the key of a document, if that is in the index.
pub fn ft_del(call: &Call) -> Outcome {
    let key = match call.args {
        [_, key] => key,
        [_, key, word] if word.eq_ignore_ascii_case(b"DD") => key,
        [_, _, _] => return Err(refuse(Error::new(PARSE_ARGS, "Unknown argument"))),
        _ => return Err(Failure::Arity),
    };
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    let is_in = target.documents(&[key])[0];
    let replicating = Called { replicates: true, ..Called::default() };
    let deleted = is_in && call.ctx.call("DEL", &[key], replicating).map_err(Failure::Text)?.value() == Value::Int(1);
    Ok(Some(Reply::Int(deleted.into())))
}

/// Drops an index without a command for it, with its documents, while others are served.
pub fn drop_index(ctx: &Context, database: i32, name: &[u8]) {
    let Some(entry) = registry::with(|registry| registry.remove(database, name)) else { return };
    ctx.replicate(registered_name("FT.DROPINDEX"), &[name]);
    later(ctx, database, Doomed::new(entry), None);
}

/// Deletes documents and replies when all are gone.
pub fn delete(ctx: &Context, database: i32, mut doomed: Doomed) -> Outcome {
    if doomed.entry.index.end() > SLICE
        && blocking::is_allowed(ctx)
        && let Some(unblock) = Unblock::block(ctx)
    {
        later(ctx, database, doomed, Some(unblock));
        return Ok(None);
    }
    while doomed.slice(ctx) {}
    doomed.free();
    ok()
}

/// The same while others are served; a client that waits gets its reply when all are deleted and other nodes know.
fn later(ctx: &Context, database: i32, mut doomed: Doomed, waiting: Option<Unblock>) {
    ctx.after(0, move |ctx| {
        // A server that has become a replica changes nothing by itself.
        if !ctx.is_replica() && ctx.select(database) && doomed.slice(ctx) {
            return later(ctx, database, doomed, waiting);
        }
        if let Some(unblock) = waiting {
            cluster::confirm(ctx, &doomed.entry.definition.name, unblock, Reply::Simple("OK"));
        }
        doomed.free();
    });
}
