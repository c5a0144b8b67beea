//! Counters of search, and its section of INFO.

use std::time::Instant;

use super::{cursors, registry};
use crate::metrics::{Counter, Durations};
use crate::search::evaluate::{BoundQuery, Found, Limits};
use crate::server::info::Section;

static QUERIES: Durations = Durations::new();
static TIMEOUTS: Counter = Counter::new();

/// Runs a query and counts it.
pub fn measured(query: &BoundQuery, limits: &Limits) -> Found {
    let began = Instant::now();
    let found = query.run(limits);
    QUERIES.add(began.elapsed());
    TIMEOUTS.add(found.warnings.timed_out as u64);
    found
}

/// Writes the section.
pub fn show(section: &Section) {
    section.begin(c"search");
    let (mut indexes, mut documents, mut bytes, mut scanning, mut failures, mut pending) = (0, 0, 0, 0, 0, 0);
    registry::with(|registry| {
        for (_, entry) in registry.entries() {
            indexes += 1;
            documents += entry.index.len() as u64;
            bytes += entry.index.bytes() as u64;
            scanning += entry.scan.is_some() as u64;
            failures += entry.index.stats().failures.count;
            pending += entry.index.pending() as u64;
        }
    });
    section.number("search_indexes", indexes);
    section.number("search_documents", documents);
    section.number("search_bytes", bytes);
    section.number("search_indexes_scanning", scanning);
    section.number("search_indexing_failures", failures);
    section.number("search_vectors_pending", pending);
    section.number("search_cursors", cursors::counts(0).0 as u64);
    section.durations("search_queries", "search_query", &QUERIES);
    section.number("search_timeouts", TIMEOUTS.get());
}
