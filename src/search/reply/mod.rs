//! The replies of the `FT.*` commands, as typed replies for either protocol.
//!
//! Servers convert a map to a flat array for RESP2 clients by themselves; all other differences between the protocols are
//! handled here.

mod cursor;
mod explanation;
mod hybrid;
mod info;
mod profile;
mod rows;
mod search;
mod settings;
mod spelling;

pub use cursor::with_cursor;
pub use hybrid::{HybridReply, hybrid, hybrid_cursors};
pub use info::{Info, info};
pub use profile::{Coordinator, ITERATORS, Profiled, Telling, Timings, profile};
pub use rows::{AggregateRow, aggregate, computed, rows, stored};
pub use search::{Fields, SearchRow, Shape, search};
pub use settings::{settings, settings_help};
pub use spelling::spelling;

use crate::reply::Reply;
use crate::search::command::options::Format;

/// The protocol of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Resp2,
    Resp3,
}

/// A string.
fn bulk(bytes: impl Into<Vec<u8>>) -> Reply {
    Reply::Bulk(bytes.into())
}

/// The text of a warning that only RESP3 has a place for.
pub const TIMED_OUT: &str = "Timeout limit was reached";
const TEXT_TIMED_OUT: &str = "Timeout limit was reached (SEARCH)";
const VECTOR_TIMED_OUT: &str = "Timeout limit was reached (VSIM)";
/// An affix or a fuzzy word stood for more terms than were looked at.
pub const EXPANSIONS_CUT: &str = "Max prefix expansions limit was reached";

/// Shards of the cluster that could not be asked, or did not answer in time, are left out.
pub const SHARDS_MISSING: &str = "Some shards did not answer: results are partial";

/// What a RESP3 client is warned of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Warnings {
    pub timed_out: bool,
    /// The same of the vector's side of FT.HYBRID.
    pub vector_timed_out: bool,
    pub expansions_cut: bool,
    pub shards_missing: bool,
}

impl Warnings {
    /// Adds those of another part of the reply.
    pub fn add(&mut self, other: Warnings) {
        self.timed_out |= other.timed_out;
        self.vector_timed_out |= other.vector_timed_out;
        self.expansions_cut |= other.expansions_cut;
        self.shards_missing |= other.shards_missing;
    }

    /// Whether a side, or the only one, has timed out.
    pub fn any_timed_out(self) -> bool {
        self.timed_out || self.vector_timed_out
    }

    fn reply(self) -> Reply {
        self.reply_with(&[(self.timed_out, TIMED_OUT)])
    }

    /// FT.HYBRID says which side timed out.
    fn reply_of_sides(self) -> Reply {
        self.reply_with(&[(self.timed_out, TEXT_TIMED_OUT), (self.vector_timed_out, VECTOR_TIMED_OUT)])
    }

    fn reply_with(self, timed_out: &[(bool, &'static str)]) -> Reply {
        let others = [(self.expansions_cut, EXPANSIONS_CUT), (self.shards_missing, SHARDS_MISSING)];
        let given = timed_out.iter().chain(&others).filter(|text| text.0);
        Reply::Array(given.map(|text| Reply::Simple(text.1)).collect())
    }
}

/// The map that RESP3 clients get of a search or an aggregation.
fn results(total: usize, results: Vec<Reply>, warnings: Warnings, format: Format) -> Reply {
    Reply::Map(vec![
        (Reply::Simple("attributes"), Reply::Array(Vec::new())),
        (Reply::Simple("warning"), warnings.reply()),
        (Reply::Simple("total_results"), Reply::from(total)),
        (Reply::Simple("format"), Reply::Simple(format.name())),
        (Reply::Simple("results"), Reply::Array(results)),
    ])
}
