//! Sketches: one bit per component, from which the distance to a vector is estimated before its row is read.
//!
//! RaBitQ (Gao and Long, "RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound", SIGMOD
//! 2024): a vector is rotated at random and keeps the signs s of its components o. With D of them,
//! ⟨o, q⟩ ≈ ‖o‖ / Σ|oᵢ| · Σ sᵢqᵢ, without bias, for any q that is rotated alike; the error is about
//! 0.75 / √D times the part of q that is orthogonal to o, for unit vectors. So near vectors are distinguished best.
//!
//! A search traverses the graph by estimates, with a wider beam, and computes exact distances only for the final beam.
//! Sketches are not saved: they are computed from the rows.

use super::codec::{HEADER, floats, header, signed};
use super::half::halves;
use super::kernel::{Kernels, active, rotate};
use super::normalise::normalise;
use super::probe::to_distances;
use super::{Codec, Encoding, Metric};

/// Rows that go to a kernel at once.
const BATCH: usize = 32;
/// Rows of fewer bytes are read about as fast as their sketches.
const SHORTEST: usize = 1024;
/// With fewer components the estimates are so coarse that the beam would have to be wider.
const FEWEST: usize = 384;

/// Writes the sketches of rows: `[l2: f32 LE][factor: f32 LE][bits]`, whose number is the dimension rounded up to
/// whole words of 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sketcher {
    codec: Codec,
}

impl Sketcher {
    /// For rows of this codec, if sketches pay there.
    pub fn new(codec: Codec) -> Option<Sketcher> {
        let pays = codec.code_len() >= SHORTEST && codec.dim() >= FEWEST && codec.encoding() != Encoding::Binary;
        pays.then_some(Sketcher { codec })
    }

    /// Bytes of a sketch.
    pub fn sketch_len(&self) -> usize {
        HEADER + self.width() / 8
    }

    /// Components of a rotated vector.
    fn width(&self) -> usize {
        self.codec.dim().next_multiple_of(64)
    }

    /// Writes the sketch of a row.
    ///
    /// # Panics
    /// If a length is wrong.
    pub fn write(&self, row: &[u8], sketch: &mut [u8]) {
        assert_eq!((row.len(), sketch.len()), (self.codec.row_len(), self.sketch_len()), "lengths of row and sketch");
        let ([l2, _], _) = header(row);
        let mut vector = self.components(row);
        vector.resize(self.width(), 0.0);
        rotate(&mut vector);
        let (sum, squares) = vector.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x.abs(), squares + x * x));
        let factor = if sum > 0.0 { squares.sqrt() / sum } else { 0.0 };
        sketch[..4].copy_from_slice(&l2.to_le_bytes());
        sketch[4..HEADER].copy_from_slice(&factor.to_le_bytes());
        for (byte, xs) in sketch[HEADER..].iter_mut().zip(vector.as_chunks::<8>().0) {
            *byte = (0..8).fold(0, |bits, j| bits | u8::from(xs[j] > 0.0) << j);
        }
    }

    /// The direction of a row's vector. Its length is such that no sum leaves the range of numbers.
    fn components(&self, row: &[u8]) -> Vec<f32> {
        let (_, code) = header(row);
        let mut vector = Vec::with_capacity(self.width());
        match self.codec.encoding() {
            Encoding::F32 => vector.extend(floats(code)),
            Encoding::F16 => vector.extend(halves(code)),
            _ => vector.extend(signed(code).map(f32::from)),
        }
        let most = vector.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
        if most > 0.0 {
            vector.iter_mut().for_each(|x| *x /= most);
        }
        vector
    }

    /// Prepares a vector for estimates of its distance to rows.
    ///
    /// # Panics
    /// If its length is wrong.
    pub fn probe(&self, vector: &[f32]) -> SketchProbe {
        assert_eq!(vector.len(), self.codec.dim(), "vector length");
        let (unit, l2) = normalise(vector);
        self.prepare(unit, l2, self.codec.metric())
    }

    /// Prepares a row for estimates of its distance to others by [`Metric::linking`].
    ///
    /// # Panics
    /// If its length is wrong.
    pub fn probe_for_linking(&self, row: &[u8]) -> SketchProbe {
        assert_eq!(row.len(), self.codec.row_len(), "row length");
        let ([l2, _], _) = header(row);
        let (unit, _) = normalise(&self.components(row));
        self.prepare(unit, l2, self.codec.metric().linking())
    }

    fn prepare(&self, mut unit: Vec<f32>, l2: f32, metric: Metric) -> SketchProbe {
        unit.resize(self.width(), 0.0);
        rotate(&mut unit);
        let most = unit.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
        let step = if most > 0.0 { most / 7.5 } else { 1.0 };
        let levels: Vec<u8> = unit.iter().map(|x| (x / step + 8.0).clamp(0.0, 15.0) as u8).collect();
        let sum: i32 = levels.iter().map(|&level| 2 * i32::from(level) - 15).sum();
        let mut planes = vec![0; self.width() / 2];
        for (plane, bytes) in planes.chunks_mut(self.width() / 8).enumerate() {
            for (byte, eight) in bytes.iter_mut().zip(levels.as_chunks::<8>().0) {
                let bits = u64::from_le_bytes(*eight) >> plane & 0x0101_0101_0101_0101;
                // The product's highest byte has the lowest bits of the eight bytes, in order.
                *byte = (bits.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8;
            }
        }
        SketchProbe { codec: self.codec, metric, planes, step, sum: step / 2.0 * sum as f32, l2 }
    }
}

