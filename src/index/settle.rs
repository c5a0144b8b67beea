//! An index at rest, to be saved: everything linked, and linkers paused.

use std::sync::Arc;

use super::shared::Shared;
use super::{DEFAULT_EF_ADD, VectorIndex, linkers};
use crate::graph::Alone;

/// As long as it is there, an index has no pending work and no linkers.
pub struct AtRest {
    shared: Arc<Shared>,
    alone: Alone,
}

impl Drop for AtRest {
    fn drop(&mut self) {
        if self.alone == Alone::Yes {
            return;
        }
        self.shared.resume();
        if self.shared.has_work() {
            linkers::wake(&self.shared);
        }
    }
}

/// A row's links on one level as they are saved.
pub struct SavedLinks {
    /// Labels, ascending.
    pub targets: Vec<u64>,
    /// Links that there is room for.
    pub capacity: usize,
}

impl VectorIndex {
    /// Links and repairs all that waits, so that the graph is whole, and holds linkers back until
    /// the result is dropped. The owner's thread works along with the linkers until nothing is left: at most what
    /// the bound lets wait. In a forked child (`alone`) it touches nothing that
    /// a thread which is not there may hold.
    pub fn settle(&mut self, alone: Alone) -> AtRest {
        let shared = &self.shared;
        match alone {
            Alone::No => {
                while shared.work_now() {}
                shared.pause();
                // What linkers left when they were paused.
                while shared.work_now() {}
                shared.link_strays();
            }
            Alone::Yes => {
                shared.pause_in_child();
                if !shared.is_without_links() {
                    shared.settle_alone();
                }
            }
        }
        AtRest { shared: shared.clone(), alone }
    }

    /// The links of a live row of an index at rest, level by level from 0, by the rows' labels.
    pub fn saved_links(&self, row: u32, label: impl Fn(u32) -> u64) -> Vec<SavedLinks> {
        let shared = &self.shared;
        if shared.is_flat {
            return Vec::new();
        }
        let levels = (0..=shared.graph.level(row)).map(|level| {
            let rows = shared.neighbours(row, level);
            let capacity = shared.graph.capacity(level).max(rows.len());
            let mut targets: Vec<u64> = rows.into_iter().map(&label).collect();
            targets.sort_unstable();
            SavedLinks { capacity, targets }
        });
        levels.collect()
    }
}

impl Shared {
    /// Links and repairs everything in a forked child.
    fn settle_alone(&self) {
        let mut is_unfinished = self.is_worked_on();
        for row in 0..self.graph.end() {
            if self.graph.is_live(row) {
                if !self.graph.is_linked(row) {
                    self.link(row, DEFAULT_EF_ADD, Alone::Yes);
                    is_unfinished = true;
                }
            } else if self.graph.is_present(row) {
                // Also one that was not marked as linked: it died while a thread that is not
                // here was linking it, and others link to it already.
                self.repair(row, Alone::Yes);
                is_unfinished = true;
            }
        }
        // What a thread was doing when this process was forked stays half done: it may have
        // taken some links of a dead node, and not yet joined those at their other ends.
        if is_unfinished {
            self.graph.join_groups(self, Alone::Yes, &self.grace);
        }
    }
}
