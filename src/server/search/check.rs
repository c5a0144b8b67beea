//! FT.CHECK: verifies an index against its documents, in slices: first every key against the index, then every
//! document of the index against its key.

use std::time::Instant;

use super::access::Target;
use super::registry::Entry;
use super::{documents, follow, registry};
use crate::reply::Reply;
use crate::server::api::{Context, Cursor, Text, string_bytes};
use crate::server::blocking::{self, Unblock};
use crate::server::commands::{Failure, Outcome};
use crate::server::slices::{SLICE, next_turn};

/// Document numbers that are checked between two readings of the clock.
const NUMBERS: u32 = 50;

/// A running check.
struct Check {
    id: u64,
    /// None once all keys were seen.
    keys: Option<Cursor>,
    /// The number of the next document.
    next: u32,
}

/// Compares, and replies the number of documents.
pub fn check(ctx: &Context, target: &Target) -> Outcome {
    if registry::with(|registry| registry.by_id(target.id).is_some_and(|(_, entry)| entry.scan.is_some())) {
        return Err(Failure::Text(b"ERR the index is being filled".to_vec()));
    }
    let mut check = Check { id: target.id, keys: Some(Cursor::new()), next: 0 };
    if blocking::is_allowed(ctx)
        && let Some(unblock) = Unblock::block(ctx)
    {
        later(ctx, check, unblock);
        return Ok(None);
    }
    let selected = ctx.database();
    let result = loop {
        if let Some(result) = check.slice(ctx, None) {
            break result;
        }
    };
    ctx.select(selected);
    result
}

fn later(ctx: &Context, mut check: Check, unblock: Unblock) {
    next_turn(ctx, move |ctx| match check.slice(ctx, Some(Instant::now() + SLICE)) {
        None => later(ctx, check, unblock),
        Some(outcome) => unblock.answer(|_| outcome),
    });
}

fn damaged(key: &[u8], what: &str) -> Failure {
    Failure::Text(format!("ERR the index is damaged: {} {what}", key.escape_ascii()).into_bytes())
}

impl Check {
    /// Continues until the time is over; returns the result when finished.
    fn slice(&mut self, ctx: &Context, until: Option<Instant>) -> Option<Outcome> {
        loop {
            match self.step(ctx) {
                Ok(true) => {}
                Ok(false) => {
                    let len = registry::with(|registry| registry.by_id(self.id).map(|(_, entry)| entry.index.len()));
                    return Some(Ok(Some(Reply::from(len.unwrap_or(0)))));
                }
                Err(failure) => return Some(Err(failure)),
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return None;
            }
        }
    }

    /// Checks a few keys or documents; returns whether there are more.
    fn step(&mut self, ctx: &Context) -> Result<bool, Failure> {
        let Some(database) = registry::with(|registry| registry.by_id(self.id).map(|(database, _)| database)) else {
            return Err(Failure::Text(b"The index was dropped".to_vec()));
        };
        ctx.select(database);
        let Some(cursor) = &self.keys else { return self.look_at_documents(ctx) };
        let mut names = Vec::new();
        let more = cursor.step(ctx, |_, name, _| {
            // SAFETY: the server's string lives during the visit.
            names.push(unsafe { string_bytes(name) }.to_vec());
        });
        for name in names {
            // The difference may be a key that has expired since.
            if look_at_key(ctx, self.id, &name).is_err() {
                follow::expire(ctx, self.id);
                look_at_key(ctx, self.id, &name)?;
            }
        }
        if !more {
            self.keys = None;
        }
        Ok(true)
    }

    fn look_at_documents(&mut self, ctx: &Context) -> Result<bool, Failure> {
        let numbers = self.next..self.next.saturating_add(NUMBERS);
        self.next = numbers.end;
        let keys = self.with(|entry| {
            (numbers.filter_map(|number| entry.index.key(number)).collect::<Vec<_>>(), entry.index.end())
        });
        let Some((keys, end)) = keys else { return Ok(false) };
        for key in keys {
            if !self.is_there(ctx, &key) {
                follow::expire(ctx, self.id);
                if !self.is_there(ctx, &key) {
                    return Err(damaged(&key, "is no document"));
                }
            }
        }
        Ok(self.next < end)
    }

    /// Whether a document of the index is one, or has left the index by now.
    fn is_there(&self, ctx: &Context, key: &[u8]) -> bool {
        let source = documents::Open::quietly(ctx, &Text::new(key)).source();
        self.with(|entry| !entry.index.contains(key) || source == Some(entry.definition.source)).unwrap_or(true)
    }

    fn with<R>(&self, body: impl FnOnce(&Entry) -> R) -> Option<R> {
        registry::with(|registry| registry.by_id(self.id).map(|(_, entry)| body(entry)))
    }
}

/// Compares what a key holds with what the index has of it.
fn look_at_key(ctx: &Context, id: u64, name: &[u8]) -> Result<(), Failure> {
    let wanted = registry::with(|registry| {
        let (_, entry) = registry.by_id(id)?;
        entry.covers(name).then(|| entry.wanted.clone())
    });
    let Some(wanted) = wanted else { return Ok(()) };
    let found = documents::read(ctx, &Text::new(name), &[&wanted]);
    let result = registry::with(|registry| {
        let Some((_, entry)) = registry.by_id(id) else { return Ok(()) };
        match found.filter(|found| found.source == entry.definition.source && follow::admits(entry, name, found)) {
            Some(found) => entry.index.verify(name, &found.document).map(|_| ()),
            None if entry.index.contains(name) => Err("is no document".into()),
            None => Ok(()),
        }
    });
    result.map_err(|why: String| damaged(name, &why))
}
