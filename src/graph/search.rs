//! Graph traversal: greedy descent through the upper levels, then best-first search with a beam on the lowest
//! (Malkov and Yashunin, algorithms 2 and 5). Queries, insertions and repairs all use it.

use std::cmp::Reverse;

use super::pool::{Candidate, candidate, key};
use super::scratch::{Batch, Scratch};
use super::{Graph, Measure};

/// Beams below this are narrow.
const NARROW: usize = 64;
/// The narrowest beam.
const NARROWEST: usize = 10;

/// The width of the beam for a search of this width. Narrow ones find little for what their descent costs, and do not
/// recover from a bad start. A few places more help more than several starts from a beam on the level above, which
/// took a third of the comparisons.
fn width_of_beam(ef: usize) -> usize {
    ef.max((ef + ef / 8 + 2).clamp(NARROWEST, NARROW))
}

impl Graph {
    /// The `ef` nearest nodes that the search finds, nearest first, dead ones among them.
    pub fn search<S: Measure>(&self, space: &S, probe: &S::Probe, ef: usize, scratch: &mut Scratch) -> Vec<Candidate> {
        let Some((entry, top)) = self.entry() else { return Vec::new() };
        self.descend(space, probe, (entry, top), 0, width_of_beam(ef), scratch);
        self.search_level(space, probe, 0, scratch);
        scratch.pool.iter().take(ef).collect()
    }

    /// The `width` nearest nodes that `accept` lets pass, nearest first, and how many it was asked
    /// about. Nodes that do not pass are bridges. Ends when no unexpanded node is nearer than the
    /// worst of `width` accepted ones, or when `most_expanded` nodes were expanded.
    pub fn search_matching<S: Measure>(
        &self,
        space: &S,
        probe: &S::Probe,
        width: usize,
        most_expanded: usize,
        accept: impl Fn(u32) -> bool,
        scratch: &mut Scratch,
    ) -> (Vec<Candidate>, u64) {
        let Some((entry, top)) = self.entry() else { return (Vec::new(), 0) };
        self.descend(space, probe, (entry, top), 0, 1, scratch);
        let Scratch { visited, pool: matches, open, batch } = scratch;
        let start = matches.nearest();
        visited.begin(self.nodes.end() as usize);
        matches.begin(width);
        open.clear();
        visited.insert(start.node);
        open.push(Reverse(key(start.distance, start.node)));
        let mut tested = 1;
        if accept(start.node) {
            matches.offer(start.distance, start.node);
        }
        let mut expanded = 1;
        while let Some(Reverse(next)) = open.pop() {
            if expanded >= most_expanded || matches.would_refuse(next) {
                break;
            }
            expanded += 1;
            if let Some(&Reverse(after)) = open.peek() {
                self.links.prefetch(candidate(after).node, 0);
            }
            let next = candidate(next);
            loop {
                self.evaluate_neighbours(space, probe, next.node, 0, batch, |node| visited.insert(node));
                for (&node, &distance) in batch.nodes.iter().zip(&batch.distances) {
                    let key = key(distance, node);
                    if matches.would_refuse(key) {
                        continue;
                    }
                    open.push(Reverse(key));
                    tested += 1;
                    if accept(node) {
                        matches.offer(distance, node);
                    }
                }
                if !visited.has_grown(self.nodes.end()) {
                    break;
                }
            }
        }
        (matches.iter().collect(), tested)
    }

    /// Walks greedily from the entry on its level down to `to`, exclusive. Leaves a beam of the `ef` nearest nodes met,
    /// at least one, for a search on the level below: what was met, near or not, need not be met again there.
    pub(super) fn descend<S: Measure>(
        &self,
        space: &S,
        probe: &S::Probe,
        (entry, from): (u32, usize),
        to: usize,
        ef: usize,
        scratch: &mut Scratch,
    ) {
        let mut distance = [0.0];
        space.distances(probe, &[entry], &mut distance);
        scratch.batch.evaluations += 1;
        scratch.begin_at(Candidate { distance: distance[0], node: entry }, ef, self.nodes.end());
        for level in (to + 1..=from).rev() {
            loop {
                let best = scratch.pool.nearest();
                self.offer_neighbours(space, probe, best.node, level, scratch);
                if scratch.pool.nearest() == best {
                    break;
                }
            }
        }
    }

    /// Best-first search on one level from what is in the pool; the result is left there.
    pub(super) fn search_level<S: Measure>(&self, space: &S, probe: &S::Probe, level: usize, scratch: &mut Scratch) {
        scratch.pool.begin_again();
        while let Some(next) = scratch.pool.expand() {
            if let Some(after) = scratch.pool.peek() {
                self.links.prefetch(after, level);
            }
            self.offer_neighbours(space, probe, next.node, level, scratch);
        }
    }

    /// Offers those neighbours of a node to the pool that were not met yet.
    #[inline(always)]
    fn offer_neighbours<S: Measure>(
        &self,
        space: &S,
        probe: &S::Probe,
        node: u32,
        level: usize,
        scratch: &mut Scratch,
    ) {
        let Scratch { visited, pool, batch, .. } = scratch;
        loop {
            self.evaluate_neighbours(space, probe, node, level, batch, |node| visited.insert(node));
            pool.offer_all(&batch.nodes, &batch.distances);
            if !visited.has_grown(self.nodes.end()) {
                break;
            }
        }
    }

    /// Fills the batch with those neighbours of `node` that `wanted` lets pass, and their distances.
    #[inline(always)]
    pub(super) fn evaluate_neighbours<S: Measure>(
        &self,
        space: &S,
        probe: &S::Probe,
        node: u32,
        level: usize,
        batch: &mut Batch,
        mut wanted: impl FnMut(u32) -> bool,
    ) {
        let Batch { nodes, distances, evaluations } = batch;
        nodes.clear();
        self.links.read(node, level, nodes);
        // Not `retain`: whether a neighbour is wanted cannot be predicted, so there is no branch on it.
        let mut kept = 0;
        for i in 0..nodes.len() {
            let neighbour = nodes[i];
            nodes[kept] = neighbour;
            kept += wanted(neighbour) as usize;
        }
        nodes.truncate(kept);
        distances.resize(kept, 0.0);
        space.distances(probe, nodes, distances);
        *evaluations += kept as u64;
    }
}
