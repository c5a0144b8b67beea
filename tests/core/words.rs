//! The real word vectors.

use std::path::Path;

/// 20,000 words and their vectors of 100 components.
pub fn load() -> Vec<(String, Vec<f32>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
    let words = std::fs::read_to_string(folder.join("words-20k.txt")).expect("the words");
    let bytes = std::fs::read(folder.join("words-20k-100d.f16")).expect("the vectors");
    let vectors = bytes
        .chunks_exact(200)
        .map(|row| row.chunks_exact(2).map(|b| half(u16::from_le_bytes([b[0], b[1]]))).collect::<Vec<f32>>());
    words.lines().map(String::from).zip(vectors).collect()
}

/// IEEE 754 binary16 to binary32.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 != 0 { -1.0 } else { 1.0 };
    let (exponent, fraction) = ((bits >> 10 & 31) as i32, (bits & 1023) as f32);
    match exponent {
        0 => sign * fraction * 2f32.powi(-24),
        _ => sign * (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}
