//! FT.HYBRID.

use std::collections::HashMap;
use std::time::Instant;

use super::access::{Target, target};
use super::binding::{self, Bound, BoundQuery};
use super::cursors::{self, Waiting};
use super::execution::{self, Need, Work};
use super::pipeline::{self, Input, Place, Walk};
use super::rerank::Ranking;
use super::{Missing, cluster, follow, protocol, refuse, telemetry};
use crate::reply::Reply;
use crate::search::aggregate::{Fusion, Given, Plan, Ranked, explain, fuse, vector_score};
use crate::search::cluster::aggregate::{Content, Sharing};
use crate::search::cluster::hybrid::{Candidate, Part};
use crate::search::cluster::message::Question;
use crate::search::command::aggregate::{Load, Step};
use crate::search::command::hybrid::{Combine, HybridRequest, Method};
use crate::search::command::options::Format;
use crate::search::command::settings::{OnTimeout, Settings};
use crate::search::evaluate::{Explanation, Found, Hit, Limits, Order, Owned};
use crate::search::index::Key;
use crate::search::reply::{self, HybridReply, Protocol, Warnings};
use crate::search::schema::{Kind, Metric};
use crate::search::value::Value;
use crate::server::api::Context;
use crate::server::commands::{Call, Failure, Outcome};

/// Rows of a reply without LIMIT.
const DEFAULT_ROWS: usize = 10;

/// FT.HYBRID
pub fn ft_hybrid(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Query)?;
    let settings = binding::settings();
    let request = HybridRequest::parse(call.args, &settings).map_err(refuse)?;
    let milliseconds = request.search.timeout.unwrap_or(settings.timeout);
    let asked =
        cluster::Asked { question: Question::Hybrid, profiled: false, milliseconds, partial: request.search.partial };
    let hybrid = || Hybrid::new(call.ctx, target.clone(), request.clone(), &settings);
    if let Some(outcome) = cluster::ask(call, &target, asked, || Ok(Box::new(hybrid()?.gathering()?))) {
        return outcome;
    }
    execution::start(call.ctx, Box::new(hybrid()?))
}

/// A search of both kinds under way.
pub struct Hybrid {
    request: HybridRequest,
    target: Target,
    text: Bound,
    vector: BoundQuery,
    metric: Metric,
    plan: Option<Plan>,
    /// Its steps are little work for each document.
    is_light: bool,
    protocol: Protocol,
    stage: Stage,
    began: Instant,
    total: usize,
    warnings: Warnings,
    text_hits: Vec<Hit>,
    /// Where this is a shard's part: what both sides know of the documents.
    sides: Option<HashMap<Vec<u8>, Sides>>,
}

/// A document's score for the text and its distance.
type Sides = (Option<f64>, Option<f64>);

enum Stage {
    Running,
    /// Documents decide what the text's side finds.
    Doubting(Box<Ranking>),
    /// The same of the vector's side, or what that found is ranked.
    Ranking(Box<Ranking>),
    Walking(Box<Walk>),
    /// Walks over the hits of each side, for cursors.
    Apart(Box<[Walk; 2]>),
    Done,
}

impl Hybrid {
    pub fn new(ctx: &Context, target: Target, request: HybridRequest, settings: &Settings) -> Result<Hybrid, Failure> {
        let (text, vector) = request.queries(&target.definition).map_err(refuse)?;
        let field = target.definition.field(&request.vector.field);
        let kind = field.map(|field| &target.definition.fields[field].kind);
        let metric = if let Some(Kind::Vector(options)) = kind { options.metric } else { Metric::L2 };
        follow::expire(ctx, target.id);
        let window = match request.combine {
            Combine::Rrf { window, .. } | Combine::Linear { window, .. } => window,
        };
        let mut options = binding::search_options(&request.search, settings, &target.definition);
        options.tags_score = false;
        // Of rows behind cursors nothing is explained: they are those of one side.
        let explains = request.explain_score && request.cursor.is_none();
        (options.scores, options.limit, options.explain) = (true, window, explains);
        let text = binding::bind(&target, text, options.clone())?;
        (options.scores, options.explain) = (false, false);
        options.order = Order::Distance { distance: 0, descending: false };
        if let Method::Knn { k, .. } = request.vector.method {
            options.limit = window.min(k);
        }
        let vector = binding::bind(&target, vector, options)?;
        let is_loading = request.steps.iter().any(|step| matches!(step, Step::Load(_)));
        let names = [
            Some(b"__key".to_vec()),
            Some(request.score.clone().unwrap_or_else(|| b"__score".to_vec())),
            request.search_score.clone(),
            request.vector.score.clone(),
        ];
        let given: Vec<Given> = names.into_iter().flatten().map(|name| Given { name, shown: !is_loading }).collect();
        let mut plan = Plan::new(&target.definition, &given, &request.steps, Format::String).map_err(refuse)?;
        if explains {
            plan.explain(given.len());
        }
        Ok(Hybrid {
            text: Bound::new(text, &target, &request.search, settings),
            metric,
            is_light: pipeline::is_light(&target.definition, &plan) && vector.is_light(),
            vector,
            plan: Some(plan),
            protocol: protocol(ctx),
            stage: Stage::Running,
            began: Instant::now(),
            total: 0,
            warnings: Warnings::default(),
            text_hits: Vec::new(),
            sides: None,
            request,
            target,
        })
    }

