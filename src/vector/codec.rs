//! Rows: the stored form of a vector (bytes, bits or floats).

use std::borrow::Cow;
use std::fmt;

use super::half::{MAX_HALF, halves, put_halves};
use super::normalise::{length, normalise};
use super::{Encoding, MAX_DIM, Metric, are_finite};

/// Bytes of a row before its code: l2 and range, each an f32, little-endian.
pub const HEADER: usize = 8;

/// Int8 codes are stored offset to unsigned, for the instructions that multiply unsigned by signed bytes;
/// this turns the sign bit of one form into the other.
pub(super) const SIGN: u8 = 0x80;

/// Why the parts of a saved vector were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadVector {
    /// The code has not the length that encoding and dimension demand.
    Length,
    /// The norm is negative, infinite or not a number.
    Norm,
    /// The range is negative, infinite or not a number.
    Range,
    /// A component is infinite or not a number.
    Component,
}

impl fmt::Display for BadVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadVector::Length => "vector of a wrong length",
            BadVector::Norm => "vector with a bad norm",
            BadVector::Range => "vector with a bad range",
            BadVector::Component => "vector with a component that is not finite",
        })
    }
}

impl std::error::Error for BadVector {}

/// Writes and reads the rows of one set.
///
/// A row is `[l2: f32 LE][range: f32 LE][code]`; the range is 0 but for [`Encoding::Int8`]. The code is what
/// saved files hold, except that Int8 bytes have their sign bit flipped. Rows need no alignment.
///
/// For [`Metric::Cosine`] the code is that of the unit vector. For others it is that of the vector itself, of
/// which the range is the largest component and l2 the length of what the code stands for: so the distance of
/// a row from itself is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec {
    encoding: Encoding,
    metric: Metric,
    dim: usize,
}

impl Codec {
    /// Rows for [`Metric::Cosine`].
    ///
    /// # Panics
    /// If `dim` is not from 1 to [`MAX_DIM`].
    pub fn new(encoding: Encoding, dim: usize) -> Codec {
        assert!((1..=MAX_DIM).contains(&dim), "dimension {dim}");
        Codec { encoding, metric: Metric::Cosine, dim }
    }

    /// Rows for this metric.
    ///
    /// # Panics
    /// If the encoding keeps only directions and the metric needs more.
    pub fn with_metric(self, metric: Metric) -> Codec {
        assert!(metric == Metric::Cosine || self.encoding != Encoding::Binary, "{metric:?} of signs");
        Codec { metric, ..self }
    }

    pub fn metric(&self) -> Metric {
        self.metric
    }

    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Components of a vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Bytes of a code.
    pub fn code_len(&self) -> usize {
        match self.encoding {
            Encoding::F32 => 4 * self.dim,
            Encoding::F16 => 2 * self.dim,
            Encoding::Int8 => self.dim,
            Encoding::Binary => 8 * self.dim.div_ceil(64),
        }
    }

    /// Bytes of a row.
    pub fn row_len(&self) -> usize {
        HEADER + self.code_len()
    }

    /// How many candidates of a search by [`super::Probe`] are worth ranking again by [`super::ExactQuery`], of
    /// which `wanted` are to stay; None if the probe's distances are as good.
    pub fn worth_ranking(&self, wanted: usize) -> Option<usize> {
        match (self.encoding, self.metric) {
            (Encoding::F32, Metric::Cosine) => None,
            // So coarse are these distances that all candidates are.
            (Encoding::Binary, _) => Some(usize::MAX),
            _ => Some(wanted.saturating_mul(2).saturating_add(16)),
        }
    }

    /// Whether the encoding has numbers of this size.
    pub fn can_hold(&self, vector: &[f32]) -> bool {
        let is_whole = self.metric != Metric::Cosine;
        !is_whole || self.encoding != Encoding::F16 || vector.iter().all(|x| x.abs() <= MAX_HALF)
    }

    /// Quantizes `vector` (finite, of `dim` components) into `row`.
    ///
    /// # Panics
    /// If a length is wrong.
    pub fn encode(&self, vector: &[f32], row: &mut [u8]) {
        assert_eq!(vector.len(), self.dim, "vector length");
        match self.metric {
            Metric::Cosine => self.encode_unit(vector, row),
            Metric::L2 | Metric::InnerProduct => self.encode_whole(vector, row),
        }
    }

