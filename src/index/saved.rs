//! The traits and number formats of saved forms.
//!
//! Saved data is untrusted: each number is checked before it determines the size of an allocation or becomes a link.

/// Where something is saved to. Errors are the sink's own business: it remembers them.
pub trait Sink {
    /// Writes a number.
    fn unsigned(&mut self, value: u64);
    /// Writes a byte string.
    fn bytes(&mut self, bytes: &[u8]);
}

/// Where something is loaded from.
pub trait Source {
    /// Reads a number.
    ///
    /// # Errors
    /// If the data ends here or something else is there.
    fn unsigned(&mut self) -> Result<u64, LoadError>;

    /// Reads so many numbers to the end of `out`.
    ///
    /// # Errors
    /// As above; what was read by then is of no use.
    fn numbers(&mut self, count: usize, out: &mut Vec<u64>) -> Result<(), LoadError> {
        for _ in 0..count {
            out.push(self.unsigned()?);
        }
        Ok(())
    }

    /// Reads a byte string to the place of what is in `out`.
    ///
    /// # Errors
    /// As above.
    fn bytes(&mut self, out: &mut Vec<u8>) -> Result<(), LoadError>;
}

/// Why saved data was refused, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError(pub String);

impl LoadError {
    /// The data ends too early or holds something else.
    pub fn truncated() -> LoadError {
        LoadError("the data is truncated".into())
    }
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}

/// Appends a number as LEB128: seven bits a byte, the lowest first.
pub fn put_number(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

/// Takes a number as LEB128 off the front.
///
/// # Errors
/// If there is none.
pub fn take_number(bytes: &mut &[u8]) -> Result<u64, LoadError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or_else(LoadError::truncated)?;
        *bytes = rest;
        value |= ((byte & 0x7f) as u64) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(LoadError("a number has too many digits".into()))
}

/// Takes that many bytes off the front.
///
/// # Errors
/// If there are fewer.
pub fn take_bytes<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8], LoadError> {
    let (taken, rest) = bytes.split_at_checked(len).ok_or_else(LoadError::truncated)?;
    *bytes = rest;
    Ok(taken)
}
