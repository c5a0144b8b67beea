//! A field's value in eight bytes: the cell of a column.

use super::record::{Field, RecordRef, Value};

/// The longest string that is kept whole.
const SHORT: usize = 6;
/// Tags, in the two bytes where doubles have their sign and exponent: NaNs, which JSON cannot
/// spell. A short string of n bytes has the tag `STRING + n`.
const STRING: u16 = 0x7FF9;
const LONG_STRING: u16 = 0xFFF9;
const MISSING: u16 = 0xFFFA;
const NULL: u16 = 0xFFFB;
const ARRAY: u16 = 0xFFFC;

/// A value, or as much of it as fits into eight bytes: numbers and strings of up to six bytes exactly,
/// of longer ones a hash, of arrays that they are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits([u8; 8]);

/// The decoded content of [`Bits`].
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// The field has no value.
    Missing,
    /// Exactly this value.
    Value(Value<'a>),
    /// A string of more than six bytes. Equal strings have equal bits; the reverse is likely.
    LongString(Bits),
    /// An array.
    Array,
}

impl RecordRef<'_> {
    /// The value of `field`, in short.
    pub fn bits(self, field: &Field) -> Bits {
        match self.get(field) {
            None => Bits::MISSING,
            Some(Value::Null) => Bits::tagged(NULL, 0),
            Some(Value::Number(number)) => Bits(number.to_le_bytes()),
            Some(Value::String(string)) => Bits::string(string),
            Some(Value::Array(_)) => Bits::tagged(ARRAY, 0),
        }
    }
}

impl Bits {
    /// The field has no value.
    pub const MISSING: Bits = Bits(((MISSING as u64) << 48).to_le_bytes());

    /// As a number, for storage.
    pub fn to_u64(self) -> u64 {
        u64::from_le_bytes(self.0)
    }

    /// The inverse of [`Bits::to_u64`].
    pub fn from_u64(raw: u64) -> Bits {
        Bits(raw.to_le_bytes())
    }

    /// The value, if it is a number.
    #[inline]
    pub fn number(self) -> Option<f64> {
        // Tags are NaNs with more bits set than the one that arithmetic makes.
        let raw = self.to_u64();
        ((raw << 1 >> 49) < u64::from(STRING)).then_some(f64::from_bits(raw))
    }

    /// Whether this is a string, long or short.
    #[inline]
    pub fn is_string(self) -> bool {
        let tag = (self.to_u64() >> 48) as u16;
        (STRING..=0x7FFF).contains(&tag) || tag == LONG_STRING
    }

    /// Whether equal bits mean equal values.
    #[inline]
    pub fn is_exact(self) -> bool {
        (self.to_u64() >> 48) as u16 != LONG_STRING
    }

    /// A string, in short.
    pub fn string(string: &[u8]) -> Bits {
        if string.len() > SHORT {
            return Bits::tagged(LONG_STRING, hash(string));
        }
        let mut bytes = [0; 8];
        bytes[..string.len()].copy_from_slice(string);
        Bits::tagged(STRING + string.len() as u16, u64::from_le_bytes(bytes))
    }

    /// Decodes the bits.
    #[inline]
    pub fn seen(&self) -> Seen<'_> {
        let bits = u64::from_le_bytes(self.0);
        match (bits >> 48) as u16 {
            tag @ STRING..=0x7FFF => {
                let length = usize::from(tag - STRING);
                Seen::Value(Value::String(&self.0[..length]))
            }
            LONG_STRING => Seen::LongString(*self),
            MISSING => Seen::Missing,
            NULL => Seen::Value(Value::Null),
            ARRAY => Seen::Array,
            _ => Seen::Value(Value::Number(f64::from_bits(bits))),
        }
    }

    fn tagged(tag: u16, payload: u64) -> Bits {
        Bits((u64::from(tag) << 48 | payload & 0xFFFF_FFFF_FFFF).to_le_bytes())
    }
}

/// 48 bits of a multiplicative hash. Collisions cost a look at the record, so it need not
/// withstand an adversary.
fn hash(string: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut state = (string.len() as u64).wrapping_mul(FACTOR);
    for chunk in string.chunks(8) {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        state = (state ^ u64::from_le_bytes(bytes)).wrapping_mul(FACTOR);
        state ^= state >> 29;
    }
    state.wrapping_mul(FACTOR) >> 16
}
