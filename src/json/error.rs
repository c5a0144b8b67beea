//! Errors of the `JSON.*` commands, with their texts.

use std::fmt;

/// Why a command did nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// Too few or too many arguments.
    Arity,
    /// The key holds something else.
    WrongType,
    /// All others, with the text behind `ERR `.
    Failed(String),
    /// A legacy path selects another kind of value: the expected and the actual kind.
    Kind(&'static str, &'static str),
}

impl Error {
    /// An error of this text.
    pub fn new(text: impl Into<String>) -> Error {
        Error::Failed(text.into())
    }

    /// A legacy path leads to nothing.
    pub fn no_path(path: &str) -> Error {
        Error::Failed(format!("Path '{}' does not exist", path.escape_debug()))
    }

    /// A command that changes a document finds none.
    pub fn no_document() -> Error {
        Error::new("could not perform this operation on a key that doesn't exist")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Arity => f.write_str("ERR wrong number of arguments"),
            Error::WrongType => f.write_str("WRONGTYPE Existing key has wrong Redis type"),
            Error::Failed(text) => write!(f, "ERR {text}"),
            Error::Kind(wanted, found) => {
                write!(f, "WRONGTYPE wrong type of path value - expected {wanted} but found {found}")
            }
        }
    }
}
