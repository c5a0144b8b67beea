//! FT.PROFILE's reply.

use super::info::float;
use super::{Protocol, bulk};
use crate::reply::Reply;

/// Milliseconds that parts of a query took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timings {
    pub total: f64,
    pub parsing: f64,
    pub queue: f64,
    pub planning: f64,
    /// The evaluation of the query.
    pub search: f64,
    /// What was done with its documents.
    pub rows: f64,
}

/// What a profiled query did.
#[derive(Clone, Debug, PartialEq)]
pub struct Profiled {
    pub timings: Timings,
    /// The query's outermost part, as FT.PROFILE calls it: `TEXT`, `WILDCARD`, `VECTOR`, …
    pub iterator: &'static str,
    /// The word, of a query that is one.
    pub term: Option<Vec<u8>>,
    /// Documents that matched.
    pub matches: usize,
    /// Documents or rows that were replied.
    pub results: usize,
    pub timed_out: bool,
    /// The steps behind the query: `Index`, `Scorer`, `Sorter`, …
    pub processors: Vec<&'static str>,
}

/// A reply with what it cost.
pub fn profile(reply: Reply, profiled: &[(Option<&'static str>, Profiled)], protocol: Protocol) -> Reply {
    let shards = profiled.iter().map(|(side, profiled)| match side {
        None => shard(profiled, protocol),
        Some(side) => Reply::Map(vec![(Reply::Simple(side), shard(profiled, protocol))]),
    });
    let profile = Reply::Map(vec![
        (Reply::Simple("Shards"), Reply::Array(shards.collect())),
        (Reply::Simple("Coordinator"), Reply::Map(Vec::new())),
    ]);
    match protocol {
        Protocol::Resp2 => Reply::Array(vec![reply, profile]),
        Protocol::Resp3 => Reply::Map(vec![(Reply::Simple("Results"), reply), (Reply::Simple("Profile"), profile)]),
    }
}

fn shard(profiled: &Profiled, protocol: Protocol) -> Reply {
    let Timings { total, parsing, queue, planning, search, rows } = profiled.timings;
    let time = |milliseconds| float(milliseconds, protocol);
    let warning = if profiled.timed_out { super::TIMED_OUT } else { "None" };
    let mut iterator = vec![(Reply::Simple("Type"), Reply::Simple(profiled.iterator))];
    iterator.extend(profiled.term.iter().map(|term| (Reply::Simple("Term"), bulk(&term[..]))));
    iterator.extend([
        (Reply::Simple("Time"), time(search)),
        (Reply::Simple("Number of reading operations"), Reply::from(profiled.matches)),
        (Reply::Simple("Estimated number of matches"), Reply::from(profiled.matches)),
    ]);
    let processor = |(i, name): (usize, &&'static str)| {
        let (took, processed) = if i == 0 { (search, profiled.matches) } else { (rows, profiled.results) };
        Reply::Map(vec![
            (Reply::Simple("Type"), bulk(name.as_bytes())),
            (Reply::Simple("Time"), time(took)),
            (Reply::Simple("Results processed"), Reply::from(processed)),
        ])
    };
    let processors = profiled.processors.iter().enumerate().map(processor).collect();
    Reply::Map(vec![
        (Reply::Simple("Total profile time"), time(total)),
        (Reply::Simple("Parsing time"), time(parsing)),
        (Reply::Simple("Workers queue time"), time(queue)),
        (Reply::Simple("Pipeline creation time"), time(planning)),
        (Reply::Simple("Warning"), Reply::Array(vec![Reply::Simple(warning)])),
        (Reply::Simple("Iterators profile"), Reply::Map(iterator)),
        (Reply::Simple("Result processors profile"), Reply::Array(processors)),
    ])
}
