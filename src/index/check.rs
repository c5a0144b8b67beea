//! Verifies that rows and graph agree; for tests and a debug command.

use std::collections::HashSet;

use super::VectorIndex;
use crate::graph::Reach;

impl VectorIndex {
    /// Checks the invariants of an index at rest and of its graph; `rows` are those that the owner holds to be
    /// live, each once.
    ///
    /// # Errors
    /// The first violation, in words.
    pub fn check(&self, rows: &[u32]) -> Result<(), String> {
        let shared = &self.shared;
        for &row in rows {
            if !shared.graph.is_live(row) || !self.is_linked(row) {
                return Err(format!("row {row} is not live and linked"));
            }
        }
        let live = (0..self.end()).filter(|&row| shared.graph.is_live(row)).count();
        if live != rows.len() || live != self.len {
            return Err(format!("{live} live rows, but {} are known and {} counted", rows.len(), self.len));
        }
        if shared.pending.count() != 0 {
            return Err(format!("{} pending after settling", shared.pending.count()));
        }
        if shared.is_without_links() { Ok(()) } else { shared.graph.check(rows) }
    }

    /// Checks one row that its owner holds to be live, and its links if it has them; linkers may be at work.
    ///
    /// # Errors
    /// What is wrong. Unless the index is at rest this may be over at once.
    pub fn check_row(&self, row: u32) -> Result<(), String> {
        if !self.is_live(row) {
            return Err(format!("row {row} is not live"));
        }
        if self.shared.is_without_links() || !self.is_linked(row) { Ok(()) } else { self.shared.graph.check_node(row) }
    }

    /// Checks where searches begin.
    ///
    /// # Errors
    /// As above.
    pub fn check_entry(&self) -> Result<(), String> {
        let nothing_is_linked = self.shared.is_without_links() || self.len == 0 || self.len <= self.pending();
        if nothing_is_linked { Ok(()) } else { self.shared.graph.check_entry() }
    }

    /// Begins to find out what the graph's entry leads to.
    pub fn reach(&self) -> Reach {
        Reach::new(&self.shared.graph)
    }

    /// Goes on with it, by one row; false if there is none left.
    pub fn reach_on(&self, reach: &mut Reach) -> bool {
        reach.step(&self.shared.graph)
    }

    /// Checks that searches find a row, if it is live and linked.
    ///
    /// # Errors
    /// As above.
    pub fn check_reached(&self, row: u32, reach: &mut Reach) -> Result<(), String> {
        let graph = &self.shared.graph;
        let is_found = self.is_flat() || !graph.is_live(row) || !graph.is_linked(row) || reach.includes(graph, row);
        if is_found { Ok(()) } else { Err(format!("row {row} is not connected with the entry")) }
    }

    /// Checks that rows are linked, dead, or known to wait for their links.
    ///
    /// # Errors
    /// The first that is none of these.
    pub fn check_waiting(&self, rows: &[u32]) -> Result<(), String> {
        // Before the look at each: what leaves the list is linked or dead.
        let waiting: HashSet<u32> = self.shared.unlinked().into_iter().collect();
        let is_lost = |row: &&u32| self.is_live(**row) && !self.is_linked(**row) && !waiting.contains(row);
        rows.iter()
            .find(is_lost)
            .map_or(Ok(()), |row| Err(format!("row {row} is not linked, and does not wait for it")))
    }
}
