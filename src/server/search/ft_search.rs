//! FT.SEARCH.

use std::sync::Arc;
use std::time::Instant;

use super::access::{Target, target};
use super::binding::{self, Bound};
use super::documents::Open;
use super::execution::{self, AT_ONCE, Need, Work};
use super::pipeline::{self, LONG, MAX_BYTES};
use super::rerank;
use super::row_fields::Once;
use super::{Missing, cluster, excerpts, follow, json, protocol, refuse, telemetry};
use crate::json::path::Shared;
use crate::reply::Reply;
use crate::search::cluster::message::Question;
use crate::search::cluster::search::{Merging, Part, Ranked};
use crate::search::command::options::{Format, Limit, QueryOptions, Scorer};
use crate::search::command::search::{Returned, SearchRequest};
use crate::search::command::settings::{OnTimeout, Settings};
use crate::search::error::{Error, LIMIT_OVER};
use crate::search::evaluate::{Found, Hit, Limits, Order, Owned, distance_names};
use crate::search::index::FieldValue;
use crate::search::reply::{self, Fields, Protocol, SearchRow, Shape, Warnings};
use crate::search::schema::{Definition, Source};
use crate::search::text::Hits;
use crate::search::value::Value;
use crate::server::api::{Context, Text};
use crate::server::commands::{Call, Failure, Outcome};
use crate::server::inline::Traffic;

/// More fields of a document than this take long to be read.
const MANY: usize = 64;

/// FT.SEARCH
pub fn ft_search(call: &Call) -> Outcome {
    let traffic = Traffic::now();
    let target = target(call.ctx, call.args[0], Missing::Query)?;
    let settings = binding::settings();
    let request = SearchRequest::parse(call.args, &settings).map_err(refuse)?;
    let options = &request.options;
    let milliseconds = options.timeout.unwrap_or(settings.timeout);
    let asked = cluster::Asked { question: Question::Search, profiled: false, milliseconds, partial: options.partial };
    let search = || Search::new(call.ctx, target.clone(), request.clone(), &settings);
    if let Some(outcome) = cluster::ask(call, &target, asked, || Ok(Box::new(search()?.gathering()))) {
        return outcome;
    }
    let search = Search::new(call.ctx, target, request, &settings)?;
    let estimated = if traffic.is_alone() && !search.is_heavy() { search.estimate() } else { None };
    match estimated.filter(|nanos| traffic.allows_search(*nanos)) {
        Some(nanos) => execution::run_inline(call.ctx, Box::new(search), nanos),
        None => execution::start(call.ctx, Box::new(search)),
    }
}

/// Runs FT.SEARCH with these arguments on behalf of another command; `conversion` converts its reply, that of RESP2.
pub fn search_as(ctx: &Context, target: Target, words: &[&[u8]], conversion: Conversion) -> Outcome {
    let settings = binding::settings();
    let request = SearchRequest::parse(words, &settings).map_err(refuse)?;
    let mut search = Search::new(ctx, target.clone(), request, &settings)?;
    search.protocol = Protocol::Resp2;
    let asked =
        cluster::Asked { question: Question::Search, profiled: false, milliseconds: settings.timeout, partial: false };
    if let Some(others) = cluster::others(ctx, &target)? {
        return others.ask(ctx, words, asked, Box::new(cluster::As { rows: search.gathering(), conversion }));
    }
    search.conversion = Some(conversion);
    execution::start(ctx, Box::new(search))
}

/// Converts the reply of FT.SEARCH into that of another command.
pub type Conversion = Box<dyn FnOnce(Reply) -> Reply + Send>;

/// A search under way.
pub struct Search {
    request: SearchRequest,
    definition: Arc<Definition>,
    index: u64,
    database: i32,
    bound: Bound,
    distances: Vec<Vec<u8>>,
    protocol: Protocol,
    stage: Stage,
    total: usize,
    warnings: Warnings,
    rows: Vec<SearchRow>,
    /// Of the texts in the rows.
    bytes: usize,
    /// Scores are shares of the greatest.
    normalised: bool,
    /// The words to be marked, if any are.
    words: Option<Hits>,
    /// Whether a row has nothing of the document but its key.
    is_bare: bool,
    /// Whether the documents of all hits were seen in this turn of the server's loop, which ends with the reply.
    just_seen: bool,
    /// Where this is a shard's part of a search: the distance of a KNN of each row.
    near: Option<Vec<Option<f64>>>,
    /// Where this is on behalf of another command.
    conversion: Option<Conversion>,
}

/// How far a search is.
enum Stage {
    Running,
    /// Distances or sort values are read from the documents of all hits.
    Ranking(Box<rerank::Ranking>),
    /// The rows of these hits are read, the first of them next.
    Rows(std::vec::IntoIter<Hit>),
    Done,
}

