//! Sketches: one or four bits per component, from which the distance to a vector is estimated before its row is read.
//!
//! RaBitQ (Gao and Long, "RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound", SIGMOD
//! 2024): a vector is rotated at random and keeps the signs s of its components o. With D of them,
//! ⟨o, q⟩ ≈ ‖o‖ / Σ sᵢoᵢ · Σ sᵢqᵢ, without bias, for any q that is rotated alike; the error is about
//! 0.75 / √D times the part of q that is orthogonal to o, for unit vectors. So near vectors are distinguished best.
//! With fewer components s is one of 16 values in equal steps instead (as in Gao and others, "Practical and Asymptotically
//! Optimal Quantization", SIGMOD 2025), and the error about 0.11 / √D.
//!
//! A search traverses the graph by estimates, with a wider beam, and computes exact distances only for the final beam.
//! Sketches are not saved: they are computed from the rows.

use super::codec::{HEADER, floats, header, signed};
use super::half::halves;
use super::kernel::{FEWEST_ROTATED, Kernels, active, rotate};
use super::normalise::normalise;
use super::probe::to_distances;
use super::{Codec, Encoding, Metric};

/// Rows that go to a kernel at once.
const BATCH: usize = 32;
/// Rows of fewer bytes are read about as fast as their signs.
const SHORTEST: usize = 1024;
/// With fewer components estimates by signs are so coarse that the beam would have to be wider.
const FEWEST: usize = 384;
/// The step between two of 16 values that is best for normally distributed components, in standard deviations
/// (Max, "Quantizing for Minimum Distortion", 1960).
const STEP: f32 = 0.335;
/// What the value 0 stands for, in steps.
const LOWEST: f32 = -7.5;
/// Standard errors of estimates of the cosine of orthogonal vectors, times the square root of the dimension.
const ERROR_OF_SIGNS: f32 = 0.75;
const ERROR_OF_NIBBLES: f32 = 0.11;

/// What a sketch keeps of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One bit.
    Sign,
    /// Four bits.
    Nibble,
}

/// Writes the sketches of rows: `[l2: f32 LE][factor: f32 LE][code]`. The code has a bit for each component, up to whole
/// words; or a byte for one in the first half of the components and one in the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sketcher {
    codec: Codec,
    form: Form,
}

impl Sketcher {
    /// For rows of this codec, if sketches pay there.
    pub fn new(codec: Codec) -> Option<Sketcher> {
        let form = match (codec.encoding(), codec.dim()) {
            (Encoding::Binary, _) => return None,
            (Encoding::F32, FEWEST_ROTATED..FEWEST) => Form::Nibble,
            (_, FEWEST..) if codec.code_len() >= SHORTEST => Form::Sign,
            _ => return None,
        };
        Some(Sketcher { codec, form })
    }

    /// Bytes of a sketch.
    pub fn sketch_len(&self) -> usize {
        HEADER + self.code_len()
    }

    fn code_len(&self) -> usize {
        match self.form {
            Form::Sign => self.width() / 8,
            Form::Nibble => self.width() / 2,
        }
    }

    /// Components of a sketch.
    fn width(&self) -> usize {
        match self.form {
            Form::Sign => self.codec.dim().next_multiple_of(64),
            Form::Nibble => self.codec.dim().next_multiple_of(16),
        }
    }

    /// Rotates a vector of the codec's dimension, and fills it up with zeros.
    fn rotate(&self, vector: &mut Vec<f32>) {
        if self.form == Form::Sign {
            vector.resize(self.width(), 0.0);
        }
        rotate(vector);
        vector.resize(self.width(), 0.0);
    }

