//! The buffers of a running search; one set per thread, reused.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::pool::{Candidate, Key, Pool};
use super::visited::Visited;

/// Buffers of a search. Not tied to a graph.
#[derive(Default)]
pub struct Scratch {
    pub(super) visited: Visited,
    pub(super) pool: Pool,
    /// Nodes to expand, of a search whose beam holds matches alone.
    pub(super) open: BinaryHeap<Reverse<Key>>,
    pub(super) batch: Batch,
}

/// Neighbours that are evaluated at once.
#[derive(Default)]
pub(super) struct Batch {
    pub nodes: Vec<u32>,
    pub distances: Vec<f32>,
    /// Evaluations since the count began.
    pub evaluations: u64,
}

impl Scratch {
    /// Counts evaluations from zero.
    pub fn begin_count(&mut self) {
        self.batch.evaluations = 0;
    }

    /// Evaluations since the count began.
    pub fn evaluations(&self) -> u64 {
        self.batch.evaluations
    }

    /// Begins a search with a beam of `ef` at one node, in a graph whose nodes are below `end`.
    pub(super) fn begin_at(&mut self, start: Candidate, ef: usize, end: u32) {
        self.visited.begin(end as usize);
        self.visited.insert(start.node);
        self.pool.begin(ef);
        self.pool.offer(start.distance, start.node);
    }
}