impl Search {
    pub fn new(ctx: &Context, target: Target, request: SearchRequest, settings: &Settings) -> Result<Search, Failure> {
        let is_resp3 = protocol(ctx) == Protocol::Resp3;
        request.options.check_format(is_resp3, &target.definition).map_err(refuse)?;
        Search::bind(ctx, target, request, settings)
    }

    /// A shard's part of a search: rows from the first on, among them all that the reply may show.
    pub fn part(
        ctx: &Context,
        target: Target,
        mut request: SearchRequest,
        settings: &Settings,
        owned: Option<Owned>,
    ) -> Result<Search, Failure> {
        let query = binding::read(&target, &request.options)?;
        let limit = request.limit;
        // Which of a KNN's k are the nearest of all is not known here.
        let k = query.knn.as_ref().map(|knn| knn.k as u64);
        let count = k.unwrap_or(limit.offset.saturating_add(limit.count));
        request.limit = Limit { offset: 0, count };
        if scorer(&request.options, settings) == Scorer::Bm25StdNorm {
            request.options.scorer = Some(Scorer::Bm25Std);
        }
        let mut search = Search::bind(ctx, target, request, settings)?;
        search.bound.query.restrict(owned);
        search.near = Some(Vec::new());
        Ok(search)
    }

    /// How the parts of shards become the reply.
    pub fn gathering(&self) -> cluster::Rows {
        let limit = self.request.limit;
        let how = Merging {
            k: self.bound.query.k(),
            sorted: self.request.sort_by.as_ref().map(|by| by.descending),
            normalised: self.normalised,
            offset: usize::try_from(limit.offset).unwrap_or(usize::MAX),
            limit: usize::try_from(limit.count).unwrap_or(usize::MAX),
        };
        cluster::Rows { how, shape: self.shape() }
    }

    fn bind(ctx: &Context, target: Target, request: SearchRequest, settings: &Settings) -> Result<Search, Failure> {
        let query = binding::read(&target, &request.options)?;
        request.check_excerpts(&target.definition).map_err(refuse)?;
        follow::expire(ctx, target.id);
        let mut options = binding::search_options(&request.options, settings, &target.definition);
        options.scores = request.with_scores;
        options.explain = request.explain_score;
        options.offset = usize::try_from(request.limit.offset).unwrap_or(usize::MAX);
        options.limit = usize::try_from(request.limit.count).unwrap_or(usize::MAX);
        let distances = distance_names(&query);
        let order = request.sort_by.as_ref();
        let order = order.map(|by| binding::order(&target.definition, &distances, &by.name, by.descending));
        if let Some(Ok(order)) = &order {
            options.order = order.clone();
        }
        let bound = binding::bind(&target, query, options)?;
        order.transpose().map_err(refuse)?;
        Ok(Search {
            is_bare: is_bare(&request, &distances),
            normalised: scorer(&request.options, settings) == Scorer::Bm25StdNorm,
            bound: Bound::new(bound, &target, &request.options, settings),
            protocol: protocol(ctx),
            definition: target.definition,
            index: target.id,
            database: target.database,
            request,
            distances,
            stage: Stage::Running,
            total: 0,
            warnings: Warnings::default(),
            rows: Vec::new(),
            bytes: 0,
            words: None,
            just_seen: false,
            near: None,
            conversion: None,
        })
    }

    /// What rows of the reply have.
    fn shape(&self) -> Shape {
        Shape {
            protocol: self.protocol,
            content: !self.request.no_content,
            scores: self.request.with_scores,
            payloads: self.request.with_payloads,
            sort_keys: self.request.with_sort_keys,
            format: self.request.options.format,
        }
    }

    fn found(&mut self, found: Found) {
        self.total = found.total;
        self.warnings.timed_out |= found.warnings.timed_out;
        self.warnings.expansions_cut |= found.warnings.expansions_cut;
        self.stage = match rerank::Ranking::of(found) {
            Ok(ranking) => Stage::Ranking(ranking),
            Err(found) => rows_of(found.hits),
        };
    }

