//! Conversion between numbers and text.

/// A number as the engine prints what it computed: whole numbers below 2^63 in full, all others with twelve
/// significant digits, as C's `%.12g`.
pub fn format_number(number: f64) -> String {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf".into() } else { "-inf".into() };
    }
    if number.fract() == 0.0 && number.abs() < 9_223_372_036_854_775_808.0 {
        return (number as i64).to_string();
    }
    let scientific = format!("{number:.11e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("an exponent");
    let exponent: i32 = exponent.parse().expect("a number");
    if (-4..12).contains(&exponent) {
        return trim_zeros(&format!("{number:.*}", (11 - exponent) as usize)).into();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim_zeros(mantissa), exponent.abs())
}

fn trim_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// A number with at most this many significant digits, as C's `%g`, whose exponent has no zeros in front.
pub fn format_digits(number: f64, digits: usize) -> String {
    if !number.is_finite() {
        return format_number(number);
    }
    let scientific = format!("{number:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').expect("an exponent");
    let exponent: i32 = exponent.parse().expect("a number");
    if (-4..digits as i32).contains(&exponent) {
        return trim_zeros(&format!("{number:.*}", (digits as i32 - 1 - exponent) as usize)).into();
    }
    format!("{}e{}{}", trim_zeros(mantissa), if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// A number in the shortest form that reads back the same.
pub fn format_exact(number: f64) -> String {
    let short = format_number(number);
    if short.parse() == Ok(number) || !number.is_finite() { short } else { number.to_string() }
}

/// A decimal or exponent number, `inf`, `+inf`, `-inf` in any case; no spaces, no `nan`, no hexadecimal.
pub fn parse_number(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.eq_ignore_ascii_case("inf") || digits.eq_ignore_ascii_case("infinity") {
        return text.parse().ok();
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_with_twelve_digits() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (15241578496.0, "15241578496"),
            (1e18, "1000000000000000000"),
            (1e19, "1e+19"),
            (0.5, "0.5"),
            (6.709584236150001, "6.70958423615"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (123456789012.5, "123456789012"),
            (1234567890123.5, "1.23456789012e+12"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
            (0.771_500_051_021_575_9, "0.771500051022"),
            (1e-300, "1e-300"),
        ] {
            assert_eq!(format_number(number), text, "{number:e}");
        }
    }

    #[test]
    fn numbers_print_with_any_number_of_digits() {
        assert_eq!(format_digits(0.1, 17), "0.10000000000000001");
        assert_eq!(format_digits(3.0, 17), "3");
        assert_eq!(format_digits(2.288818359375e-5, 17), "2.288818359375e-5");
        assert_eq!(format_exact(1700000000.123456), "1700000000.123456");
        assert_eq!(format_exact(1.5), "1.5");
    }

    #[test]
    fn numbers_are_decimal() {
        assert_eq!(parse_number(b"+5."), Some(5.0));
        assert_eq!(parse_number(b".5"), Some(0.5));
        assert_eq!(parse_number(b"-INF"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_number(b"1e3"), Some(1000.0));
        for bad in ["", "nan", "0x10", " 1", "1 ", "1_000", "1,5", "-", "e5", "."] {
            assert_eq!(parse_number(bad.as_bytes()), None, "{bad}");
        }
    }
}
