//! Reference distances, by their formulas in double precision; for tests.

use super::Metric;

/// Between two vectors as clients give them. Of a zero vector the cosine is 0.
pub(crate) fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let sum = |term: fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| term((*a).into(), (*b).into())).sum::<f64>();
    let length = |v: &[f32]| v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    match metric {
        Metric::Cosine if length(a) * length(b) == 0.0 => 1.0,
        Metric::Cosine => 1.0 - sum(|a, b| a * b) / length(a) / length(b),
        Metric::L2 => sum(|a, b| (a - b) * (a - b)),
        Metric::InnerProduct => -sum(|a, b| a * b),
    }
}
