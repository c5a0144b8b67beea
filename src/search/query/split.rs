//! How quoted text becomes words: as documents do.

use std::borrow::Cow;

/// The list of an index that names none.
pub const DEFAULT_STOP_WORDS: [&str; 33] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not", "of",
    "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "will", "with",
];

/// Lower case by Unicode's mapping; bytes that are no UTF-8 stay.
pub fn fold(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.iter().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(bytes);
    }
    let mut folded = Vec::with_capacity(bytes.len() + 4);
    for chunk in bytes.utf8_chunks() {
        for lower in chunk.valid().chars().flat_map(char::to_lowercase) {
            folded.extend_from_slice(lower.encode_utf8(&mut [0; 4]).as_bytes());
        }
        folded.extend_from_slice(chunk.invalid());
    }
    Cow::Owned(folded)
}

/// The lower-case words of a text, stop words included. A backslash makes the separator behind it part of its word.
pub fn words(text: &[u8]) -> Vec<Vec<u8>> {
    let separates =
        |byte: u8| byte <= b' ' || byte == 0x7f || (byte.is_ascii_punctuation() && byte != b'_' && byte != b'\\');
    let mut words = Vec::new();
    let mut word = Vec::new();
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => word.extend(bytes.next_if(|next| separates(*next) || *next == b'\\')),
            byte if !separates(byte) => word.push(byte),
            _ if word.is_empty() => {}
            _ => words.push(fold(&std::mem::take(&mut word)).into_owned()),
        }
    }
    if !word.is_empty() {
        words.push(fold(&word).into_owned());
    }
    words
}
