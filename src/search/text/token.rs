//! The tokenizer of texts.

use super::fold;

/// Bytes of a word at most; the rest is cut off.
pub const MAX_TOKEN: usize = 4096;

/// A word of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Lower case, without backslashes.
    pub word: Vec<u8>,
    /// Its range in the text, backslashes included.
    pub at: std::ops::Range<usize>,
}

/// Whether a byte separates words: ASCII punctuation but `_` and the backslash, spaces and control characters.
fn separates(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f || (byte.is_ascii_punctuation() && byte != b'_' && byte != b'\\')
}

/// The words of a text, stop words included. A backslash makes the separator behind it part of its word.
pub fn tokens(text: &[u8]) -> Tokens<'_> {
    Tokens { text, at: 0 }
}

/// See [`tokens`].
pub struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            while separates(*self.text.get(self.at)?) {
                self.at += 1;
            }
            let from = self.at;
            let rest = &self.text[from..];
            let plain = rest.iter().position(|byte| separates(*byte) || *byte == b'\\').unwrap_or(rest.len());
            if rest.get(plain) != Some(&b'\\') {
                self.at += plain;
                return Some(Token { word: cut(&fold(&rest[..plain]), MAX_TOKEN).to_vec(), at: from..self.at });
            }
            let mut word = Vec::new();
            while let Some(byte) = self.text.get(self.at).filter(|byte| !separates(**byte)) {
                let escaped = self.text.get(self.at + 1).filter(|next| separates(**next) || **next == b'\\');
                match (byte, escaped) {
                    (b'\\', Some(next)) => {
                        word.push(*next);
                        self.at += 2;
                    }
                    (b'\\', None) => self.at += 1,
                    _ => {
                        word.push(*byte);
                        self.at += 1;
                    }
                }
            }
            if !word.is_empty() {
                return Some(Token { word: cut(&fold(&word), MAX_TOKEN).to_vec(), at: from..self.at });
            }
        }
    }
}

/// A prefix of a word, of at most this many bytes, not ending within a character.
pub fn cut(word: &[u8], most: usize) -> &[u8] {
    if word.len() <= most {
        return word;
    }
    let mut end = most;
    while end > most.saturating_sub(4) && word[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    &word[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text.as_bytes()).map(|token| String::from_utf8(token.word).unwrap()).collect()
    }

    #[test]
    fn texts_split_as_the_language_says() {
        for (text, expected) in [
            ("well\\-known", "well-known"),
            ("a\\b \\", "ab"),
            ("3.14 and -5", "3 14 and 5"),
            ("O'Neil foo_bar C++", "o neil foo_bar c"),
            ("a.b@c.org", "a b c org"),
            ("line one\nline\ttwo\r\x00x", "line one line two x"),
            ("“curly” — ДА", "“curly” — да"),
            ("a\\\\b", "a\\b"),
            ("...", ""),
        ] {
            assert_eq!(words(text).join(" "), expected, "{text}");
        }
        let token = tokens(b" a\\-B!").next().unwrap();
        assert_eq!((&token.word[..], token.at), (&b"a-b"[..], 1..5));
        assert_eq!(cut("aé".as_bytes(), 2), b"a");
    }
}
