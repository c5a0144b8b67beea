//! Runs documents through the steps of a pipeline; all at once, or in batches for a cursor.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::documents::Open;
use super::execution::{AT_ONCE, Need};
use super::{json, refuse, rerank};
use crate::json::path::Shared;
use crate::reply::Reply;
use crate::search::aggregate::{Clock, Plan, Source, Table, TooLarge};
use crate::search::cluster::aggregate::{Content, Sharing};
use crate::search::command::options::Format;
use crate::search::error::Error;
use crate::search::evaluate::{BoundQuery, Hit};
use crate::search::index::Key;
use crate::search::reply::{self, AggregateRow};
use crate::search::schema::{self, Definition, Kind};
use crate::search::value::Value;
use crate::server::api::{Context, Text};
use crate::server::commands::Failure;

/// A document that is to become a row.
pub struct Input {
    pub key: Key,
    /// Its number, where the query's index knows values of it.
    pub document: Option<u32>,
    /// What the query knows of it: distances, scores.
    pub given: Vec<Option<Value>>,
}

impl Input {
    /// A hit with its distances, and its score if that is wanted.
    pub fn of(hit: Hit, with_score: bool) -> Input {
        let distances = hit.distances.into_iter().map(|distance| distance.map(Value::Number));
        let score = with_score.then_some(Some(Value::Number(hit.score)));
        Input { key: hit.key, document: Some(hit.document), given: distances.chain(score).collect() }
    }
}

/// Where a walk is made.
pub struct Place {
    pub index: u64,
    pub database: i32,
    pub definition: Arc<Definition>,
    pub query: Option<Arc<BoundQuery>>,
}

/// Documents on their way to rows.
pub struct Walk {
    place: Place,
    plan: Plan,
    input: std::vec::IntoIter<Input>,
    table: Table,
    /// Rows that are done.
    rows: VecDeque<AggregateRow>,
    /// How many documents make a table: all, or a few where rows come out one by one.
    portion: usize,
    /// Documents that are still to come into this table.
    missing: usize,
    needs_documents: bool,
    failed: Option<Error>,
    /// Documents that were looked at, and bytes of the texts that were read.
    seen: usize,
    read: usize,
    /// Bytes that rows may still take.
    bytes_left: usize,
    end: Option<Instant>,
    /// Of a shard's part: how it shares the steps, and the result so far.
    sharing: Option<Sharing>,
    content: Option<Content>,
    pub total: usize,
    pub timed_out: bool,
}

impl Walk {
    /// Begins. With a portion, rows that come out one by one are made only when they are asked for.
    pub fn new(place: Place, plan: Plan, input: Vec<Input>, portion: Option<usize>, end: Option<Instant>) -> Walk {
        let portion = portion.filter(|_| plan.is_streaming()).unwrap_or(usize::MAX);
        let needs_documents = !input.iter().all(|input| is_known(&place, &plan, input));
        let total = input.len();
        let mut walk = Walk {
            table: Table::default(),
            plan,
            input: input.into_iter(),
            rows: VecDeque::new(),
            portion,
            missing: 0,
            needs_documents,
            failed: None,
            seen: 0,
            read: 0,
            bytes_left: MAX_BYTES,
            end,
            sharing: None,
            content: None,
            total,
            timed_out: false,
            place,
        };
        walk.next_portion();
        walk
    }

    /// Rows that are there already, to be taken.
    pub fn finished(place: Place, plan: Plan, rows: Vec<AggregateRow>) -> Walk {
        let mut walk = Walk::new(place, plan, Vec::new(), None, None);
        walk.rows = rows.into();
        walk
    }

    /// Becomes a shard's part: rows have their keys in one more column, and what the steps came to is in
    /// [`Walk::take_content`].
    pub fn share(mut self, how: Sharing) -> Walk {
        self.sharing = Some(how);
        self.next_portion();
        self
    }

    /// The result of a shard's part.
    ///
    /// # Errors
    /// If a step failed.
    pub fn take_content(&mut self) -> Result<Content, Failure> {
        match self.failed.take() {
            Some(error) => Err(refuse(error)),
            None => Ok(self.content.take().unwrap_or_else(|| Content::Rows(Table::new(self.width())))),
        }
    }

    fn width(&self) -> usize {
        self.plan.columns.len() + usize::from(self.sharing.is_some())
    }

