//! FT.HYBRID's reply.

use super::rows::AggregateRow;
use super::{Protocol, Warnings, bulk};
use crate::reply::Reply;

/// What FT.HYBRID found.
#[derive(Clone, Debug, PartialEq)]
pub struct HybridReply {
    pub total: usize,
    pub rows: Vec<AggregateRow>,
    pub warnings: Warnings,
    pub milliseconds: f64,
}

/// The reply.
pub fn hybrid(found: HybridReply, protocol: Protocol) -> Reply {
    let map = |row: AggregateRow| {
        let pairs = row.into_iter().map(|(name, value)| (bulk(name), value));
        match protocol {
            Protocol::Resp2 => Reply::Array(pairs.flat_map(|(name, value)| [name, value]).collect()),
            Protocol::Resp3 => Reply::Map(pairs.collect()),
        }
    };
    Reply::Map(vec![
        (Reply::Simple("total_results"), Reply::from(found.total)),
        (Reply::Simple("results"), Reply::Array(found.rows.into_iter().map(map).collect())),
        (Reply::Simple("warnings"), found.warnings.reply_of_sides()),
        (Reply::Simple("execution_time"), super::info::float(found.milliseconds, protocol)),
    ])
}

/// The numbers of the cursors that lead to the rows of both sides.
pub fn hybrid_cursors(text: i64, vector: i64) -> Reply {
    Reply::Map(vec![
        (Reply::Simple("SEARCH"), Reply::Int(text)),
        (Reply::Simple("VSIM"), Reply::Int(vector)),
        (Reply::Simple("warnings"), Reply::Array(Vec::new())),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client learns which side did not come to its end.
    #[test]
    fn a_side_that_timed_out_is_named() {
        let of = |timed_out, vector_timed_out| {
            let warnings = Warnings { timed_out, vector_timed_out, ..Warnings::default() };
            let found = HybridReply { total: 0, rows: Vec::new(), warnings, milliseconds: 0.0 };
            let Reply::Map(pairs) = hybrid(found, Protocol::Resp3) else { panic!("a map") };
            pairs.into_iter().nth(2).expect("the warnings").1
        };
        let text = Reply::Simple("Timeout limit was reached (SEARCH)");
        let vector = Reply::Simple("Timeout limit was reached (VSIM)");
        assert_eq!(of(false, false), Reply::Array(Vec::new()));
        assert_eq!(of(true, false), Reply::Array(vec![text.clone()]));
        assert_eq!(of(false, true), Reply::Array(vec![vector.clone()]));
        assert_eq!(of(true, true), Reply::Array(vec![text, vector]));
    }
}
