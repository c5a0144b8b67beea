//! What a query found, as it is when it is read.

use super::query::{Reader, Work};
use crate::graph::Candidate;

/// Rows that a query found. As long as it is there, their ids are not used again.
pub struct Found {
    reader: Reader,
    rows: Vec<Candidate>,
    count: usize,
    work: Work,
}

impl Found {
    pub(super) fn new(reader: Reader, rows: Vec<Candidate>, count: usize, work: Work) -> Found {
        Found { reader, rows, count, work }
    }

    /// What the query did.
    pub fn work(&self) -> Work {
        self.work
    }

    /// The rows that are still there, nearest first, none twice; where one was replaced, the row that is there
    /// now, with the distance of the one that was found. On the owner's thread.
    pub fn rows(&self) -> Vec<Candidate> {
        let shared = &*self.reader.shared;
        let successors = shared.lock_successors();
        // Where a row was replaced while the query ran, both may have been found.
        let mut seen: Vec<u32> = Vec::new();
        let mut rows = Vec::with_capacity(self.rows.len().min(self.count));
        for found in &self.rows {
            if rows.len() == self.count {
                break;
            }
            let mut node = found.node;
            while let (false, Some(&next)) = (shared.graph.is_live(node), successors.get(&node)) {
                node = next;
            }
            if !shared.graph.is_live(node) || seen.contains(&node) {
                continue;
            }
            if !successors.is_empty() {
                seen.push(node);
            }
            rows.push(Candidate { distance: found.distance, node });
        }
        rows
    }
}
