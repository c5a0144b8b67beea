//! A typed reply as RESP2 or RESP3.

use super::api::Context;
use super::commands::{Failure, Outcome};
use crate::reply::Reply;

/// Sends what became of a command.
pub fn answer(ctx: &Context, outcome: Outcome) {
    match outcome {
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
