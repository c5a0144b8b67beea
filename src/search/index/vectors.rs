//! Vectors of documents, converted to the field's element type.

use serde_json::Value as Json;

use crate::search::schema::{Element, Metric, VectorOptions};

/// The components in single precision, as the index of vectors takes them.
pub fn decode(bytes: &[u8], element: Element) -> Vec<f32> {
    match element {
        Element::Float32 => bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
        _ => components(bytes, element).into_iter().map(|component| component as f32).collect(),
    }
}

/// Whether all components are numbers.
pub fn finite(bytes: &[u8], element: Element) -> Result<(), String> {
    let all = match element {
        Element::Float32 => bytes.as_chunks().0.iter().all(|&bytes| f32::from_le_bytes(bytes).is_finite()),
        Element::Float64 => bytes.as_chunks().0.iter().all(|&bytes| (f64::from_le_bytes(bytes) as f32).is_finite()),
        Element::Float16 => bytes.as_chunks().0.iter().all(|&bytes| u16::from_le_bytes(bytes) & 0x7c00 != 0x7c00),
        Element::Bfloat16 => bytes.as_chunks().0.iter().all(|&bytes| u16::from_le_bytes(bytes) & 0x7f80 != 0x7f80),
        Element::Int8 | Element::Uint8 => true,
    };
    if all { Ok(()) } else { Err("Could not add vector with a component that is not finite".into()) }
}

/// The bytes of an array of numbers, or those that a string of hex digits or base64 encodes, if they are as many as a
/// vector has: published programs store blobs in JSON like that.
///
/// # Errors
/// If the value is no vector of this field, with the reason that FT.INFO shows.
pub fn from_json(options: &VectorOptions, value: &Json) -> Result<Vec<u8>, String> {
    if let Json::String(text) = value {
        let length = options.dim * options.element.size();
        let bytes = from_hex(text, length).or_else(|| from_base64(text, length));
        let bytes =
            bytes.ok_or("Invalid JSON type: a vector must be an array of numbers, or its bytes as hex or base64")?;
        finite(&bytes, options.element)?;
        return Ok(bytes);
    }
    let Json::Array(components) = value else {
        return Err("Invalid JSON type: a vector must be an array of numbers".into());
    };
    if components.len() != options.dim {
        return Err(format!("Invalid vector length. Expected {}, got {}", options.dim, components.len()));
    }
    let mut bytes = Vec::with_capacity(options.dim * options.element.size());
    for component in components {
        put_component(&mut bytes, component, options.element)
            .ok_or("Invalid JSON type: the components of a vector must be numbers that fit its type")?;
    }
    finite(&bytes, options.element)?;
    Ok(bytes)
}

/// So many bytes, two hex digits each.
fn from_hex(text: &str, length: usize) -> Option<Vec<u8>> {
    if text.len() != 2 * length {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    text.as_bytes().as_chunks().0.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// So many bytes in base64 with its usual alphabet, padded or not.
fn from_base64(text: &str, length: usize) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    if text.len() > length.div_ceil(3) * 4 || digits.len() != (8 * length).div_ceil(6) {
        return None;
    }
    let mut bytes = Vec::with_capacity(length);
    let (mut bits, mut held) = (0u32, 0);
    for &digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

fn put_component(bytes: &mut Vec<u8>, component: &Json, element: Element) -> Option<()> {
    match element {
        Element::Float64 => bytes.extend_from_slice(&component.as_f64()?.to_le_bytes()),
        Element::Float32 => bytes.extend_from_slice(&(component.as_f64()? as f32).to_le_bytes()),
        Element::Float16 => bytes.extend_from_slice(&half(component.as_f64()? as f32).to_le_bytes()),
        Element::Bfloat16 => bytes.extend_from_slice(&brain(component.as_f64()? as f32).to_le_bytes()),
        Element::Int8 => bytes.push(i8::try_from(component.as_i64()?).ok()? as u8),
        Element::Uint8 => bytes.push(u8::try_from(component.as_i64()?).ok()?),
    }
    Some(())
}

/// The components of a vector. Those of the small types are whole.
fn components(bytes: &[u8], element: Element) -> Vec<f64> {
    match element {
        Element::Float32 => bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes).into()).collect(),
        Element::Float64 => bytes.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect(),
        Element::Float16 => bytes.as_chunks().0.iter().map(|&bytes| whole(u16::from_le_bytes(bytes))).collect(),
        Element::Bfloat16 => {
            let widened = |&bytes: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16).into();
            bytes.as_chunks().0.iter().map(widened).collect()
        }
        Element::Int8 => bytes.iter().map(|byte| f64::from(*byte as i8)).collect(),
        Element::Uint8 => bytes.iter().map(|byte| f64::from(*byte)).collect(),
    }
}

/// The value of a finite binary16.
fn whole(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-14),
        _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// A vector that is asked for, ready for the distances that clients see: in double precision.