    /// A shard's part: the best of both sides with the cells of their rows.
    pub fn part(
        ctx: &Context,
        target: Target,
        request: HybridRequest,
        settings: &Settings,
        owned: [Option<Owned>; 2],
    ) -> Result<Hybrid, Failure> {
        let mut hybrid = Hybrid::new(ctx, target, request, settings)?;
        let [text, vector] = owned;
        hybrid.text.query.restrict(text);
        hybrid.vector.restrict(vector);
        hybrid.sides = Some(HashMap::new());
        Ok(hybrid)
    }

    /// How the parts of shards become the reply.
    pub fn gathering(mut self) -> Result<cluster::Mixture, Failure> {
        if self.request.cursor.is_some() {
            return Err(Failure::Text(b"ERR FT.HYBRID gives no cursors over several shards of a cluster".to_vec()));
        }
        let plan = self.plan.take().ok_or_else(|| Failure::Text(b"ERR the query has no plan".to_vec()))?;
        Ok(cluster::Mixture {
            plan,
            fusion: self.fusion(),
            metric: self.metric,
            texts: self.text.query.options().limit,
            vectors: self.vector.options().limit,
            given: [self.request.search_score.is_some(), self.request.vector.score.is_some()],
            wanted: self.wanted(),
            protocol: self.protocol,
            began: self.began,
            end: self.text.bounds.limits.deadline,
            on_timeout: self.text.bounds.on_timeout,
        })
    }

    fn fusion(&self) -> Fusion {
        match self.request.combine {
            Combine::Rrf { constant, .. } => Fusion::Ranks { constant },
            Combine::Linear { alpha, beta, .. } => Fusion::Scores { alpha, beta },
        }
    }

    /// Reads the rows of what both sides found.
    fn walk_both(&mut self, vector_hits: Vec<Hit>) -> Stage {
        let before = self.given_names();
        let sides = self.sides.get_or_insert_with(HashMap::new);
        let mut input = Vec::new();
        for (is_text, hit) in
            self.text_hits.drain(..).map(|hit| (true, hit)).chain(vector_hits.into_iter().map(|hit| (false, hit)))
        {
            let entry = sides.entry(hit.key.to_vec()).or_insert_with(|| {
                let mut given = vec![None; before];
                given.push(hit.explanation.as_deref().map(Explanation::value));
                input.push(Input { key: hit.key.clone(), document: Some(hit.document), given });
                (None, None)
            });
            match is_text {
                true => entry.0 = Some(hit.score),
                false => entry.1 = hit.distances.first().copied().flatten(),
            }
        }
        let end = self.text.bounds.end_of_rows(self.warnings.any_timed_out());
        let Some(plan) = self.plan.take() else { return Stage::Done };
        // No step before all rows are together.
        let how = Sharing { keyed: true, nearest: Some(usize::MAX) };
        Stage::Walking(Box::new(Walk::new(self.place(), plan, input, None, end).share(how)))
    }

