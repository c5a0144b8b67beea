//! Parsers of integers and doubles, with the server's rules.

pub use crate::args::{Args, is_word};

/// An integer in its one canonical form: no plus, no leading zeros, no spaces.
pub fn integer(arg: &[u8]) -> Option<i64> {
    let digits = arg.strip_prefix(b"-").unwrap_or(arg);
    let canonical = match digits {
        b"0" => digits.len() == arg.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(arg).ok()?.parse().ok()
}

/// A double as C's strtod reads it from the whole argument: also hexadecimal and infinite; but not
/// NaN, and nothing that is too large for a double or vanishes in it.
pub fn double(arg: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(arg).ok()?;
    let digits = text.trim_start_matches(['+', '-']);
    if digits.len() + 1 < text.len() {
        return None;
    }
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        let value = hexadecimal(hex)?;
        return Some(if text.starts_with('-') { -value } else { value });
    }
    let value: f64 = text.parse().ok()?;
    let starts_with_digit = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let vanished = || digits.split(['e', 'E']).next().is_some_and(|m| m.contains(|c| ('1'..='9').contains(&c)));
    match value {
        v if v.is_nan() => None,
        v if v.is_infinite() && starts_with_digit => None,
        v if v == 0.0 && vanished() => None,
        v => Some(v),
    }
}

/// Digits behind 0x, with fraction and binary exponent. Digits beyond the 53 bits of a double are
/// cut off, not rounded: no program writes vectors so.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.split_once(['p', 'P']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0f64;
    for digit in whole.chars() {
        value = value * 16.0 + digit.to_digit(16)? as f64;
    }
    let mut unit = 1.0 / 16.0;
    for digit in fraction.chars() {
        value += digit.to_digit(16)? as f64 * unit;
        unit /= 16.0;
    }
    let scaled = value * 2f64.powi(exponent.clamp(-1100, 1100));
    (scaled.is_finite() && (scaled != 0.0 || value == 0.0)).then_some(scaled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_form() {
        for (text, value) in [("0", 0), ("7", 7), ("-7", -7), ("9223372036854775807", i64::MAX)] {
            assert_eq!(integer(text.as_bytes()), Some(value));
        }
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        for text in ["", "-", "+1", "01", "-0", " 1", "1 ", "0x1", "1e3", "9223372036854775808", "1.0", "a"] {
            assert_eq!(integer(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn doubles_as_strtod_reads_them() {
        for (text, value) in [
            ("1", 1.0),
            ("+1", 1.0),
            ("-1.5", -1.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("1E-3", 0.001),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x10", 16.0),
            ("-0x1.8p1", -3.0),
            ("0", 0.0),
            ("0e5", 0.0),
            ("0.000e-999", 0.0),
            ("1e39", 1e39),
        ] {
            assert_eq!(double(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["", "nan", "-nan", " 1", "1 ", "1x", "1e400", "1e-400", "--1", "+-1", "0x", "0xg", "e5", "."] {
            assert_eq!(double(text.as_bytes()), None, "{text}");
        }
    }
}
