//! Combines several weighted vectors into one query.

use super::{AddError, Target, VectorSet};
use crate::vector::{Metric, is_finite};

/// Why vectors cannot be combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadBlend {
    /// The weights, by which the sum is divided, do not add up to more than 0.
    NoWeight,
    /// What is left of them has no direction.
    Cancelled,
    /// One of them cannot be used.
    Vector(AddError),
}

/// A sum that is this share of what was added is rounding.
const ROUNDING: f64 = 1e-6;

impl VectorSet {
    /// The sum of vectors and their weights, to be looked for as a [`Target::Stored`]: for cosine of unit vectors;
    /// for L2 it is their weighted mean. The caller saw that elements are there and dimensions agree.
    ///
    /// # Errors
    /// If the sum cannot be searched for.
    pub fn blend(&self, parts: &[(Target, f64)]) -> Result<Vec<f32>, BadBlend> {
        let metric = self.params().metric;
        let mut sum = vec![0.0; self.params().dim];
        let (mut weights, mut added) = (0.0, 0.0);
        for &(target, weight) in parts {
            let vector = self.as_stored(target).map_err(BadBlend::Vector)?;
            let length = vector.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            let factor = match metric {
                Metric::Cosine if length > 0.0 => weight / length,
                _ => weight,
            };
            sum.iter_mut().zip(&vector).for_each(|(sum, &x)| *sum += factor * f64::from(x));
            weights += weight;
            added += (factor * length).abs();
        }
        if metric == Metric::L2 {
            if weights <= 0.0 {
                return Err(BadBlend::NoWeight);
            }
            sum.iter_mut().for_each(|x| *x /= weights);
        } else if sum.iter().map(|x| x * x).sum::<f64>().sqrt() <= ROUNDING * added {
            return Err(BadBlend::Cancelled);
        }
        let sum: Vec<f32> = sum.into_iter().map(|x| x as f32).collect();
        if is_finite(&sum) { Ok(sum) } else { Err(BadBlend::Vector(AddError::NotFinite)) }
    }

    /// A target as a vector of the set's dimension.
    ///
    /// # Errors
    /// If its projection leaves the range of numbers.
    pub fn as_stored(&self, target: Target) -> Result<Vec<f32>, AddError> {
        let vector = match (target, self.index.projection()) {
            (Target::Element(name), _) => self.vector(name).unwrap_or_else(|| vec![0.0; self.params().dim]),
            (Target::Vector(vector), Some(projection)) if vector.len() == projection.input() => {
                projection.apply(vector)
            }
            (Target::Vector(vector) | Target::Stored(vector), _) => vector.to_vec(),
        };
        if is_finite(&vector) { Ok(vector) } else { Err(AddError::NotFinite) }
    }
}
