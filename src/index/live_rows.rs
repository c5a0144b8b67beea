//! Visits every accepted live row, even if rows are replaced concurrently.

use std::collections::{HashMap, HashSet};

use super::accept::Accept;
use super::shared::Shared;

/// The rows, of which each owner has one, that of the end: in the order in which this looks (who is live, then what was
/// replaced since `asked`) an owner that had a row all the time has one here.
pub(super) fn live_rows<A: Accept + ?Sized>(shared: &Shared, accept: Option<&A>, asked: u64) -> Vec<u32> {
    let (graph, end) = (&shared.graph, shared.graph.end());
    let mut rows: Vec<u32> = Vec::new();
    match accept {
        Some(accept) => accept.for_each(end, &mut |row| {
            if graph.is_live(row) {
                rows.push(row);
            }
        }),
        None => rows.extend((0..end).filter(|&row| graph.is_live(row))),
    }
    Replacements::since(shared, accept, asked).apply(&mut rows);
    rows
}

/// What was replaced since a query was asked. What was found before may have the old rows, and the new ones not at all.
///
/// Asked for after a look at who is dead, and not followed by one: see `replaced.rs`.
pub(super) struct Replacements {
    /// Rows that are gone by now.
    pub gone: HashSet<u32>,
    /// Those accepted that came in the place of others, and are not gone themselves.
    pub come: Vec<u32>,
}

impl Replacements {
    pub fn since<A: Accept + ?Sized>(shared: &Shared, accept: Option<&A>, asked: u64) -> Replacements {
        // Copied, for the owner waits at the lock.
        let recent: Vec<(u32, u32)> = shared.lock_replaced().since(asked).collect();
        let gone: HashSet<u32> = recent.iter().map(|&(old, _)| old).collect();
        // Which of its rows an owner had when the query was asked.
        let mut origins: HashMap<u32, u32> = HashMap::new();
        let mut come = Vec::new();
        for (old, new) in recent {
            let origin = origins.get(&old).copied().unwrap_or(old);
            origins.insert(new, origin);
            if !gone.contains(&new) && accept.is_none_or(|accept| accept.matches_successor(origin, new)) {
                come.push(new);
            }
        }
        Replacements { gone, come }
    }

    /// Puts the rows that came in the place of those that are gone.
    pub fn apply(self, rows: &mut Vec<u32>) {
        if !self.gone.is_empty() {
            rows.extend(self.come);
            rows.retain(|row| !self.gone.contains(row));
            rows.sort_unstable();
            rows.dedup();
        }
    }
}
