//! Accessors of a live row: its vector and its links.

use super::space::Point;
use super::{DEFAULT_EF_ADD, VectorIndex};
use crate::graph::{Alone, Measure};
use crate::vector::{Encoding, Probe};

/// A stored vector.
pub struct RawVector {
    /// As the wire and the saved form have it.
    pub code: Vec<u8>,
    /// Norm before normalisation.
    pub l2: f32,
    /// Largest component, for int8.
    pub range: Option<f32>,
}

impl VectorIndex {
    /// A live row's vector as stored, back in its original length.
    pub fn vector(&self, row: u32) -> Vec<f32> {
        self.shared.codec.row(self.shared.vectors.get(row)).decode()
    }

    /// A live row's stored bytes.
    pub fn raw_vector(&self, row: u32) -> RawVector {
        let row = self.shared.codec.row(self.shared.vectors.get(row));
        let range = (self.params().encoding == Encoding::Int8).then(|| row.range());
        RawVector { code: row.wire_code().into_owned(), l2: row.l2(), range }
    }

    /// A live row's neighbours and their distances, level by level from 0. Links the row first if it is pending.
    pub fn links(&mut self, row: u32) -> Vec<Vec<(u32, f32)>> {
        let shared = &self.shared;
        if !self.is_linked(row) {
            if shared.graph.claim(row) {
                shared.link(row, DEFAULT_EF_ADD, Alone::No);
            }
            // Otherwise a linker is at it.
            while !shared.graph.is_linked(row) {
                std::thread::yield_now();
            }
        }
        let point = Point::Rows(Probe::from_row(shared.codec, shared.vectors.get(row)));
        let levels = (0..=shared.graph.level(row)).map(|level| {
            let mut rows = shared.neighbours(row, level);
            rows.retain(|&row| shared.graph.is_live(row));
            let mut distances = vec![0.0; rows.len()];
            shared.distances(&point, &rows, &mut distances);
            rows.into_iter().zip(distances).collect()
        });
        levels.collect()
    }

    /// The highest level, of pending rows too.
    pub fn max_level(&self) -> usize {
        let graph = &self.shared.graph;
        let pending = self.shared.unlinked().into_iter().filter(|&row| graph.is_live(row));
        let linked = graph.entry().map_or(0, |(_, level)| level);
        pending.map(|row| graph.level(row)).max().unwrap_or(0).max(linked)
    }

    /// Links of a row on a level.
    pub fn links_on(&self, row: u32, level: usize) -> usize {
        self.shared.graph.neighbours(row, level).len()
    }

    /// A row's level in the graph.
    pub fn level(&self, row: u32) -> usize {
        self.shared.graph.level(row)
    }
}
