//! FT.AGGREGATE and FT.CURSOR.

use std::sync::Arc;
use std::time::Instant;

use super::access::{Target, target};
use super::binding::{self, Bound};
use super::cursors::{self, Waiting};
use super::execution::{self, Need, Work};
use super::pipeline::{self, Input, Place, Walk};
use super::rerank::Ranking;
use super::{Missing, cluster, follow, ok, protocol, refuse, telemetry};
use crate::reply::Reply;
use crate::search::aggregate::{Given, Plan};
use crate::search::cluster::aggregate::{Part, Sharing};
use crate::search::cluster::message::Question;
use crate::search::command::aggregate::{AggregateRequest, CursorOptions};
use crate::search::command::cursor::CursorRequest;
use crate::search::command::options::Format;
use crate::search::command::settings::{OnTimeout, Settings};
use crate::search::evaluate::{Found, Limits, Order, Owned};
use crate::search::reply::{self, Protocol, Warnings};
use crate::server::api::Context;
use crate::server::commands::{Call, Failure, Outcome};

/// FT.AGGREGATE
pub fn ft_aggregate(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Query)?;
    let settings = binding::settings();
    let request = AggregateRequest::parse(call.args, &settings).map_err(refuse)?;
    let milliseconds = request.options.timeout.unwrap_or(settings.timeout);
    let asked = cluster::Asked {
        question: Question::Aggregate,
        profiled: false,
        milliseconds,
        partial: request.options.partial,
    };
    let aggregate = || Aggregate::new(call.ctx, target.clone(), request.clone(), &settings);
    if let Some(outcome) = cluster::ask(call, &target, asked, || Ok(Box::new(aggregate()?.gathering()?))) {
        return outcome;
    }
    execution::start(call.ctx, Box::new(aggregate()?))
}

/// An aggregation under way.
pub struct Aggregate {
    target: Target,
    query: Arc<binding::BoundQuery>,
    bound: binding::Bounds,
    with_score: bool,
    /// Whether its steps are cheap for each document.
    is_light: bool,
    /// Maximum number of documents that become rows.
    most: usize,
    plan: Option<Plan>,
    cursor: Option<CursorOptions>,
    form: (Protocol, Format),
    stage: Stage,
    matched: usize,
    warnings: Warnings,
    /// Where this is a shard's part.
    sharing: Option<Sharing>,
}

enum Stage {
    Running,
    Ranking(Box<Ranking>),
    Walking(Box<Walk>),
    Done,
}

impl Aggregate {
    pub fn new(
        ctx: &Context,
        target: Target,
        request: AggregateRequest,
        settings: &Settings,
    ) -> Result<Aggregate, Failure> {
        let is_resp3 = protocol(ctx) == Protocol::Resp3;
        request.options.check_format(is_resp3, &target.definition).map_err(refuse)?;
        if request.cursor.is_some() {
            cursors::check_limit(target.id, settings)?;
        }
        Aggregate::bind(ctx, target, request, settings, None)
    }

    /// A shard's part of an aggregation.
    pub fn part(
        ctx: &Context,
        target: Target,
        mut request: AggregateRequest,
        settings: &Settings,
        how: Sharing,
        owned: Option<Owned>,
    ) -> Result<Aggregate, Failure> {
        request.cursor = None;
        let mut aggregate = Aggregate::bind(ctx, target, request, settings, owned)?;
        aggregate.sharing = Some(Sharing { nearest: aggregate.query.k(), ..how });
        Ok(aggregate)
    }

    /// How the shards' parts are merged into the reply.
    pub fn gathering(mut self) -> Result<cluster::Aggregation, Failure> {
        let plan = self.plan.take().ok_or_else(|| Failure::Text(b"ERR the query has no plan".to_vec()))?;
        Ok(cluster::Aggregation {
            place: self.place(),
            nearest: self.query.k(),
            plan,
            cursor: self.cursor,
            protocol: self.form.0,
            end: self.bound.limits.deadline,
            on_timeout: self.bound.on_timeout,
        })
    }

    fn place(&self) -> Place {
        Place {
            index: self.target.id,
            database: self.target.database,
            definition: self.target.definition.clone(),
            query: Some(self.query.clone()),
        }
    }

