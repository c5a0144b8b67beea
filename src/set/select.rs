//! All elements that match a filter: to count them, or to remove them.

use std::sync::Arc;

use super::VectorSet;
use super::filter::Filter;
use super::query::Reader;
use crate::filter::Expression;

/// A filter that can be asked of a whole set on any thread.
pub struct Selection {
    reader: Reader,
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
        Selection { reader: Reader::new(&self.shared), filter: self.compile(filter), len: self.len() }
    }

    /// Removes the next up to `most` of the selected elements that are there and match still;
    /// yields their names. The work is over when none are left to look at: see [`Selected::len`].
    pub fn remove_selected(&mut self, selected: &mut Selected, most: usize) -> Vec<Vec<u8>> {
        let mut removed = Vec::new();
        for node in selected.nodes.split_off(selected.nodes.len().saturating_sub(most)) {
            if selected.filter.matches(node, &self.shared.attributes) && self.shared.graph.is_live(node) {
                let name = self.shared.name(node).to_vec();
                if self.remove(&name) {
                    removed.push(name);
                }
            }
        }
        removed
    }

    /// Whether this is the set in which the elements were selected.
    pub fn is_of(&self, selected: &Selected) -> bool {
        Arc::ptr_eq(&self.shared, &selected.reader.shared)
    }
}

impl Selection {
    /// About how many nanoseconds [`Selection::run`] will take.
    pub fn estimate(&self) -> u64 {
        (self.len as f64 * (1.0 + self.filter.test_nanos())) as u64
    }

    /// Finds the elements.
    pub fn run(self) -> Selected {
        let shared = self.reader.shared.clone();
        let end = shared.graph.end();
        let mut nodes = Vec::new();
        match self.filter.mark(end, &shared.attributes) {
            Some(marks) => marks.for_each(end, |node| nodes.push(node)),
            None => nodes.extend((0..end).filter(|&node| {
                shared.attributes.prefetch_after(node);
                self.filter.matches(node, &shared.attributes)
            })),
        }
        nodes.retain(|&node| shared.graph.is_live(node));
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
        self.reader.shared.is_over_bound()
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