    /// The part that was made of the rows.
    fn write_part(&mut self, mut walk: Walk) -> Result<Reply, Failure> {
        self.warnings.timed_out |= walk.timed_out;
        let mut sides = self.sides.take().unwrap_or_default();
        let Content::Rows(table) = walk.take_content()? else { return Ok(Reply::Nil) };
        let candidates = table.rows().filter_map(|row| {
            let (key, cells) = row.split_last()?;
            let Some(Value::Text(key)) = key else { return None };
            let (score, distance) = sides.remove(&key[..])?;
            Some(Candidate { key: key.to_vec(), score, distance, cells: cells.to_vec() })
        });
        Ok(Part { candidates: candidates.collect(), warnings: self.warnings }.write())
    }

    fn run(&mut self) -> Stage {
        let text = telemetry::measured(&self.text.query, &self.text.bounds.limits);
        if text.doubts.is_empty() {
            return self.run_vector(text);
        }
        Ranking::of(text).map_or_else(|text| self.run_vector(text), Stage::Doubting)
    }

    fn run_vector(&mut self, text: Found) -> Stage {
        self.warnings.timed_out |= text.warnings.timed_out;
        self.warnings.expansions_cut |= text.warnings.expansions_cut;
        self.text_hits = text.hits;
        let vector = telemetry::measured(&self.vector, &self.text.bounds.limits);
        self.rank(vector)
    }

    fn rank(&mut self, vector: Found) -> Stage {
        self.warnings.vector_timed_out |= vector.warnings.timed_out;
        self.warnings.expansions_cut |= vector.warnings.expansions_cut;
        match Ranking::of(vector) {
            Ok(ranking) => Stage::Ranking(ranking),
            Err(Found { hits, .. }) => self.merge(hits),
        }
    }

    fn place(&self) -> Place {
        Place {
            index: self.target.id,
            database: self.target.database,
            definition: self.target.definition.clone(),
            query: None,
        }
    }

    fn merge(&mut self, vector_hits: Vec<Hit>) -> Stage {
        if self.sides.is_some() {
            return self.walk_both(vector_hits);
        }
        let mut keys: HashMap<u32, Key> = HashMap::new();
        let text: Vec<(u32, f64)> = self.text_hits.iter().map(|hit| (hit.document, hit.score)).collect();
        let scored = |hit: &Hit| Some((hit.document, vector_score(self.metric, hit.distances.first().copied()??)));
        let vector: Vec<(u32, f64)> = vector_hits.iter().filter_map(scored).collect();
        let mut explanations: HashMap<u32, Box<Explanation>> = HashMap::new();
        for hit in self.text_hits.drain(..).chain(vector_hits) {
            explanations.extend(hit.explanation.map(|explanation| (hit.document, explanation)));
            keys.insert(hit.document, hit.key);
        }
        let end = self.text.bounds.end_of_rows(self.warnings.any_timed_out());
        if let Some(cursor) = self.request.cursor {
            let walk = |side: &[(u32, f64)]| self.side(side, &keys, cursor.count as usize);
            return Stage::Apart(Box::new([walk(&text), walk(&vector)]));
        }
        let fused = fuse(&text, &vector, self.fusion());
        self.total = fused.len();
        let score = |side: Option<Ranked>| side.map(|side| Value::Number(side.score));
        let is_explained = self.plan.as_ref().is_some_and(|plan| plan.explained().is_some());
        let input = fused.into_iter().map(|fused| {
            let key = keys[&fused.document].clone();
            let mut given = vec![Some(Value::Text(key[..].into())), Some(Value::Number(fused.score))];
            given.extend(self.request.search_score.as_ref().map(|_| score(fused.text)));
            given.extend(self.request.vector.score.as_ref().map(|_| score(fused.vector)));
            given.extend(is_explained.then(|| {
                let text = explanations.get(&fused.document).map(|explanation| explanation.value());
                Some(explain(&fused, self.fusion(), text))
            }));
            Input { key, document: Some(fused.document), given }
        });
        let input = input.collect();
        let Some(plan) = self.plan.take() else { return Stage::Done };
        Stage::Walking(Box::new(Walk::new(self.place(), plan, input, None, end)))
    }

    /// How many values rows are given beside what explains their scores: key, score, and those of the sides that have a name.
    fn given_names(&self) -> usize {
        let sides = [&self.request.search_score, &self.request.vector.score];
        2 + sides.into_iter().flatten().count()
    }

