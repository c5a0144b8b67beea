//! Parameters that are fixed when an index is created, and the bounds of everything that a client may choose.

use crate::vector::{Encoding, Metric};

/// Least links a node, M.
pub const MIN_M: usize = 4;
/// Most links a node, M.
pub const MAX_M: usize = 4096;
/// M where none is given.
pub const DEFAULT_M: usize = 16;
/// Default beam width of the search for a new row's neighbours.
pub const DEFAULT_EF_ADD: usize = 200;
/// Width of a query's search where none is given.
pub const DEFAULT_EF_SEARCH: usize = 100;
/// Largest width of either.
pub const MAX_EF: usize = 1_000_000;

/// Fixed at creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// Stored dimension (the reduced one with REDUCE).
    pub dim: usize,
    /// Input dimension of the projection; None without REDUCE.
    pub input_dim: Option<usize>,
    /// How vectors are stored.
    pub encoding: Encoding,
    /// What is near.
    pub metric: Metric,
    /// Links a node.
    pub m: usize,
}
