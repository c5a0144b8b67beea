//! FT.PROFILE.

use std::time::Instant;

use super::access::target;
use super::aggregate::Aggregate;
use super::find::Search;
use super::hybrid::Hybrid;
use super::work::{self, Need, Work};
use super::{Missing, binding, protocol, refuse};
use crate::reply::Reply;
use crate::search::command::profile::{ProfileRequest, Profiled as Asked};
use crate::search::evaluate::Limits;
use crate::search::query::{NodeKind, Query};
use crate::search::reply::{self, Profiled, Protocol, Timings};
use crate::server::api::Context;
use crate::server::commands::{Call, Failure, Outcome};

/// FT.PROFILE
pub fn ft_profile(call: &Call) -> Outcome {
    let began = Instant::now();
    let target = target(call.ctx, call.args[0], Missing::Query)?;
    let settings = binding::settings();
    let request = ProfileRequest::parse(call.args, &settings).map_err(refuse)?;
    let parsing = milliseconds(began);
    let (inner, iterator, side): (Box<dyn Profilable>, _, _) = match request.command {
        Asked::Search(request) => {
            let iterator = iterator(&binding::read(&target, &request.options)?);
            (Box::new(Search::new(call.ctx, target, *request, &settings)?), iterator, None)
        }
        Asked::Aggregate(request) => {
            let iterator = iterator(&binding::read(&target, &request.options)?);
            (Box::new(Aggregate::new(call.ctx, target, *request, &settings)?), iterator, None)
        }
        Asked::Hybrid(request) => {
            (Box::new(Hybrid::new(call.ctx, target, *request, &settings)?), ("UNION", None), Some("SEARCH"))
        }
    };
    let timings = Timings { parsing, planning: milliseconds(began) - parsing, ..Timings::default() };
    let work = Profiling { inner, began, timings, iterator, side, thinking: None, protocol: protocol(call.ctx) };
    work::start(call.ctx, Box::new(work))
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// A query that tells what it did.
pub trait Profilable: Work {
    /// Documents that matched, rows that are replied, whether time was over.
    fn counts(&self) -> (usize, usize, bool);
}

struct Profiling {
    inner: Box<dyn Profilable>,
    began: Instant,
    timings: Timings,
    iterator: (&'static str, Option<Vec<u8>>),
    side: Option<&'static str>,
    /// When the first thought began.
    thinking: Option<Instant>,
    protocol: Protocol,
}

impl Work for Profiling {
    fn need(&self) -> Need {
        self.inner.need()
    }

    fn think(&mut self) {
        let began = Instant::now();
        let is_first = self.thinking.is_none();
        if is_first {
            self.timings.queue = milliseconds(self.began) - self.timings.parsing - self.timings.planning;
            self.thinking = Some(began);
        }
        self.inner.think();
        *(if is_first { &mut self.timings.search } else { &mut self.timings.rows }) += milliseconds(began);
    }

    fn look(&mut self, ctx: &Context, until: Option<Instant>) {
        let began = Instant::now();
        self.inner.look(ctx, until);
        self.timings.rows += milliseconds(began);
    }

    fn limits(&self) -> Option<&Limits> {
        self.inner.limits()
    }

    fn is_small(&self) -> bool {
        self.inner.is_small()
    }

    fn is_heavy(&self) -> bool {
        self.inner.is_heavy()
    }

    fn reply(mut self: Box<Self>) -> Result<Reply, Failure> {
        let (matches, results, timed_out) = self.inner.counts();
        let inner = self.inner.reply()?;
        self.timings.total = milliseconds(self.began);
        let processors = vec!["Index", "Scorer", "Sorter"];
        let (iterator, term) = self.iterator;
        let profiled = Profiled { timings: self.timings, iterator, term, matches, results, timed_out, processors };
        let sides = match self.side {
            None => vec![(None, profiled)],
            Some(side) => vec![(Some(side), profiled.clone()), (Some("VSIM"), profiled)],
        };
        Ok(reply::profile(inner, &sides, self.protocol))
    }
}

/// The outermost part of a query, and its word if it is one.
fn iterator(query: &Query) -> (&'static str, Option<Vec<u8>>) {
    let term = if let NodeKind::Word { word, .. } = &query.root.kind { Some(word.clone()) } else { None };
    (kind(query), term.filter(|_| query.knn.is_none()))
}

fn kind(query: &Query) -> &'static str {
    if query.knn.is_some() {
        return "VECTOR";
    }
    match query.root.kind {
        NodeKind::Nothing => "EMPTY",
        NodeKind::All => "WILDCARD",
        NodeKind::Word { .. } | NodeKind::Empty { .. } => "TEXT",
        NodeKind::Affix { .. } | NodeKind::Fuzzy { .. } | NodeKind::Or(_) => "UNION",
        NodeKind::Phrase { .. } | NodeKind::And(_) => "INTERSECT",
        NodeKind::Tag { .. } => "TAG",
        NodeKind::Numeric { .. } => "NUMERIC",
        NodeKind::Geo { .. } => "GEO",
        NodeKind::Missing { .. } => "MISSING",
        NodeKind::VectorRange(_) => "VECTOR",
        NodeKind::Not(_) => "NOT",
        NodeKind::Optional(_) => "OPTIONAL",
    }
}
