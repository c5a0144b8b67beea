//! A set as a series of commands, for an append-only file without a binary preamble.
//!
//! The saved form is serialized to bytes and split into chunks; VREPLAY takes them in order
//! ([`Replay`]) and builds the set from the whole: bit for bit, links included, whatever the size.

use super::{LoadError, Loaded, Sink, Source, load, save};
use crate::index::{put_number, take_bytes, take_number};
use crate::set::Settled;

/// Bytes of a chunk: well below the limit of a command's argument.
pub const CHUNK_BYTES: usize = 16 << 20;

/// Calls `emit` with each chunk of the set's saved form; its second argument is true for the last one.
pub fn rewrite(set: &Settled, emit: &mut dyn FnMut(&[u8], bool)) {
    let mut chunks = Chunks { buffer: Vec::new(), emit };
    save(set, &mut chunks);
    (chunks.emit)(&chunks.buffer, true);
}

/// Numbers as LEB128, strings behind their length.
struct Chunks<'a> {
    buffer: Vec<u8>,
    emit: &'a mut dyn FnMut(&[u8], bool),
}

impl Chunks<'_> {
    fn flush(&mut self) {
        while self.buffer.len() > CHUNK_BYTES {
            let rest = self.buffer.split_off(CHUNK_BYTES);
            (self.emit)(&self.buffer, false);
            self.buffer = rest;
        }
    }
}

impl Sink for Chunks<'_> {
    fn unsigned(&mut self, value: u64) {
        put_number(&mut self.buffer, value);
        self.flush();
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.unsigned(bytes.len() as u64);
        self.buffer.extend_from_slice(bytes);
        self.flush();
    }
}

/// The chunks of a set that have arrived so far.
#[derive(Default)]
pub struct Replay {
    bytes: Vec<u8>,
}

impl Replay {
    /// Adds the next chunk.
    pub fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The set, once the last chunk is there.
    ///
    /// # Errors
    /// If the bytes are not a whole set.
    pub fn finish(self) -> Result<Loaded, LoadError> {
        let mut source = Flat { bytes: &self.bytes };
        let loaded = load(&mut source)?;
        match source.bytes {
            [] => Ok(loaded),
            rest => Err(LoadError(format!("{} bytes are left over", rest.len()))),
        }
    }
}

/// Reads what [`Chunks`] wrote.
struct Flat<'a> {
    bytes: &'a [u8],
}

impl Source for Flat<'_> {
    fn unsigned(&mut self) -> Result<u64, LoadError> {
        take_number(&mut self.bytes)
    }

    fn bytes(&mut self, out: &mut Vec<u8>) -> Result<(), LoadError> {
        let len = self.unsigned()?;
        let len = usize::try_from(len).map_err(|_| LoadError::truncated())?;
        out.clear();
        out.extend_from_slice(take_bytes(&mut self.bytes, len)?);
        Ok(())
    }
}
