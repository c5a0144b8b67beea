//! A cursor over a command's words, and what they may be.

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

/// Whether an argument is this word, in any case.
pub fn is_word(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
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

/// An integer within bounds; the reason why it is none.
pub fn integer_within(argument: &[u8], min: i64, max: i64) -> Result<i64, &'static str> {
    let number = integer(argument).ok_or(UNCONVERTIBLE)?;
    if (min..=max).contains(&number) { Ok(number) } else { Err(OUTSIDE) }
}

/// Words from left to right.
#[derive(Clone, Debug)]
pub struct Args<'a> {
    rest: &'a [&'a [u8]],
}

impl<'a> Args<'a> {
    /// From the first of these on.
    pub fn new(rest: &'a [&'a [u8]]) -> Args<'a> {
        Args { rest }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn len(&self) -> usize {
        self.rest.len()
    }

    pub fn peek(&self) -> Option<&'a [u8]> {
        self.rest.first().copied()
    }

    #[allow(clippy::should_implement_trait)] // an iterator promises more than is needed
    pub fn next(&mut self) -> Option<&'a [u8]> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// The next `n` words, if there are so many.
    pub fn take(&mut self, n: usize) -> Option<&'a [&'a [u8]]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    /// Takes the next word if it is this one, in any case.
    pub fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|next| is_word(next, word));
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    /// The one word of an option.
    pub fn value(&mut self, option: &str) -> Result<&'a [u8], Error> {
        self.next().ok_or_else(|| bad(option, MISSING))
    }

    /// The integer of an option, not below `min`.
    pub fn integer(&mut self, option: &str, min: i64) -> Result<i64, Error> {
        integer_within(self.value(option)?, min, i64::MAX).map_err(|reason| bad(option, reason))
    }

    /// `n word…` of an option.
    pub fn counted(&mut self, option: &str) -> Result<&'a [&'a [u8]], Error> {
        let count = self.integer(option, 0)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.take(count).ok_or_else(|| bad(option, MISSING))
    }
}

/// Owned copies.
pub fn owned(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}
