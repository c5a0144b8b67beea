//! Distances from one quantized vector to many rows during graph traversal.

use super::codec::{floats, header, signed};
use super::half::halves;
use super::kernel::{Kernels, active};
use super::{Codec, Encoding, Metric};

/// Rows that go to a kernel at once when its results are integers, which wait on the stack.
const BATCH: usize = 32;

/// A vector prepared for measuring its distance to rows, quantized like them.
#[derive(Clone, Debug)]
pub struct Probe {
    codec: Codec,
    /// What it measures by: the codec's metric, or the one that links are chosen by.
    metric: Metric,
    query: Query,
    /// Length of the vector, where rows hold vectors as they are.
    l2: f32,
}

#[derive(Clone, Debug)]
enum Query {
    F32(Vec<f32>),
    /// The decoded half floats.
    F16(Vec<f32>),
    /// `scale` is range/127; `offset` is what the kernel counts too much, its rows being offset to unsigned.
    Int8 {
        codes: Vec<i8>,
        scale: f32,
        offset: i32,
    },
    Binary(Vec<u8>),
}

impl Probe {
    /// From a vector as clients give it: finite, of the codec's dimension.
    ///
    /// # Panics
    /// If its length is wrong.
    pub fn from_vector(codec: Codec, vector: &[f32]) -> Probe {
        let mut row = vec![0; codec.row_len()];
        codec.encode(vector, &mut row);
        Probe::from_row(codec, &row)
    }

    /// From a stored row.
    ///
    /// # Panics
    /// If its length is wrong.
    pub fn from_row(codec: Codec, row: &[u8]) -> Probe {
        Probe::by_metric(codec, codec.metric(), row)
    }

    /// From a stored row, to measure by [`Metric::linking`]: distances among nodes of a graph.
    ///
    /// # Panics
    /// If its length is wrong.
    pub fn for_linking(codec: Codec, row: &[u8]) -> Probe {
        Probe::by_metric(codec, codec.metric().linking(), row)
    }

    fn by_metric(codec: Codec, metric: Metric, row: &[u8]) -> Probe {
        let query = match codec.encoding() {
            Encoding::F32 => Query::F32(Vec::new()),
            Encoding::F16 => Query::F16(Vec::new()),
            Encoding::Int8 => Query::Int8 { codes: Vec::new(), scale: 0.0, offset: 0 },
            Encoding::Binary => Query::Binary(Vec::new()),
        };
        let mut probe = Probe { codec, metric, query, l2: 0.0 };
        probe.reset_from_row(row);
        probe
    }

    /// Becomes the probe of another row, without allocating.
    ///
    /// # Panics
    /// If its length is wrong.
    pub fn reset_from_row(&mut self, row: &[u8]) {
        assert_eq!(row.len(), self.codec.row_len(), "row length");
        let ([l2, range], code) = header(row);
        self.l2 = l2;
        match &mut self.query {
            Query::F32(query) => {
                query.clear();
                query.extend(floats(code));
            }
            Query::F16(query) => {
                query.clear();
                query.extend(halves(code));
            }
            Query::Int8 { codes, scale, offset } => {
                codes.clear();
                codes.extend(signed(code));
                *scale = range / 127.0;
                *offset = 128 * codes.iter().map(|&q| i32::from(q)).sum::<i32>();
            }
            Query::Binary(query) => {
                query.clear();
                query.extend_from_slice(code);
            }
        }
    }

    /// The distance to each row, in the units of [`Metric`].
    ///
    /// # Panics
    /// If a row has a wrong length or `out` not as many places as there are rows.
    pub fn distances(&self, rows: &[&[u8]], out: &mut [f32]) {
        self.distances_with(active(), rows, out);
    }

    /// [`Probe::distances`] by kernels of choice, for tests and benchmarks.
    pub fn distances_with(&self, kernels: &Kernels, rows: &[&[u8]], out: &mut [f32]) {
        assert_eq!(rows.len(), out.len(), "rows and distances");
        match &self.query {
            Query::F32(query) if self.metric == Metric::L2 => {
                // By differences: near vectors would lose their distance in that of two squares.
                kernels.f32_squared_l2(query, rows, out);
                out.iter_mut().for_each(|d| *d = Metric::L2.bounded(*d));
            }
            Query::F32(query) => {
                kernels.f32_dot(query, rows, out);
                self.finish(rows, out);
            }
            Query::F16(query) if self.metric == Metric::L2 => {
                kernels.f16_squared_l2(query, rows, out);
                out.iter_mut().for_each(|d| *d = Metric::L2.bounded(*d));
            }
            Query::F16(query) => {
                kernels.f16_dot(query, rows, out);
                self.finish(rows, out);
            }
            Query::Int8 { codes, scale, offset } => {
                for (rows, out) in rows.chunks(BATCH).zip(out.chunks_mut(BATCH)) {
                    let mut dots = [0; BATCH];
                    kernels.int8_dot(codes, rows, &mut dots[..rows.len()]);
                    // Ranges first: what is left is a loop that compilers turn into vector instructions.
                    for (range, row) in out.iter_mut().zip(rows) {
                        *range = header(row).0[1];
                    }
                    for (d, dot) in out.iter_mut().zip(dots) {
                        let range = *d;
                        // Sums beyond 2^31 wrapped around and come back: the difference fits.
                        let dot = dot.wrapping_sub(*offset) as f32;
                        // With a range of 0 the product is 0.
                        *d = dot * (scale * (range / 127.0));
                    }
                    self.finish(rows, out);
                }
            }
            Query::Binary(query) => {
                let dim = self.codec.dim() as f32;
                for (rows, out) in rows.chunks(BATCH).zip(out.chunks_mut(BATCH)) {
                    let mut counts = [0; BATCH];
                    kernels.bit_distance(query, rows, &mut counts[..rows.len()]);
                    for (d, count) in out.iter_mut().zip(counts) {
                        *d = count as f32 * 2.0 / dim;
                    }
                }
            }
        }
    }

    /// Turns dot products into distances.
    #[inline(always)]
    fn finish(&self, rows: &[&[u8]], out: &mut [f32]) {
        to_distances(self.codec.metric(), self.metric, self.l2, rows, out);
    }
}

/// Turns the dot products of rows with a vector of length `l2` into distances by `metric`; `stored` is the one
/// that the rows were written for.
#[inline(always)]
pub(super) fn to_distances(stored: Metric, metric: Metric, l2: f32, rows: &[&[u8]], out: &mut [f32]) {
    match (stored, metric) {
        (Metric::Cosine, _) => out.iter_mut().for_each(|d| *d = Metric::Cosine.distance(*d, 1.0, 1.0)),
        (_, Metric::InnerProduct) => out.iter_mut().for_each(|d| *d = Metric::InnerProduct.distance(*d, 1.0, 1.0)),
        (_, metric) => {
            for (d, row) in out.iter_mut().zip(rows) {
                *d = metric.distance(*d, l2, header(row).0[0]);
            }
        }
    }
}
