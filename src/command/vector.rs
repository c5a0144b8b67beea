//! The vector of VADD and VSIM: `FP32 blob` or `VALUES n v…`.

use super::CommandError;
use super::args::{Args, double, integer, is_word};
use crate::vector::{MAX_DIM, is_finite};

/// A vector that a client gave.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorArgument(pub Vec<f32>);

impl VectorArgument {
    /// Reads the format word and what follows.
    ///
    /// # Errors
    /// If it is malformed, has no component or too many, or one that is not finite as a 32-bit float.
    pub fn parse(args: &mut Args) -> Result<VectorArgument, CommandError> {
        let format = args.next().ok_or(CommandError::InvalidVector)?;
        VectorArgument::parse_format(format, args)
    }

    /// Reads what follows this format word.
    ///
    /// # Errors
    /// As for [`VectorArgument::parse`].
    pub fn parse_format(format: &[u8], args: &mut Args) -> Result<VectorArgument, CommandError> {
        let vector = if is_word(format, "FP32") {
            args.next().and_then(from_blob)
        } else if is_word(format, "VALUES") {
            from_values(args)
        } else {
            None
        };
        vector.filter(|v| is_finite(v)).map(VectorArgument).ok_or(CommandError::InvalidVector)
    }
}

/// Little-endian 32-bit floats.
fn from_blob(blob: &[u8]) -> Option<Vec<f32>> {
    let (floats, rest) = blob.as_chunks::<4>();
    if floats.is_empty() || !rest.is_empty() || floats.len() > MAX_DIM {
        return None;
    }
    Some(floats.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
}

/// A count, then so many doubles.
fn from_values(args: &mut Args) -> Option<Vec<f32>> {
    let count = usize::try_from(integer(args.next()?)?).ok().filter(|n| (1..=MAX_DIM).contains(n))?;
    args.take(count)?.iter().map(|arg| double(arg).map(|x| x as f32)).collect()
}
