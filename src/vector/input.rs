//! Input formats of vectors: blobs of one of several component types.

use std::borrow::Cow;

use super::half::from_half;
use super::{MAX_DIM, is_finite};

/// A vector to be stored.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Finite components.
    Floats(&'a [f32]),
    /// Signed bytes, which [`super::Encoding::Int8`] keeps exactly.
    Bytes(&'a [u8]),
}

impl<'a> Input<'a> {
    /// Its components as floats.
    pub fn floats(self) -> Cow<'a, [f32]> {
        match self {
            Input::Floats(vector) => vector.into(),
            Input::Bytes(bytes) => bytes.iter().map(|&byte| f32::from(byte as i8)).collect(),
        }
    }
}

/// The type of a vector's components in a blob, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Component {
    Float32,
    Float64,
    /// IEEE 754 binary16.
    Float16,
    /// The upper half of a binary32.
    Bfloat16,
    /// The numbers from -128 to 127 as they are.
    Int8,
    /// The numbers from 0 to 255 as they are.
    Uint8,
}

impl Component {
    /// Bytes of a component.
    pub fn size(self) -> usize {
        match self {
            Component::Float64 => 8,
            Component::Float32 => 4,
            Component::Float16 | Component::Bfloat16 => 2,
            Component::Int8 | Component::Uint8 => 1,
        }
    }

    /// The components of a blob. None if its length is no multiple of a component's, if there are none or more
    /// than [`MAX_DIM`], or if one is not finite as a 32-bit float.
    pub fn decode(self, blob: &[u8]) -> Option<Vec<f32>> {
        let dim = blob.len() / self.size();
        if dim * self.size() != blob.len() || !(1..=MAX_DIM).contains(&dim) {
            return None;
        }
        let vector: Vec<f32> = match self {
            Component::Float64 => blob.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes) as f32).collect(),
            Component::Float32 => blob.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
            Component::Float16 => {
                blob.as_chunks().0.iter().map(|&bytes| from_half(u16::from_le_bytes(bytes))).collect()
            }
            Component::Bfloat16 => (blob.as_chunks().0.iter())
                .map(|&bytes| f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16))
                .collect(),
            Component::Int8 => blob.iter().map(|&byte| f32::from(byte as i8)).collect(),
            Component::Uint8 => blob.iter().map(|&byte| f32::from(byte)).collect(),
        };
        is_finite(&vector).then_some(vector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_reads_its_numbers() {
        use Component::*;
        let bytes = |x: f32| (x.to_bits() >> 16) as u16;
        for (component, blob, vector) in [
            (Float32, [1.5f32.to_le_bytes(), (-2f32).to_le_bytes()].concat(), vec![1.5, -2.0]),
            (Float64, [0.1f64.to_le_bytes(), (-1e38f64).to_le_bytes()].concat(), vec![0.1, -1e38]),
            (Float16, [0x3c00u16.to_le_bytes(), 0xc000u16.to_le_bytes()].concat(), vec![1.0, -2.0]),
            (
                Bfloat16,
                [bytes(1.5).to_le_bytes(), bytes(-3e38).to_le_bytes()].concat(),
                vec![1.5, f32::from_bits(u32::from(bytes(-3e38)) << 16)],
            ),
            (Int8, vec![0, 127, 128, 255], vec![0.0, 127.0, -128.0, -1.0]),
            (Uint8, vec![0, 127, 128, 255], vec![0.0, 127.0, 128.0, 255.0]),
        ] {
            assert_eq!(component.decode(&blob), Some(vector), "{component:?}");
            assert_eq!(component.decode(&[]), None);
            if component.size() > 1 {
                assert_eq!(component.decode(&blob[1..]), None);
            }
            assert_eq!(component.decode(&vec![0; component.size() * (MAX_DIM + 1)]), None);
            assert_eq!(component.decode(&vec![0; component.size() * MAX_DIM]).map(|v| v.len()), Some(MAX_DIM));
        }
        for (component, blob) in [
            (Float32, f32::NAN.to_le_bytes().to_vec()),
            (Float16, 0x7c00u16.to_le_bytes().to_vec()),
            (Float64, 1e39f64.to_le_bytes().to_vec()),
            (Float64, f64::NEG_INFINITY.to_le_bytes().to_vec()),
            (Bfloat16, 0x7f80u16.to_le_bytes().to_vec()),
        ] {
            assert_eq!(component.decode(&blob), None, "{component:?}");
        }
    }
}
