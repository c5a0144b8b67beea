//! Distance metrics.

/// The distance metric.
///
/// | | distance within the engine | score | in document search |
/// | --- | --- | --- | --- |
/// | `Cosine` | 1 − cos, 0 to 2 | 1 − distance / 2 | the distance |
/// | `L2` | Σ (a − b)², the square of the Euclidean | 1 / (1 + √distance) | the distance |
/// | `InnerProduct` | −(a · b), any number | a · b | 1 + the distance |
///
/// Smaller distances and higher scores are nearer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Metric {
    /// The angle; lengths do not count.
    #[default]
    Cosine = 0,
    /// The straight line between two points.
    L2 = 1,
    /// The dot product.
    InnerProduct = 2,
}

impl Metric {
    /// The number that stands for this metric in saved files.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// The metric of a number in a saved file.
    pub fn from_id(id: u64) -> Option<Metric> {
        [Metric::Cosine, Metric::L2, Metric::InnerProduct].into_iter().find(|metric| u64::from(metric.id()) == id)
    }

    /// The word for it in commands.
    pub fn word(self) -> &'static str {
        match self {
            Metric::Cosine => "COSINE",
            Metric::L2 => "L2",
            Metric::InnerProduct => "IP",
        }
    }

    /// The metric of a word, in any case.
    pub fn from_word(word: &[u8]) -> Option<Metric> {
        let all = [Metric::Cosine, Metric::L2, Metric::InnerProduct];
        all.into_iter().find(|metric| word.eq_ignore_ascii_case(metric.word().as_bytes()))
    }

    /// The name that clients see.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Cosine => "cosine",
            Metric::L2 => "l2",
            Metric::InnerProduct => "ip",
        }
    }

    /// What a graph's links are chosen by. The inner product is no metric: a vector need not be the nearest to
    /// itself. Links by angle lead a search by inner product as well.
    pub fn linking(self) -> Metric {
        match self {
            Metric::InnerProduct => Metric::Cosine,
            metric => metric,
        }
    }

    /// The distance of two vectors from their dot product and their lengths. Always finite.
    #[inline(always)]
    pub fn distance(self, dot: f32, a: f32, b: f32) -> f32 {
        match self {
            // A zero vector is orthogonal to all. One division after the other: the product of two lengths may
            // leave the range of numbers.
            Metric::Cosine => self.bounded(1.0 - if a > 0.0 && b > 0.0 { dot / a / b } else { 0.0 }),
            Metric::L2 => self.bounded(a * a + b * b - 2.0 * dot),
            Metric::InnerProduct => self.bounded(-dot),
        }
    }

    /// A distance brought back into its range, which rounding, overflow or a foreign row has left. What is not a
    /// number is as far as can be.
    #[inline(always)]
    pub(super) fn bounded(self, distance: f32) -> f32 {
        let (least, most) = match self {
            Metric::Cosine => (0.0, 2.0),
            Metric::L2 => (0.0, f32::MAX),
            Metric::InnerProduct => (-f32::MAX, f32::MAX),
        };
        if distance < most { distance.max(least) } else { most }
    }

    /// The score of a distance.
    pub fn score(self, distance: f32) -> f64 {
        let distance = f64::from(distance);
        match self {
            Metric::Cosine => 1.0 - distance / 2.0,
            Metric::L2 => 1.0 / (1.0 + distance.sqrt()),
            // Not minus zero.
            Metric::InnerProduct => 0.0 - distance,
        }
    }

    /// The largest distance that EPSILON keeps: of cosine by the score, of L2 the Euclidean distance. The inner
    /// product has no distance to bound.
    pub fn farthest(self, epsilon: f64) -> f32 {
        match self {
            Metric::Cosine => epsilon as f32 * 2.0,
            Metric::L2 => (epsilon * epsilon) as f32,
            Metric::InnerProduct => f32::INFINITY,
        }
    }

    /// The distance that document search returns.
    pub fn reported(self, distance: f32) -> f32 {
        match self {
            Metric::Cosine | Metric::L2 => distance,
            Metric::InnerProduct => 1.0 + distance,
        }
    }
}