    fn bind(
        ctx: &Context,
        target: Target,
        request: AggregateRequest,
        settings: &Settings,
        owned: Option<Owned>,
    ) -> Result<Aggregate, Failure> {
        let query = binding::read(&target, &request.options)?;
        follow::expire(ctx, target.id);
        let mut options = binding::search_options(&request.options, settings, &target.definition);
        options.scores = request.add_scores;
        options.order = Order::Document;
        options.limit = usize::MAX;
        let mut query = binding::bind(&target, query, options)?;
        query.restrict(owned);
        let mut given: Vec<Given> = query.distances().into_iter().map(|name| Given { name, shown: true }).collect();
        if request.add_scores {
            given.push(Given { name: b"__score".to_vec(), shown: true });
        }
        let plan = Plan::new(&target.definition, &given, &request.steps, request.options.format).map_err(refuse)?;
        let Bound { query, bounds } = Bound::new(query, &target, &request.options, settings);
        Ok(Aggregate {
            query: Arc::new(query),
            bound: bounds,
            with_score: request.add_scores,
            is_light: pipeline::is_light(&target.definition, &plan),
            most: usize::try_from(settings.max_aggregate_results).unwrap_or(usize::MAX),
            plan: Some(plan),
            cursor: request.cursor,
            form: (protocol(ctx), request.options.format),
            stage: Stage::Running,
            matched: 0,
            warnings: Warnings::default(),
            sharing: None,
            target,
        })
    }

    fn found(&mut self, found: Found) {
        self.matched = found.total;
        self.warnings.timed_out |= found.warnings.timed_out;
        self.warnings.expansions_cut |= found.warnings.expansions_cut;
        self.stage = match Ranking::of(found) {
            Ok(ranking) => Stage::Ranking(ranking),
            Err(found) => self.walk(found.hits),
        };
    }

    fn walk(&mut self, hits: Vec<crate::search::evaluate::Hit>) -> Stage {
        let Some(plan) = self.plan.take() else { return Stage::Done };
        let place = self.place();
        let input = hits.into_iter().take(self.most).map(|hit| Input::of(hit, self.with_score)).collect();
        let portion = self.cursor.map(|cursor| cursor.count as usize);
        let end = self.bound.end_of_rows(self.warnings.timed_out);
        let walk = Walk::new(place, plan, input, portion, end);
        Stage::Walking(Box::new(if let Some(how) = self.sharing { walk.share(how) } else { walk }))
    }

    fn wanted(&self) -> usize {
        self.cursor.map_or(usize::MAX, |cursor| cursor.count as usize)
    }
}

impl Work for Aggregate {
    fn need(&self) -> Need {
        match &self.stage {
            Stage::Running => Need::Evaluation,
            Stage::Ranking(ranking) => ranking.need(),
            Stage::Walking(walk) => walk.need(self.wanted()),
            Stage::Done => Need::Nothing,
        }
    }

    fn evaluate(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Running => {
                let found = telemetry::measured(&self.query, &self.bound.limits);
                self.found(found);
            }
            Stage::Ranking(ranking) => {
                let found = ranking.settle(&self.query, &self.bound.limits);
                self.found(found);
            }
            Stage::Walking(mut walk) => {
                walk.evaluate();
                self.stage = Stage::Walking(walk);
            }
            Stage::Done => {}
        }
    }

    fn read_documents(&mut self, ctx: &Context, until: Option<Instant>) {
        match &mut self.stage {
            Stage::Ranking(ranking) => {
                let _selected = super::select(ctx, self.target.id, self.target.database);
                ranking.read_documents(ctx, &self.query, &self.target.definition, &self.bound, until);
            }
            Stage::Walking(walk) => walk.read_documents(ctx, until),
            Stage::Running | Stage::Done => {}
        }
    }

    fn limits(&self) -> Option<&Limits> {
        Some(&self.bound.limits)
    }

    fn expedite(&mut self) {
        self.bound.expedite();
    }

    fn is_small(&self) -> bool {
        self.bound.is_small && self.is_light
    }

    fn is_heavy(&self) -> bool {
        let is_undecided = matches!(&self.stage, Stage::Ranking(ranking) if ranking.is_heavy(&self.query));
        !self.is_light || is_undecided
    }

    fn is_long(&self) -> bool {
        matches!(&self.stage, Stage::Walking(walk) if walk.is_long())
    }

    fn reads_much(&self) -> bool {
        self.is_heavy() || matches!(&self.stage, Stage::Walking(walk) if walk.reads_documents())
    }

    fn reply(mut self: Box<Self>) -> Result<Reply, Failure> {
        let wanted = self.wanted();
        let Stage::Walking(mut walk) = std::mem::replace(&mut self.stage, Stage::Done) else {
            return Ok(reply::aggregate(0, Vec::new(), self.warnings, self.form));
        };
        self.warnings.timed_out |= walk.timed_out;
        if self.sharing.is_some() {
            let content = walk.take_content()?;
            return Ok(Part { total: walk.total, warnings: self.warnings, content }.write());
        }
        let rows = walk.take(wanted)?;
        let is_full = rows.len() == wanted;
        if self.warnings.timed_out && self.bound.on_timeout == OnTimeout::Fail {
            return Err(super::timed_out());
        }
        let reply = reply::aggregate(walk.total, rows, self.warnings, self.form);
        let Some(options) = self.cursor else { return Ok(reply) };
        // After a full reply the cursor stays, even if the next reply is empty.
        let id =
            if walk.has_more() || is_full { cursors::keep(Waiting::new(self.target.id, *walk, options)) } else { 0 };
        Ok(reply::with_cursor(reply, id))
    }
}