    /// Writes a row whose code is these signed bytes, of which nothing is lost: for embeddings that come quantized.
    ///
    /// # Panics
    /// If a length is wrong or the encoding not [`Encoding::Int8`].
    pub fn encode_bytes(&self, bytes: &[u8], row: &mut [u8]) {
        assert!(bytes.len() == self.dim && self.encoding == Encoding::Int8, "bytes of a vector");
        let (header, code) = self.split_mut(row);
        for (to, from) in code.iter_mut().zip(bytes) {
            *to = *from ^ SIGN;
        }
        let l2 = length(bytes.iter().map(|&q| f32::from(q as i8)));
        match self.metric {
            Metric::Cosine if l2 == 0.0 => write_header(header, 1.0, 0.0),
            Metric::Cosine => write_header(header, l2, 127.0 / l2),
            Metric::L2 | Metric::InnerProduct => write_header(header, l2, 127.0),
        }
    }

    /// The vector as it is.
    fn encode_whole(&self, vector: &[f32], row: &mut [u8]) {
        let (header, code) = self.split_mut(row);
        match self.encoding {
            Encoding::F32 => {
                put_floats(vector, code);
                return write_header(header, length(vector.iter().copied()), 0.0);
            }
            Encoding::F16 => {
                put_halves(vector, code);
                return write_header(header, length(halves(code)), 0.0);
            }
            Encoding::Int8 | Encoding::Binary => {}
        }
        let range = vector.iter().fold(0.0, |max: f32, x| max.max(x.abs()));
        // In f64, where no quotient leaves the range of numbers.
        let scale = if range == 0.0 { 0.0 } else { 127.0 / f64::from(range) };
        for (byte, x) in code.iter_mut().zip(vector) {
            *byte = (f64::from(*x) * scale).round() as i8 as u8 ^ SIGN;
        }
        write_header(header, length_of(code, range), range);
    }

    /// Its direction, and its length beside.
    fn encode_unit(&self, vector: &[f32], row: &mut [u8]) {
        let (unit, l2) = normalise(vector);
        let (header, code) = self.split_mut(row);
        let range = match self.encoding {
            Encoding::F32 => {
                put_floats(&unit, code);
                0.0
            }
            Encoding::F16 => {
                put_halves(&unit, code);
                0.0
            }
            Encoding::Int8 => quantize(&unit, code),
            Encoding::Binary => {
                pack_signs(&unit, code);
                0.0
            }
        };
        write_header(header, l2, range);
    }

    /// Writes a row from the parts found in a saved file. The range counts for Int8 only: with other
    /// encodings files hold anything there. Padding bits of Binary are cleared.
    ///
    /// # Panics
    /// If `row` has a wrong length; `code` may have any.
    pub fn encode_wire(&self, code: &[u8], l2: f32, range: f32, row: &mut [u8]) -> Result<(), BadVector> {
        let sound = |x: f32| x.is_finite() && x >= 0.0;
        if code.len() != self.code_len() {
            return Err(BadVector::Length);
        }
        if !sound(l2) {
            return Err(BadVector::Norm);
        }
        if self.encoding == Encoding::Int8 && !sound(range) {
            return Err(BadVector::Range);
        }
        if self.encoding == Encoding::F32 && !are_finite(floats(code)) {
            return Err(BadVector::Component);
        }
        if self.encoding == Encoding::F16 && !are_finite(halves(code)) {
            return Err(BadVector::Component);
        }
        // No minus zero: equal vectors have equal bytes.
        let (l2, range) = (l2.abs(), range.abs());
        let (header, stored) = self.split_mut(row);
        stored.copy_from_slice(code);
        // Not of unit vectors, the length follows from the code.
        let is_whole = self.metric != Metric::Cosine;
        match self.encoding {
            Encoding::F32 => write_header(header, if is_whole { length(floats(code)) } else { l2 }, 0.0),
            Encoding::F16 => write_header(header, if is_whole { length(halves(code)) } else { l2 }, 0.0),
            Encoding::Int8 => {
                stored.iter_mut().for_each(|byte| *byte ^= SIGN);
                write_header(header, if is_whole { length_of(stored, range) } else { l2 }, range);
            }
            Encoding::Binary => {
                write_header(header, l2, 0.0);
                for (j, byte) in stored.iter_mut().enumerate().skip(self.dim / 8) {
                    let used = self.dim.saturating_sub(8 * j).min(7);
                    *byte &= (1u8 << used) - 1;
                }
            }
        }
        Ok(())
    }

    /// Reads a row.
    ///
    /// # Panics
    /// If `row` has a wrong length.
    pub fn row<'a>(&self, row: &'a [u8]) -> Row<'a> {
        assert_eq!(row.len(), self.row_len(), "row length");
        let ([l2, range], code) = header(row);
        Row { codec: *self, l2, range, code }
    }

    fn split_mut<'a>(&self, row: &'a mut [u8]) -> (&'a mut [u8], &'a mut [u8]) {
        assert_eq!(row.len(), self.row_len(), "row length");
        row.split_at_mut(HEADER)
    }
}

/// A stored vector.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    codec: Codec,
    l2: f32,
    range: f32,
    code: &'a [u8],
}

