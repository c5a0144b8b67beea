//! FT.CREATE and FT.ALTER.

use crate::search::error::{Error, PARSE_ARGS};
use crate::search::schema::{Definition, Field};

/// Reads the words of FT.CREATE: `index option… SCHEMA field…`.
pub fn create(words: &[&[u8]]) -> Result<Definition, Error> {
    let _ = words;
    Err(Error::new(PARSE_ARGS, "No schema found"))
}

/// `FT.ALTER index [SKIPINITIALSCAN] SCHEMA ADD field…`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterRequest {
    pub skip_initial_scan: bool,
    /// What the definition gains, checked against it.
    pub fields: Vec<Field>,
}

impl AlterRequest {
    /// Reads the words after the command's name, of an index of this definition.
    pub fn parse(words: &[&[u8]], definition: &Definition) -> Result<AlterRequest, Error> {
        let _ = (words, definition);
        Err(Error::new("", "ALTER must be followed by SCHEMA"))
    }
}
