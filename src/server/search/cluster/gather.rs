//! Merges the parts of the shards into one reply.

use std::time::Instant;

use super::super::cursors::{self, Waiting};
use super::super::ft_search::Conversion;
use super::super::pipeline::{MAX_BYTES, Place, Walk};
use super::super::profile::{Watch, milliseconds};
use super::super::words::Corrections;
use super::super::{refuse, timed_out};
use super::Gather;
use crate::reply::Reply;
use crate::search::aggregate::{Clock, Fusion, Plan, Ranked, Source, Table, explain, fuse, vector_score};
use crate::search::cluster::aggregate::Sharing;
use crate::search::cluster::search::Merging;
use crate::search::cluster::{Malformed, aggregate, hybrid, info, profile, search, spelling, tags};
use crate::search::command::aggregate::CursorOptions;
use crate::search::command::settings::OnTimeout;
use crate::search::reply::{self, AggregateRow, Coordinator, HybridReply, Protocol, Shape, Telling};
use crate::search::schema::Metric;
use crate::search::value::Value;
use crate::server::commands::Failure;

/// The decoded parts.
fn read<T>(parts: Vec<Reply>, read: impl Fn(Reply) -> Result<T, Malformed>) -> Result<Vec<T>, Failure> {
    parts.into_iter().map(read).collect::<Result<_, _>>().map_err(not_understood)
}

fn not_understood(_: Malformed) -> Failure {
    Failure::Text(b"ERR the answer of a shard is not understood: its definition or its module differs".to_vec())
}

/// FT.SEARCH
pub struct Rows {
    pub how: Merging,
    pub shape: Shape,
}

impl Gather for Rows {
    fn gather(self: Box<Self>, parts: Vec<Reply>, missing: bool) -> Result<Reply, Failure> {
        let parts = read(parts, search::Part::read)?;
        let (total, mut warnings, rows) = search::merge(parts, self.how);
        warnings.shards_missing |= missing;
        Ok(reply::search(total, rows, warnings, self.shape))
    }

    fn is_quick(&self) -> bool {
        true
    }
}

/// FT.AGGREGATE
pub struct Aggregation {
    pub place: Place,
    pub plan: Plan,
    /// The k of a KNN.
    pub nearest: Option<usize>,
    pub cursor: Option<CursorOptions>,
    pub protocol: Protocol,
    pub end: Option<Instant>,
    pub on_timeout: OnTimeout,
}

impl Gather for Aggregation {
    fn gather(self: Box<Self>, parts: Vec<Reply>, missing: bool) -> Result<Reply, Failure> {
        let Aggregation { place, plan, nearest, cursor, protocol, end, on_timeout } = *self;
        // The key of each row's document comes last.
        let width = plan.columns.len() + 1;
        let parts = read(parts, |part| aggregate::Part::read(part, width, &plan.pipeline))?;
        let merged = aggregate::merge(parts, width);
        let mut warnings = merged.warnings;
        let mut clock = clock(end, warnings.timed_out);
        let how = Sharing { keyed: false, nearest };
        let (table, total) = merged.content.finish(&plan.pipeline, how, merged.total, &mut clock).map_err(refuse)?;
        warnings.shards_missing |= missing;
        warnings.timed_out |= clock.was_over();
        if warnings.timed_out && on_timeout == OnTimeout::Fail {
            return Err(timed_out());
        }
        let mut rows = shown(&table, &plan)?;
        let form = (protocol, plan.format);
        let Some(options) = cursor else { return Ok(reply::aggregate(total, rows, warnings, form)) };
        let index = place.index;
        let later = rows.split_off(rows.len().min(options.count as usize));
        let is_full = rows.len() == options.count as usize;
        let reply = reply::aggregate(total, rows, warnings, form);
        let id = match is_full {
            true => cursors::keep(Waiting::new(index, Walk::finished(place, plan, later), options)),
            false => 0,
        };
        Ok(reply::with_cursor(reply, id))
    }
}

/// The clock of what is left to do, once the shards' time was over or before.
fn clock(end: Option<Instant>, timed_out: bool) -> Clock {
    let mut clock = Clock::until(end);
    if timed_out {
        clock.stop();
    }
    clock
}

fn shown(table: &Table, plan: &Plan) -> Result<Vec<AggregateRow>, Failure> {
    reply::rows(table, &plan.shown, &mut { MAX_BYTES }).map_err(|error| refuse(error.into()))
}

/// FT.HYBRID
pub struct Mixture {
    pub plan: Plan,
    pub fusion: Fusion,
    pub metric: Metric,
    /// Hits of each side that are fused.
    pub texts: usize,
    pub vectors: usize,
    /// Whether rows have the score of the text side, and of the vector side.
    pub given: [bool; 2],
    pub wanted: usize,
    pub protocol: Protocol,
    pub began: Instant,
    pub end: Option<Instant>,
    pub on_timeout: OnTimeout,
}

