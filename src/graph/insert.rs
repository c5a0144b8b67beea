//! Insertion: finds candidates on each level of a node, and links them (`join.rs`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{Ordering, fence};

use super::join::Insertion;
use super::scratch::Scratch;
use super::{Alone, Graph, Space};
use crate::arena::Grace;

impl Graph {
    /// Links an announced node into the graph with a beam of width `ef`.
    /// The caller holds a ticket of `grace`. True if the node
    /// died before it was linked: the caller must then [`Graph::remove`] it.
    ///
    /// A panic on the search for neighbours is caught: the node is linked with those found so far, and marked as linked
    /// in any case, so that no thread waits for it for ever.
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
        let mut turns = self.is_above_entry(level).then(|| self.lock_turns(alone));
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let mut insertion = Insertion::new(self, space, node, grace);
            self.find_neighbours(&mut insertion, level, ef, scratch);
            if self.links.count(node, 0) == 0 && self.is_live(node) {
                // All candidates died; others are there by now.
                self.find_neighbours(&mut insertion, level, ef, scratch);
            }
        }));
        if self.links.count(node, 0) == 0 && self.is_live(node) {
            let turns = turns.get_or_insert_with(|| self.lock_turns(alone));
            // The nearest of the dead will do: who takes it out sees to other neighbours.
            let holds = |other: u32| other != node && self.links.count(other, 0) > 0;
            let mut near = scratch.pool.iter();
            if !near.any(|c| holds(c.node) && self.rejoin_in_turn(node, c.node, 0, turns, grace)) {
                self.attach(node, turns, grace);
            }
        }
        // After that: queries do not compare with linked rows one by one, so graph searches must find them.
        if self.nodes.mark_linked(node) {
            return true;
        }
        // After that, since searches that begin at the entry must meet all others. Sequentially
        // consistent with `leave_entry`: this thread marks, then reads the entry; that one sets
        // the entry, then reads the marks.
        fence(Ordering::SeqCst);
        if self.is_above_entry(level) {
            let _turns = turns.get_or_insert_with(|| self.lock_turns(alone));
            // A removal marks the node first, and then takes this lock to check whether it is the entry.
            if self.is_live(node) && self.is_above_entry(level) {
                self.set_entry(Some((node, level)));
            }
        }
        false
    }

    /// Searches for a new node's neighbours on the levels from `highest` down, and links it to them from the lowest up:
    /// a search that comes down to it finds the others on the level below.
    fn find_neighbours<S: Space>(
        &self,
        insertion: &mut Insertion<S>,
        highest: usize,
        ef: usize,
        scratch: &mut Scratch,
    ) {
        scratch.pool.begin(ef);
        let Some((entry, top)) = self.entry() else { return };
        let highest = highest.min(top);
        self.descend(insertion.space, insertion.guide(), (entry, top), highest, ef, scratch);
        let mut found = Vec::with_capacity(highest + 1);
        for level in (0..=highest).rev() {
            self.search_level(insertion.space, insertion.guide(), level, scratch);
            found.push(scratch.pool.iter().collect::<Vec<_>>());
        }
        for (level, found) in found.iter().rev().enumerate() {
            let candidates = insertion.measured(found);
            if level == 0 && insertion.is_misguided(&candidates) {
                // Nothing is linked yet. This time without estimates.
                return self.find_neighbours(insertion, highest, ef, scratch);
            }
            insertion.join(level, &candidates);
            if self.links.count(insertion.node, 0) == 0 {
                return;
            }
        }
    }
}