    /// The rows of one side, for its cursor.
    fn side(&self, hits: &[(u32, f64)], keys: &HashMap<u32, Key>, portion: usize) -> Walk {
        let names = [&b"__key"[..], b"__score"];
        let given: Vec<Given> = names.map(|name| Given { name: name.to_vec(), shown: true }).into();
        let fields = Load::Fields(Vec::new());
        let plan = Plan::new(&self.target.definition, &given, &[Step::Load(fields)], Format::String);
        let plan = plan.expect("a plan that reads nothing cannot lack anything");
        let input = hits.iter().map(|&(document, score)| {
            let key = keys[&document].clone();
            let given = vec![Some(Value::Text(key[..].into())), Some(Value::Number(score))];
            Input { key, document: Some(document), given }
        });
        Walk::new(self.place(), plan, input.collect(), Some(portion), None)
    }

    fn wanted(&self) -> usize {
        let has_limit = self.request.steps.iter().any(|step| matches!(step, Step::Limit(_)));
        if has_limit { usize::MAX } else { DEFAULT_ROWS }
    }
}

impl Work for Hybrid {
    fn need(&self) -> Need {
        match &self.stage {
            Stage::Running => Need::Evaluation,
            Stage::Doubting(ranking) | Stage::Ranking(ranking) => ranking.need(),
            Stage::Walking(walk) => walk.need(usize::MAX),
            Stage::Apart(_) | Stage::Done => Need::Nothing,
        }
    }

    fn evaluate(&mut self) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Running => self.run(),
            Stage::Doubting(ranking) => {
                let found = ranking.settle(&self.text.query, &self.text.bounds.limits);
                self.run_vector(found)
            }
            Stage::Ranking(ranking) => {
                let found = ranking.settle(&self.vector, &self.text.bounds.limits);
                self.rank(found)
            }
            Stage::Walking(mut walk) => {
                walk.evaluate();
                Stage::Walking(walk)
            }
            stage => stage,
        };
    }

    fn read_documents(&mut self, ctx: &Context, until: Option<Instant>) {
        let query = if let Stage::Doubting(_) = self.stage { &self.text.query } else { &self.vector };
        match &mut self.stage {
            Stage::Doubting(ranking) | Stage::Ranking(ranking) => {
                let _selected = super::select(ctx, self.target.id, self.target.database);
                ranking.read_documents(ctx, query, &self.target.definition, &self.text.bounds, until);
            }
            Stage::Walking(walk) => walk.read_documents(ctx, until),
            _ => {}
        }
    }

    fn limits(&self) -> Option<&Limits> {
        Some(&self.text.bounds.limits)
    }

    fn expedite(&mut self) {
        self.text.bounds.expedite();
    }

    fn is_small(&self) -> bool {
        self.text.bounds.is_small && self.is_light
    }

    fn is_heavy(&self) -> bool {
        !self.is_light
    }

    fn is_long(&self) -> bool {
        matches!(&self.stage, Stage::Walking(walk) if walk.is_long())
    }

    fn reads_much(&self) -> bool {
        self.is_heavy() || matches!(&self.stage, Stage::Walking(walk) if walk.reads_documents())
    }

    fn reply(mut self: Box<Self>) -> Result<Reply, Failure> {
        if self.warnings.any_timed_out() && self.text.bounds.on_timeout == OnTimeout::Fail {
            return Err(super::timed_out());
        }
        let wanted = self.wanted();
        let rows = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Apart(walks) => return self.cursors(*walks),
            Stage::Walking(walk) if self.sides.is_some() => return self.write_part(*walk),
            Stage::Walking(mut walk) => {
                let rows = walk.take(wanted)?;
                self.total = walk.total;
                self.warnings.timed_out |= walk.timed_out;
                rows
            }
            _ => Vec::new(),
        };
        let milliseconds = self.began.elapsed().as_secs_f64() * 1000.0;
        let found = HybridReply { total: self.total, rows, warnings: self.warnings, milliseconds };
        Ok(reply::hybrid(found, self.protocol))
    }
}

impl Hybrid {
    fn cursors(&self, walks: [Walk; 2]) -> Result<Reply, Failure> {
        let Some(options) = self.request.cursor else { return Ok(Reply::Nil) };
        let keep = |walk| cursors::keep(Waiting::new(self.target.id, walk, options));
        let [text, vector] = walks.map(keep);
        Ok(reply::hybrid_cursors(text, vector))
    }
}

impl super::profile::Profilable for Hybrid {
    fn counts(&self) -> (usize, usize, bool) {
        (self.total, self.total, self.warnings.any_timed_out())
    }
}