    /// The row of a hit; none if its document is gone.
    fn row(&mut self, ctx: &Context, hit: Hit) -> Option<SearchRow> {
        let is_sorted_part = self.near.is_some() && self.request.sort_by.is_some();
        if self.just_seen && self.is_bare && !is_sorted_part {
            let fields = if self.request.no_content { Vec::new() } else { self.fields(None, &hit) };
            let (key, score, explanation) = (hit.key.to_vec(), hit.score, hit.explanation);
            return Some(SearchRow { key, score, explanation, payload: None, sort: None, fields });
        }
        let name = Text::new(&hit.key);
        let key = Open::to_read(ctx, &name);
        let source = key.source().filter(|source| *source == self.definition.source)?;
        // All paths of a row together take no more work than one may.
        let _shared = Shared::begin();
        let sort = self.sort_value(&key, source, &hit);
        let mut fields = if self.request.no_content { Vec::new() } else { self.fields(Some((&key, source)), &hit) };
        self.bytes += fields.iter().map(|(_, value)| pipeline::size(value)).sum::<usize>();
        if let Some(words) = &self.words {
            excerpts::apply(&self.request, &self.definition, words, &mut fields);
        }
        let payload = self.bound.query.payload(hit.document).filter(|_| self.request.with_payloads);
        let payload = payload.map(|payload| payload.to_vec());
        Some(SearchRow { key: hit.key.to_vec(), score: hit.score, explanation: hit.explanation, payload, sort, fields })
    }

    fn sort_value(&self, key: &Open, source: Source, hit: &Hit) -> Option<Value> {
        if !self.request.with_sort_keys && self.near.is_none() {
            return None;
        }
        match self.bound.query.options().order {
            Order::Field { field, .. } => {
                let stored = || rerank::stored(key, source, &self.definition, field);
                hit.sort.clone().or_else(stored)
            }
            Order::Distance { distance, .. } => hit.distances[distance].map(Value::Number),
            _ => None,
        }
    }

    /// The fields that the request names, or all: distances, the field sorted by, what the document holds if it is open.
    fn fields(&self, open: Option<(&Open, Source)>, hit: &Hit) -> Fields {
        let mut fields = Once::default();
        let distance = |name: &[u8]| {
            let position = self.distances.iter().position(|known| known == name)?;
            Some(reply::computed(&Value::Number(hit.distances[position]?)))
        };
        let Some(returned) = &self.request.returned else {
            for name in &self.distances {
                fields.add(name, || distance(name));
            }
            if let Some(by) = &self.request.sort_by {
                fields.add(&by.name, || self.value(open?, &by.name));
            }
            if let Some(open) = open {
                self.everything(open, &mut fields);
            }
            return fields.fields;
        };
        for field in returned {
            fields.add(&field.name, || match distance(&field.field) {
                Some(distance) => Some(distance),
                None if self.distances.contains(&field.field) => None,
                None if field.field == b"__key" => Some(Reply::Bulk(hit.key.to_vec())),
                None => self.value(open?, &field.field),
            });
        }
        fields.fields
    }

    /// The value of an attribute, or of an identifier, as the document holds it.
    fn value(&self, (key, source): (&Open, Source), name: &[u8]) -> Option<Reply> {
        self.shown(key.part(source, self.path(name)))
    }

    /// Whether all that rows show of a document is found at once.
    fn is_direct(&self) -> bool {
        let is_direct = |field: &Returned| json::is_direct(&self.definition, self.path(&field.field));
        self.request.returned.iter().flatten().all(is_direct)
    }

    /// The path of an attribute, or what was named instead of one.
    fn path<'a>(&'a self, name: &'a [u8]) -> &'a [u8] {
        self.definition.field(name).map_or(name, |position| &self.definition.fields[position].path)
    }

    fn is_expanded(&self) -> bool {
        self.request.options.format == Format::Expand
    }

    /// A value in the form that was asked for.
    fn shown(&self, value: FieldValue) -> Option<Reply> {
        match self.is_expanded() {
            true => json::expanded(value),
            false => json::text(value, self.request.options.dialect).map(Reply::Bulk),
        }
    }

    fn everything(&self, (key, source): (&Open, Source), fields: &mut Once) {
        match source {
            Source::Hash => key.for_each_field(|name, value| {
                if self.definition.payload_field.as_deref() != Some(name) {
                    fields.add(name, || Some(Reply::Bulk(value.to_vec())));
                }
            }),
            Source::Json if self.request.options.dialect >= 3 => {
                fields.add(b"$", || self.shown(key.part(source, b"$")))
            }
            Source::Json => fields.add(b"$", || json::whole(key).map(Reply::Bulk)),
        }
    }
}

/// Whether rows have nothing of the documents but their keys, and distances.
fn is_bare(request: &SearchRequest, distances: &[Vec<u8>]) -> bool {
    let is_known = |name: &Vec<u8>| name == b"__key" || distances.contains(name);
    let returned = || request.returned.as_ref().is_some_and(|fields| fields.iter().all(|field| is_known(&field.field)));
    let has_fields = !request.no_content && !returned();
    !has_fields && !request.with_sort_keys && !request.with_payloads && !excerpts::are_asked(request)
}