impl<'a> Row<'a> {
    /// Length of the vector; 1 for a zero vector under cosine.
    pub fn l2(&self) -> f32 {
        self.l2
    }

    /// The value of the code 127, for Int8: the largest absolute value of a component of what was quantized;
    /// else 0.
    pub fn range(&self) -> f32 {
        self.range
    }

    /// The code as stored, Int8 bytes with their sign bit flipped.
    pub fn code(&self) -> &'a [u8] {
        self.code
    }

    /// The code as saved files and `VEMB RAW` hold it.
    pub fn wire_code(&self) -> Cow<'a, [u8]> {
        match self.codec.encoding {
            Encoding::Int8 => self.code.iter().map(|byte| byte ^ SIGN).collect(),
            _ => self.code.into(),
        }
    }

    /// The components as `VEMB` shows them.
    pub fn decode(&self) -> Vec<f32> {
        let l2 = if self.codec.metric == Metric::Cosine { self.l2 } else { 1.0 };
        let range = self.range;
        match self.codec.encoding {
            Encoding::F32 => floats(self.code).map(|x| x * l2).collect(),
            Encoding::F16 => halves(self.code).map(|x| x * l2).collect(),
            Encoding::Int8 => signed(self.code).map(|q| f32::from(q) * range / 127.0 * l2).collect(),
            Encoding::Binary => (0..self.codec.dim).map(|j| if bit(self.code, j) { 1.0 } else { -1.0 }).collect(),
        }
    }
}

/// `[l2, range]` and the code of a row.
pub(super) fn header(row: &[u8]) -> ([f32; 2], &[u8]) {
    let ([l2, range], code) = (row.as_chunks::<4>().0[..2].try_into().unwrap(), &row[HEADER..]);
    ([f32::from_le_bytes(l2), f32::from_le_bytes(range)], code)
}

fn put_floats(vector: &[f32], code: &mut [u8]) {
    for (bytes, x) in code.as_chunks_mut::<4>().0.iter_mut().zip(vector) {
        *bytes = x.to_le_bytes();
    }
}

/// The length of what a stored Int8 code stands for.
fn length_of(code: &[u8], range: f32) -> f32 {
    let sum: i64 = signed(code).map(|q| i64::from(q) * i64::from(q)).sum();
    ((sum as f64).sqrt() * (f64::from(range) / 127.0)).min(f64::from(f32::MAX)) as f32
}

fn write_header(header: &mut [u8], l2: f32, range: f32) {
    header[..4].copy_from_slice(&l2.to_le_bytes());
    header[4..].copy_from_slice(&range.to_le_bytes());
}

/// The components of an F32 code.
pub(super) fn floats(code: &[u8]) -> impl Iterator<Item = f32> + '_ {
    code.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}

/// The values of a stored Int8 code, from -128 to 127.
pub(super) fn signed(code: &[u8]) -> impl Iterator<Item = i8> + '_ {
    code.iter().map(|byte| (byte ^ SIGN) as i8)
}

/// Bit `j` of a Binary code.
pub(super) fn bit(code: &[u8], j: usize) -> bool {
    code[j / 8] >> (j % 8) & 1 == 1
}

/// Scales the largest component to 127 and returns it.
fn quantize(unit: &[f32], code: &mut [u8]) -> f32 {
    let range = unit.iter().fold(0.0, |max: f32, x| max.max(x.abs()));
    let scale = if range == 0.0 { 0.0 } else { 127.0 / range };
    for (byte, x) in code.iter_mut().zip(unit) {
        *byte = round(x * scale) as i8 as u8 ^ SIGN;
    }
    range
}

/// Rounds to the nearest integer, ties away from zero, like `f32::round` but without a call for each number:
/// adding the largest float below a half carries what is a half or more over to the next integer.
fn round(x: f32) -> i32 {
    (x + 0.5f32.next_down().copysign(x)) as i32
}

/// Bit j is set if component j is above zero.
fn pack_signs(unit: &[f32], code: &mut [u8]) {
    code.fill(0);
    for (byte, xs) in code.iter_mut().zip(unit.chunks(8)) {
        *byte = xs.iter().rev().fold(0, |bits, &x| bits << 1 | u8::from(x > 0.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_like_the_standard_library() {
        let check = |x: f32| assert_eq!(round(x), x.round() as i32, "{x:?}");
        for n in -256..=256 {
            let half = n as f32 / 2.0;
            [half, half.next_up(), half.next_down()].into_iter().for_each(check);
        }
        // Every 1009th float up to 127.5, of both signs.
        for bits in (0..=127.5f32.to_bits()).step_by(1009) {
            check(f32::from_bits(bits));
            check(-f32::from_bits(bits));
        }
    }
}
