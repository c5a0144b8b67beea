//! VCHECK: verifies a set in slices, between which other clients are served.

use std::time::Instant;

use super::open::open;
use crate::command::{CommandError, Reply};
use crate::server::api::{Context, Text};
use crate::server::blocking::{self, Unblock};
use crate::server::commands::{Call, Failure, Outcome};
use crate::server::settings::single_threaded;
use crate::server::slices::{SLICE, next_turn};
use crate::set::{Checking, VectorSet};

/// `VCHECK key`: verifies the set. For tests and operators.
pub fn vcheck(call: &Call) -> Outcome {
    let mut key = call.ctx.open_to_read(call.key);
    let Some(set) = open(&mut key)? else { return Ok(Some(Reply::Nil)) };
    if !blocking::is_allowed(call.ctx) || single_threaded() {
        return outcome(set.check());
    }
    let mut checking = Checking::new(set);
    if let Some(outcome) = slice(&mut checking, set) {
        return outcome;
    }
    let Some(unblock) = Unblock::block(call.ctx) else { return outcome(set.check()) };
    later(call.ctx, Verification { unblock, database: call.ctx.database(), key: call.args[0].to_vec(), checking });
    Ok(None)
}

/// A verification under way.
struct Verification {
    unblock: Unblock,
    database: i32,
    key: Vec<u8>,
    checking: Checking,
}

fn later(ctx: &Context, verification: Verification) {
    next_turn(ctx, |ctx| go_on(ctx, verification));
}

/// Verifies the next slice of the set that is now in the key.
fn go_on(ctx: &Context, mut verification: Verification) {
    ctx.select(verification.database);
    let name = Text::new(&verification.key);
    let mut key = ctx.open_to_read(name.ptr());
    let set = match open(&mut key) {
        Ok(Some(set)) => set,
        Ok(None) => return verification.unblock.reply(Reply::Nil),
        Err(error) => return verification.unblock.answer(|_| Err(error.into())),
    };
    if !verification.checking.is_of(set) {
        verification.checking = Checking::new(set);
    }
    match slice(&mut verification.checking, set) {
        None => later(ctx, verification),
        Some(outcome) => verification.unblock.answer(|_| outcome),
    }
}

/// Continues until the time is over; returns the outcome when finished.
fn slice(checking: &mut Checking, set: &mut VectorSet) -> Option<Outcome> {
    let began = Instant::now();
    loop {
        match checking.step(set) {
            Ok(false) if began.elapsed() < SLICE => {}
            Ok(false) => return None,
            Ok(true) => return Some(outcome(Ok(()))),
            Err(why) => return Some(outcome(Err(why))),
        }
    }
}

fn outcome(checked: Result<(), String>) -> Outcome {
    match checked {
        Ok(()) => Ok(Some(Reply::Simple("OK"))),
        Err(why) => Err(Failure::from(CommandError::Unsound(why))),
    }
}
