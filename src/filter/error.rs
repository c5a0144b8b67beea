//! Syntax errors, with their positions.

use super::{MAX_DEPTH, MAX_TEXT};
use std::fmt;

/// A syntax error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The byte at which the offending piece starts; the length of the text, if something is
    /// missing at its end.
    pub position: usize,
    /// What is wrong there.
    pub kind: ErrorKind,
}

/// The kinds of syntax errors.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nothing but white space.
    Empty,
    /// Longer than [`MAX_TEXT`].
    TooLong,
    /// Deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A character that starts nothing.
    Character(u8),
    /// A word or a run of operator characters that is no operator.
    Word,
    /// A number that cannot be read.
    Number,
    /// A string without its closing quote.
    Unterminated,
    /// An array that cannot be read from here.
    Array,
    /// A field without a key.
    Key,
    /// A dollar sign without a name.
    Parameter,
    /// A value is missing.
    Operand,
    /// An operator is missing.
    Operator,
    /// A parenthesis that is never closed.
    Unclosed,
    /// A closing parenthesis or comma that belongs to nothing.
    Unopened,
    /// `exists` of something else than a field.
    Field,
    /// A function with the wrong number of arguments.
    Arguments {
        /// The function.
        function: &'static str,
        /// How many it takes.
        takes: usize,
    },
}

impl Error {
    /// The rest of `text`, the expression that was parsed, from the error on; all of it, if
    /// something is missing at its end.
    pub fn near<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        match text.get(self.position..) {
            None | Some([]) => text,
            Some(rest) => rest,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ErrorKind::Empty => write!(f, "empty expression"),
            ErrorKind::TooLong => write!(f, "expression longer than {MAX_TEXT} bytes"),
            ErrorKind::TooDeep => write!(f, "nested deeper than {MAX_DEPTH}"),
            ErrorKind::Character(byte) => {
                write!(f, "unexpected character '{}'", byte.escape_ascii())
            }
            ErrorKind::Word => write!(f, "unknown operator"),
            ErrorKind::Number => write!(f, "malformed number"),
            ErrorKind::Unterminated => write!(f, "string without closing quote"),
            ErrorKind::Array => write!(f, "malformed array"),
            ErrorKind::Key => write!(f, "a key must follow the dot"),
            ErrorKind::Parameter => write!(f, "a name must follow the dollar sign"),
            ErrorKind::Operand => write!(f, "missing value"),
            ErrorKind::Operator => write!(f, "missing operator"),
            ErrorKind::Unclosed => write!(f, "parenthesis without its closing one"),
            ErrorKind::Unopened => write!(f, "nothing is open here"),
            ErrorKind::Field => write!(f, "exists takes a field"),
            ErrorKind::Arguments { function, takes } => {
                write!(f, "{function} takes {takes} arguments")
            }
        }?;
        write!(f, " at byte {}", self.position)
    }
}

impl std::error::Error for Error {}
