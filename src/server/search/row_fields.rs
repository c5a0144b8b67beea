//! The fields of a row, each read once: options may name a field many times.

use std::collections::HashSet;

use super::pipeline::{MAX_BYTES, size};
use crate::reply::Reply;
use crate::search::reply::Fields;

/// Fields of a row, each name once: the first that has a value has it.
#[derive(Default)]
pub struct Once {
    pub fields: Fields,
    /// Their names where they are many.
    known: HashSet<Vec<u8>>,
    bytes: usize,
}

impl Once {
    fn has(&mut self, name: &[u8]) -> bool {
        /// So many names are compared one by one.
        const FEW: usize = 16;
        if self.fields.len() <= FEW {
            return self.fields.iter().any(|(known, _)| known == name);
        }
        if self.known.is_empty() {
            self.known.extend(self.fields.iter().map(|(name, _)| name.clone()));
        }
        self.known.contains(name)
    }

    /// Adds a field that is not there yet, if it has a value.
    pub fn add(&mut self, name: &[u8], value: impl FnOnce() -> Option<Reply>) {
        if self.bytes <= MAX_BYTES
            && !self.has(name)
            && let Some(value) = value()
        {
            self.bytes += size(&value);
            if !self.known.is_empty() {
                self.known.insert(name.to_vec());
            }
            self.fields.push((name.to_vec(), value));
        }
    }
}