    /// Writes the sketch of a row.
    ///
    /// # Panics
    /// If a length is wrong.
    pub fn write(&self, row: &[u8], sketch: &mut [u8]) {
        assert_eq!((row.len(), sketch.len()), (self.codec.row_len(), self.sketch_len()), "lengths of row and sketch");
        let ([l2, _], _) = header(row);
        let mut vector = self.components(row);
        self.rotate(&mut vector);
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        let (header, code) = sketch.split_at_mut(HEADER);
        let sum = match self.form {
            Form::Sign => write_signs(&vector, code),
            Form::Nibble => write_nibbles(&vector, length * STEP / (self.codec.dim() as f32).sqrt(), code),
        };
        let factor = if sum > 0.0 { length / sum } else { 0.0 };
        header[..4].copy_from_slice(&l2.to_le_bytes());
        header[4..].copy_from_slice(&factor.to_le_bytes());
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
        self.rotate(&mut unit);
        let most = unit.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
        let (query, step, offset) = match self.form {
            Form::Sign => planes(&unit, most),
            Form::Nibble => bytes(&unit, most),
        };
        SketchProbe { codec: self.codec, metric, query, step, offset, l2 }
    }
}

/// Writes the signs of components; yields the sum of the components times these.
fn write_signs(vector: &[f32], code: &mut [u8]) -> f32 {
    for (byte, xs) in code.iter_mut().zip(vector.as_chunks::<8>().0) {
        *byte = (0..8).fold(0, |bits, j| bits | u8::from(xs[j] > 0.0) << j);
    }
    vector.iter().map(|x| x.abs()).sum()
}

/// Writes components in steps; yields the sum of the components times the values, in steps.
fn write_nibbles(vector: &[f32], step: f32, code: &mut [u8]) -> f32 {
    let scale = if step > 0.0 { 1.0 / step } else { 0.0 };
    let level = |x: f32| (x * scale + (0.5 - LOWEST)).clamp(0.0, 15.0) as u8;
    let (low, high) = vector.split_at(vector.len() / 2);
    let mut sum = 0.0;
    for ((byte, &low), &high) in code.iter_mut().zip(low).zip(high) {
        let levels = [level(low), level(high)];
        *byte = levels[0] | levels[1] << 4;
        sum += low * (f32::from(levels[0]) + LOWEST) + high * (f32::from(levels[1]) + LOWEST);
    }
    sum
}

