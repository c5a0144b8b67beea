//! From a request to a query that is bound to its index.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::access::Target;
use super::refuse;
use super::registry;
use crate::search::command::options::{self, QueryOptions};
use crate::search::command::settings::{OnTimeout, Settings};
use crate::search::error::{Error, SYNTAX};
pub use crate::search::evaluate::BoundQuery;
use crate::search::evaluate::{Expanders, Limits, Order, Scorer, SearchOptions};
use crate::search::query::Query;
use crate::search::schema::Definition;
use crate::server::commands::Failure;

/// A query that can run on any thread, with its limits.
pub struct Bound {
    pub query: BoundQuery,
    pub bounds: Bounds,
}

/// The limits of a query.
pub struct Bounds {
    pub limits: Limits,
    pub on_timeout: OnTimeout,
    /// Whether it is too cheap to hand to another thread.
    pub is_small: bool,
    /// Whether documents may have many fields.
    pub is_wide: bool,
    /// The deadline for reading documents, if all clients wait for the query.
    last: Option<Instant>,
}

impl Bounds {
    /// For a query that all clients wait for: its TIMEOUT cannot exceed the server's setting, and what was found
    /// in time may take as long again to be read.
    pub fn expedite(&mut self) {
        let limits = hurried(&self.limits);
        self.last = limits.deadline.map(|deadline| deadline + deadline.saturating_duration_since(Instant::now()));
        self.limits = limits;
    }

    /// The deadline of a slice of reading documents that would otherwise end at this time.
    pub fn sooner(&self, until: Option<Instant>) -> Option<Instant> {
        until.into_iter().chain(self.last).min()
    }

    /// Whether no more documents may be read.
    pub fn is_over(&self) -> bool {
        self.last.is_some_and(|last| Instant::now() >= last)
    }

    /// The deadline of the rows. A query that timed out still returns what it found.
    pub fn end_of_rows(&self, timed_out: bool) -> Option<Instant> {
        if timed_out { self.last } else { self.limits.deadline }
    }
}

/// A search among at most this many documents takes less than switching to another thread and back.
const FEW_DOCUMENTS: usize = 300;

impl Bound {
    /// A bound query with its limits.
    pub fn new(query: BoundQuery, target: &Target, options: &QueryOptions, settings: &Settings) -> Bound {
        let known = registry::with(|registry| {
            registry.by_id(target.id).map(|(_, entry)| (entry.index.len(), entry.is_wide)).unwrap_or_default()
        });
        let bounds = Bounds {
            limits: limits(options, settings),
            on_timeout: settings.on_timeout,
            is_small: known.0 < FEW_DOCUMENTS && query.is_light(),
            is_wide: known.1,
            last: None,
        };
        Bound { query, bounds }
    }
}

/// The current settings.
pub fn settings() -> Settings {
    registry::with(|registry| registry.settings.clone())
}

/// Parses the query of a command, and records that its dialect was used.
pub fn read(target: &Target, options: &QueryOptions) -> Result<Query, Failure> {
    let query = options.query(&target.definition).map_err(refuse)?;
    note_dialect(target, options.dialect);
    Ok(query)
}

fn note_dialect(target: &Target, dialect: u8) {
    registry::with(|registry| {
        if let Some((_, entry)) = registry.by_id(target.id) {
            entry.dialects[usize::from(dialect.clamp(1, 4)) - 1] = true;
        }
    });
}

/// Binds a query to a snapshot of the index.
pub fn bind(target: &Target, query: Query, options: SearchOptions) -> Result<BoundQuery, Failure> {
    registry::with(|registry| match registry.by_id(target.id) {
        Some((_, entry)) => entry.index.bind(query, options).map_err(|why| refuse(Error::new(SYNTAX, why.to_string()))),
        None => Err(Failure::Text(b"The index was dropped".to_vec())),
    })
}

/// The deadline of a query that begins now.
pub fn limits(options: &QueryOptions, settings: &Settings) -> Limits {
    let milliseconds = options.timeout.unwrap_or(settings.timeout);
    // Ten years stand for no limit.
    let bounded = Duration::from_millis(milliseconds.min(315_360_000_000));
    Limits { deadline: (milliseconds > 0).then(|| Instant::now() + bounded), cancelled: Some(Arc::default()) }
}

/// The limits of a query that all clients wait for: at most the server's defaults.
pub fn hurried(limits: &Limits) -> Limits {
    let milliseconds = registry::with(|registry| registry.settings.timeout);
    let most = (milliseconds > 0).then(|| Instant::now() + Duration::from_millis(milliseconds));
    Limits { deadline: limits.deadline.into_iter().chain(most).min(), ..limits.clone() }
}

/// The engine's options, from those of the command.
pub fn search_options(options: &QueryOptions, settings: &Settings, definition: &Definition) -> SearchOptions {
    let names = options.in_fields.as_ref().filter(|names| !names.is_empty());
    SearchOptions {
        scorer: scorer(options, settings),
        language: options.language.clone(),
        verbatim: options.verbatim,
        expanders: expanders(options),
        in_keys: options.in_keys.clone(),
        key_pattern: options.key_pattern.clone(),
        in_fields: names.map(|names| names.iter().filter_map(|name| definition.field(name)).collect()),
        slop: options.slop,
        in_order: options.in_order,
        payload: options.payload.clone(),
        max_expansions: settings.max_prefix_expansions as usize,
        min_prefix: settings.min_prefix as usize,
        ..SearchOptions::default()
    }
}

fn scorer(options: &QueryOptions, settings: &Settings) -> Scorer {
    match options.scorer.unwrap_or(settings.default_scorer) {
        options::Scorer::Tfidf => Scorer::TfIdf,
        options::Scorer::TfidfDocNorm => Scorer::TfIdfDocNorm,
        options::Scorer::Bm25 => Scorer::Bm25,
        options::Scorer::Bm25Std => Scorer::Bm25Std,
        options::Scorer::Bm25StdNorm => Scorer::Bm25StdNorm,
        options::Scorer::Bm25StdTanh => Scorer::Bm25StdTanh(options.tanh_factor),
        options::Scorer::DisMax => Scorer::DisMax,
        options::Scorer::DocScore => Scorer::DocScore,
        options::Scorer::Hamming => Scorer::Hamming,
    }
}

fn expanders(options: &QueryOptions) -> Expanders {
    let only = |stems, synonyms, phonetics| Expanders { stems, synonyms, phonetics };
    match options.expander.as_deref().map(<[u8]>::to_ascii_uppercase).as_deref() {
        _ if options.verbatim => Expanders::NONE,
        Some(b"SBSTEM") => only(true, false, false),
        Some(b"SYNONYM") => only(false, true, false),
        Some(b"PHONETIC") => only(false, false, true),
        _ => Expanders::ALL,
    }
}

/// The key of SORTBY: a field of the schema, or one of the query's distances.
pub fn order(definition: &Definition, distances: &[Vec<u8>], name: &[u8], descending: bool) -> Result<Order, Error> {
    if let Some(distance) = distances.iter().position(|known| known == name) {
        return Ok(Order::Distance { distance, descending });
    }
    match definition.field(name) {
        Some(field) => Ok(Order::Field { field, descending }),
        None => {
            Err(Error::quoting(crate::search::error::PROP_NOT_FOUND, "Property `%` not loaded nor in schema", &[name]))
        }
    }
}
