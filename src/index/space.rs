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

/// A point that rows are compared with.
pub(super) enum Point {
    /// By the rows themselves.
    Rows(Probe),
    /// By their sketches.
    Sketches(SketchProbe),
}

impl Point {
    /// How wide a beam it takes to find what one of this width holds by the rows themselves.
    pub fn beam(&self, width: usize) -> usize {
        match self {
            Point::Rows(_) => width,
            Point::Sketches(probe) => probe.beam(width),
        }
    }

    /// Whether it tells rows apart that are as far as this.
    pub fn resolves(&self, distance: f32) -> bool {
        match self {
            Point::Rows(_) => true,
            Point::Sketches(probe) => probe.resolves(distance),
        }
    }
}

impl Measure for Shared {
    type Probe = Point;

    #[inline]
    fn distances(&self, point: &Point, nodes: &[u32], out: &mut [f32]) {
        match (point, &self.sketches) {
            (Point::Rows(probe), _) => batches(&self.vectors, nodes, out, |rows, out| probe.distances(rows, out)),
            (Point::Sketches(probe), Some((_, sketches))) => {
                batches(sketches, nodes, out, |rows, out| probe.distances(rows, out));
            }
            (Point::Sketches(_), None) => unreachable!("made by the sketcher that writes them"),
        }
    }
}

impl Space for Shared {
    fn probe(&self, node: u32) -> Point {
        Point::Rows(Probe::for_linking(self.codec, self.vectors.get(node)))
    }

    fn move_probe(&self, point: &mut Point, node: u32) {
        match point {
            Point::Rows(probe) => probe.reset_from_row(self.vectors.get(node)),
            Point::Sketches(_) => *point = self.probe(node),
        }
    }

    fn rough_probe(&self, node: u32) -> Option<Point> {
        let (sketcher, _) = self.sketches.as_ref()?;
        Some(Point::Sketches(sketcher.probe_for_linking(self.vectors.get(node))))
    }

    fn resolves(&self, rough: &Point, distance: f32) -> bool {
        rough.resolves(distance)
    }
}
