//! Linking a node: find candidates on each of its levels, choose among them, connect.

use std::sync::atomic::{Ordering, fence};

use super::locks::lock;
use super::pool::Candidate;
use super::scratch::Scratch;
use super::{Alone, Graph, Space, select};
use crate::arena::Grace;

/// Attempts at one connection while other threads change the same rows.
const ATTEMPTS: usize = 8;

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
        // In a forked child the lock may be held for ever by a thread that is not there.
        let lock_entry = || (alone == Alone::No).then(|| self.entry_lock.lock().unwrap_or_else(|e| e.into_inner()));
        let level = self.level(node);
        // A node that rises above the top is the only one on its upper levels, and becomes the
        // entry, before another one may do the same.
        let mut guard = None;
        if self.entry().is_none_or(|(_, top)| level > top) {
            guard = lock_entry();
        }
        if let Some((entry, top)) = self.entry() {
            let probe = space.probe(node);
            let mut spare = space.probe(node);
            let start = self.descend(space, &probe, entry, top, level.min(top), scratch);
            let mut entries = vec![start];
            for level in (0..=level.min(top)).rev() {
                self.search_level(space, &probe, &entries, ef, level, scratch);
                entries = scratch.pool.iter().collect();
                self.join(space, node, level, &probe, &mut spare, &entries, grace);
            }
        }
        let unlinked = self.links.count(node, 0) == 0;
        if unlinked && guard.is_none() {
            guard = lock_entry();
        }
        let dead = self.nodes.mark_linked(node);
        if unlinked {
            self.join_anyone(node, grace);
        }
        // Sequentially consistent with `replace_entry`: this thread marks, then reads the entry;
        // that one sets the entry, then reads the marks.
        fence(Ordering::SeqCst);
        if self.entry().is_none_or(|(_, top)| level > top) {
            let _guard = guard.or_else(lock_entry);
            if self.entry().is_none_or(|(_, top)| level > top) {
                self.set_entry(Some((node, level)));
            }
        }
        dead
    }

    /// Links a node that found nobody (all candidates died meanwhile) to any live one. Under the
    /// entry lock, so that of two such nodes one meets the other.
    fn join_anyone(&self, node: u32, grace: &Grace) {
        let others = (0..self.nodes.end()).filter(|&other| self.is_linked(other) && self.is_live(other));
        for other in others {
            if self.links.count(node, 0) > 0 {
                break;
            }
            self.connect_by_force(node, other, 0, grace);
        }
    }

    /// Connects a newcomer to the best of the candidates on a level.
    #[allow(clippy::too_many_arguments)]
    fn join<S: Space>(
        &self,
        space: &S,
        node: u32,
        level: usize,
        probe: &S::Probe,
        spare: &mut S::Probe,
        found: &[Candidate],
        grace: &Grace,
    ) {
        let candidates: Vec<Candidate> =
            found.iter().copied().filter(|c| c.node != node && self.is_live(c.node)).collect();
        let chosen = select::diverse(space, &candidates, self.m, self.m / 2, spare);
        let mut made = 0;
        for candidate in &chosen {
            made += self.connect(space, node, *candidate, level, probe, spare, grace) as usize;
        }
        // Without enough links, the nearest must take the newcomer even where others were better.
        for candidate in &candidates {
            if made > 0 {
                break;
            }
            made += self.connect_by_force(node, candidate.node, level, grace) as usize;
        }
    }

    /// Links a newcomer and a candidate, if the candidate has room or a worse link that it can do
    /// without. `probe` measures from the newcomer.
    #[allow(clippy::too_many_arguments)]
    fn connect<S: Space>(
        &self,
        space: &S,
        node: u32,
        candidate: Candidate,
        level: usize,
        probe: &S::Probe,
        spare: &mut S::Probe,
        grace: &Grace,
    ) -> bool {
        let other = candidate.node;
        let capacity = self.links.capacity(level);
        for _ in 0..ATTEMPTS {
            if self.links.count(other, level) < capacity {
                let _locked = lock(self.address(), &[node, other]);
                if !self.may_link(node, other, level, capacity) {
                    return false;
                }
                if self.links.count(other, level) < capacity {
                    self.link_both(node, other, level, grace);
                    return true;
                }
            } else {
                let Some(victim) = self.victim(space, node, candidate, level, probe, spare) else { return false };
                let _locked = lock(self.address(), &[node, other, victim]);
                if !self.may_link(node, other, level, capacity) {
                    return false;
                }
                let still = self.links.count(other, level) >= capacity
                    && self.links.contains(other, level, victim)
                    && self.is_detour(node, other, victim, level);
                if still {
                    self.links.remove(other, level, victim);
                    self.links.remove(victim, level, other);
                    self.link_both(node, other, level, grace);
                    return true;
                }
            }
        }
        false
    }

    /// Links two nodes whatever it costs, up to the hard capacity; false if one of them is dead,
    /// they are linked already, or there is no room at all.
    pub(super) fn connect_by_force(&self, node: u32, other: u32, level: usize, grace: &Grace) -> bool {
        let _locked = lock(self.address(), &[node, other]);
        let hard = self.links.hard_capacity(level);
        let allowed = self.may_link(node, other, level, hard) && self.links.count(other, level) < hard;
        if allowed {
            self.link_both(node, other, level, grace);
        }
        allowed
    }

    /// Whether a link may be made as far as the newcomer is concerned. Both nodes are locked.
    fn may_link(&self, node: u32, other: u32, level: usize, capacity: usize) -> bool {
        node != other
            && self.is_live(other)
            && self.is_live(node)
            && self.links.count(node, level) < capacity
            && !self.links.contains(other, level, node)
    }

    /// Both nodes are locked, have room and are not linked.
    fn link_both(&self, a: u32, b: u32, level: usize, grace: &Grace) {
        self.links.push(a, self.level(a), level, b, grace);
        self.links.push(b, self.level(b), level, a, grace);
    }

    /// The link that a full candidate gives up for the newcomer: one that is longer than the new
    /// one, that its other end can spare, and around which there is a way. First choice is the
    /// longest of those that the newcomer stands in the way of; then simply the longest.
    fn victim<S: Space>(
        &self,
        space: &S,
        node: u32,
        candidate: Candidate,
        level: usize,
        probe: &S::Probe,
        spare: &mut S::Probe,
    ) -> Option<u32> {
        let neighbours = self.neighbours(candidate.node, level);
        let mut lengths = vec![0.0; neighbours.len()];
        let mut from_node = vec![0.0; neighbours.len()];
        space.move_probe(spare, candidate.node);
        space.distances(spare, &neighbours, &mut lengths);
        space.distances(probe, &neighbours, &mut from_node);
        let mut order: Vec<(bool, f32, u32)> = neighbours
            .iter()
            .enumerate()
            .filter(|&(i, _)| lengths[i] > candidate.distance)
            .map(|(i, &n)| (from_node[i] < lengths[i], lengths[i], n))
            .collect();
        order.sort_unstable_by(|a, b| (b.0, b.1).partial_cmp(&(a.0, a.1)).unwrap_or(std::cmp::Ordering::Equal));
        let floor = self.m / 2;
        order
            .into_iter()
            .map(|(_, _, n)| n)
            .find(|&n| self.links.count(n, level) > floor && self.is_detour(node, candidate.node, n, level))
    }

    /// Whether `a` and `b` stay connected without the link between them once `node` is linked to
    /// `a`: they have a common neighbour, or `b` is one of `node`'s.
    fn is_detour(&self, node: u32, a: u32, b: u32, level: usize) -> bool {
        if self.links.contains(b, level, node) {
            return true;
        }
        let of_a = self.neighbours(a, level);
        let mut of_b = self.neighbours(b, level);
        of_b.sort_unstable();
        of_a.iter().any(|n| of_b.binary_search(n).is_ok())
    }

    pub(super) fn address(&self) -> usize {
        self as *const Graph as usize
    }
}
