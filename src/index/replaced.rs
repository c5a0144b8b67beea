//! Rows that were replaced while queries run.
//!
//! An element exists all the time while its vector is updated, so a query that runs concurrently
//! must find it. But the query's copy of the pending list, and its row filter, may be older than the new
//! row, while it sees the old row as dead. So replacements are recorded as long as such
//! queries may run. A query first drops dead rows, then adds the rows that replaced others
//! since it was created; and reading a result follows a dead row to its successor. This order
//! makes it correct: the owner announces the new row, records the replacement, then marks the old row as dead;
//! a query checks which rows are dead, then reads the records.

use std::collections::{HashMap, VecDeque};

/// See the module's text.
#[derive(Default)]
pub struct Replaced {
    successors: HashMap<u32, u32>,
    /// Old row, new row, and the stamp of the grace period of those who may need to know.
    recent: VecDeque<(u32, u32, u64)>,
    /// Replacements before the first of `recent`.
    forgotten: u64,
}

impl Replaced {
    /// Notes that a row takes the place of another one.
    pub fn note(&mut self, old: u32, new: u32, stamp: u64) {
        self.successors.insert(old, new);
        self.recent.push_back((old, new, stamp));
    }

    /// A mark in time, for [`Replaced::since`].
    pub fn now(&self) -> u64 {
        self.forgotten + self.recent.len() as u64
    }

    /// What was replaced since a mark: old and new rows, in order.
    pub fn since(&self, mark: u64) -> impl Iterator<Item = (u32, u32)> {
        let from = mark.saturating_sub(self.forgotten) as usize;
        self.recent.iter().skip(from).map(|&(old, new, _)| (old, new))
    }

    /// The row that a dead one's owner has now, dead too if that is gone.
    pub fn latest(&self, mut row: u32, is_live: impl Fn(u32) -> bool) -> u32 {
        while let (false, Some(&next)) = (is_live(row), self.successors.get(&row)) {
            row = next;
        }
        row
    }

    /// Whether there is a row that was replaced and may be known to queries.
    pub fn is_empty(&self) -> bool {
        self.successors.is_empty()
    }

    /// Forgets a row whose id is about to be used again.
    pub fn forget(&mut self, row: u32) {
        self.successors.remove(&row);
    }

    /// Forgets up to `most` of the replacements of whose time no query is left.
    pub fn trim(&mut self, most: usize, is_over: impl Fn(u64) -> bool) {
        for _ in 0..most {
            if self.recent.front().is_none_or(|&(_, _, stamp)| !is_over(stamp)) {
                return;
            }
            self.recent.pop_front();
            self.forgotten += 1;
        }
    }
}
