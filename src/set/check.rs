//! Verification that names, rows, attributes and graph agree; for tests and a debug command.

use std::collections::HashSet;

use super::VectorSet;
use crate::graph::Alone;

impl VectorSet {
    /// Checks the invariants of the set and of its graph, after settling it.
    ///
    /// # Errors
    /// The first violation, in words.
    pub fn check(&mut self) -> Result<(), String> {
        let settled = self.settle(Alone::No);
        let set = &*settled.set;
        let table = &set.table;
        let ids: Vec<u32> = set.names.iter().collect();
        if ids.len() != set.len() {
            return Err(format!("{} names, but {} are counted", ids.len(), set.len()));
        }
        let distinct: HashSet<u32> = ids.iter().copied().collect();
        if distinct.len() != ids.len() {
            return Err("two names have one id".into());
        }
        for pair in ids.windows(2) {
            if table.name(pair[0]) >= table.name(pair[1]) {
                return Err(format!("names of {} and {} are out of order", pair[0], pair[1]));
            }
        }
        let with_attributes = ids.iter().filter(|&&id| table.attributes.get(id).is_some()).count();
        if with_attributes != set.attributes_count {
            return Err(format!("{with_attributes} have attributes, but {} are counted", set.attributes_count));
        }
        set.index.check(&ids)
    }
}
