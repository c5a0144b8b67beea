//! Counters of vector sets, and their section of INFO.

use std::time::Instant;

use crate::metrics::{Counter, Durations};
use crate::server::info::Section;
use crate::set::{Hits, Kind, LINKED, Plan, Query, REPAIRED, bytes_of_all_sets, totals};

/// What happened since the module was loaded.
pub struct Stats {
    /// VADDs that were done.
    pub inserts: Durations,
    /// Replies to writes that waited for linkers to catch up.
    pub delayed: Durations,
    /// Elements removed.
    pub removals: Counter,
    queries: Durations,
    evaluations: Counter,
    tests: Counter,
    scans: Counter,
    traversals: Counter,
    graphs: Counter,
}

pub static STATS: Stats = Stats {
    inserts: Durations::new(),
    delayed: Durations::new(),
    removals: Counter::new(),
    queries: Durations::new(),
    evaluations: Counter::new(),
    tests: Counter::new(),
    scans: Counter::new(),
    traversals: Counter::new(),
    graphs: Counter::new(),
};

/// Runs a query and counts it.
pub fn measured(query: Query) -> Hits {
    let began = Instant::now();
    let hits = query.run();
    STATS.queries.add(began.elapsed());
    let work = hits.work();
    STATS.evaluations.add(work.evaluated);
    STATS.tests.add(work.tested);
    match work.plan {
        Plan::Scan => STATS.scans.add(1),
        Plan::Traverse { .. } => STATS.traversals.add(1),
        Plan::Graph { .. } => STATS.graphs.add(1),
    }
    hits
}

/// Writes the section.
pub fn show(section: &Section) {
    section.begin(c"");
    let totals = totals();
    section.number("sets", totals.sets as u64);
    section.number("elements", totals.elements as u64);
    for kind in Kind::ALL {
        section.number(&format!("bytes_{kind:?}").to_lowercase(), bytes_of_all_sets(kind) as u64);
    }
    section.number("pending", totals.pending as u64);
    section.durations("inserts", "insert", &STATS.inserts);
    section.durations("delayed_replies", "delayed", &STATS.delayed);
    section.durations("links", "link", &LINKED);
    section.number("removals", STATS.removals.get());
    section.durations("repairs", "repair", &REPAIRED);
    section.durations("queries", "query", &STATS.queries);
    let evaluations = STATS.evaluations.get();
    section.number("query_evaluations", evaluations);
    section.number("query_evaluations_mean", evaluations.checked_div(STATS.queries.count()).unwrap_or(0));
    section.number("query_filter_tests", STATS.tests.get());
    section.number("query_plan_scan", STATS.scans.get());
    section.number("query_plan_traverse", STATS.traversals.get());
    section.number("query_plan_graph", STATS.graphs.get());
    section.threads();
}
