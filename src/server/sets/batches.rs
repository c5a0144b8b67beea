//! Large VMADDs: elements are stored in slices, a timer's tick apart, so that other
//! clients are served in between and the linkers catch up. Each slice is replicated as a separate VMADD.

use crate::server::raw;

use super::insertion::{Delayed, SLICE, add_all};
use super::open::open;
use crate::command::{Reply, vmadd};
use crate::server::api::{Context, Text, api};
use crate::server::blocking::Unblock;
use crate::server::commands::{Call, Failure, INTERNAL_ERROR, Outcome};

/// Milliseconds until the linkers may have caught up, or a pause be over.
const BEHIND: i64 = 5;

/// The rest of a VMADD.
struct Batches {
    unblock: Unblock,
    database: i32,
    /// The arguments before the first element, the key first.
    head: Vec<Vec<u8>>,
    /// Those of the elements that are left, the next ones last.
    slices: Vec<Vec<Vec<u8>>>,
    ef: usize,
    added: usize,
}

/// Starts to store the elements of a command whose arguments are valid; replies the number of new ones.
pub fn start(call: &Call, request: &vmadd::Request) -> Outcome {
    let Some(unblock) = Unblock::block(call.ctx) else { return Err(Failure::Text(INTERNAL_ERROR.into())) };
    let (head, elements) = call.args.split_at(request.head());
    let copy = |args: &[&[u8]]| args.iter().map(|arg| arg.to_vec()).collect::<Vec<_>>();
    let words = elements.len() / request.elements.len();
    let slices = elements.chunks(SLICE * words).rev().map(copy).collect();
    let (database, ef) = (call.ctx.database(), request.how.ef);
    next(call.ctx, 0, Batches { unblock, database, head: copy(head), slices, ef, added: 0 });
    Ok(None)
}

fn next(ctx: &Context, milliseconds: i64, batches: Batches) {
    ctx.after(milliseconds, |ctx| store_slice(ctx, batches));
}

/// Stores a slice, on the main thread.
fn store_slice(ctx: &Context, mut batches: Batches) {
    if api!(RedisModule_AvoidReplicaTraffic()).unwrap_or(0) != 0 {
        return next(ctx, BEHIND, batches);
    }
    if ctx.flags() & raw::REDISMODULE_CTX_FLAGS_READONLY != 0 {
        let error = b"READONLY You can't write against a read only replica.";
        return batches.unblock.reply(Reply::Error(error.to_vec()));
    }
    ctx.select(batches.database);
    let name = Text::new(&batches.head[0]);
    if is_behind(ctx, &name) {
        return next(ctx, BEHIND, batches);
    }
    let slice = batches.slices.pop().unwrap_or_default();
    let args: Vec<&[u8]> = batches.head.iter().chain(&slice).map(Vec::as_slice).collect();
    let call = Call { ctx, key: name.ptr(), args: &args };
    let stored = vmadd::parse(&args, batches.ef).map_err(Failure::from).and_then(|request| add_all(&call, &request));
    match stored {
        Ok((added, _)) => batches.added += added,
        Err(Failure::Text(text)) => return batches.unblock.reply(Reply::Error(text)),
        Err(Failure::Arity) => return,
    }
    if batches.slices.is_empty() { finish(ctx, batches) } else { next(ctx, 0, batches) }
}

/// Whether the set's pending work exceeds the bound.
fn is_behind(ctx: &Context, name: &Text) -> bool {
    open(&mut ctx.open_to_read(name.ptr())).is_ok_and(|set| set.is_some_and(|set| set.is_over_bound()))
}

/// Replies, once there is room for more.
fn finish(ctx: &Context, mut batches: Batches) {
    let added = batches.added;
    batches.unblock.set(move |_| Ok(Some(added.into())));
    let waiter = Box::new(Delayed::new(batches.unblock));
    ctx.select(batches.database);
    let name = Text::new(&batches.head[0]);
    if let Ok(Some(set)) = open(&mut ctx.open_to_read(name.ptr())) {
        set.wait_for_room(waiter);
    }
}
