//! FT.DROPINDEX DD: the documents of an index go too, in slices.

use super::{cluster, ok, registry};
use crate::reply::Reply;
use crate::search::evaluate::{Limits, Order, SearchOptions};
use crate::search::query::{Node, NodeKind, Query};
use crate::server::api::{Called, Context};
use crate::server::blocking::{self, Unblock};
use crate::server::commands::Outcome;

/// Keys deleted in a slice.
const SLICE: usize = 100;

/// The keys of all documents of an index.
pub fn keys(id: u64) -> Vec<Vec<u8>> {
    let all = Query { root: Node::new(NodeKind::All), knn: None };
    let options = SearchOptions { order: Order::Document, limit: usize::MAX, ..SearchOptions::default() };
    let bound =
        registry::with(|registry| registry.by_id(id).and_then(|(_, entry)| entry.index.bind(all, options).ok()));
    let found = bound.map(|bound| bound.run(&Limits::default())).unwrap_or_default();
    found.hits.into_iter().map(|hit| hit.key.to_vec()).collect()
}

/// Deletes keys and replies when all are gone.
pub fn delete(ctx: &Context, database: i32, mut keys: Vec<Vec<u8>>) -> Outcome {
    if keys.len() <= SLICE || !blocking::is_allowed(ctx) {
        while !keys.is_empty() {
            slice(ctx, &mut keys);
        }
        return ok();
    }
    let Some(unblock) = Unblock::block(ctx) else { return ok() };
    later(ctx, database, keys, Some(unblock));
    Ok(None)
}

/// Deletes keys while others are served; a client that waits is told when all are gone.
pub fn later(ctx: &Context, database: i32, mut keys: Vec<Vec<u8>>, waiting: Option<Unblock>) {
    ctx.after(0, move |ctx| {
        // What has become a replica takes its changes from its master alone.
        if !ctx.is_replica() && ctx.select(database) {
            slice(ctx, &mut keys);
            if !keys.is_empty() {
                return later(ctx, database, keys, waiting);
            }
        }
        if let Some(unblock) = waiting {
            unblock.reply(Reply::Simple("OK"));
        }
    });
}

fn slice(ctx: &Context, keys: &mut Vec<Vec<u8>>) {
    let some = keys.split_off(keys.len().saturating_sub(SLICE));
    let replicating = Called { replicates: true, ..Called::default() };
    // A command of several slots is refused in a cluster. A key that cannot be deleted, as on a cluster's other node, stays.
    let at_once = if cluster::is_on() { 1 } else { SLICE };
    for keys in some.chunks(at_once) {
        let _ = ctx.call("UNLINK", keys, replicating);
    }
}