impl Gather for Mixture {
    fn gather(self: Box<Self>, parts: Vec<Reply>, missing: bool) -> Result<Reply, Failure> {
        let width = self.plan.columns.len();
        let parts = read(parts, |part| hybrid::Part::read(part, width))?;
        let (mut warnings, candidates, text, vector) = hybrid::merge(parts, self.texts, self.vectors);
        let vector: Vec<(u32, f64)> =
            vector.into_iter().map(|(number, distance)| (number, vector_score(self.metric, distance))).collect();
        let mut table = Table::new(width);
        for fused in fuse(&text, &vector, self.fusion) {
            let candidate = &candidates[fused.document as usize];
            let score = |side: Option<Ranked>| side.map(|side| Value::Number(side.score));
            let mut given = vec![Some(Value::Text(candidate.key[..].into())), Some(Value::Number(fused.score))];
            given.extend(self.given[0].then(|| score(fused.text)));
            given.extend(self.given[1].then(|| score(fused.vector)));
            if let Some(column) = self.plan.explained() {
                // The shard told where the score of the text comes from.
                given.push(Some(explain(&fused, self.fusion, candidate.cells[column].clone())));
            }
            let cells = candidate.cells.iter().zip(&self.plan.columns).map(|(cell, source)| match source {
                Source::Given(position) => given.get(*position).cloned().flatten(),
                _ => cell.clone(),
            });
            table.push(cells);
        }
        let mut clock = clock(self.end, warnings.any_timed_out());
        let (table, total) = self.plan.pipeline.run(table, &mut clock).map_err(refuse)?;
        warnings.shards_missing |= missing;
        warnings.timed_out |= clock.was_over();
        if warnings.any_timed_out() && self.on_timeout == OnTimeout::Fail {
            return Err(timed_out());
        }
        let mut rows = shown(&table, &self.plan)?;
        rows.truncate(self.wanted);
        let milliseconds = self.began.elapsed().as_secs_f64() * 1000.0;
        Ok(reply::hybrid(HybridReply { total, rows, warnings, milliseconds }, self.protocol))
    }
}

/// FT.INFO: builds the reply from the sums.
pub struct Infos<F>(pub F);

impl<F: FnOnce(info::Part) -> Reply + Send + 'static> Gather for Infos<F> {
    fn gather(self: Box<Self>, parts: Vec<Reply>, _missing: bool) -> Result<Reply, Failure> {
        let Infos(show) = *self;
        Ok(show(info::merge(read(parts, info::Part::read)?)))
    }
}

/// FT.TAGVALS
pub struct TagValues;

impl Gather for TagValues {
    fn gather(self: Box<Self>, parts: Vec<Reply>, _missing: bool) -> Result<Reply, Failure> {
        tags::merge(parts).map_err(not_understood)
    }
}

/// FT.SPELLCHECK
pub struct Spellings(pub Corrections);

impl Gather for Spellings {
    fn gather(self: Box<Self>, parts: Vec<Reply>, _missing: bool) -> Result<Reply, Failure> {
        self.0.show(spelling::merge(read(parts, spelling::Part::read)?))
    }
}

/// A conversion of the reply of FT.SEARCH into that of another command.
pub struct As {
    pub rows: Rows,
    pub conversion: Conversion,
}

impl Gather for As {
    fn gather(self: Box<Self>, parts: Vec<Reply>, missing: bool) -> Result<Reply, Failure> {
        let As { rows, conversion } = *self;
        Box::new(rows).gather(parts, missing).map(conversion)
    }
}

/// FT.PROFILE: the reply of another command, with the profiles of its parts.
pub struct Profiles {
    pub inner: Box<dyn Gather>,
    pub watch: Watch,
    pub sides: bool,
    pub protocol: Protocol,
}

impl Gather for Profiles {
    fn gather(self: Box<Self>, parts: Vec<Reply>, missing: bool) -> Result<Reply, Failure> {
        let Profiles { inner, watch, sides, protocol } = *self;
        let answered = Instant::now();
        let (parts, profiled): (Vec<_>, Vec<_>) = read(parts, profile::read)?.into_iter().unzip();
        let reply = inner.gather(parts, missing)?;
        let coordinator = Coordinator {
            total: milliseconds(watch.began),
            parsing: watch.parsing,
            waiting: milliseconds(watch.began) - milliseconds(answered) - watch.parsing,
            merging: milliseconds(answered),
        };
        Ok(reply::profile(reply, &profiled, Telling { sides, coordinator: Some(coordinator), protocol }))
    }
}
