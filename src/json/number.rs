//! Numbers: integers are exact from −2^63 to 2^64−1, everything else is a double.

use std::cmp::Ordering;

/// A JSON number. An integer is `Int` wherever it can be: `Uint` is above `i64::MAX`.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    Int(i64),
    Uint(u64),
    Double(f64),
}

/// The operations of NUMINCRBY and related commands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arithmetic {
    Add,
    Multiply,
    Power,
}

impl Number {
    /// As the nearest double.
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Uint(value) => value as f64,
            Number::Double(value) => value,
        }
    }

    /// As an integer, if it is kept as one.
    pub fn as_integer(self) -> Option<i128> {
        match self {
            Number::Int(value) => Some(value.into()),
            Number::Uint(value) => Some(value.into()),
            Number::Double(_) => None,
        }
    }

    /// The integer, if it can be kept exactly.
    pub fn from_integer(value: i128) -> Option<Number> {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => Some(Number::Int(value)),
            (_, Ok(value)) => Some(Number::Uint(value)),
            _ => None,
        }
    }

    /// Exact for two integers, a double otherwise; none if the result is out of range.
    pub fn apply(self, arithmetic: Arithmetic, other: Number) -> Option<Number> {
        if let (Some(a), Some(b)) = (self.as_integer(), other.as_integer()) {
            let result = match arithmetic {
                Arithmetic::Add => a + b,
                Arithmetic::Multiply => a.checked_mul(b)?,
                Arithmetic::Power if b < 0 => return double(self.as_f64().powf(other.as_f64())),
                Arithmetic::Power => power(a, b)?,
            };
            return Number::from_integer(result);
        }
        let result = match arithmetic {
            Arithmetic::Add => self.as_f64() + other.as_f64(),
            Arithmetic::Multiply => self.as_f64() * other.as_f64(),
            Arithmetic::Power => self.as_f64().powf(other.as_f64()),
        };
        double(result)
    }

    /// By value: 1 equals 1.0.
    pub fn compare(self, other: Number) -> Option<Ordering> {
        match (self.as_integer(), other.as_integer()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            (Some(a), None) => compare_exactly(a, other.as_f64()),
            (None, Some(b)) => compare_exactly(b, self.as_f64()).map(Ordering::reverse),
            (None, None) => self.as_f64().partial_cmp(&other.as_f64()),
        }
    }

    /// Writes the number: of a double the fewest digits that read back equal, and always recognisably no integer.
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Number::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Number::Uint(value) => out.extend_from_slice(value.to_string().as_bytes()),
            // Plain from 1e-5 to below 1e16, with an exponent beyond.
            Number::Double(value) => out.extend_from_slice(ryu::Buffer::new().format(value).as_bytes()),
        }
    }
}

/// A finite double.
fn double(value: f64) -> Option<Number> {
    value.is_finite().then_some(Number::Double(value))
}

/// An integer to a power that is not negative, if it is in range.
fn power(base: i128, exponent: i128) -> Option<i128> {
    match base {
        0 | 1 => Some(if exponent == 0 { 1 } else { base }),
        -1 => Some(if exponent % 2 == 0 { 1 } else { -1 }),
        _ => base.checked_pow(u32::try_from(exponent).ok()?),
    }
}

/// An integer of at most 65 bits against a double that may lie between two of them.
fn compare_exactly(integer: i128, double: f64) -> Option<Ordering> {
    let whole = double.floor();
    // Beyond ±2^100 the conversion may saturate, and the order is clear already.
    let order = integer.cmp(&(whole as i128));
    Some(if order == Ordering::Equal && whole < double { Ordering::Less } else { order })
}

/// As numbers of two documents are the same: 3 is not 3.0.
impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        match (self.as_integer(), other.as_integer()) {
            (Some(a), Some(b)) => a == b,
            (None, None) => self.as_f64() == other.as_f64(),
            _ => false,
        }
    }
}
