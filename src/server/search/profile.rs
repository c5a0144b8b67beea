//! FT.PROFILE.

use std::time::Instant;

use super::access::{Target, target};
use super::aggregate::Aggregate;
use super::cluster::{self, Gather, Others};
use super::execution::{self, Need, Work};
use super::ft_search::Search;
use super::hybrid::Hybrid;
use super::{Missing, binding, protocol, refuse};
use crate::reply::Reply;
use crate::search::cluster::message::Question;
use crate::search::cluster::profile::write;
use crate::search::command::options::QueryOptions;
use crate::search::command::profile::{ProfileRequest, Profiled as Asked};
use crate::search::evaluate::Limits;
use crate::search::query::{NodeKind, Query};
use crate::search::reply::{self, Profiled, Protocol, Telling, Timings};
use crate::server::api::Context;
use crate::server::commands::{Call, Failure, Outcome};

/// FT.PROFILE
pub fn ft_profile(call: &Call) -> Outcome {
    let began = Instant::now();
    let target = target(call.ctx, call.args[0], Missing::Query)?;
    let settings = binding::settings();
    let ProfileRequest { command, query, .. } = ProfileRequest::parse(call.args, &settings).map_err(refuse)?;
    let parsing = milliseconds(began);
    let receiver = Receiver::Client { sides: matches!(command, Asked::Hybrid(_)), protocol: protocol(call.ctx) };
    if let Some(others) = cluster::others(call.ctx, &target)? {
        return ask(call, others, target, command, &query, Watch { began, parsing });
    }
    let ctx = call.ctx;
    let (inner, outline): (Box<dyn Profilable>, Outline) = match command {
        Asked::Search(request) => {
            let outline = Outline::of(&target, &request.options)?;
            (Box::new(Search::new(ctx, target, *request, &settings)?), outline)
        }
        Asked::Aggregate(request) => {
            let outline = Outline::of(&target, &request.options)?;
            (Box::new(Aggregate::new(ctx, target, *request, &settings)?), outline)
        }
        Asked::Hybrid(request) => (Box::new(Hybrid::new(ctx, target, *request, &settings)?), Outline::BOTH),
    };
    execution::start(ctx, Box::new(Profiling::new(inner, outline, Watch { began, parsing }, receiver)))
}

/// Has the shards answer, each with what that cost it.
fn ask(call: &Call, others: Others, target: Target, command: Asked, words: &[&[u8]], watch: Watch) -> Outcome {
    let (ctx, settings) = (call.ctx, binding::settings());
    let (question, options): (_, QueryOptions) = match &command {
        Asked::Search(request) => (Question::Search, request.options.clone()),
        Asked::Aggregate(request) => (Question::Aggregate, request.options.clone()),
        Asked::Hybrid(request) => (Question::Hybrid, request.search.clone()),
    };
    let inner: Box<dyn Gather> = match command {
        Asked::Search(request) => Box::new(Search::new(ctx, target, *request, &settings)?.gathering()),
        Asked::Aggregate(request) => Box::new(Aggregate::new(ctx, target, *request, &settings)?.gathering()?),
        Asked::Hybrid(request) => Box::new(Hybrid::new(ctx, target, *request, &settings)?.gathering()?),
    };
    let milliseconds = options.timeout.unwrap_or(settings.timeout);
    let asked = cluster::Asked { question, profiled: true, milliseconds, partial: options.partial };
    let profiles = cluster::Profiles { inner, watch, sides: question == Question::Hybrid, protocol: protocol(ctx) };
    others.ask(ctx, words, asked, Box::new(profiles))
}

pub fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// When a command began, and the milliseconds in which it was parsed.
#[derive(Clone, Copy)]
pub struct Watch {
    pub began: Instant,
    pub parsing: f64,
}

/// A query that can be profiled.
pub trait Profilable: Work {
    /// Documents that matched, rows that are replied, whether time was over.
    fn counts(&self) -> (usize, usize, bool);
}

