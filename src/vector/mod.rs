//! Vectors: how they are normalised, quantized, stored, projected and compared.
//!
//! A stored vector is a [`Row`]: one byte slice that a [`Codec`] writes. A [`Probe`] computes the distances
//! from one vector to many rows during graph traversal; an [`ExactQuery`] reranks the best few with
//! the unquantized query. For long rows, a [`SketchProbe`] estimates the distances from sketches of one or four bits per
//! component, so that a search reads few of the rows themselves. The content of a row is bit-identical on every CPU,
//! so that a replica agrees with its primary; distances may differ between CPUs in the last bits.
//!
//! The [`Metric`] decides what a row stores: unit vectors and their lengths for cosine, the vectors as given
//! for the others, whose distances are as precise as the type of the components.

mod codec;
mod exact;
mod half;
mod input;
pub mod kernel;
mod metric;
mod normalise;
mod probe;
mod projection;
mod sketch;
mod uncertainty;

#[cfg(test)]
pub(crate) mod naive;
#[cfg(test)]
mod tests;

pub use codec::{BadVector, Codec, HEADER, Row};
pub use exact::ExactQuery;
pub use input::{Component, Input};
pub use metric::Metric;
pub use probe::Probe;
pub use projection::{BadMatrix, Projection};
pub use sketch::{SketchProbe, Sketcher};
pub use uncertainty::Uncertainty;

/// The most components a vector may have.
pub const MAX_DIM: usize = 65536;

/// The most bytes of the matrix of a new projection. The saved form holds the whole of it in one string, which
/// the server builds in memory; and half a gigabyte is the most that RESTORE takes.
pub const MAX_NEW_MATRIX: u64 = 256 << 20;

/// How the components of a vector are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Encoding {
    /// Components of 4 bytes, normalised for cosine.
    F32 = 0,
    /// One signed byte per component and one scale per vector.
    Int8 = 1,
    /// One bit per component: its sign.
    Binary = 2,
    /// Components of 2 bytes, normalised for cosine.
    F16 = 3,
}

impl Encoding {
    /// The number that stands for this encoding in saved files.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// The encoding of a number in a saved file.
    pub fn from_id(id: u64) -> Option<Encoding> {
        match id {
            0 => Some(Encoding::F32),
            1 => Some(Encoding::Int8),
            2 => Some(Encoding::Binary),
            3 => Some(Encoding::F16),
            _ => None,
        }
    }

    /// The name that clients see.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::F32 => "f32",
            Encoding::Int8 => "int8",
            Encoding::Binary => "bin",
            Encoding::F16 => "f16",
        }
    }
}

/// Whether no component is NaN or infinite.
pub fn is_finite(vector: &[f32]) -> bool {
    are_finite(vector.iter().copied())
}

fn are_finite(components: impl Iterator<Item = f32>) -> bool {
    // No early exit: the loop then compiles to vector instructions.
    components.fold(true, |all, x| all & x.is_finite())
}
