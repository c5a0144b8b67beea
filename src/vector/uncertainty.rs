//! Bounds on the difference between a row's distance and that of the vector before quantization.

use super::codec::header;
use super::{Codec, Encoding, Metric};

/// Bounds the error of distances from one query that rounding to a row causes.
///
/// A row stands for v + e where v was stored. Of bytes no component of e is larger than half a step s, so |q·e| ≤ s Σ|qᵢ| and
/// |e| ≤ s √dim; of floats |e| is a share of |v|, of small halves half a step. By that a dot product is off, and a squared distance D
/// by 2 √D |e| + |e|² at most.
#[derive(Clone, Copy, Debug)]
pub struct Uncertainty {
    codec: Codec,
    /// The query's length, and the sum of its components' absolute values; of its unit vector for cosine.
    length: f64,
    sum: f64,
}

impl Uncertainty {
    /// Of distances from this vector, as clients give it.
    pub fn new(codec: Codec, vector: &[f32]) -> Uncertainty {
        let squares: f64 = vector.iter().map(|x| f64::from(*x).powi(2)).sum();
        let sum: f64 = vector.iter().map(|x| f64::from(x.abs())).sum();
        let length = squares.sqrt();
        match codec.metric() {
            Metric::Cosine => Uncertainty { codec, length: 1.0, sum: if length > 0.0 { sum / length } else { 0.0 } },
            Metric::L2 | Metric::InnerProduct => Uncertainty { codec, length, sum },
        }
    }

    /// The most by which the row's distance is off.
    ///
    /// # Panics
    /// If the row is too short.
    pub fn of(&self, row: &[u8], distance: f32) -> f64 {
        /// What arithmetic in single precision adds to a distance, and to each of two vectors before they are subtracted.
        const ARITHMETIC: f64 = 4e-6;
        const SUBTRACTED: f64 = 1.0 / (1 << 21) as f64;
        let ([l2, range], _) = header(row);
        let size = if self.codec.metric() == Metric::Cosine { 1.0 } else { f64::from(l2) };
        let (share, half_step) = match self.codec.encoding() {
            Encoding::F32 => (2f64.powi(-23), 0.0),
            Encoding::Int8 => (2f64.powi(-23), f64::from(range) / 254.0),
            Encoding::F16 => (2f64.powi(-11), 2f64.powi(-25)),
            Encoding::Binary => return f64::INFINITY,
        };
        match self.codec.metric() {
            Metric::Cosine | Metric::InnerProduct => half_step * self.sum + self.length * size * (share + ARITHMETIC),
            Metric::L2 => {
                let distance = f64::from(distance);
                let off =
                    half_step * (self.codec.dim() as f64).sqrt() + size * share + (size + self.length) * SUBTRACTED;
                2.0 * distance.sqrt() * off + off * off + distance * ARITHMETIC
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::{ExactQuery, naive::distance};
    use rand::Rng;

    #[test]
    fn no_distance_is_off_by_more() {
        let mut random = crate::testing::rng();
        let mut largest = 0.0f64;
        for round in 0..30_000 {
            let dim = random.random_range(1..200);
            let scale = 10f32.powi(random.random_range(-3..4));
            let mut vector = || -> Vec<f32> { (0..dim).map(|_| scale * random.random_range(-1.0..1.0f32)).collect() };
            let (mut stored, mut asked) = (vector(), vector());
            if round % 3 == 0 {
                // Each component is rounded by half a step, and all in one direction.
                stored.iter_mut().for_each(|x| *x = scale * 0.5);
                stored[0] = scale;
                asked.iter_mut().for_each(|x| *x = x.abs());
            }
            for encoding in [Encoding::F32, Encoding::F16, Encoding::Int8] {
                for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
                    let codec = Codec::new(encoding, dim).with_metric(metric);
                    if !codec.can_hold(&stored) {
                        continue;
                    }
                    let mut row = vec![0; codec.row_len()];
                    codec.encode(&stored, &mut row);
                    let mut shown = [0.0];
                    ExactQuery::new(codec, &asked).precise(&[&row], &mut shown);
                    let off = (f64::from(shown[0]) - distance(metric, &asked, &stored)).abs();
                    let bound = Uncertainty::new(codec, &asked).of(&row, shown[0]);
                    assert!(off <= bound, "{encoding:?} {metric:?} {dim}: {off} and not {bound}");
                    if encoding == Encoding::Int8 {
                        largest = largest.max(off / bound);
                    }
                }
            }
        }
        assert!(largest > 0.5, "a bound of use, not {largest}");
    }
}