/// The outermost part of a query, and its word if it is one.
pub struct Outline {
    iterator: &'static str,
    term: Option<Vec<u8>>,
}

impl Outline {
    /// That of a search for texts and vectors.
    pub const BOTH: Outline = Outline { iterator: "UNION", term: None };

    /// That of a command's query.
    pub fn of(target: &Target, options: &QueryOptions) -> Result<Outline, Failure> {
        let query = binding::read(target, options)?;
        let term = if let NodeKind::Word { word, .. } = &query.root.kind { Some(word.clone()) } else { None };
        Ok(Outline { iterator: kind(&query), term: term.filter(|_| query.knn.is_none()) })
    }
}

/// The receiver of a profile.
pub enum Receiver {
    Client {
        sides: bool,
        protocol: Protocol,
    },
    /// The node that merges the parts: of this address.
    Node(Vec<u8>),
}

/// A query whose reply includes its profile.
pub struct Profiling {
    inner: Box<dyn Profilable>,
    began: Instant,
    timings: Timings,
    outline: Outline,
    /// When the first evaluation began.
    evaluating: Option<Instant>,
    receiver: Receiver,
}

impl Profiling {
    pub fn new(inner: Box<dyn Profilable>, outline: Outline, watch: Watch, receiver: Receiver) -> Profiling {
        let Watch { began, parsing } = watch;
        let timings = Timings { parsing, planning: milliseconds(began) - parsing, ..Timings::default() };
        Profiling { inner, began, timings, outline, evaluating: None, receiver }
    }
}

impl Work for Profiling {
    fn need(&self) -> Need {
        self.inner.need()
    }

    fn evaluate(&mut self) {
        let began = Instant::now();
        let is_first = self.evaluating.is_none();
        if is_first {
            self.timings.queue = milliseconds(self.began) - self.timings.parsing - self.timings.planning;
            self.evaluating = Some(began);
        }
        self.inner.evaluate();
        *(if is_first { &mut self.timings.search } else { &mut self.timings.rows }) += milliseconds(began);
    }

    fn read_documents(&mut self, ctx: &Context, until: Option<Instant>) {
        let began = Instant::now();
        self.inner.read_documents(ctx, until);
        self.timings.rows += milliseconds(began);
    }

    fn limits(&self) -> Option<&Limits> {
        self.inner.limits()
    }

    fn estimate(&self) -> Option<u64> {
        self.inner.estimate()
    }

    fn expedite(&mut self) {
        self.inner.expedite();
    }

    fn is_small(&self) -> bool {
        self.inner.is_small()
    }

    fn is_heavy(&self) -> bool {
        self.inner.is_heavy()
    }

    fn reads_much(&self) -> bool {
        self.inner.reads_much()
    }

    fn is_long(&self) -> bool {
        self.inner.is_long()
    }

    fn reply(mut self: Box<Self>) -> Result<Reply, Failure> {
        let (matches, results, timed_out) = self.inner.counts();
        let inner = self.inner.reply()?;
        self.timings.total = milliseconds(self.began);
        let Outline { iterator, term } = self.outline;
        let mut profiled = Profiled { timings: self.timings, iterator, term, shard: None, matches, results, timed_out };
        Ok(match self.receiver {
            Receiver::Client { sides, protocol } => {
                reply::profile(inner, &[profiled], Telling { sides, coordinator: None, protocol })
            }
            Receiver::Node(address) => {
                profiled.shard = Some(address);
                write(inner, &profiled)
            }
        })
    }
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
        NodeKind::GeoShape { .. } => "GEOSHAPE",
        NodeKind::Missing { .. } => "MISSING",
        NodeKind::VectorRange(_) => "VECTOR",
        NodeKind::Not(_) => "NOT",
        NodeKind::Optional(_) => "OPTIONAL",
    }
}
