//! A typed reply as RESP2 or RESP3. Servers from 7.0 on turn maps and booleans into RESP2's forms
//! by themselves where the client speaks that; on 6.2 there is nothing else.

use super::api::Context;
use crate::command::{CommandError, Reply};
use crate::set::Hits;

/// Sends the outcome of a command.
pub(super) fn send(ctx: &Context, outcome: &Result<Reply, CommandError>) {
    match outcome {
        Ok(reply) => send_reply(ctx, reply),
        Err(CommandError::Arity) => ctx.reply_arity(),
        Err(error) => ctx.reply_error(&error.text()),
    }
}

fn send_reply(ctx: &Context, reply: &Reply) {
    match reply {
        Reply::Int(value) => ctx.reply_int(*value),
        Reply::Bool(value) => ctx.reply_bool(*value),
        Reply::Nil => ctx.reply_nil(),
        Reply::NilArray => ctx.reply_nil_array(),
        Reply::Double(value) => ctx.reply_double(*value),
        Reply::Simple(word) => ctx.reply_simple(word),
        Reply::Bulk(bytes) => ctx.reply_bytes(bytes),
        Reply::Array(items) => {
            ctx.reply_array(items.len());
            items.iter().for_each(|item| send_reply(ctx, item));
        }
        Reply::Map(pairs) => {
            ctx.reply_map(pairs.len());
            for (key, value) in pairs {
                send_reply(ctx, key);
                send_reply(ctx, value);
            }
        }
    }
}

/// How VSIM's hits are to look.
#[derive(Clone, Copy)]
pub(super) struct HitFormat {
    pub with_scores: bool,
    pub with_attributes: bool,
    /// The client gets maps: one value a name, so score and attributes share an array.
    pub maps: bool,
}

/// Sends the hits of VSIM; none for a missing key.
pub(super) fn send_hits(ctx: &Context, hits: Option<&Hits>, format: HitFormat) {
    let hits = hits.map(Hits::resolve).unwrap_or_default();
    let HitFormat { with_scores, with_attributes, maps } = format;
    match (with_scores || with_attributes, maps) {
        (false, _) => ctx.reply_array(hits.len()),
        (true, true) => ctx.reply_map(hits.len()),
        (true, false) => ctx.reply_array(hits.len() * (1 + with_scores as usize + with_attributes as usize)),
    }
    for hit in &hits {
        ctx.reply_bytes(hit.name);
        if with_scores && with_attributes && maps {
            ctx.reply_array(2);
        }
        if with_scores {
            ctx.reply_double(hit.score);
        }
        if with_attributes {
            match hit.attributes {
                Some(text) => ctx.reply_bytes(text),
                None => ctx.reply_nil(),
            }
        }
    }
}
