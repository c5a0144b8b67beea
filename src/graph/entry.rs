//! The entry point of searches: a linked node of the highest level. Every other node can be reached from it at any
//! time, so a search finds enough nodes however many are added and removed concurrently.

use std::sync::atomic::{Ordering, fence};

use super::removal_locks::LockedTurns;
use super::{Graph, NO_ENTRY};
use crate::arena::Grace;

impl Graph {
    /// The entry node and its level.
    pub fn entry(&self) -> Option<(u32, usize)> {
        match self.entry.load(Ordering::Acquire) {
            NO_ENTRY => None,
            packed => Some((packed as u32, (packed >> 32) as usize)),
        }
    }

    /// Release: who begins at the entry sees its links. Changed under the lock of turns.
    pub(super) fn set_entry(&self, entry: Option<(u32, usize)>) {
        let packed = entry.map_or(NO_ENTRY, |(node, level)| node as u64 | (level as u64) << 32);
        self.entry.store(packed, Ordering::Release);
    }

    /// Whether a node of this level is above the entry, or there is none.
    pub(super) fn is_above_entry(&self, level: usize) -> bool {
        self.entry().is_none_or(|(_, top)| level > top)
    }

    /// If the entry is this dead node, whose turn has begun, names an heir. Before the node loses a link:
    /// no search begins at a node without.
    pub(super) fn leave_entry(&self, dead: u32, neighbours: &[Vec<u32>]) {
        if self.entry().is_none_or(|(entry, _)| entry != dead) {
            return;
        }
        // Again, if a node was marked as linked in between that would have had to be the entry.
        loop {
            let heir = self.heir(neighbours);
            self.set_entry(heir.map(|(_, level, node)| (node, level)));
            // Sequentially consistent with `Graph::link`: this thread sets the entry, then reads the marks;
            // that one marks, then reads the entry.
            fence(Ordering::SeqCst);
            let rank = |heir: Option<(bool, usize, u32)>| heir.map(|(linked, level, _)| (linked, level));
            if rank(self.heir(neighbours)) <= rank(heir) {
                return;
            }
        }
    }

    /// Of the neighbours on level 0 the linked one of the highest level, rather a live one: whether it is
    /// linked, its level, and the node. A dead one will do until its own turn, which does not come before
    /// that of its neighbour is over; and one in the middle of being linked where there is no other. Without
    /// neighbours no other node has links either.
    ///
    /// If the dead node was alone on its level, no links are left there, and the entry point moves down.
    fn heir(&self, neighbours: &[Vec<u32>]) -> Option<(bool, usize, u32)> {
        let linked = neighbours[1..].iter().flatten().filter(|&&node| self.is_linked(node));
        let ranked = linked.chain(&neighbours[0]).map(|&node| {
            let is_linked = self.is_linked(node);
            ((is_linked, self.level(node), self.is_live(node)), node)
        });
        ranked.max().map(|((is_linked, level, _), node)| (is_linked, level, node))
    }

    /// Links a live linked node that has no links on level 0 to the rest of the graph: a new node all of
    /// whose candidates died, or the last neighbour of a removed node.
    ///
    /// All that have links are connected with the entry, and if it has none itself, no other has: only this,
    /// one at a time, links to a node without. So the entry will do, or the first near it that
    /// has room; without an entry, the node becomes it.
    pub(super) fn attach(&self, node: u32, turns: &LockedTurns, grace: &Grace) {
        if !self.is_live(node) || self.links.count(node, 0) > 0 {
            return;
        }
        let Some((entry, _)) = self.entry() else {
            // If it is marked as dead from here on, its turn begins after this, and finds it the entry.
            self.set_entry(Some((node, self.level(node))));
            return;
        };
        if entry == node {
            return;
        }
        let mut around = vec![entry];
        let mut at = 0;
        // Nodes have a third of their places free on average: it ends soon.
        while at < around.len() && !self.rejoin_in_turn(node, around[at], 0, turns, grace) {
            for next in self.neighbours(around[at], 0) {
                if !around.contains(&next) {
                    around.push(next);
                }
            }
            at += 1;
        }
    }
}
