//! The option FPHA: arrays of numbers become arrays of floats of a smaller type.
//!
//! A number is rounded to the type, and stored as the double with the fewest digits that rounds to the same value in that
//! type: 0.1 stays 0.1.

use super::Error;
use super::number::Number;
use super::value::{Items, Node, Value, View};

/// A floating-point type: significant bits, the least exponent of a normal value, the largest value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FloatType {
    name: &'static str,
    precision: i32,
    min_exponent: i32,
    max: f64,
}

const TYPES: [FloatType; 4] = [
    FloatType { name: "FP16", precision: 11, min_exponent: -14, max: 65504.0 },
    FloatType { name: "BF16", precision: 8, min_exponent: -126, max: 3.389_531_389_251_535_5e38 },
    FloatType { name: "FP32", precision: 24, min_exponent: -126, max: f32::MAX as f64 },
    FloatType { name: "FP64", precision: 53, min_exponent: -1022, max: f64::MAX },
];

impl FloatType {
    /// The type of a name in any case.
    pub fn of(name: &[u8]) -> Result<FloatType, Error> {
        let found = TYPES.into_iter().find(|t| t.name.as_bytes().eq_ignore_ascii_case(name));
        found.ok_or_else(|| Error::new("invalid FPHA type"))
    }

    /// The nearest value of the type, ties to even; none if it is too large.
    fn round(self, value: f64) -> Option<f64> {
        if self.precision == 53 {
            return Some(value);
        }
        let exponent = ((value.to_bits() >> 52) & 0x7ff) as i32 - 1023;
        let unit = 2f64.powi(exponent.max(self.min_exponent) - self.precision + 1);
        let rounded = (value / unit).round_ties_even() * unit;
        (rounded.abs() <= self.max).then_some(rounded)
    }

    /// The double of the fewest digits that rounds to the same value.
    fn shortest(self, value: f64) -> Option<f64> {
        let rounded = self.round(value)?;
        let parsed = |text: String| text.parse::<f64>().ok();
        match self.name {
            "FP64" => Some(rounded),
            "FP32" => parsed(format!("{:e}", rounded as f32)),
            _ => (0..9)
                .filter_map(|digits| parsed(format!("{rounded:.digits$e}")))
                .find(|&short| self.round(short) == Some(rounded))
                .or(Some(rounded)),
        }
    }

    /// Converts all arrays in a value whose elements are all numbers.
    pub fn convert(self, value: &mut Value) -> Result<(), Error> {
        if let View::Array(items) = value.view()
            && let Some(numbers) = numbers(items)
        {
            let short = |number: Number| self.shortest(number.as_f64()).map(Value::Double);
            let converted: Option<Vec<Value>> = numbers.into_iter().map(short).collect();
            let out_of_range = || Error::new(format!("value out of range for {}", self.name));
            *value = Value::array(converted.ok_or_else(out_of_range)?);
            return Ok(());
        }
        match value {
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.convert(item)),
            Value::Object(members) => members.iter_mut().try_for_each(|(_, value)| self.convert(value)),
            Value::Large(members) => members.values_mut().try_for_each(|value| self.convert(value)),
            _ => Ok(()),
        }
    }
}

/// The numbers of an array that holds nothing else, and something.
fn numbers(items: Items) -> Option<Vec<Number>> {
    let number = |node: Node| if let View::Number(number) = node.view() { Some(number) } else { None };
    items.iter().map(number).collect::<Option<Vec<_>>>().filter(|numbers| !numbers.is_empty())
}
