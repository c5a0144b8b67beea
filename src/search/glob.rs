//! Glob patterns of keys, as in KEYS and SCAN: `*`, `?`, `[a-z]`, `[^a-z]`, and `\\` as escape.

use std::fmt::Write;
use std::sync::Arc;

use regex::bytes::Regex;

/// A pattern that a whole key has to match. Takes time linear in the key's length.
#[derive(Clone, Debug)]
pub struct Glob {
    pattern: Arc<[u8]>,
    regex: Regex,
    start: Vec<u8>,
}

/// Longer patterns are refused.
const MAX_PATTERN: usize = 1000;

impl PartialEq for Glob {
    fn eq(&self, other: &Glob) -> bool {
        self.pattern == other.pattern
    }
}

impl Glob {
    /// None if the pattern is longer than 1000 bytes.
    pub fn new(pattern: &[u8]) -> Option<Glob> {
        if pattern.len() > MAX_PATTERN {
            return None;
        }
        let (mut text, mut start, mut is_literal) = (String::from("(?s-u)^"), Vec::new(), true);
        let mut rest = pattern;
        while let Some((&first, behind)) = rest.split_first() {
            rest = behind;
            let literal = match first {
                b'*' => {
                    text.push_str(if text.ends_with(".*") { "" } else { ".*" });
                    None
                }
                b'?' => {
                    text.push('.');
                    None
                }
                b'[' => {
                    rest = class(behind, &mut text);
                    None
                }
                b'\\' if !behind.is_empty() => {
                    rest = &behind[1..];
                    Some(behind[0])
                }
                byte => Some(byte),
            };
            is_literal &= literal.is_some();
            if let Some(byte) = literal {
                let _ = write!(text, "\\x{byte:02x}");
                start.extend(is_literal.then_some(byte));
            }
        }
        text.push('$');
        let regex = Regex::new(&text).ok()?;
        Some(Glob { pattern: pattern.into(), regex, start })
    }

    /// Whether a text has any of the signs that make it a pattern.
    pub fn is_pattern(text: &[u8]) -> bool {
        text.iter().any(|byte| b"*?[".contains(byte))
    }

    /// What all keys that match begin with.
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// Whether a key matches.
    pub fn matches(&self, key: &[u8]) -> bool {
        self.regex.is_match(key)
    }
}

/// Parses a class after its opening bracket; it may be closed by the end of the pattern. Returns the rest.
fn class<'a>(mut rest: &'a [u8], text: &mut String) -> &'a [u8] {
    let is_negated = rest.first() == Some(&b'^');
    rest = &rest[usize::from(is_negated)..];
    // A class of a regular expression must not be empty: these are none, and all.
    text.push_str(if is_negated { "[^" } else { "[" });
    let from = text.len();
    loop {
        rest = match *rest {
            [] => break,
            [b']', ref behind @ ..] => {
                rest = behind;
                break;
            }
            [b'\\', byte, ref behind @ ..] => {
                let _ = write!(text, "\\x{byte:02x}");
                behind
            }
            [from, b'-', to, ref behind @ ..] => {
                let _ = write!(text, "\\x{:02x}-\\x{:02x}", from.min(to), from.max(to));
                behind
            }
            [byte, ref behind @ ..] => {
                let _ = write!(text, "\\x{byte:02x}");
                behind
            }
        };
    }
    if text.len() == from {
        text.truncate(from - 1 - usize::from(is_negated));
        text.push_str(if is_negated { "." } else { "[^\\x00-\\xff" });
    }
    if !text.ends_with('.') {
        text.push(']');
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_match_as_redis_matches_them() {
        for (pattern, matching, others) in [
            ("doc:*", &["doc:", "doc:1", "doc:a:b"][..], &["doc", "xdoc:1"][..]),
            ("d?c", &["doc", "d\nc"], &["dc", "dooc"]),
            ("*", &["", "a", "\n"], &[]),
            ("[a-c]1", &["a1", "c1"], &["d1", "a", "-1"]),
            ("[c-a]1", &["b1"], &["d1"]),
            ("[^a-c]1", &["d1", "\n1"], &["a1", "1"]),
            ("[a\\-c]1", &["a1", "-1", "c1"], &["b1"]),
            ("[]x", &[], &["x", "]x"]),
            ("[^]x", &["ax"], &["x"]),
            ("[ab", &["a", "b"], &["", "[ab", "ab"]),
            ("a.c", &["a.c"], &["abc"]),
            ("\\*", &["*"], &["a"]),
            ("a\\", &["a\\"], &["a"]),
            ("(a|b)+{2}^$", &["(a|b)+{2}^$"], &["a"]),
        ] {
            let glob = Glob::new(pattern.as_bytes()).expect("a pattern");
            matching.iter().for_each(|key| assert!(glob.matches(key.as_bytes()), "{pattern} {key}"));
            others.iter().for_each(|key| assert!(!glob.matches(key.as_bytes()), "{pattern} {key}"));
        }
        let bytes = Glob::new(b"\xff[\x80-\xfe]?*").expect("a pattern");
        assert!(bytes.matches(b"\xff\x90\xc3") && !bytes.matches(b"\xff\x01\xc3"));
        assert_eq!(bytes.start(), b"\xff");
        assert!(Glob::new(&[b'*'; 1000]).expect("a pattern").matches(&[b'a'; 100_000]));
        assert!(Glob::new(&[b'*'; 1001]).is_none());
    }
}
