//! Distances from a query that is not quantized, to rank the best few again.

use super::codec::header;
use super::kernel::{Kernels, active};
use super::normalise::normalise;
use super::{Codec, Encoding, Probe, bounded};

/// A query at full precision.
#[derive(Clone, Debug)]
pub struct ExactQuery(Form);

#[derive(Clone, Debug)]
enum Form {
    /// The stored form keeps everything (F32), or there is nothing to keep (a zero vector).
    Stored(Probe),
    /// Unit vector.
    Int8(Vec<f32>),
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
        ExactQuery(match codec.encoding() {
            Encoding::Int8 if !zero => Form::Int8(normalise(vector).0),
            Encoding::Binary if !zero => {
                let mut unit = normalise(vector).0;
                unit.resize(8 * codec.code_len(), 0.0);
                let sum = |part: fn(f64) -> f64| unit.iter().map(|&x| part(x.into())).sum::<f64>() as f32;
                let (above, all) = (sum(|x| x.max(0.0)), sum(f64::abs));
                Form::Binary { unit, above, all }
            }
            _ => Form::Stored(Probe::from_vector(codec, vector)),
        })
    }

    /// The distance to each row, in [0, 2].
    ///
    /// F32: cosine distance. Int8: the same to the vector that the row's bytes stand for. Binary: twice the
    /// share, by absolute value, of the components whose sign is not the stored one: the Hamming distance of
    /// spec 7.5 if all components weigh the same, and in the order of the dot products with the signs.
    ///
    /// # Panics
    /// If a row has a wrong length or `out` not as many places as there are rows.
    pub fn distances(&self, rows: &[&[u8]], out: &mut [f32]) {
        self.distances_with(active(), rows, out);
    }

    /// [`ExactQuery::distances`] by kernels of choice, for tests and benchmarks.
    pub fn distances_with(&self, kernels: &Kernels, rows: &[&[u8]], out: &mut [f32]) {
        match &self.0 {
            Form::Stored(probe) => probe.distances_with(kernels, rows, out),
            Form::Int8(unit) => {
                kernels.int8_weigh(unit, rows, out);
                for (d, row) in out.iter_mut().zip(rows) {
                    let ([_, range], _) = header(row);
                    *d = bounded(1.0 - *d * (range / 127.0));
                }
            }
            Form::Binary { unit, above, all } => {
                kernels.bit_weigh(unit, rows, out);
                // Disagreeing are: those above zero without their bit, those below zero with it. Taking all
                // with their bit from all above zero leaves just these, each by its absolute value.
                out.iter_mut().for_each(|d| *d = bounded(2.0 * (above - *d) / all));
            }
        }
    }
}
