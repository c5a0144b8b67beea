//! A typed reply as RESP2 or RESP3.

use super::api::Context;
use super::commands::{Failure, Outcome};
use crate::reply::Reply;

/// Lua's stack has 20 places for a function of C, of which each level of arrays takes two.
const DEEPEST_IN_A_SMALL_STACK: usize = 8;

/// Sends the outcome of a command.
pub fn answer(ctx: &Context, outcome: Outcome) {
    match outcome {
        Ok(Some(reply)) if ctx.goes_to_a_small_stack() && reply.nests_deeper_than(DEEPEST_IN_A_SMALL_STACK) => {
            ctx.reply_error(b"ERR the reply nests too deep for a script of this server");
        }
        Ok(Some(reply)) => send(ctx, &reply),
        Ok(None) => {}
        Err(Failure::Arity) => ctx.reply_arity(),
        Err(Failure::Text(text)) => ctx.reply_error(&text),
    }
}

/// Sends a reply.
pub fn send(ctx: &Context, reply: &Reply) {
    match reply {
        Reply::Int(value) => ctx.reply_int(*value),
        Reply::Big(value) => ctx.reply_big(*value),
        Reply::Bool(value) => ctx.reply_bool(*value),
        Reply::Nil => ctx.reply_nil(),
        Reply::NilArray => ctx.reply_nil_array(),
        Reply::Double(value) => ctx.reply_double(*value),
        Reply::Simple(word) => ctx.reply_simple(word),
        Reply::Bulk(bytes) => ctx.reply_bytes(bytes),
        Reply::Error(text) => ctx.reply_error(text),
        Reply::Array(items) => {
            ctx.reply_array(items.len());
            items.iter().for_each(|item| send(ctx, item));
        }
        Reply::Set(items) => {
            ctx.reply_set(items.len());
            items.iter().for_each(|item| send(ctx, item));
        }
        Reply::Map(pairs) => {
            ctx.reply_map(pairs.len());
            for (key, value) in pairs {
                send(ctx, key);
                send(ctx, value);
            }
        }
    }
}
