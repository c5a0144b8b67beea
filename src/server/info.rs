//! Counters, and the INFO section that shows them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use redis_module::raw;

use super::api::{Context, api};
use super::query_pool;
use crate::set::{Hits, Plan, Query, totals};
use crate::vector::kernel;

/// A number that only grows.
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Queries by duration: bucket i counts those below 2^i microseconds.
const BUCKETS: usize = 26;

/// What happened since the module was loaded.
pub(super) struct Stats {
    pub inserts: Counter,
    queries: Counter,
    query_micros: Counter,
    evaluations: Counter,
    tests: Counter,
    scans: Counter,
    traversals: Counter,
    graphs: Counter,
    durations: [Counter; BUCKETS],
}

pub(super) static STATS: Stats = Stats {
    inserts: Counter(AtomicU64::new(0)),
    queries: Counter(AtomicU64::new(0)),
    query_micros: Counter(AtomicU64::new(0)),
    evaluations: Counter(AtomicU64::new(0)),
    tests: Counter(AtomicU64::new(0)),
    scans: Counter(AtomicU64::new(0)),
    traversals: Counter(AtomicU64::new(0)),
    graphs: Counter(AtomicU64::new(0)),
    durations: [const { Counter(AtomicU64::new(0)) }; BUCKETS],
};

/// Runs a query and counts it.
pub(super) fn measured(query: Query) -> Hits {
    let began = Instant::now();
    let hits = query.run();
    let micros = began.elapsed().as_micros() as u64;
    let work = hits.work();
    STATS.queries.add(1);
    STATS.query_micros.add(micros);
    STATS.evaluations.add(work.evaluated);
    STATS.tests.add(work.tested);
    match work.plan {
        Plan::Scan => STATS.scans.add(1),
        Plan::Traverse { .. } => STATS.traversals.add(1),
        Plan::Graph { .. } => STATS.graphs.add(1),
    }
    let bucket = (u64::BITS - micros.leading_zeros()) as usize;
    STATS.durations[bucket.min(BUCKETS - 1)].add(1);
    hits
}

/// The duration in microseconds that this share of the queries stayed below, to a power of two.
fn quantile(share: f64) -> u64 {
    let counts: Vec<u64> = STATS.durations.iter().map(Counter::get).collect();
    let wanted = (counts.iter().sum::<u64>() as f64 * share).ceil() as u64;
    let mut sum = 0;
    let bucket = counts.iter().position(|&count| {
        sum += count;
        sum >= wanted.max(1)
    });
    bucket.map_or(0, |bucket| 1 << bucket)
}

/// Adds the section to INFO.
pub(super) fn register(ctx: &Context) {
    api!(RedisModule_RegisterInfoFunc(ctx.ptr, Some(show)));
}

unsafe extern "C" fn show(ctx: *mut raw::RedisModuleInfoCtx, for_crash_report: std::os::raw::c_int) {
    if for_crash_report != 0 {
        return;
    }
    api!(RedisModule_InfoAddSection(ctx, c"".as_ptr().cast_mut()));
    let number = |name: &std::ffi::CStr, value: u64| {
        api!(RedisModule_InfoAddFieldULongLong(ctx, name.as_ptr().cast_mut(), value));
    };
    let totals = totals();
    number(c"sets", totals.sets as u64);
    number(c"elements", totals.elements as u64);
    number(c"pending", totals.pending as u64);
    number(c"inserts", STATS.inserts.get());
    number(c"queries", STATS.queries.get());
    number(c"query_microseconds", STATS.query_micros.get());
    number(c"query_p50_microseconds", quantile(0.5));
    number(c"query_p99_microseconds", quantile(0.99));
    number(c"query_evaluations", STATS.evaluations.get());
    number(c"query_filter_tests", STATS.tests.get());
    number(c"query_plan_scan", STATS.scans.get());
    number(c"query_plan_traverse", STATS.traversals.get());
    number(c"query_plan_graph", STATS.graphs.get());
    number(c"pool_threads", query_pool().size() as u64);
    number(c"pool_queue", query_pool().queued() as u64);
    let name = std::ffi::CString::new(kernel::kernel_name()).unwrap_or_default();
    api!(RedisModule_InfoAddFieldCString(ctx, c"kernel".as_ptr().cast_mut(), name.as_ptr()));
}
