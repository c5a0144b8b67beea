//! The buffers of a running search; one set per thread, reused.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::pool::{Key, Pool};
use super::visited::Visited;

/// Buffers of a search. Not tied to a graph.
#[derive(Default)]
pub struct Scratch {
    pub(super) visited: Visited,
    pub(super) pool: Pool,
    /// Nodes to expand, of a search whose beam holds matches alone.
    pub(super) open: BinaryHeap<Reverse<Key>>,
    /// Neighbours to evaluate in one batch, and their distances.
    pub(super) batch: Vec<u32>,
    pub(super) distances: Vec<f32>,
    /// Evaluations since the owner last set it to zero.
    pub evaluations: u64,
}
