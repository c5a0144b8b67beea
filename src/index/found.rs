//! The result of a query, resolved when it is read: rows that died since are left out or replaced by their
//! successors.

use std::collections::HashSet;

use super::query::{Reader, Work};
use crate::graph::Candidate;
use crate::vector::Uncertainty;

/// Rows that a query found. As long as it is there, their ids are not used again.
pub struct Found {
    reader: Reader,
    rows: Vec<Candidate>,
    count: usize,
    work: Work,
    /// Of a query for all within a distance.
    uncertainty: Option<Uncertainty>,
}

impl Found {
    pub(super) fn new(
        reader: Reader,
        rows: Vec<Candidate>,
        count: usize,
        work: Work,
        uncertainty: Option<Uncertainty>,
    ) -> Found {
        Found { reader, rows, count, work, uncertainty }
    }

    /// The most by which the distance of a row that was found within another is off, as its encoding rounds.
    pub fn error(&self, row: Candidate) -> f64 {
        let bytes = self.reader.shared.vectors.get(row.node);
        self.uncertainty.map_or(0.0, |uncertainty| uncertainty.of(bytes, row.distance))
    }

    /// What the query did.
    pub fn work(&self) -> Work {
        self.work
    }

    /// Whether the index is gone, so that this is the last to hold its memory.
    pub fn is_last(&self) -> bool {
        self.reader.is_last()
    }

    /// The rows that are still there, nearest first, none twice; where one was replaced, the row that is there
    /// now, with the distance of the one that was found. On the owner's thread.
    pub fn rows(&self) -> Vec<Candidate> {
        self.rows_that(|_| true)
    }

    /// [`Found::rows`], of which only those count that are to be shown.
    pub fn rows_that(&self, shown: impl Fn(u32) -> bool) -> Vec<Candidate> {
        let shared = &*self.reader.shared;
        let replaced = shared.lock_replaced();
        let is_live = |row| shared.graph.is_live(row);
        // Where a row was replaced while the query ran, both may have been found.
        let mut seen = HashSet::new();
        let mut rows = Vec::with_capacity(self.rows.len().min(self.count));
        for found in &self.rows {
            if rows.len() == self.count {
                break;
            }
            let node = replaced.latest(found.node, is_live);
            if !is_live(node) || !shown(node) || !replaced.is_empty() && !seen.insert(node) {
                continue;
            }
            rows.push(Candidate { distance: found.distance, node });
        }
        rows
    }

    /// The rows as they were found, nearest first: some are gone by now, or were replaced, and where one was replaced while
    /// the query ran, both may be here.
    pub fn as_found(&self) -> &[Candidate] {
        &self.rows
    }

    /// The row that the owner of one that was found has now, if it has one. On any thread; it may be gone a moment later.
    pub fn current(&self, row: u32) -> Option<u32> {
        let is_live = |row: &u32| self.reader.is_live(*row);
        Some(row).filter(is_live).or_else(|| Some(self.reader.latest(row)).filter(is_live))
    }

    /// Whether a row is there.
    pub fn is_live(&self, row: u32) -> bool {
        self.reader.is_live(row)
    }

    /// Whether rows that were found are gone by now, without another in their place, or are `hidden`, and there may be
    /// others that belong where they were: unless fewer were found than were asked for. On any thread.
    pub fn has_lost(&self, hidden: impl Fn(u32) -> bool) -> bool {
        self.rows.len() >= self.count && self.rows.iter().any(|found| self.current(found.node).is_none_or(&hidden))
    }
}
