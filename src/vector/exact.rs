//! Distances from an unquantized query, to rerank the best results.

use super::codec::{floats, header, signed};
use super::half::halves;
use super::kernel::{Kernels, active};
use super::normalise::{length, normalise};
use super::probe::to_distances;
use super::{Codec, Encoding, Metric, Probe};

/// A query at full precision.
#[derive(Clone, Debug)]
pub struct ExactQuery {
    codec: Codec,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// The stored form keeps everything (F32), or there is nothing to keep (a zero vector). The vector is
    /// there where [`ExactQuery::precise`] needs it.
    Stored { probe: Probe, vector: Vec<f32> },
    /// Unit vector for cosine, else the vector itself, and its length.
    Sharp { vector: Vec<f32>, l2: f32 },
    /// `above` is the sum of the components above zero, `all` that of all absolute values. The unit vector
    /// has a zero for each padding bit.
    Binary { unit: Vec<f32>, above: f32, all: f32 },
}

impl ExactQuery {
    /// From a vector as clients give it: finite, of the codec's dimension.
    ///
    /// # Panics
    /// If its length is wrong.
    pub fn new(codec: Codec, vector: &[f32]) -> ExactQuery {
        assert_eq!(vector.len(), codec.dim(), "vector length");
        let zero = vector.iter().all(|&x| x == 0.0);
        let form = match (codec.encoding(), codec.metric()) {
            (Encoding::Int8 | Encoding::F16, Metric::Cosine) if !zero => {
                Form::Sharp { vector: normalise(vector).0, l2: 1.0 }
            }
            (Encoding::Int8 | Encoding::F16, Metric::L2 | Metric::InnerProduct) => {
                Form::Sharp { vector: vector.to_vec(), l2: length(vector.iter().copied()) }
            }
            (Encoding::Binary, _) if !zero => {
                let mut unit = normalise(vector).0;
                unit.resize(8 * codec.code_len(), 0.0);
                let sum = |part: fn(f64) -> f64| unit.iter().map(|&x| part(x.into())).sum::<f64>() as f32;
                let (above, all) = (sum(|x| x.max(0.0)), sum(f64::abs));
                Form::Binary { unit, above, all }
            }
            (_, metric) => Form::Stored {
                probe: Probe::from_vector(codec, vector),
                vector: if metric == Metric::Cosine { Vec::new() } else { vector.to_vec() },
            },
        };
        ExactQuery { codec, form }
    }

    /// The distance to each row, in the units of [`Metric`].
    ///
    /// But for Binary: to the vector that the row's bytes stand for. Binary: twice the share, by absolute value,
    /// of the components whose sign is not the stored one: the Hamming distance if all components
    /// weigh the same, and in the order of the dot products with the signs.
    ///
    /// # Panics
    /// If a row has a wrong length or `out` not as many places as there are rows.
    pub fn distances(&self, rows: &[&[u8]], out: &mut [f32]) {
        self.distances_with(active(), rows, out);
    }

    /// [`ExactQuery::distances`] by kernels of choice, for tests and benchmarks.
    pub fn distances_with(&self, kernels: &Kernels, rows: &[&[u8]], out: &mut [f32]) {
        match &self.form {
            Form::Stored { probe, .. } => probe.distances_with(kernels, rows, out),
            Form::Sharp { vector, .. }
                if self.codec.encoding() == Encoding::F16 && self.codec.metric() == Metric::L2 =>
            {
                kernels.f16_squared_l2(vector, rows, out);
                out.iter_mut().for_each(|d| *d = Metric::L2.bounded(*d));
            }
            Form::Sharp { vector, l2 } if self.codec.encoding() == Encoding::F16 => {
                kernels.f16_dot(vector, rows, out);
                to_distances(self.codec.metric(), self.codec.metric(), *l2, rows, out);
            }
            Form::Sharp { vector, l2 } => {
                kernels.int8_weigh(vector, rows, out);
                for (d, row) in out.iter_mut().zip(rows) {
                    let ([_, range], _) = header(row);
                    *d *= range / 127.0;
                }
                to_distances(self.codec.metric(), self.codec.metric(), *l2, rows, out);
            }
            Form::Binary { unit, above, all } => {
                kernels.bit_weigh(unit, rows, out);
                // Disagreeing are: those above zero without their bit, those below zero with it. Taking all
                // with their bit from all above zero leaves just these, each by its absolute value.
                out.iter_mut().for_each(|d| *d = Metric::Cosine.bounded(2.0 * (above - *d) / all));
            }
        }
    }

    /// The distance to each row to the precision of an f32: L2 and the inner product are summed up in f64, L2
    /// by differences, so that near vectors do not lose their distance and the same has none. For the few that
    /// are shown; cosine distances are those of [`ExactQuery::distances`].
    ///
    /// # Panics
    /// As [`ExactQuery::distances`].
    pub fn precise(&self, rows: &[&[u8]], out: &mut [f32]) {
        let (metric, vector) = (
            self.codec.metric(),
            match &self.form {
                Form::Stored { vector, .. } | Form::Sharp { vector, .. } => vector,
                Form::Binary { .. } => return self.distances(rows, out),
            },
        );
        if metric == Metric::Cosine {
            return self.distances(rows, out);
        }
        assert_eq!(rows.len(), out.len(), "rows and distances");
        for (row, d) in rows.iter().zip(out) {
            assert_eq!(row.len(), self.codec.row_len(), "row length");
            let ([_, range], code) = header(row);
            *d = match self.codec.encoding() {
                Encoding::F32 => sum_up(metric, vector, floats(code)),
                Encoding::F16 => sum_up(metric, vector, halves(code)),
                // As `decode` has it: the vector of a row is at distance 0 from the row.
                _ => sum_up(metric, vector, signed(code).map(|q| f32::from(q) * range / 127.0)),
            };
        }
    }
}

fn sum_up(metric: Metric, a: &[f32], b: impl Iterator<Item = f32>) -> f32 {
    let pairs = a.iter().zip(b).map(|(&a, b)| (f64::from(a), f64::from(b)));
    metric.bounded(match metric {
        Metric::L2 => pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f64>() as f32,
        _ => -pairs.map(|(a, b)| a * b).sum::<f64>() as f32,
    })
}
