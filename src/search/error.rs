//! Every error of the `FT.*` commands: the text that clients look for, and the code word of newer versions.

use std::fmt::{Display, Formatter, Result};

/// Why a command was refused.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    /// `SEARCH_SYNTAX` and the like, empty for texts that never had one. Not part of [`Error::text`].
    pub code: &'static str,
    text: Vec<u8>,
}

pub const ADD_ARGS: &str = "SEARCH_ADD_ARGS";
pub const ARG_UNRECOGNIZED: &str = "SEARCH_ARG_UNRECOGNIZED";
pub const EXPR: &str = "SEARCH_EXPR";
pub const FIELD_DUP: &str = "SEARCH_FIELD_DUP";
pub const INDEX_EXISTS: &str = "SEARCH_INDEX_EXISTS";
pub const LIMIT_OVER: &str = "SEARCH_LIMIT_OVER";
pub const NUMERIC_VALUE_INVALID: &str = "SEARCH_NUMERIC_VALUE_INVALID";
pub const OPTION_INVALID: &str = "SEARCH_OPTION_INVALID";
pub const PARAM_DUP: &str = "SEARCH_PARAM_DUP";
pub const PARAM_NOT_FOUND: &str = "SEARCH_PARAM_NOT_FOUND";
pub const PARSE_ARGS: &str = "SEARCH_PARSE_ARGS";
pub const PROP_NOT_FOUND: &str = "SEARCH_PROP_NOT_FOUND";
pub const QUERY_BAD: &str = "SEARCH_QUERY_BAD";
pub const SYNTAX: &str = "SEARCH_SYNTAX";
pub const VALUE_BAD: &str = "SEARCH_VALUE_BAD";
pub const VALUE_NOT_FOUND: &str = "SEARCH_VALUE_NOT_FOUND";

impl Error {
    /// An error with a code word (or `""`) and a text without it.
    pub fn new(code: &'static str, text: impl Into<Vec<u8>>) -> Error {
        Error { code, text: text.into() }
    }

    /// A text whose `%` stands for bytes of the client's, one after the other.
    pub fn quoting(code: &'static str, pattern: &str, quoted: &[&[u8]]) -> Error {
        let mut quoted = quoted.iter();
        let mut text = Vec::new();
        for byte in pattern.bytes() {
            match byte {
                b'%' => text.extend_from_slice(quoted.next().expect("bytes for every %")),
                byte => text.push(byte),
            }
        }
        Error { code, text }
    }

    /// The text for an error reply: one line, whatever bytes it quotes.
    pub fn text(&self) -> Vec<u8> {
        self.text.iter().map(|byte| if byte.is_ascii_control() { b' ' } else { *byte }).collect()
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter) -> Result {
        f.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut Formatter) -> Result {
        write!(f, "{} {self}", self.code)
    }
}

impl std::error::Error for Error {}
