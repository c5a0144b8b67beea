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

/// What FT.PROFILE calls a query's outermost part.
pub const ITERATORS: [&str; 12] = [
    "EMPTY",
    "WILDCARD",
    "TEXT",
    "UNION",
    "INTERSECT",
    "TAG",
    "NUMERIC",
    "GEO",
    "MISSING",
    "VECTOR",
    "NOT",
    "OPTIONAL",
];

/// What a profiled query did.
#[derive(Clone, Debug, PartialEq)]
pub struct Profiled {
    pub timings: Timings,
    /// The query's outermost part: one of [`ITERATORS`].
    pub iterator: &'static str,
    /// The word, of a query that is one.
    pub term: Option<Vec<u8>>,
    /// The address of the node, where it answers for one shard of several.
    pub shard: Option<Vec<u8>>,
    /// Documents that matched.
    pub matches: usize,
    /// Documents or rows that were replied.
    pub results: usize,
    pub timed_out: bool,
}

/// The outcome of a command, and how it is reported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Telling {
    /// The two sides of FT.HYBRID are reported separately.
    pub sides: bool,
    /// Milliseconds of the node that asked the shards and merged their parts.
    pub coordinator: Option<Coordinator>,
    pub protocol: Protocol,
}

/// Milliseconds that a node took which asks the shards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinator {
    pub total: f64,
    pub parsing: f64,
    /// From the question to the last answer.
    pub waiting: f64,
    pub merging: f64,
}

/// The steps behind a query.
const PROCESSORS: [&str; 3] = ["Index", "Scorer", "Sorter"];

/// A reply with the profiles of the shards.
pub fn profile(reply: Reply, profiled: &[Profiled], how: Telling) -> Reply {
    let protocol = how.protocol;
    let side = |side, shard| Reply::Map(vec![(Reply::Simple(side), shard)]);
    let shards = profiled.iter().map(|profiled| shard(profiled, protocol));
    let shards = match how.sides {
        true => shards.flat_map(|shard| [side("SEARCH", shard.clone()), side("VSIM", shard)]).collect(),
        false => shards.collect(),
    };
    let coordinator = how.coordinator.map(|Coordinator { total, parsing, waiting, merging }| {
        let time = |name, milliseconds| (Reply::Simple(name), float(milliseconds, protocol));
        vec![
            time("Total profile time", total),
            time("Parsing time", parsing),
            time("Time waiting for shards", waiting),
            time("Merging time", merging),
        ]
    });
    let profile = Reply::Map(vec![
        (Reply::Simple("Shards"), Reply::Array(shards)),
        (Reply::Simple("Coordinator"), Reply::Map(coordinator.unwrap_or_default())),
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
    let processors = PROCESSORS.iter().enumerate().map(processor).collect();
    let shard = profiled.shard.as_deref().map(|address| (Reply::Simple("Shard"), bulk(address)));
    let parts = [
        (Reply::Simple("Total profile time"), time(total)),
        (Reply::Simple("Parsing time"), time(parsing)),
        (Reply::Simple("Workers queue time"), time(queue)),
        (Reply::Simple("Pipeline creation time"), time(planning)),
        (Reply::Simple("Warning"), Reply::Array(vec![Reply::Simple(warning)])),
        (Reply::Simple("Iterators profile"), Reply::Map(iterator)),
        (Reply::Simple("Result processors profile"), Reply::Array(processors)),
    ];
    Reply::Map(shard.into_iter().chain(parts).collect())
}
