//! Neighbour selection: which candidates become a new node's neighbours, and which links they drop for it.
//!
//! Near candidates in different directions are chosen: none is much nearer to a neighbour chosen before than to the
//! new node (the heuristic of Malkov and Yashunin, algorithm 4, relaxed like that of Subramanya et
//! al.); if these are too few, the nearest of the others are added. A candidate whose row is full
//! drops a longer link, if it has one that has a detour; only the new link is compared,
//! the others are not pruned again.

use std::borrow::Cow;

use super::locks::lock;
use super::pool::Candidate;
use super::small_set::Few;
use super::{Graph, Space};
use crate::arena::Grace;

/// Attempts at one connection while other threads change the same rows.
const ATTEMPTS: usize = 8;

/// Candidates tried on upper levels, for each of the M links that a new node may get there.
const UPPER_TRIES: usize = 3;

/// Neighbours that a candidate is compared with per batch: the first ones often decide.
const AT_ONCE: usize = 4;

/// Rows of links that are requested together: in a large set most are in no cache, and often many are looked at.
const ROWS_AHEAD: usize = 8;

/// Candidates in ascending order of distance.
pub(super) fn nearest_first(nodes: impl Iterator<Item = (u32, f32)>) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = nodes.map(|(node, distance)| Candidate { distance, node }).collect();
    candidates.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance));
    candidates
}

/// A node that is being linked.
pub(super) struct Insertion<'a, S: Space> {
    graph: &'a Graph,
    pub space: &'a S,
    pub node: u32,
    grace: &'a Grace,
    /// Distances from the new node.
    probe: S::Probe,
    /// Estimates from it, where that is cheaper.
    rough: Option<S::Probe>,
    /// A reusable probe for distances from other nodes.
    spare: S::Probe,
    /// A candidate's neighbours, and their distances from it.
    neighbours: Vec<u32>,
    lengths: Vec<f32>,
}

