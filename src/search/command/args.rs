//! Parsers of single arguments, and errors that name them.

pub use crate::args::{Args, is_word};
use crate::search::error::{ARG_UNRECOGNIZED, Error, PARSE_ARGS};

pub const MISSING: &str = "Expected an argument, but none provided";
pub const UNCONVERTIBLE: &str = "Could not convert argument to expected type";
pub const OUTSIDE: &str = "Value is outside acceptable bounds";

/// `Bad arguments for NAME: reason`
pub fn bad(name: &str, reason: &str) -> Error {
    Error::new(PARSE_ARGS, format!("Bad arguments for {name}: {reason}"))
}

/// A word that no option begins with.
pub fn unknown(word: &[u8]) -> Error {
    Error::quoting(ARG_UNRECOGNIZED, "Unknown argument `%`", &[word])
}

/// An argument in capitals, to compare with option names.
pub fn upper(argument: &[u8]) -> Vec<u8> {
    argument.to_ascii_uppercase()
}

/// A decimal integer.
pub fn integer(argument: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(argument).ok()?;
    text.parse().ok()
}

/// An integer within bounds, or the reason why it is invalid.
pub fn integer_within(argument: &[u8], min: i64, max: i64) -> Result<i64, &'static str> {
    let number = integer(argument).ok_or(UNCONVERTIBLE)?;
    if (min..=max).contains(&number) { Ok(number) } else { Err(OUTSIDE) }
}

/// The value after the name of an option.
pub trait OptionArgs<'a> {
    /// The one word of an option.
    fn value(&mut self, option: &str) -> Result<&'a [u8], Error>;

    /// The integer of an option, not below `min`.
    fn integer(&mut self, option: &str, min: i64) -> Result<i64, Error>;

    /// `n word…` of an option.
    fn counted(&mut self, option: &str) -> Result<&'a [&'a [u8]], Error>;
}

impl<'a> OptionArgs<'a> for Args<'a> {
    fn value(&mut self, option: &str) -> Result<&'a [u8], Error> {
        self.next().ok_or_else(|| bad(option, MISSING))
    }

    fn integer(&mut self, option: &str, min: i64) -> Result<i64, Error> {
        integer_within(self.value(option)?, min, i64::MAX).map_err(|reason| bad(option, reason))
    }

    fn counted(&mut self, option: &str) -> Result<&'a [&'a [u8]], Error> {
        let count = self.integer(option, 0)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.take(count).ok_or_else(|| bad(option, MISSING))
    }
}

/// Owned copies.
pub fn owned(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}