/// A vector for estimates by signs, its step and its offset.
fn planes(unit: &[f32], most: f32) -> (Query, f32, f32) {
    let step = if most > 0.0 { most / 7.5 } else { 1.0 };
    let levels: Vec<u8> = unit.iter().map(|x| (x / step + 8.0).clamp(0.0, 15.0) as u8).collect();
    let sum: i32 = levels.iter().map(|&level| 2 * i32::from(level) - 15).sum();
    let mut planes = vec![0; unit.len() / 2];
    for (plane, bytes) in planes.chunks_mut(unit.len() / 8).enumerate() {
        for (byte, eight) in bytes.iter_mut().zip(levels.as_chunks::<8>().0) {
            let bits = u64::from_le_bytes(*eight) >> plane & 0x0101_0101_0101_0101;
            // The product's highest byte has the lowest bits of the eight bytes, in order.
            *byte = (bits.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8;
        }
    }
    (Query::Planes(planes), step, step / 2.0 * sum as f32)
}

/// A vector for estimates by nibbles, its step and its offset.
fn bytes(unit: &[f32], most: f32) -> (Query, f32, f32) {
    let step = if most > 0.0 { most / 127.0 } else { 1.0 };
    let bytes: Vec<i8> = unit.iter().map(|x| (x / step).round() as i8).collect();
    let sum: i32 = bytes.iter().map(|&byte| i32::from(byte)).sum();
    (Query::Bytes(bytes), step, -LOWEST * step * sum as f32)
}

/// A vector prepared for estimates.
#[derive(Clone, Debug)]
pub struct SketchProbe {
    codec: Codec,
    /// What it measures by: the codec's metric, or the one that links are chosen by.
    metric: Metric,
    query: Query,
    /// Of the quantization.
    step: f32,
    /// What the kernel counts too much, the values of codes being unsigned.
    offset: f32,
    l2: f32,
}

/// Its components, rotated and quantized.
#[derive(Clone, Debug)]
enum Query {
    /// To 4 bits, as four codes of signs.
    Planes(Vec<u8>),
    /// To bytes.
    Bytes(Vec<i8>),
}

impl SketchProbe {
    /// The width of a beam by estimates in which what one of this width by distances holds is found, as measured on
    /// words of 100 dimensions and sentences of 384 to 1,536.
    pub fn beam(&self, width: usize) -> usize {
        match self.query {
            Query::Planes(_) => width.saturating_add(width / 2).saturating_add(8),
            Query::Bytes(_) => width.saturating_add(width / 8).saturating_add(2),
        }
    }

    /// Whether estimates tell rows apart that are as far as this: their standard error there is at most half of the
    /// distance. With one of e / √D for orthogonal unit vectors, of a small angle a it is e a / √D, and its distance a² / 2.
    pub fn resolves(&self, distance: f32) -> bool {
        let error = match self.query {
            Query::Planes(_) => ERROR_OF_SIGNS,
            Query::Bytes(_) => ERROR_OF_NIBBLES,
        };
        let least = 8.0 * error * error / self.codec.dim() as f32;
        match self.metric {
            Metric::Cosine => distance >= least,
            Metric::L2 => distance >= 2.0 * least * self.l2 * self.l2,
            Metric::InnerProduct => true,
        }
    }

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
            match &self.query {
                Query::Planes(planes) => kernels.plane_weigh(planes, sketches, &mut sums[..sketches.len()]),
                Query::Bytes(bytes) => kernels.nibble_dot(bytes, sketches, &mut sums[..sketches.len()]),
            }
            for ((d, sum), sketch) in out.iter_mut().zip(sums).zip(sketches) {
                let ([l2, factor], _) = header(sketch);
                let cosine = factor * (self.step * sum as f32 - self.offset);
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
    fn only_long_rows_and_floats_have_sketches() {
        let has = |encoding, dim| Sketcher::new(Codec::new(encoding, dim)).is_some();
        assert!(!has(Encoding::Int8, 1023) && has(Encoding::Int8, 1024));
        assert!(!has(Encoding::F16, 511) && has(Encoding::F16, 512));
        assert!(!has(Encoding::F32, 63) && has(Encoding::F32, 64) && has(Encoding::F32, 65536));
        assert!(!has(Encoding::Binary, 65536));
        let len = |dim| Sketcher::new(Codec::new(Encoding::F32, dim)).map(|sketcher| sketcher.sketch_len());
        assert_eq!((len(100), len(383), len(384)), (Some(64), Some(200), Some(56)));
    }

    /// With the bound on the error of the paper's theorem 3.2, at five standard deviations, and that of 4 bits; of nibbles
    /// with the share of it that their error is.
    #[test]
    fn estimates_are_near_the_distances() {
        let mut random = crate::testing::rng();
        for (dim, encoding) in [
            (64, Encoding::F32),
            (100, Encoding::F32),
            (300, Encoding::F32),
            (384, Encoding::F32),
            (700, Encoding::F32),
            (1024, Encoding::Int8),
            (1536, Encoding::Int8),
        ] {
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
        let share = if let Query::Planes(_) = probe.query { 1.0 } else { ERROR_OF_NIBBLES / ERROR_OF_SIGNS };
        let bound = share / (dim as f32).sqrt();
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
                assert!(error.abs() < 5.0 * bound, "{kernels:?} {dim} {metric:?}: {exact} {estimate}");
                bias += error / rows.len() as f32;
            }
            assert!(bias.abs() < bound, "{kernels:?} {dim} {metric:?}: {bias}");
        }
    }

    #[test]
    fn zero_and_huge_vectors_have_finite_estimates() {
        let of = |x: f32| [vec![x; 100], vec![x; 384]];
        for vector in [0.0, f32::MAX, f32::MIN_POSITIVE].into_iter().flat_map(of) {
            for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
                let codec = Codec::new(Encoding::F32, vector.len()).with_metric(metric);
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
