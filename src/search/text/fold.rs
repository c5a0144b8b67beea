//! Lower case by Unicode's full mapping, character by character (a final sigma is not special). Bytes that are no UTF-8 stay.

use std::borrow::Cow;

/// The bytes in lower case.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_case_is_that_of_unicode_and_other_bytes_stay() {
        for (from, to) in
            [("abc 1", "abc 1"), ("ÉCLAIR Straße ẞ", "éclair straße ß"), ("İΣ", "i\u{307}σ"), ("МИР", "мир")]
        {
            assert_eq!(*fold(from.as_bytes()), *to.as_bytes());
        }
        assert_eq!(*fold(b"A\xff\xc3B"), *b"a\xff\xc3b");
    }
}
