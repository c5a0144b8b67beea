//! Hits as RESP2 or RESP3.

use crate::command::vmsim::KeyedHit;
use crate::server::api::Context;
use crate::set::Hit;

/// How VSIM's hits are to look.
#[derive(Clone, Copy)]
pub struct HitFormat {
    pub with_scores: bool,
    pub with_attributes: bool,
    /// The client gets maps: one value a name, so score and attributes share an array.
    pub maps: bool,
}

/// Sends the hits of VSIM.
pub fn send_hits(ctx: &Context, hits: &[Hit], format: HitFormat) {
    let HitFormat { with_scores, with_attributes, maps } = format;
    match (with_scores || with_attributes, maps) {
        (false, _) => ctx.reply_array(hits.len()),
        (true, true) => ctx.reply_map(hits.len()),
        (true, false) => ctx.reply_array(hits.len() * (1 + with_scores as usize + with_attributes as usize)),
    }
    for hit in hits {
        ctx.reply_bytes(hit.name);
        if with_scores && with_attributes && maps {
            ctx.reply_array(2);
        }
        send_details(ctx, hit, format);
    }
}

/// Sends the best hits of several sets: each an array, in both protocols.
pub fn send_keyed_hits(ctx: &Context, keys: &[&[u8]], hits: &[KeyedHit], format: HitFormat) {
    ctx.reply_array(hits.len());
    for (key, hit) in hits {
        ctx.reply_array(2 + format.with_scores as usize + format.with_attributes as usize);
        ctx.reply_bytes(keys[*key]);
        ctx.reply_bytes(hit.name);
        send_details(ctx, hit, format);
    }
}

/// What a hit has beside its name.
fn send_details(ctx: &Context, hit: &Hit, format: HitFormat) {
    let HitFormat { with_scores, with_attributes, .. } = format;
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
