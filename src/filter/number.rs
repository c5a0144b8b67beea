//! Conversion of strings to numbers by the rules of C's `strtod`, which the filter language uses.

/// The number that `text` spells from its first to its last byte, white space before it aside;
/// 0 if it does not, and for 256 bytes or more.
pub(super) fn from_string(text: &[u8]) -> f64 {
    if text.len() > 255 {
        return 0.0;
    }
    let text =
        text.iter().position(|byte| !matches!(byte, b' ' | b'\t'..=b'\r')).map_or(&[][..], |start| &text[start..]);
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let magnitude = match digits {
        [b'0'..=b'9' | b'.', ..] => match digits {
            [b'0', b'x' | b'X', hex @ ..] => hexadecimal(hex),
            _ => std::str::from_utf8(digits).ok().and_then(|s| s.parse().ok()),
        },
        _ => word(digits),
    };
    match magnitude {
        Some(number) if negative => -number,
        Some(number) => number,
        None => 0.0,
    }
}

fn word(text: &[u8]) -> Option<f64> {
    if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") {
        return Some(f64::INFINITY);
    }
    let (nan, rest) = text.split_at_checked(3)?;
    let rest_valid = match rest {
        [] => true,
        [b'(', payload @ .., b')'] => payload.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'_'),
        _ => false,
    };
    (nan.eq_ignore_ascii_case(b"nan") && rest_valid).then_some(f64::NAN)
}

/// The number after `0x`: hexadecimal digits, perhaps a point, perhaps `p` and a power of two.
fn hexadecimal(text: &[u8]) -> Option<f64> {
    let end = text.iter().position(|&b| matches!(b, b'p' | b'P'));
    let (digits, exponent) = match end {
        Some(end) => (&text[..end], power(&text[end + 1..])?),
        None => (text, 0),
    };
    let mut mantissa = 0u64;
    let mut shift = 0i32;
    let mut point = false;
    let mut any = false;
    for &byte in digits {
        if byte == b'.' && !point {
            point = true;
            continue;
        }
        let digit = char::from(byte).to_digit(16)?;
        any = true;
        if mantissa >> 58 == 0 {
            mantissa = mantissa << 4 | u64::from(digit);
            shift -= if point { 4 } else { 0 };
        } else {
            // No room: what is left only decides how the last bit is rounded.
            mantissa |= u64::from(digit != 0);
            shift += if point { 0 } else { 4 };
        }
    }
    any.then(|| scale(mantissa as f64, shift + exponent))
}

fn power(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits
        .iter()
        .try_fold(0, |sum: i32, &byte| Some((sum * 10 + char::from(byte).to_digit(10)? as i32).min(10_000)))?;
    Some(if negative { -magnitude } else { magnitude })
}

/// `number` times a power of two, in steps that stay within the range of doubles.
fn scale(mut number: f64, mut power: i32) -> f64 {
    while power != 0 && number != 0.0 && number.is_finite() {
        let step = power.clamp(-1000, 1000);
        number *= 2f64.powi(step);
        power -= step;
    }
    number
}