    fn next_portion(&mut self) {
        self.table = Table::new(self.width());
        self.missing = self.portion.min(self.input.len());
    }

    /// Gives it more time.
    pub fn extend(&mut self, end: Option<Instant>) {
        self.end = end;
    }

    /// How values are replied.
    pub fn format(&self) -> Format {
        self.plan.format
    }

    /// Whether its steps are little work for each document.
    pub fn is_light(&self) -> bool {
        is_light(&self.place.definition, &self.plan)
    }

    /// Whether documents have to be read.
    pub fn reads_documents(&self) -> bool {
        self.needs_documents
    }

    /// Whether all documents have become rows.
    pub fn is_over(&self) -> bool {
        self.failed.is_some() || self.missing == 0 && self.table.is_empty() && self.input.len() == 0
    }

    /// Whether there are rows or documents left.
    pub fn has_more(&self) -> bool {
        !self.rows.is_empty() || !self.is_over()
    }

    /// What is needed for this many rows.
    pub fn need(&self, wanted: usize) -> Need {
        if self.is_over() || self.rows.len() >= wanted {
            Need::Nothing
        } else if self.missing > 0 && self.needs_documents {
            Need::Documents(self.missing)
        } else {
            Need::Evaluation
        }
    }

    /// Takes at most this many rows.
    ///
    /// # Errors
    /// If a step failed.
    pub fn take(&mut self, wanted: usize) -> Result<Vec<AggregateRow>, Failure> {
        if let Some(error) = self.failed.take() {
            return Err(refuse(error));
        }
        Ok(self.rows.drain(..wanted.min(self.rows.len())).collect())
    }

    /// Whether rows have long texts.
    pub fn is_long(&self) -> bool {
        self.read > LONG
    }

    /// Looks at documents until the table is full or the time is over.
    pub fn read_documents(&mut self, ctx: &Context, until: Option<Instant>) {
        let _selected = super::select(ctx, self.place.index, self.place.database);
        let is_light = self.is_light();
        while self.missing > 0
            && let Some(input) = self.input.next()
        {
            self.missing -= 1;
            if is_known(&self.place, &self.plan, &input) {
                let row = self.row(&input, None);
                self.table.push(row);
            } else {
                let name = Text::new(&input.key);
                let key = Open::to_read(ctx, &name);
                let source = key.source().filter(|source| *source == self.place.definition.source);
                if let Some(source) = source {
                    let row = self.row(&input, Some((&key, source)));
                    self.table.push(row);
                }
            }
            if self.failed.is_some() {
                return;
            }
            self.seen += 1;
            // A few short rows are made even where the search took all of the time.
            let is_much = self.seen >= AT_ONCE || self.is_long() || !is_light;
            if is_much && self.end.is_some_and(|end| Instant::now() >= end) {
                self.timed_out = true;
                self.missing = 0;
                self.input = Vec::new().into_iter();
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return;
            }
        }
    }

    /// Runs the steps over the table.
    pub fn evaluate(&mut self) {
        while self.missing > 0
            && let Some(input) = self.input.next()
        {
            self.missing -= 1;
            let row = self.row(&input, None);
            self.table.push(row);
        }
        let mut clock = Clock::until(self.end);
        let table = std::mem::take(&mut self.table);
        if let Some(how) = self.sharing {
            match Content::begin(&self.plan.pipeline, table, how, &mut clock) {
                Ok((content, total)) => (self.content, self.total) = (Some(content), total),
                Err(error) => self.failed = Some(error),
            }
            self.timed_out |= clock.was_over();
            return self.next_portion();
        }
        match self.plan.pipeline.run(table, &mut clock) {
            Ok((table, total)) => {
                if self.portion == usize::MAX {
                    self.total = total;
                }
                match reply::rows(&table, &self.plan.shown, &mut self.bytes_left) {
                    Ok(rows) => self.rows.extend(rows),
                    Err(error) => self.failed = Some(error.into()),
                }
            }
            Err(error) => self.failed = Some(error),
        }
        self.timed_out |= clock.was_over();
        self.next_portion();
    }