/// FT.CURSOR
pub fn ft_cursor(call: &Call) -> Outcome {
    let index = call.args.get(1).ok_or(Failure::Arity)?;
    let target = target(call.ctx, index, Missing::Query)?;
    match CursorRequest::parse(call.args).map_err(refuse)? {
        CursorRequest::Collect { .. } => Ok(Some(Reply::Int(0))),
        CursorRequest::Delete { id, .. } => {
            let gone = cursors::take(id, target.id);
            super::free_behind(gone.map_err(|_| Failure::Text(b"Cursor does not exist".to_vec()))?);
            ok()
        }
        CursorRequest::Read { id, count, .. } => {
            let mut waiting = cursors::take(id, target.id)?;
            if waiting.was_dropped() {
                return Err(Failure::Text(b"The index was dropped while the cursor was idle".to_vec()));
            }
            let settings = binding::settings();
            let wanted = count.filter(|&count| count > 0).unwrap_or(waiting.options.count) as usize;
            let milliseconds = std::time::Duration::from_millis(settings.timeout);
            waiting.walk.extend((settings.timeout > 0).then(|| Instant::now() + milliseconds));
            execution::start(call.ctx, Box::new(Reading { waiting, id, wanted, protocol: protocol(call.ctx) }))
        }
    }
}

/// A cursor that is being read.
struct Reading {
    waiting: Waiting,
    id: i64,
    wanted: usize,
    protocol: Protocol,
}

impl Work for Reading {
    fn need(&self) -> Need {
        self.waiting.walk.need(self.wanted)
    }

    fn evaluate(&mut self) {
        if self.need() == Need::Evaluation {
            self.waiting.walk.evaluate();
        }
    }

    fn read_documents(&mut self, ctx: &Context, until: Option<Instant>) {
        self.waiting.walk.read_documents(ctx, until);
    }

    fn is_small(&self) -> bool {
        match self.need() {
            Need::Documents(count) => self.waiting.walk.is_light() && count.min(self.wanted) <= execution::AT_ONCE,
            Need::Evaluation => false,
            Need::Nothing => self.wanted <= execution::AT_ONCE,
        }
    }

    fn is_heavy(&self) -> bool {
        // A filter may leave none of many documents.
        true
    }

    fn is_long(&self) -> bool {
        self.waiting.walk.is_long()
    }

    fn reply(mut self: Box<Self>) -> Result<Reply, Failure> {
        let rows = self.waiting.walk.take(self.wanted)?;
        let is_full = rows.len() == self.wanted;
        let warnings = Warnings { timed_out: self.waiting.walk.timed_out, ..Warnings::default() };
        let reply = reply::aggregate(rows.len(), rows, warnings, (self.protocol, self.waiting.walk.format()));
        let id = if self.waiting.walk.has_more() || is_full { cursors::put_back(self.id, self.waiting) } else { 0 };
        Ok(reply::with_cursor(reply, id))
    }
}

impl super::profile::Profilable for Aggregate {
    fn counts(&self) -> (usize, usize, bool) {
        let results = if let Stage::Walking(walk) = &self.stage { walk.total } else { 0 };
        (self.matched, results, self.warnings.timed_out)
    }
}
