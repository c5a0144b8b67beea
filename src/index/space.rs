//! The graph's view of the stored vectors.

use super::shared::Shared;
use crate::arena::{ByteRows, FreshId, prefetch};
use crate::graph::{Measure, Space};
use crate::vector::{Probe, SketchProbe};

/// Rows handed to a kernel in one call.
pub(super) const BATCH: usize = 32;

/// Calls `evaluate` on the nodes' rows, a batch at a time.
#[inline(always)]
fn batches(rows: &ByteRows, nodes: &[u32], out: &mut [f32], evaluate: impl Fn(&[&[u8]], &mut [f32])) {
    for (nodes, out) in nodes.chunks(BATCH).zip(out.chunks_mut(BATCH)) {
        let mut batch: [&[u8]; BATCH] = [&[]; BATCH];
        for (row, &node) in batch.iter_mut().zip(nodes) {
            *row = rows.get(node);
            prefetch(row);
        }
        evaluate(&batch[..nodes.len()], out);
    }
}

impl Shared {
    /// Writes the row of an id by `encode`, and its sketch; yields what `encode` does.
    pub fn write<R>(&self, fresh: &mut FreshId, encode: impl FnOnce(&mut [u8]) -> R) -> R {
        let row = self.vectors.write(fresh);
        let result = encode(row);
        if let Some((sketcher, sketches)) = &self.sketches {
            let mut sketch = vec![0; sketcher.sketch_len()];
            sketcher.write(row, &mut sketch);
            sketches.write(fresh).copy_from_slice(&sketch);
        }
        result
    }

    /// Calls `evaluate` on the nodes' rows, a batch at a time.
    pub(super) fn batches(&self, nodes: &[u32], out: &mut [f32], evaluate: impl Fn(&[&[u8]], &mut [f32])) {
        batches(&self.vectors, nodes, out, evaluate);
    }
}

impl Measure for Shared {
    type Probe = Probe;

    #[inline]
    fn distances(&self, probe: &Probe, nodes: &[u32], out: &mut [f32]) {
        self.batches(nodes, out, |rows, out| probe.distances(rows, out));
    }
}

/// The rows by their sketches.
pub(super) struct Sketches<'a>(pub &'a ByteRows);

impl Measure for Sketches<'_> {
    type Probe = SketchProbe;

    #[inline]
    fn distances(&self, probe: &SketchProbe, nodes: &[u32], out: &mut [f32]) {
        batches(self.0, nodes, out, |rows, out| probe.distances(rows, out));
    }
}

impl Space for Shared {
    fn probe(&self, node: u32) -> Probe {
        Probe::for_linking(self.codec, self.vectors.get(node))
    }

    fn move_probe(&self, probe: &mut Probe, node: u32) {
        probe.reset_from_row(self.vectors.get(node));
    }
}
