//! VRANDMEMBER. Many repeats are drawn in slices, between which other clients are served; many different elements, and
//! few among many that are hidden, in the pool.

use rand::seq::{IndexedRandom, SliceRandom};

use super::open::open;
use crate::command::{Reply, inspect};
use crate::server::api::{Context, Text};
use crate::server::blocking::{self, Building, Unblock};
use crate::server::commands::{Call, Outcome};
use crate::server::pools;
use crate::server::settings::single_threaded;
use crate::server::values::{Held, Holds};
use crate::set::{Roll, VectorSet};

/// Names drawn in a slice: about a millisecond.
const SLICE: u64 = 5_000;

pub fn vrandmember(call: &Call) -> Outcome {
    let count = inspect::check_vrandmember(call.args)?;
    let none = || Ok(Some(Reply::Array(Vec::new())));
    if count == Some(0) {
        return none();
    }
    let mut key = call.ctx.open_to_read(call.key);
    let set = open(&mut key)?;
    if let Some(set) = &set
        && (set.hides_most() || count.is_some_and(|count| count > SLICE as i64) && set.len() > SLICE as usize)
        && may_wait(call)
        && let Some(unblock) = Unblock::block(call.ctx)
    {
        draw_in_pool(unblock, set.roll(), count);
        return Ok(None);
    }
    let Some(count) = count else {
        let name = set.and_then(|set| inspect::random_element(set));
        return Ok(Some(name.map_or(Reply::Nil, |name| Reply::Bulk(name.to_vec()))));
    };
    let Some(set) = set else { return none() };
    let names = match usize::try_from(count) {
        Ok(different) => inspect::random_elements(set, different),
        Err(_) if count.unsigned_abs() > SLICE && may_wait(call) => return begin(call, count.unsigned_abs()),
        Err(_) => inspect::random_repeats(set, count.unsigned_abs()).collect(),
    };
    call.ctx.reply_array(names.len());
    names.iter().for_each(|name| call.ctx.reply_bytes(name));
    Ok(None)
}

fn may_wait(call: &Call) -> bool {
    blocking::is_allowed(call.ctx) && !single_threaded()
}

impl Holds for Roll {
    fn is_last(&self) -> bool {
        self.is_last()
    }
}

/// Draws from all names, which the pool reads, as the main thread does.
fn draw_in_pool(unblock: Unblock, roll: Roll, count: Option<i64>) {
    pools::queries().spawn(Box::new(move || {
        let roll = Held::new(roll);
        let (mut names, mut rng) = (roll.names(), rand::rng());
        let Some(count) = count else {
            return unblock.reply(names.choose(&mut rng).map_or(Reply::Nil, |name| Reply::Bulk(name.to_vec())));
        };
        unblock.write(|reply| match count {
            count if names.is_empty() || count >= 0 => {
                let different = usize::try_from(count).unwrap_or(0).min(names.len());
                reply.reply_array(different);
                names.partial_shuffle(&mut rng, different).0.iter().for_each(|name| reply.reply_bytes(name));
            }
            count => {
                reply.reply_array(count.unsigned_abs() as usize);
                let repeats = (0..count.unsigned_abs()).filter_map(|_| names.choose(&mut rng));
                repeats.for_each(|name| reply.reply_bytes(name));
            }
        });
    }));
}

/// Repeats that are being drawn.
struct Drawing {
    reply: Building,
    database: i32,
    key: Vec<u8>,
    drawn: u64,
    count: u64,
}

fn begin(call: &Call, count: u64) -> Outcome {
    let Some(unblock) = Unblock::block(call.ctx) else { return Ok(Some(Reply::Nil)) };
    let reply = Building::new(unblock);
    reply.add(|reply| reply.begin_array());
    let drawing = Drawing { reply, database: call.ctx.database(), key: call.args[0].to_vec(), drawn: 0, count };
    call.ctx.after(0, |ctx| draw(ctx, drawing));
    Ok(None)
}

/// Draws a slice; ends early if the set is gone.
fn draw(ctx: &Context, mut drawing: Drawing) {
    ctx.select(drawing.database);
    let mut key = ctx.open_to_read(Text::new(&drawing.key).ptr());
    let set: Option<&VectorSet> = open(&mut key).ok().flatten().map(|set| &*set);
    let slice = (drawing.count - drawing.drawn).min(SLICE);
    let mut drawn = 0;
    if let Some(set) = set {
        let names = inspect::random_repeats(set, slice);
        drawing.reply.add(|reply| drawn = names.map(|name| reply.reply_bytes(name)).count() as u64);
        drawing.drawn += drawn;
    }
    // All are hidden, or the set is gone.
    if drawn < slice || drawing.drawn == drawing.count {
        drawing.reply.add(|reply| reply.end_array(drawing.drawn as usize));
        return drawing.reply.send();
    }
    ctx.after(0, |ctx| draw(ctx, drawing));
}