fn scorer(options: &QueryOptions, settings: &Settings) -> Scorer {
    options.scorer.unwrap_or(settings.default_scorer)
}

/// What is left to do once the hits are in order and cut.
fn rows_of(hits: Vec<Hit>) -> Stage {
    if hits.is_empty() { Stage::Done } else { Stage::Rows(hits.into_iter()) }
}

impl Work for Search {
    fn need(&self) -> Need {
        match &self.stage {
            Stage::Running => Need::Evaluation,
            Stage::Ranking(ranking) => ranking.need(),
            Stage::Rows(hits) => Need::Documents(hits.len()),
            Stage::Done => Need::Nothing,
        }
    }

    fn evaluate(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Running => {
                let found = telemetry::measured(&self.bound.query, &self.bound.bounds.limits);
                if excerpts::are_asked(&self.request) {
                    self.words = Some(self.bound.query.words(&self.bound.bounds.limits));
                }
                self.found(found);
            }
            Stage::Ranking(ranking) => {
                let found = ranking.settle(&self.bound.query, &self.bound.bounds.limits);
                self.found(found);
            }
            stage => self.stage = stage,
        }
    }

    fn read_documents(&mut self, ctx: &Context, until: Option<Instant>) {
        let _selected = super::select(ctx, self.index, self.database);
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Ranking(mut ranking) => {
                ranking.read_documents(ctx, &self.bound.query, &self.definition, &self.bound.bounds, until);
                self.just_seen |= until.is_none() && ranking.sees_all();
                self.stage = Stage::Ranking(ranking);
            }
            Stage::Rows(mut hits) => {
                // A few short rows are shown even where the search took all of the time.
                let is_heavy = self.is_heavy();
                let is_much = |search: &Search| is_heavy || search.rows.len() >= AT_ONCE || search.bytes > LONG;
                for hit in hits.by_ref() {
                    let distance = hit.distances.first().copied().flatten();
                    if let Some(row) = self.row(ctx, hit) {
                        self.rows.push(row);
                        self.near.iter_mut().for_each(|near| near.push(distance));
                    }
                    if self.bytes > MAX_BYTES {
                        return;
                    }
                    let until = if is_much(self) { self.bound.bounds.sooner(until) } else { until };
                    if until.is_some_and(|until| Instant::now() >= until) {
                        break;
                    }
                }
                let is_cut = hits.len() > 0 && is_much(self) && self.bound.bounds.is_over();
                self.warnings.timed_out |= is_cut;
                self.stage = if hits.len() == 0 || is_cut { Stage::Done } else { Stage::Rows(hits) };
            }
            stage => self.stage = stage,
        }
    }

    fn limits(&self) -> Option<&Limits> {
        Some(&self.bound.bounds.limits)
    }

    fn estimate(&self) -> Option<u64> {
        self.bound.query.estimate()
    }

    fn expedite(&mut self) {
        self.bound.bounds.expedite();
    }

    fn is_small(&self) -> bool {
        self.bound.bounds.is_small
    }

    fn is_heavy(&self) -> bool {
        let shown = self.request.returned.as_ref().map(Vec::len);
        let has_many = shown.map_or(self.bound.bounds.is_wide, |shown| shown > MANY);
        let is_wide = !self.request.no_content && !self.is_bare && (has_many || !self.is_direct());
        let is_undecided = matches!(&self.stage, Stage::Ranking(ranking) if ranking.is_heavy(&self.bound.query));
        is_wide || is_undecided || excerpts::are_asked(&self.request)
    }

    fn reads_much(&self) -> bool {
        !self.is_bare || self.is_heavy()
    }

    fn reply(self: Box<Self>) -> Result<Reply, Failure> {
        if self.warnings.timed_out && self.bound.bounds.on_timeout == OnTimeout::Fail {
            return Err(super::timed_out());
        }
        if self.bytes > MAX_BYTES {
            return Err(refuse(Error::new(LIMIT_OVER, "The rows take too much memory")));
        }
        let shape = self.shape();
        let Some(near) = self.near else {
            let reply = reply::search(self.total, self.rows, self.warnings, shape);
            return Ok(match self.conversion {
                Some(conversion) => conversion(reply),
                None => reply,
            });
        };
        let is_knn = self.bound.query.k().is_some();
        let ranked = self.rows.into_iter().zip(near).map(|(row, near)| Ranked { row, near: near.filter(|_| is_knn) });
        Ok(Part { total: self.total, warnings: self.warnings, rows: ranked.collect() }.write())
    }
}

impl super::profile::Profilable for Search {
    fn counts(&self) -> (usize, usize, bool) {
        (self.total, self.rows.len(), self.warnings.timed_out)
    }
}
