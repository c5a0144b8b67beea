//! A cursor over the arguments of a command.

/// Arguments from left to right.
#[derive(Clone, Debug)]
pub struct Args<'a> {
    rest: &'a [&'a [u8]],
}

impl<'a> Args<'a> {
    /// From the first of these on.
    pub fn new(rest: &'a [&'a [u8]]) -> Args<'a> {
        Args { rest }
    }

    /// The next argument.
    #[allow(clippy::should_implement_trait)] // an iterator promises more than is needed
    pub fn next(&mut self) -> Option<&'a [u8]> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// The next argument, which stays.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.rest.first().copied()
    }

    /// The next `n` arguments, if there are enough.
    pub fn take(&mut self, n: usize) -> Option<&'a [&'a [u8]]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    /// Takes the next argument if it is this word, in any case.
    pub fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|next| is_word(next, word));
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    /// How many are left.
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

/// Whether an argument is this word, in any case.
pub fn is_word(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}
