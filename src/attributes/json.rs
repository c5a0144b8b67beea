//! Reads JSON, and text that is nearly JSON, from the left, without recursion.
//!
//! It accepts what Redis 8's filters accept in attributes: a superset of JSON that is read no further
//! than necessary.

/// Arrays nested deeper than this have no usable value.
const MAX_ARRAY_DEPTH: usize = 1000;
/// Numbers written with more characters than this have no usable value.
const MAX_NUMBER: usize = 255;

/// A value that is not an object or array, or the start of an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Number(f64),
    /// What is between the quotes, and whether it holds a backslash.
    String {
        start: usize,
        end: usize,
        escaped: bool,
    },
    /// An array inside an array: it exists, its items are never asked for.
    Nested,
}

/// A position in a text.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub text: &'a [u8],
    pub at: usize,
}

/// White space as C's `isspace` has it.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn is_number_byte(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

impl Cursor<'_> {
    pub fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    /// Skips `byte` if it is next.
    pub fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    /// Reads a string in double quotes.
    pub fn string(&mut self) -> Option<Scalar> {
        if !self.eat(b'"') {
            return None;
        }
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += memchr::memchr2(b'"', b'\\', self.text.get(self.at..)?)?;
            if self.text[self.at] == b'"' {
                let end = self.at;
                self.at += 1;
                return Some(Scalar::String { start, end, escaped });
            }
            escaped = true;
            self.at += 2;
        }
    }

    /// Reads a string, number, `true`, `false` or `null`. What follows a number is not checked.
    pub fn scalar(&mut self) -> Option<Scalar> {
        match self.peek()? {
            b'"' => self.string(),
            b'0'..=b'9' | b'-' | b'+' => {
                let run = self.number_run();
                let digits = (run.len() <= MAX_NUMBER).then_some(run)?;
                // These bytes cannot spell `inf` or `nan`: Rust accepts the same as `strtod`.
                let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
                Some(Scalar::Number(number))
            }
            _ => self.word(),
        }
    }

    /// Reads an array, passing its items to `each`. None, if an object is anywhere inside, if it
    /// nests too deep or is malformed; `each` may have seen some items by then.
    pub fn array(&mut self, mut each: impl FnMut(Scalar)) -> Option<()> {
        let mut depth = 0;
        loop {
            self.skip_space();
            if self.eat(b'[') {
                depth += 1;
                if depth > MAX_ARRAY_DEPTH {
                    return None;
                }
                if depth == 2 {
                    each(Scalar::Nested);
                }
                self.skip_space();
                if self.peek() != Some(b']') {
                    continue;
                }
            } else {
                let item = self.scalar()?;
                if depth == 1 {
                    each(item);
                }
            }
            // After a value: close as many arrays as end here, until a comma asks for more.
            loop {
                self.skip_space();
                if self.eat(b',') {
                    break;
                }
                if !self.eat(b']') {
                    return None;
                }
                depth -= 1;
                if depth == 0 {
                    return Some(());
                }
            }
        }
    }

    /// Passes over a value, more loosely than reading it: brackets are only counted, a number is
    /// any run of characters that numbers have.
    pub fn skip_value(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'{' => self.skip_brackets(b'{', b'}'),
            b'[' => self.skip_brackets(b'[', b']'),
            byte if is_number_byte(byte) => {
                self.number_run();
                Some(())
            }
            _ => self.word().map(|_| ()),
        }
    }

    fn skip_brackets(&mut self, open: u8, close: u8) -> Option<()> {
        let mut depth = 0usize;
        loop {
            let rest = self.text.get(self.at..)?;
            self.at += memchr::memchr3(b'"', open, close, rest)?;
            let byte = self.text[self.at];
            if byte == b'"' {
                self.string()?;
                continue;
            }
            self.at += 1;
            if byte == open {
                depth += 1;
                continue;
            }
            depth -= 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn number_run(&mut self) -> &[u8] {
        let start = self.at;
        while self.peek().is_some_and(is_number_byte) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    fn word(&mut self) -> Option<Scalar> {
        let rest = &self.text[self.at..];
        let (word, value) = match rest.first()? {
            b't' => ("true", Scalar::Number(1.0)),
            b'f' => ("false", Scalar::Number(0.0)),
            _ => ("null", Scalar::Null),
        };
        let after = rest.strip_prefix(word.as_bytes())?.first();
        if after.is_some_and(|&b| !is_space(b) && !matches!(b, b',' | b']' | b'}')) {
            return None;
        }
        self.at += word.len();
        Some(value)
    }
}

/// Appends `raw`, the inside of a string, with its escapes decoded.
///
/// An unknown or malformed escape loses its backslash and nothing else; half a surrogate pair
/// becomes U+FFFD.
pub(super) fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let Some((&byte, after)) = rest.split_first() else {
            return;
        };
        rest = after;
        match byte {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'u' => match code_point(rest) {
                Some((point, length)) => {
                    let mut utf8 = [0; 4];
                    out.extend_from_slice(point.encode_utf8(&mut utf8).as_bytes());
                    rest = &rest[length..];
                }
                None => out.push(b'u'),
            },
            other => out.push(other),
        }
    }
    out.extend_from_slice(rest);
}

/// The character after `\u`, and how many bytes it takes from there.
fn code_point(text: &[u8]) -> Option<(char, usize)> {
    let first = hex4(text)?;
    if let Some(point) = char::from_u32(first) {
        return Some((point, 4));
    }
    let low = text[4..].strip_prefix(b"\\u").and_then(hex4);
    match low {
        Some(low @ 0xDC00..=0xDFFF) if first < 0xDC00 => {
            let point = 0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00);
            Some((char::from_u32(point)?, 10))
        }
        _ => Some((char::REPLACEMENT_CHARACTER, 4)),
    }
}

fn hex4(text: &[u8]) -> Option<u32> {
    text.get(..4)?.iter().try_fold(0, |value, &byte| Some(value * 16 + char::from(byte).to_digit(16)?))
}
