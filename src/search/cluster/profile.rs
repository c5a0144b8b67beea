//! FT.PROFILE: a shard's profile, sent along with its part.

use super::values::{bulk, bytes, count, double, flag, items, list, optional};
use super::wire::Malformed;
use crate::reply::Reply;
use crate::search::reply::{ITERATORS, Profiled, Timings};

/// A part with its profile.
pub fn write(part: Reply, profiled: &Profiled) -> Reply {
    let Timings { total, parsing, queue, planning, search, rows } = profiled.timings;
    let timings = [total, parsing, queue, planning, search, rows].map(Reply::Double);
    let profile = vec![
        Reply::Array(timings.into()),
        bulk(profiled.iterator.as_bytes()),
        profiled.term.as_deref().map_or(Reply::Nil, bulk),
        profiled.shard.as_deref().map_or(Reply::Nil, bulk),
        Reply::from(profiled.matches),
        Reply::from(profiled.results),
        Reply::Bool(profiled.timed_out),
    ];
    Reply::Array(vec![part, Reply::Array(profile)])
}

/// # Errors
/// If it is not what a shard sends.
pub fn read(reply: Reply) -> Result<(Reply, Profiled), Malformed> {
    let [part, profile] = items(reply)?;
    let [timings, iterator, term, shard, matches, results, timed_out] = items(profile)?;
    let timings: Vec<f64> = list(timings)?.into_iter().map(double).collect::<Result<_, _>>()?;
    let [total, parsing, queue, planning, search, rows] = timings[..] else { return Err(Malformed) };
    let iterator = bytes(iterator)?;
    let profiled = Profiled {
        timings: Timings { total, parsing, queue, planning, search, rows },
        iterator: ITERATORS.into_iter().find(|known| known.as_bytes() == iterator).ok_or(Malformed)?,
        term: optional(term, bytes)?,
        shard: optional(shard, bytes)?,
        matches: count(matches)?,
        results: count(results)?,
        timed_out: flag(timed_out)?,
    };
    Ok((part, profiled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let timings = Timings { total: 1.0, parsing: 2.0, queue: 3.0, planning: 4.0, search: 5.0, rows: 6.0 };
        for iterator in ITERATORS {
            let profiled = Profiled {
                timings,
                iterator,
                term: Some(b"word".to_vec()).filter(|_| iterator == "TEXT"),
                shard: Some(b"127.0.0.1:7000".to_vec()),
                matches: 7,
                results: 3,
                timed_out: true,
            };
            let part = Reply::Array(vec![Reply::Int(1), Reply::Nil]);
            assert_eq!(read(write(part.clone(), &profiled)), Ok((part, profiled)));
        }
    }
}