    fn row(&mut self, input: &Input, open: Option<(&Open, schema::Source)>) -> Vec<Option<Value>> {
        let mut row = Vec::with_capacity(self.width());
        // All paths of a row together take no more work than one may.
        let _shared = Shared::begin();
        for column in &self.plan.columns {
            let cell = self.cell(column, input, open).filter(|_| self.failed.is_none());
            if let Some(Value::Text(text)) = &cell {
                self.read += text.len();
                // One field may be loaded under many names.
                match self.bytes_left.checked_sub(text.len()) {
                    Some(left) => self.bytes_left = left,
                    None => self.failed = Some(TooLarge.into()),
                }
            }
            row.push(cell);
        }
        row.extend(self.sharing.map(|_| Some(Value::Text(input.key[..].into()))));
        row
    }

    fn cell(&self, column: &Source, input: &Input, open: Option<(&Open, schema::Source)>) -> Option<Value> {
        let definition = &*self.place.definition;
        match column {
            Source::Given(position) => input.given.get(*position).cloned().flatten(),
            Source::Key => Some(Value::Text(input.key[..].into())),
            Source::Computed => None,
            Source::Field { position, loaded } => known(&self.place, input, *position, *loaded).unwrap_or_else(|| {
                let (key, source) = open?;
                rerank::stored(key, source, definition, *position)
            }),
            Source::Path(path) => {
                let (key, source) = open?;
                json::text(key.part(source, path), 2).map(|bytes| Value::Text(bytes.into()))
            }
            Source::Whole(path) => {
                let (key, source) = open?;
                json::text(key.part(source, path), 3).map(|bytes| Value::Text(bytes.into()))
            }
            Source::Everything => open.map(|(key, source)| everything(key, source, definition)),
        }
    }
}

/// Steps over rows of more bytes than this are not run on the main thread.
pub const LONG: usize = 256 << 10;
/// Bytes of texts that the rows of a walk may read, and that its replies may show.
pub const MAX_BYTES: usize = 1 << 30;

/// Bytes of the texts of a reply. As deep as the reply, which is bounded.
pub fn size(reply: &Reply) -> usize {
    match reply {
        Reply::Bulk(bytes) => bytes.len(),
        Reply::Array(items) | Reply::Set(items) => items.iter().map(size).sum(),
        Reply::Map(pairs) => pairs.iter().map(|(name, value)| size(name) + size(value)).sum(),
        _ => 1,
    }
}

/// Whether a row is little work: few columns, each found at once, and short steps.
pub fn is_light(definition: &Definition, plan: &Plan) -> bool {
    let is_direct = |column: &Source| match column {
        Source::Field { position, .. } => json::is_direct(definition, &definition.fields[*position].path),
        Source::Path(path) | Source::Whole(path) => json::is_direct(definition, path),
        _ => true,
    };
    plan.is_light() && plan.columns.iter().all(is_direct)
}

/// Whether a document's row can be made without reading it.
fn is_known(place: &Place, plan: &Plan, input: &Input) -> bool {
    plan.columns.iter().all(|source| match source {
        Source::Given(_) | Source::Key | Source::Computed => true,
        Source::Field { position, loaded } => known(place, input, *position, *loaded).is_some(),
        Source::Path(_) | Source::Whole(_) | Source::Everything => false,
    })
}

/// A field's value as far as the index knows it: None if only the document has it, None in Some if it has no such field.
fn known(place: &Place, input: &Input, position: usize, loaded: bool) -> Option<Option<Value>> {
    let (query, document) = (place.query.as_ref()?, input.document?);
    let is_number = matches!(place.definition.fields[position].kind, Kind::Numeric);
    if (is_number || !loaded) && query.keeps_sort_values(position) {
        return Some(query.sort_value(document, position));
    }
    query.verbatim(document, position)
}

/// Names and values of all fields in turn.
fn everything(key: &Open, source: schema::Source, definition: &Definition) -> Value {
    let mut pairs = Vec::new();
    match source {
        schema::Source::Hash => key.for_each_field(|name, value| {
            if definition.payload_field.as_deref() != Some(name) {
                pairs.extend([Value::Text(name.into()), Value::Text(value.into())]);
            }
        }),
        schema::Source::Json => {
            let whole = json::whole(key).map(|text| Value::Text(text.into()));
            pairs.extend([Value::Text(b"$"[..].into()), whole.unwrap_or(Value::Null)]);
        }
    }
    Value::Array(pairs.into())
}
