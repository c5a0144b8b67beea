//! Counters, and the INFO section that shows them. `docs/telemetry.md` says what each field means.

use std::ffi::CString;
use std::time::Instant;

use redis_module::raw;

use super::api::{Context, api};
use super::{linkers, query_pool};
use crate::metrics::{Counter, Durations};
use crate::set::{Hits, Kind, LINKED, Plan, Query, REPAIRED, bytes_of_all_sets, totals};
use crate::vector::kernel;
use crate::workers::Pool;

/// What happened since the module was loaded.
pub(super) struct Stats {
    /// VADDs that were done.
    pub inserts: Durations,
    /// Replies to writes that waited for linkers to catch up.
    pub withheld: Durations,
    /// Elements removed.
    pub removals: Counter,
    queries: Durations,
    evaluations: Counter,
    tests: Counter,
    scans: Counter,
    traversals: Counter,
    graphs: Counter,
}

pub(super) static STATS: Stats = Stats {
    inserts: Durations::new(),
    withheld: Durations::new(),
    removals: Counter::new(),
    queries: Durations::new(),
    evaluations: Counter::new(),
    tests: Counter::new(),
    scans: Counter::new(),
    traversals: Counter::new(),
    graphs: Counter::new(),
};

/// Runs a query and counts it.
pub(super) fn measured(query: Query) -> Hits {
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

/// Adds the section to INFO.
pub(super) fn register(ctx: &Context) {
    api!(RedisModule_RegisterInfoFunc(ctx.ptr, Some(show)));
}

unsafe extern "C" fn show(ctx: *mut raw::RedisModuleInfoCtx, for_crash_report: std::os::raw::c_int) {
    // A lock may be held by the thread that crashed.
    if for_crash_report == 0 {
        Section(ctx).show();
    }
}

/// The section that INFO asks for.
struct Section(*mut raw::RedisModuleInfoCtx);

impl Section {
    fn show(&self) {
        api!(RedisModule_InfoAddSection(self.0, c"".as_ptr().cast_mut()));
        let totals = totals();
        self.number("sets", totals.sets as u64);
        self.number("elements", totals.elements as u64);
        for kind in Kind::ALL {
            self.number(&format!("bytes_{kind:?}").to_lowercase(), bytes_of_all_sets(kind) as u64);
        }
        self.number("pending", totals.pending as u64);
        self.durations("inserts", "insert", &STATS.inserts);
        self.durations("withheld_replies", "withheld", &STATS.withheld);
        self.durations("links", "link", &LINKED);
        self.number("removals", STATS.removals.get());
        self.durations("repairs", "repair", &REPAIRED);
        self.durations("queries", "query", &STATS.queries);
        let evaluations = STATS.evaluations.get();
        self.number("query_evaluations", evaluations);
        self.number("query_evaluations_mean", evaluations.checked_div(STATS.queries.count()).unwrap_or(0));
        self.number("query_filter_tests", STATS.tests.get());
        self.number("query_plan_scan", STATS.scans.get());
        self.number("query_plan_traverse", STATS.traversals.get());
        self.number("query_plan_graph", STATS.graphs.get());
        self.pool("pool", query_pool());
        self.pool("linker", linkers());
        self.text("kernel", kernel::kernel_name());
    }

    fn durations(&self, count: &str, each: &str, durations: &Durations) {
        self.number(count, durations.count());
        self.number(&format!("{each}_microseconds"), durations.microseconds());
        self.number(&format!("{each}_p50_microseconds"), durations.quantile(0.5));
        self.number(&format!("{each}_p99_microseconds"), durations.quantile(0.99));
    }

    fn pool(&self, name: &str, pool: &Pool) {
        self.number(&format!("{name}_threads"), pool.size() as u64);
        self.number(&format!("{name}_busy"), pool.busy() as u64);
        self.number(&format!("{name}_queue"), pool.queued() as u64);
    }

    fn number(&self, name: &str, value: u64) {
        let name = CString::new(name).unwrap_or_default();
        api!(RedisModule_InfoAddFieldULongLong(self.0, name.as_ptr().cast_mut(), value));
    }

    fn text(&self, name: &str, value: &str) {
        let [name, value] = [name, value].map(|text| CString::new(text).unwrap_or_default());
        api!(RedisModule_InfoAddFieldCString(self.0, name.as_ptr().cast_mut(), value.as_ptr()));
    }
}
