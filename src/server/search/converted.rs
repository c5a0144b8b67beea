//! FT.SEARCH on behalf of another command, whose reply is a conversion of that of FT.SEARCH.

use std::time::Instant;

use super::access::Target;
use super::binding;
use super::execution::{self, Need, Work};
use super::ft_search::Search;
use super::{cluster, refuse};
use crate::reply::Reply;
use crate::search::cluster::message::Question;
use crate::search::command::search::SearchRequest;
use crate::search::evaluate::Limits;
use crate::server::api::Context;
use crate::server::commands::{Failure, Outcome};

/// Runs FT.SEARCH with these arguments; `shown` converts its reply, that of RESP2.
pub fn search_as(ctx: &Context, target: Target, words: &[&[u8]], shown: Shown) -> Outcome {
    let settings = binding::settings();
    let request = SearchRequest::parse(words, &settings).map_err(refuse)?;
    let search = Search::new(ctx, target.clone(), request, &settings)?.in_resp2();
    let asked =
        cluster::Asked { question: Question::Search, profiled: false, milliseconds: settings.timeout, partial: false };
    match cluster::others(ctx, &target)? {
        Some(others) => others.ask(ctx, words, asked, Box::new(cluster::As { rows: search.gathering(), shown })),
        None => execution::start(ctx, Box::new(Converted { search: Box::new(search), shown })),
    }
}

/// Converts the reply of FT.SEARCH into that of another command.
pub type Shown = Box<dyn FnOnce(Reply) -> Reply + Send>;

/// A search whose reply is converted.
struct Converted {
    search: Box<Search>,
    shown: Shown,
}

impl Work for Converted {
    fn need(&self) -> Need {
        self.search.need()
    }

    fn evaluate(&mut self) {
        self.search.evaluate();
    }

    fn read_documents(&mut self, ctx: &Context, until: Option<Instant>) {
        self.search.read_documents(ctx, until);
    }

    fn limits(&self) -> Option<&Limits> {
        self.search.limits()
    }

    fn expedite(&mut self) {
        self.search.expedite();
    }

    fn is_small(&self) -> bool {
        self.search.is_small()
    }

    fn is_heavy(&self) -> bool {
        self.search.is_heavy()
    }

    fn reads_much(&self) -> bool {
        self.search.reads_much()
    }

    fn reply(self: Box<Self>) -> Result<Reply, Failure> {
        self.search.reply().map(self.shown)
    }
}
