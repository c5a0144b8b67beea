//! IEEE 754 binary16: the components of [`super::Encoding::F16`], and an input format.

/// The largest.
pub const MAX_HALF: f32 = 65504.0;

/// A binary16 as the binary32 of the same value.
pub fn from_half(bits: u16) -> f32 {
    // Moved into place, exponent and fraction are those of a binary32 but for the bias: a factor of 2^112.
    let magnitude = f32::from_bits(u32::from(bits & 0x7fff) << 13) * 2f32.powi(112);
    // The highest exponent stands for infinities and NaN.
    let magnitude = if bits & 0x7c00 == 0x7c00 { f32::NAN } else { magnitude };
    magnitude.copysign(f32::from_bits(u32::from(bits) << 16))
}

/// The nearest binary16, ties to even; what is larger than all becomes the largest. The same bits on every CPU.
pub fn to_half(x: f32) -> u16 {
    let sign = (x.to_bits() >> 16) as u16 & 0x8000;
    let magnitude = x.abs().min(MAX_HALF);
    if magnitude < 2f32.powi(-14) {
        // Below the normal ones, in units of 2^-24. Carried over, this is the first of those.
        return sign | (magnitude * 2f32.powi(24)).round_ties_even() as u16;
    }
    let bits = magnitude.to_bits() - (112 << 23);
    sign | ((bits + 0xfff + (bits >> 13 & 1)) >> 13) as u16
}

/// The components of an F16 code.
pub(super) fn halves(code: &[u8]) -> impl Iterator<Item = f32> + '_ {
    code.as_chunks::<2>().0.iter().map(|bytes| from_half(u16::from_le_bytes(*bytes)))
}

/// Writes the components of an F16 code.
pub(super) fn put_halves(vector: &[f32], code: &mut [u8]) {
    for (bytes, x) in code.as_chunks_mut::<2>().0.iter_mut().zip(vector) {
        *bytes = to_half(*x).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_by_their_definition() {
        for bits in 0..=u16::MAX {
            let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
            let magnitude = match exponent {
                0 => fraction * 2f64.powi(-14),
                31 => f64::NAN,
                _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
            };
            let value = if bits >> 15 == 1 { -magnitude } else { magnitude };
            let half = from_half(bits);
            if exponent == 31 {
                assert!(half.is_nan(), "{bits:x}");
            } else {
                assert_eq!(f64::from(half).to_bits(), value.to_bits(), "{bits:x}");
                assert_eq!(to_half(half), bits, "{bits:x}");
            }
        }
    }

    #[test]
    fn the_nearest_is_chosen() {
        // Between each two neighbours, from both sides; a tie goes to the even one.
        for bits in 0..0x7bff_u16 {
            let (low, high) = (from_half(bits), from_half(bits + 1));
            let middle = (low + high) / 2.0;
            let even = if bits % 2 == 0 { bits } else { bits + 1 };
            for (x, wanted) in [(middle.next_down(), bits), (middle, even), (middle.next_up(), bits + 1)] {
                assert_eq!(to_half(x), wanted, "{x}");
                assert_eq!(to_half(-x), wanted | 0x8000, "{x}");
            }
        }
        for x in [65504.0, 65505.0, 65520.0, 1e9, f32::MAX] {
            assert_eq!(to_half(x), 0x7bff);
        }
    }
}
