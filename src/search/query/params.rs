//! The values that PARAMS gives to the `$names` of a query.

use std::collections::HashMap;
use std::sync::Arc;

/// Names and raw bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params(HashMap<Vec<u8>, Arc<[u8]>>);

impl Params {
    /// Adds a pair; false if the name is there already.
    pub fn insert(&mut self, name: &[u8], value: &[u8]) -> bool {
        self.0.insert(name.into(), value.into()).is_none()
    }

    /// The value of a name.
    pub fn get(&self, name: &[u8]) -> Option<&Arc<[u8]>> {
        self.0.get(name)
    }
}
