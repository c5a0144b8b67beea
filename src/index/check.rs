//! Verification that rows and graph agree; for tests and a debug command.

use super::VectorIndex;

impl VectorIndex {
    /// Checks the invariants of an index at rest and of its graph; `rows` are those that the owner holds to be
    /// live, each once.
    ///
    /// # Errors
    /// The first violation, in words.
    pub fn check(&self, rows: &[u32]) -> Result<(), String> {
        let shared = &self.shared;
        for &row in rows {
            if !shared.graph.is_live(row) || !(shared.is_flat || shared.graph.is_linked(row)) {
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
        if shared.is_flat { Ok(()) } else { shared.graph.check(rows) }
    }
}
