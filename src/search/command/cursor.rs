//! FT.CURSOR.

use crate::search::error::Error;

/// A cursor read or given up.
#[derive(Clone, Debug, PartialEq)]
pub enum CursorRequest {
    Read {
        index: Vec<u8>,
        id: i64,
        /// None: as given at the start.
        count: Option<u64>,
    },
    Delete {
        index: Vec<u8>,
        id: i64,
    },
    Collect {
        index: Vec<u8>,
    },
}

impl CursorRequest {
    /// Reads `READ|DEL|GC index id …`.
    pub fn parse(words: &[&[u8]]) -> Result<CursorRequest, Error> {
        let _ = words;
        Err(Error::new("", "Bad cursor ID"))
    }
}
