//! An index of a few rows does without links: to compare with all is faster than any search, and links would take more
//! time and memory than all else. A caller that asks for them gets each row linked with all others on its levels,
//! as rows of so few are. When one row more comes, all are linked.
//!
//! Ids are handed out densely, so that an index has few rows as long as its graph's end is low. That never goes
//! down: an index that had more rows once is one with links, however many are left.

use super::DEFAULT_EF_ADD;
use super::shared::Shared;
use crate::graph::Alone;

/// Rows that are few, and bytes of them.
const FEW: usize = 16;
const FEW_BYTES: usize = 16 << 10;

/// How many rows of this size are few: at most so many that none has more neighbours on a level than M.
pub(super) fn few(m: usize, stride: usize) -> u32 {
    FEW.min(m + 1).min(FEW_BYTES / stride) as u32
}

impl Shared {
    /// Whether rows up to this end are few, which so have no links. Where there is no graph none has.
    fn are_few(&self, end: u32) -> bool {
        self.is_flat || end <= self.few
    }

    /// Whether no row has links, or is about to get any.
    pub fn is_without_links(&self) -> bool {
        self.are_few(self.graph.end())
    }

    /// Before a row is announced: where it is one too many, the others are linked. Until the row is there, queries
    /// go on to compare with all of them; afterwards they find them in the graph. On the owner's thread.
    pub fn make_way_for(&self, row: u32) {
        let end = self.graph.end();
        if self.are_few(row + 1) || !self.are_few(end) {
            return;
        }
        for row in (0..end).filter(|&row| self.graph.is_live(row)) {
            if self.graph.claim(row) {
                self.link(row, DEFAULT_EF_ADD, Alone::No);
            }
        }
    }

    /// The neighbours of a live row on one of its levels.
    pub fn neighbours(&self, row: u32, level: usize) -> Vec<u32> {
        if !self.is_without_links() {
            return self.graph.neighbours(row, level);
        }
        let graph = &self.graph;
        let is_neighbour = |other: &u32| *other != row && graph.is_live(*other) && graph.level(*other) >= level;
        (0..graph.end()).filter(is_neighbour).collect()
    }
}
