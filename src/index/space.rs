//! The graph's view of the stored vectors.

use super::shared::Shared;
use crate::arena::prefetch;
use crate::graph::Space;
use crate::vector::Probe;

/// Rows handed to a kernel in one call.
pub(super) const BATCH: usize = 32;

impl Shared {
    /// Calls `evaluate` on the nodes' rows, a batch at a time.
    pub(super) fn batches(&self, nodes: &[u32], out: &mut [f32], evaluate: impl Fn(&[&[u8]], &mut [f32])) {
        for (nodes, out) in nodes.chunks(BATCH).zip(out.chunks_mut(BATCH)) {
            let mut rows: [&[u8]; BATCH] = [&[]; BATCH];
            for (row, &node) in rows.iter_mut().zip(nodes) {
                *row = self.vectors.get(node);
                prefetch(row);
            }
            evaluate(&rows[..nodes.len()], out);
        }
    }
}

impl Space for Shared {
    type Probe = Probe;

    fn probe(&self, node: u32) -> Probe {
        Probe::for_linking(self.codec, self.vectors.get(node))
    }

    fn move_probe(&self, probe: &mut Probe, node: u32) {
        probe.reset_from_row(self.vectors.get(node));
    }

    #[inline]
    fn distances(&self, probe: &Probe, nodes: &[u32], out: &mut [f32]) {
        self.batches(nodes, out, |rows, out| probe.distances(rows, out));
    }
}