pub struct ExactDistance {
    metric: Metric,
    element: Element,
    query: Vec<f64>,
    /// The sum of its squares.
    squares: f64,
}

impl ExactDistance {
    /// None if the bytes have not the field's length.
    pub fn new(options: &VectorOptions, query: &[u8]) -> Option<ExactDistance> {
        if query.len() != options.dim * options.element.size() {
            return None;
        }
        let query = components(query, options.element);
        let squares = query.iter().map(|x| x * x).sum();
        Some(ExactDistance { metric: options.metric, element: options.element, query, squares })
    }

    /// The distance to another vector. None if its bytes have not the field's length.
    pub fn to(&self, other: &[u8]) -> Option<f64> {
        if other.len() != self.query.len() * self.element.size() {
            return None;
        }
        Some(match self.metric {
            Metric::L2 => self.sum(other, |x, y| (x - y) * (x - y)),
            Metric::InnerProduct => 1.0 - self.sum(other, |x, y| x * y),
            Metric::Cosine => match (self.squares * self.sum(other, |_, y| y * y)).sqrt() {
                0.0 => 1.0,
                norms => (1.0 - self.sum(other, |x, y| x * y) / norms).max(0.0),
            },
        })
    }

    /// The sum of `term` over each pair of components.
    fn sum(&self, other: &[u8], term: impl Fn(f64, f64) -> f64) -> f64 {
        match self.element {
            Element::Float32 => in_lanes(&self.query, other.as_chunks().0, |y| f32::from_le_bytes(*y).into(), term),
            Element::Float64 => in_lanes(&self.query, other.as_chunks().0, |y| f64::from_le_bytes(*y), term),
            _ => in_lanes(&self.query, &components(other, self.element), |y| *y, term),
        }
    }
}

/// Sums in eight lanes, which a processor adds side by side.
fn in_lanes<Y>(query: &[f64], other: &[Y], read: impl Fn(&Y) -> f64, term: impl Fn(f64, f64) -> f64) -> f64 {
    const LANES: usize = 8;
    let ((query, query_rest), (other, other_rest)) = (query.as_chunks::<LANES>(), other.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (x, y) in query.iter().zip(other) {
        for lane in 0..LANES {
            sums[lane] += term(x[lane], read(&y[lane]));
        }
    }
    let rest = query_rest.iter().zip(other_rest).map(|(x, y)| term(*x, read(y)));
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

/// The distance of two vectors as clients see it. None if one has not the field's length.
#[cfg(test)]
pub fn exact_distance(options: &VectorOptions, one: &[u8], other: &[u8]) -> Option<f64> {
    ExactDistance::new(options, one)?.to(other)
}

/// The nearest bfloat16, of two the even one.
fn brain(number: f32) -> u16 {
    let bits = number.to_bits();
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

/// The nearest binary16, of two the even one.
fn half(number: f32) -> u16 {
    let sign = (number.to_bits() >> 16 & 0x8000) as u16;
    // In units of the least step that binary16 has at this size: rounding to a whole number is rounding to binary16.
    let exponent = ((number.to_bits() >> 23 & 0xff) as i32 - 127).max(-14);
    let steps = (f64::from(number.abs()) * 2f64.powi(10 - exponent)).round_ties_even() as u32;
    // A carry out of the fraction runs into the exponent, as it should.
    let bits = steps.saturating_add(((exponent + 14) as u32) << 10);
    sign | bits.min(0x7c00) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_the_nearest() {
        for bits in 0..0x7bff {
            let (low, high) = (whole(bits), whole(bits + 1));
            assert_eq!(half(low as f32), bits);
            assert_eq!(half(-low as f32), bits | 0x8000);
            assert_eq!(half((low * 0.6 + high * 0.4) as f32), bits);
            assert_eq!(half(((low + high) / 2.0) as f32), bits + (bits & 1));
        }
        assert_eq!((half(65504.0), half(1e6), half(f32::INFINITY)), (0x7bff, 0x7c00, 0x7c00));
        assert_eq!((brain(1.0), brain(-2.0)), (0x3f80, 0xc000));
    }

    #[test]
    fn blobs_are_read_from_hex_and_base64() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..=64 {
            let blob = &bytes[255 - length..255];
            let hex: String = blob.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(from_hex(&hex, length).as_deref(), Some(blob));
            assert_eq!(from_hex(&hex, length + 1), None);
        }
        // The samples of RFC 4648, section 10.
        for (text, blob) in [("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg", "foob"), ("Zm9vYmFy", "foobar")]
        {
            assert_eq!(from_base64(text, blob.len()).as_deref(), Some(blob.as_bytes()));
            assert_eq!(from_base64(text, blob.len() + 1), None);
        }
        assert_eq!(from_base64("Zm9 ", 3), None);
        assert_eq!(from_hex("zz", 1), None);
    }
}
