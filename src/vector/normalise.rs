//! Normalisation to unit length, bit for bit as Redis 8 does it.

/// `vector` scaled to unit length, and its length (1 for a zero vector, which stays as it is).
pub(super) fn normalise(vector: &[f32]) -> (Vec<f32>, f32) {
    let sum = sum_of_squares(vector);
    if sum.is_normal() {
        let l2 = sum.sqrt();
        return (vector.iter().map(|x| x / l2).collect(), l2);
    }
    if vector.iter().all(|&x| x == 0.0) {
        return (vector.to_vec(), 1.0);
    }
    // The squares left the range of f32. Those of any f32 fit f64, in which the sum is good.
    let l2 = vector.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let unit = vector.iter().map(|&x| (f64::from(x) / l2) as f32).collect();
    (unit, l2.min(f64::from(f32::MAX)) as f32)
}

/// The length of a vector as the row of a metric other than cosine keeps it; 0 for a zero vector.
pub(super) fn length(vector: impl Iterator<Item = f32>) -> f32 {
    // In order, in f64: the same bits on every CPU, and squares of all f32 fit.
    let sum: f64 = vector.map(|x| f64::from(x) * f64::from(x)).sum();
    sum.sqrt().min(f64::from(f32::MAX)) as f32
}

/// In f32, in the order that saved files depend on: by groups of four, then one by one.
fn sum_of_squares(vector: &[f32]) -> f32 {
    let (groups, rest) = vector.as_chunks::<4>();
    let sum = groups.iter().fold(0.0, |sum, [a, b, c, d]| sum + (((a * a + b * b) + c * c) + d * d));
    rest.iter().fold(sum, |sum, x| sum + x * x)
}