/// A vector prepared for estimates.
#[derive(Clone, Debug)]
pub struct SketchProbe {
    codec: Codec,
    /// What it measures by: the codec's metric, or the one that links are chosen by.
    metric: Metric,
    /// Its components, rotated and quantized to 4 bits, as four codes.
    planes: Vec<u8>,
    /// Of the quantization, and the sum of what was quantized.
    step: f32,
    sum: f32,
    l2: f32,
}

impl SketchProbe {
    /// About the distance to the row of each sketch, in the units of [`Metric`].
    ///
    /// # Panics
    /// If a sketch has a wrong length or `out` not as many places as there are sketches.
    pub fn distances(&self, sketches: &[&[u8]], out: &mut [f32]) {
        self.distances_with(active(), sketches, out);
    }

    /// [`SketchProbe::distances`] by kernels of choice, for tests and benchmarks.
    pub fn distances_with(&self, kernels: &Kernels, sketches: &[&[u8]], out: &mut [f32]) {
        for (sketches, out) in sketches.chunks(BATCH).zip(out.chunks_mut(BATCH)) {
            let mut sums = [0; BATCH];
            kernels.plane_weigh(&self.planes, sketches, &mut sums[..sketches.len()]);
            for ((d, sum), sketch) in out.iter_mut().zip(sums).zip(sketches) {
                let ([l2, factor], _) = header(sketch);
                // Signs of two kinds instead of bits set or not: twice the sum of those set, without all.
                let cosine = factor * (self.step * sum as f32 - self.sum);
                *d = match self.codec.metric() {
                    Metric::Cosine => cosine,
                    _ => cosine * self.l2 * l2,
                };
            }
            to_distances(self.codec.metric(), self.metric, self.l2, sketches, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, rngs::SmallRng};

    use super::*;
    use crate::vector::{ExactQuery, Probe, kernel};

    /// The length of a vector as its row has it.
    fn length_of(row: &[u8]) -> f32 {
        header(row).0[0]
    }

    fn random_vector(random: &mut SmallRng, dim: usize) -> Vec<f32> {
        (0..dim).map(|_| random.random_range(-1.0..1.0)).collect()
    }

    fn sketches_of(sketcher: Sketcher, rows: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let sketch = |row: &Vec<u8>| {
            let mut sketch = vec![0; sketcher.sketch_len()];
            sketcher.write(row, &mut sketch);
            sketch
        };
        rows.iter().map(sketch).collect()
    }

    #[test]
    fn only_long_rows_have_sketches() {
        let has = |encoding, dim| Sketcher::new(Codec::new(encoding, dim)).is_some();
        assert!(!has(Encoding::Int8, 1023) && has(Encoding::Int8, 1024));
        assert!(!has(Encoding::F32, 383) && has(Encoding::F32, 384));
        assert!(!has(Encoding::Binary, 65536));
    }

    /// With the bound on the error of the paper's theorem 3.2, at five standard deviations, and that of 4 bits.
    #[test]
    fn estimates_are_near_the_distances() {
        let mut random = crate::testing::rng();
        for (dim, encoding) in
            [(384, Encoding::F32), (700, Encoding::F32), (1024, Encoding::Int8), (1536, Encoding::Int8)]
        {
            for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
                let codec = Codec::new(encoding, dim).with_metric(metric);
                let query = random_vector(&mut random, dim);
                let row = |i: usize| {
                    // From near to far, and of different lengths.
                    let other = random_vector(&mut random, dim);
                    let share = i as f32 / 100.0;
                    let vector: Vec<f32> =
                        query.iter().zip(other).map(|(q, x)| (q * share + x) * (1.0 + share)).collect();
                    let mut row = vec![0; codec.row_len()];
                    codec.encode(&vector, &mut row);
                    row
                };
                let rows: Vec<Vec<u8>> = (0..300).map(row).collect();
                let sketcher = Sketcher::new(codec).expect("long rows");
                let sketches = sketches_of(sketcher, &rows);
                let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
                let sketches: Vec<&[u8]> = sketches.iter().map(Vec::as_slice).collect();
                let mut exact = vec![0.0; 300];
                ExactQuery::new(codec, &query).distances(&rows, &mut exact);
                let by_metric = (metric, normalise(&query).1, sketcher.probe(&query));
                check(by_metric, &sketches, &rows, &exact);
                // From a row to others, by what links are chosen by.
                Probe::for_linking(codec, rows[299]).distances(&rows, &mut exact);
                let linking = (metric.linking(), length_of(rows[299]), sketcher.probe_for_linking(rows[299]));
                check(linking, &sketches[..299], &rows[..299], &exact[..299]);
            }
        }
    }

    /// Compares estimates from a vector of this length with the distances.
    fn check((metric, length, probe): (Metric, f32, SketchProbe), sketches: &[&[u8]], rows: &[&[u8]], exact: &[f32]) {
        let dim = probe.codec.dim();
        let mut estimates = vec![0.0; rows.len()];
        for kernels in kernel::available() {
            probe.distances_with(kernels, sketches, &mut estimates);
            let mut bias = 0.0;
            for ((exact, estimate), row) in exact.iter().zip(&estimates).zip(rows) {
                let l2 = length_of(row);
                // The error of a cosine, from that of the distance.
                let scale = match metric {
                    Metric::Cosine => 1.0,
                    Metric::L2 => 2.0 * l2 * length,
                    Metric::InnerProduct => l2 * length,
                };
                let error = (exact - estimate) / scale;
                assert!(error.abs() < 5.0 / (dim as f32).sqrt(), "{kernels:?} {dim} {metric:?}: {exact} {estimate}");
                bias += error / rows.len() as f32;
            }
            assert!(bias.abs() < 1.0 / (dim as f32).sqrt(), "{kernels:?} {dim} {metric:?}: {bias}");
        }
    }

    #[test]
    fn zero_and_huge_vectors_have_finite_estimates() {
        for vector in [vec![0.0; 384], vec![f32::MAX; 384], vec![f32::MIN_POSITIVE; 384]] {
            for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
                let codec = Codec::new(Encoding::F32, 384).with_metric(metric);
                let mut row = vec![0; codec.row_len()];
                codec.encode(&vector, &mut row);
                let sketcher = Sketcher::new(codec).expect("long rows");
                let sketch = sketches_of(sketcher, std::slice::from_ref(&row)).remove(0);
                let mut distance = [f32::NAN];
                sketcher.probe(&vector).distances(&[&sketch], &mut distance);
                assert!(distance[0].is_finite(), "{metric:?} {}", vector[0]);
                sketcher.probe_for_linking(&row).distances(&[&sketch], &mut distance);
                assert!(distance[0].is_finite(), "{metric:?} {}", vector[0]);
            }
        }
    }
}
