//! Graph traversal: greedy descent through the upper levels, then best-first search with a beam on the lowest
//! (Malkov and Yashunin, algorithms 2 and 5). Queries, insertions and repairs all use it.

use std::cmp::Reverse;

use super::pool::{Candidate, candidate, key};
use super::scratch::Scratch;
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
        let start = self.descend(space, probe, entry, top, 0, scratch);
        self.search_level(space, probe, &[start], width_of_beam(ef), 0, scratch);
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
        let start = self.descend(space, probe, entry, top, 0, scratch);
        let mut visited = std::mem::take(&mut scratch.visited);
        let mut matches = std::mem::take(&mut scratch.pool);
        let mut open = std::mem::take(&mut scratch.open);
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
                self.evaluate_neighbours(space, probe, next.node, 0, scratch, |node| visited.insert(node));
                for (&node, &distance) in scratch.batch.iter().zip(&scratch.distances) {
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
        let found = matches.iter().collect();
        scratch.visited = visited;
        scratch.pool = matches;
        scratch.open = open;
        (found, tested)
    }

    /// Walks greedily from `entry` on level `from` down to `to`, exclusive, and yields the nearest
    /// node met.
    pub(super) fn descend<S: Measure>(
        &self,
        space: &S,
        probe: &S::Probe,
        entry: u32,
        from: usize,
        to: usize,
        scratch: &mut Scratch,
    ) -> Candidate {
        let mut distance = [0.0];
        space.distances(probe, &[entry], &mut distance);
        scratch.evaluations += 1;
        let mut best = Candidate { distance: distance[0], node: entry };
        for level in (to + 1..=from).rev() {
            loop {
                let before = best.node;
                self.evaluate_neighbours(space, probe, before, level, scratch, |_| true);
                for (&node, &distance) in scratch.batch.iter().zip(&scratch.distances) {
                    if distance < best.distance {
                        best = Candidate { distance, node };
                    }
                }
                if best.node == before {
                    break;
                }
            }
        }
        best
    }

    /// Best-first search on one level from the given entries; the result is left in the pool.
    pub(super) fn search_level<S: Measure>(
        &self,
        space: &S,
        probe: &S::Probe,
        entries: &[Candidate],
        ef: usize,
        level: usize,
        scratch: &mut Scratch,
    ) {
        let mut visited = std::mem::take(&mut scratch.visited);
        let mut pool = std::mem::take(&mut scratch.pool);
        visited.begin(self.nodes.end() as usize);
        pool.begin(ef);
        for entry in entries {
            if visited.insert(entry.node) {
                pool.offer(entry.distance, entry.node);
            }
        }
        while let Some(next) = pool.expand() {
            if let Some(after) = pool.peek() {
                self.links.prefetch(after, level);
            }
            loop {
                self.evaluate_neighbours(space, probe, next.node, level, scratch, |node| visited.insert(node));
                pool.offer_all(&scratch.batch, &scratch.distances);
                if !visited.has_grown(self.nodes.end()) {
                    break;
                }
            }
        }
        scratch.visited = visited;
        scratch.pool = pool;
    }

    /// Fills the batch with those neighbours of `node` that `wanted` lets pass, and their distances.
    #[inline(always)]
    pub(super) fn evaluate_neighbours<S: Measure>(
        &self,
        space: &S,
        probe: &S::Probe,
        node: u32,
        level: usize,
        scratch: &mut Scratch,
        mut wanted: impl FnMut(u32) -> bool,
    ) {
        scratch.batch.clear();
        self.links.read(node, level, &mut scratch.batch);
        // Not `retain`: whether a neighbour is wanted cannot be predicted, so there is no branch on it.
        let mut kept = 0;
        for i in 0..scratch.batch.len() {
            let neighbour = scratch.batch[i];
            scratch.batch[kept] = neighbour;
            kept += wanted(neighbour) as usize;
        }
        scratch.batch.truncate(kept);
        scratch.distances.resize(scratch.batch.len(), 0.0);
        space.distances(probe, &scratch.batch, &mut scratch.distances);
        scratch.evaluations += scratch.batch.len() as u64;
    }
}
