//! Replies that list a snapshot of an index or a dictionary: long ones are built in the pool.

use std::time::Instant;

use super::execution::{self, AT_ONCE, Need, Work};
use crate::reply::Reply;
use crate::server::api::Context;
use crate::server::commands::{Failure, Outcome};

/// A reply to be made of what was taken hold of.
pub struct Listing<F> {
    /// About how many items it has.
    items: usize,
    make: Option<F>,
    reply: Option<Reply>,
}

impl<F: FnOnce() -> Reply + Send + 'static> Listing<F> {
    pub fn new(items: usize, make: F) -> Listing<F> {
        Listing { items, make: Some(make), reply: None }
    }

    /// Replies to the client, here if it is little.
    pub fn start(self, ctx: &Context) -> Outcome {
        execution::start(ctx, Box::new(self))
    }
}

impl<F: FnOnce() -> Reply + Send + 'static> Work for Listing<F> {
    fn need(&self) -> Need {
        if self.make.is_some() { Need::Evaluation } else { Need::Nothing }
    }

    fn evaluate(&mut self) {
        self.reply = self.make.take().map(|make| make());
    }

    fn read_documents(&mut self, _ctx: &Context, _until: Option<Instant>) {}

    fn is_small(&self) -> bool {
        self.items <= AT_ONCE
    }

    fn is_heavy(&self) -> bool {
        !self.is_small()
    }

    fn reply(self: Box<Self>) -> Result<Reply, Failure> {
        Ok(self.reply.unwrap_or(Reply::Nil))
    }
}

/// Strings of a reply.
pub fn bulks<'a>(strings: impl Iterator<Item = &'a [u8]>) -> Vec<Reply> {
    strings.map(|string| Reply::Bulk(string.to_vec())).collect()
}
