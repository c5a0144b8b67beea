//! Linking a node: find candidates on each of its levels, and join them (`join.rs`).

use std::sync::atomic::{Ordering, fence};

use super::join::Newcomer;
use super::scratch::Scratch;
use super::{Alone, Graph, Space};
use crate::arena::Grace;

impl Graph {
    /// Links an announced node into the graph with a beam of width `ef`.
    /// The caller holds a ticket of `grace`. True if the node
    /// died before it was linked: the caller must then [`Graph::remove`] it.
    pub fn link<S: Space>(
        &self,
        space: &S,
        node: u32,
        ef: usize,
        alone: Alone,
        grace: &Grace,
        scratch: &mut Scratch,
    ) -> bool {
        let level = self.level(node);
        // A node that rises above the top is the only one on its upper levels, and becomes the
        // entry, before another one may do the same.
        let mut guard = None;
        if self.entry().is_none_or(|(_, top)| level > top) {
            guard = self.lock_entry(alone);
        }
        let mut newcomer = Newcomer::new(self, space, node, grace);
        self.find_neighbours(&mut newcomer, level, ef, scratch);
        let dead = self.nodes.mark_linked(node);
        // A removal takes the entry's lock while it holds that of repairs, so not the other way.
        drop(guard);
        if !dead && self.links.count(node, 0) == 0 {
            let _guard = self.lock_repairs(alone);
            // No candidate goes away this time.
            self.find_neighbours(&mut newcomer, 0, ef, scratch);
            self.attach(node, grace);
        }
        // After that, since whoever begins at the entry must meet all others. Sequentially
        // consistent with `replace_entry`: this thread marks, then reads the entry; that one sets
        // the entry, then reads the marks.
        fence(Ordering::SeqCst);
        if !dead && self.entry().is_none_or(|(_, top)| level > top) {
            let _guard = self.lock_entry(alone);
            // Who removes it marks it first, and then takes this lock to look whether it is the entry.
            if self.is_live(node) && self.entry().is_none_or(|(_, top)| level > top) {
                self.set_entry(Some((node, level)));
            }
        }
        dead
    }

    /// Searches for a newcomer's neighbours on the levels from `highest` down, and joins it to them.
    fn find_neighbours<S: Space>(&self, newcomer: &mut Newcomer<S>, highest: usize, ef: usize, scratch: &mut Scratch) {
        let Some((entry, top)) = self.entry() else { return };
        let highest = highest.min(top);
        let mut entries = vec![self.descend(newcomer.space, &newcomer.probe, entry, top, highest, scratch)];
        for level in (0..=highest).rev() {
            self.search_level(newcomer.space, &newcomer.probe, &entries, ef, level, scratch);
            entries = scratch.pool.iter().collect();
            newcomer.join(level, &entries);
        }
    }
}
