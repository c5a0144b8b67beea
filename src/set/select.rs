//! All elements that match a filter: to count them, or to remove them.

use std::sync::Arc;

use super::filter::{Chosen, Filter};
use super::query::Visible;
use super::table::Table;
use super::{VectorSet, now};
use crate::filter::Expression;
use crate::index::Reader;

/// A filter that can be asked of a whole set on any thread.
pub struct Selection {
    reader: Reader,
    table: Arc<Table>,
    filter: Filter,
    len: usize,
}

/// The elements that matched, when they were asked. They may have changed or gone since.
pub struct Selected {
    // Held so that ids stay those of the elements that matched.
    reader: Reader,
    nodes: Vec<u32>,
    filter: Filter,
}

impl VectorSet {
    /// Prepares to find all elements that match.
    pub fn select(&self, filter: &Expression) -> Selection {
        Selection {
            reader: self.index.reader(),
            table: self.table.clone(),
            filter: self.compile(filter),
            len: self.len(),
        }
    }

    /// Removes the next up to `most` of the selected elements that are there and match still;
    /// yields their names. The work is over when none are left to look at: see [`Selected::len`].
    pub fn remove_selected(&mut self, selected: &mut Selected, most: usize) -> Vec<Vec<u8>> {
        let mut removed = Vec::new();
        for node in selected.nodes.split_off(selected.nodes.len().saturating_sub(most)) {
            // An element that was given another vector since is there still.
            let node = selected.reader.latest(node);
            if self.index.is_live(node) && selected.filter.matches(node, &self.table.attributes) {
                let name = self.table.name(node).to_vec();
                if self.remove(&name) {
                    removed.push(name);
                }
            }
        }
        removed
    }

    /// Whether this is the set in which the elements were selected.
    pub fn is_of(&self, selected: &Selected) -> bool {
        self.index.is_read_by(&selected.reader)
    }
}

impl Selection {
    /// About how many nanoseconds [`Selection::run`] will take.
    pub fn estimate(&self) -> u64 {
        (self.len as f64 * (1.0 + self.filter.test_nanos())) as u64
    }

    /// Finds the elements.
    pub fn run(self) -> Selected {
        let table = &*self.table;
        let chosen = Chosen::new(&self.filter, self.reader.end(), &table.attributes);
        let nodes = self.reader.rows_that(&Visible { chosen: Some(chosen), table, now: now() });
        Selected { reader: self.reader, nodes, filter: self.filter }
    }
}

impl Selected {
    /// Elements that matched and were not looked at since.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether the set's linkers had better catch up before more is removed.
    pub fn is_behind(&self) -> bool {
        self.reader.is_over_bound()
    }

    /// Whether the set is gone, so that this may be the last to hold its memory.
    pub fn is_last(&self) -> bool {
        self.reader.is_last()
    }

    /// Forgets the rest.
    pub fn clear(&mut self) {
        self.nodes.clear();
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}