impl<'a, S: Space> Insertion<'a, S> {
    pub fn new(graph: &'a Graph, space: &'a S, node: u32, grace: &'a Grace) -> Insertion<'a, S> {
        Insertion {
            graph,
            space,
            node,
            grace,
            probe: space.probe(node),
            rough: space.rough_probe(node),
            spare: space.probe(node),
            neighbours: Vec::new(),
            lengths: Vec::new(),
        }
    }

    /// The probe that guides the search for candidates.
    pub fn guide(&self) -> &S::Probe {
        self.rough.as_ref().unwrap_or(&self.probe)
    }

    /// The candidates that the guide found, with exact distances, nearest first.
    pub fn measured<'c>(&self, found: &'c [Candidate]) -> Cow<'c, [Candidate]> {
        if self.rough.is_none() {
            return Cow::Borrowed(found);
        }
        let nodes: Vec<u32> = found.iter().map(|c| c.node).collect();
        let mut distances = vec![0.0; nodes.len()];
        self.space.distances(&self.probe, &nodes, &mut distances);
        Cow::Owned(nearest_first(nodes.into_iter().zip(distances)))
    }

    /// Whether the candidates are so near that their estimates did not tell which are the nearest: the next search will
    /// do without.
    pub fn is_misguided(&mut self, candidates: &[Candidate]) -> bool {
        let Some(farthest) = candidates.last() else { return false };
        self.rough.take_if(|rough| !self.space.resolves(rough, farthest.distance)).is_some()
    }

    /// Connects to the best of the candidates (nearest first) on a level: up to M of them.
    pub fn join(&mut self, level: usize, candidates: &[Candidate]) {
        let most = self.graph.m;
        // On the upper levels nearly all are full: a new node without a place among the nearest of many would try
        // all of them.
        let tried = if level > 0 { UPPER_TRIES * most } else { usize::MAX };
        let candidates = &candidates[..candidates.len().min(tried)];
        let mut made: Vec<u32> = Vec::with_capacity(most);
        let mut passed: Vec<Candidate> = Vec::new();
        for &candidate in candidates {
            if made.len() == most {
                return;
            }
            if candidate.node == self.node {
                continue;
            }
            if self.lies_behind(&made, candidate) {
                passed.push(candidate);
            } else if self.connect(level, candidate) {
                made.push(candidate.node);
            }
        }
        for candidate in passed {
            if made.len() == most {
                return;
            }
            if self.connect(level, candidate) {
                made.push(candidate.node);
            }
        }
        if made.is_empty() {
            // The nearest must take the new node, even where all their links are better.
            let graph = self.graph;
            let _ = candidates.iter().any(|c| graph.connect_by_force(self.node, c.node, level, self.grace));
        }
    }

    /// Whether one of the neighbours made so far lies in the candidate's direction.
    fn lies_behind(&mut self, made: &[u32], candidate: Candidate) -> bool {
        let space = self.space;
        space.move_probe(&mut self.spare, candidate.node);
        let mut distances = [0.0; AT_ONCE];
        made.chunks(AT_ONCE).any(|made| {
            let distances = &mut distances[..made.len()];
            space.distances(&self.spare, made, distances);
            distances.iter().any(|&between| space.lies_behind(between, candidate.distance))
        })
    }

    /// Links to a candidate, if it has room or a longer link that it can drop.
    fn connect(&mut self, level: usize, candidate: Candidate) -> bool {
        let (graph, node, other) = (self.graph, self.node, candidate.node);
        let links = &graph.links;
        let capacity = links.capacity(level);
        for _ in 0..ATTEMPTS {
            if links.count(other, level) < capacity {
                let _locked = lock(graph.address(), &[node, other]);
                if !graph.may_link(node, other, level, capacity) {
                    return false;
                }
                if links.count(other, level) < capacity {
                    graph.link_both(node, other, level, self.grace);
                    return true;
                }
            } else {
                let Some(victim) = self.victim(level, candidate) else { return false };
                let _locked = lock(graph.address(), &[node, other, victim]);
                if !graph.may_link(node, other, level, capacity) {
                    return false;
                }
                let still = links.count(other, level) >= capacity
                    && links.contains(other, level, victim)
                    && graph.is_detour(node, other, victim, level);
                if still {
                    // In this order the candidate leads to at least one of the two at every moment.
                    links.push(node, graph.level(node), level, other, self.grace);
                    links.replace(other, level, victim, node);
                    links.remove(victim, level, other);
                    return true;
                }
            }
        }
        false
    }

    /// The link that a full candidate drops for the new node: the longest, if it is longer than the
    /// new one, of those whose other ends have enough links and a detour.
    fn victim(&mut self, level: usize, candidate: Candidate) -> Option<u32> {
        let (graph, space) = (self.graph, self.space);
        self.neighbours.clear();
        graph.links.read(candidate.node, level, &mut self.neighbours);
        self.lengths.resize(self.neighbours.len(), 0.0);
        space.move_probe(&mut self.spare, candidate.node);
        space.distances(&self.spare, &self.neighbours, &mut self.lengths);
        let mut longer: Vec<(f32, u32)> = (self.lengths.iter().copied().zip(self.neighbours.iter().copied()))
            .filter(|&(length, _)| length > candidate.distance)
            .collect();
        if longer.is_empty() {
            return None;
        }
        longer.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let floor = graph.m / 2;
        self.neighbours.push(self.node);
        let ways = Few::new(&self.neighbours);
        let is_way = |way| graph.is_way(way);
        let spares = |&n: &u32| graph.links.count(n, level) > floor && graph.links.meets(n, level, &ways, is_way);
        longer.chunks(ROWS_AHEAD).find_map(|some| {
            some.iter().for_each(|&(_, n)| graph.links.prefetch(n, level));
            some.iter().map(|&(_, n)| n).find(spares)
        })
    }
}

impl Graph {
    /// Links two nodes even beyond their normal capacity, up to the hard capacity; false if one of them is dead,
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

    /// Whether the new node may get a link. Both nodes are locked.
    ///
    /// Not to a node without links on level 0: the two would be a separate component. Such a node
    /// waits for its [`Graph::attach`], and so does a new node that found no other.
    fn may_link(&self, node: u32, other: u32, level: usize, capacity: usize) -> bool {
        node != other
            && self.is_live(other)
            && self.is_live(node)
            && (level > 0 || self.links.count(other, 0) > 0)
            && self.links.count(node, level) < capacity
            && !self.links.contains(other, level, node)
    }

    /// Both nodes are locked, have room and are not linked.
    pub(super) fn link_both(&self, a: u32, b: u32, level: usize, grace: &Grace) {
        self.links.push(a, self.level(a), level, b, grace);
        self.links.push(b, self.level(b), level, a, grace);
    }

    /// Whether `a` and `b` stay connected without the link between them once `node` is linked to
    /// `a`: they have a common neighbour, or `b` is one of `node`'s. One that is being removed does not
    /// count: it has looked, or looks after this, at what is connected without it.
    fn is_detour(&self, node: u32, a: u32, b: u32, level: usize) -> bool {
        let mut ways = self.neighbours(a, level);
        ways.push(node);
        self.links.meets(b, level, &Few::new(&ways), |way| self.is_way(way))
    }

    /// Distinguishes this graph's locks from those of others.
    pub(super) fn address(&self) -> usize {
        self as *const Graph as usize
    }
}
