//! Proof that names, vectors, attributes and graph agree; for tests and a debug command.

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
        let shared = &set.shared;
        let ids: Vec<u32> = set.names.iter().collect();
        if ids.len() != set.len() {
            return Err(format!("{} names, but {} are counted", ids.len(), set.len()));
        }
        let distinct: HashSet<u32> = ids.iter().copied().collect();
        if distinct.len() != ids.len() {
            return Err("two names have one id".into());
        }
        for pair in ids.windows(2) {
            if shared.name(pair[0]) >= shared.name(pair[1]) {
                return Err(format!("names of {} and {} are out of order", pair[0], pair[1]));
            }
        }
        for &id in &ids {
            if !shared.graph.is_live(id) || !shared.graph.is_linked(id) {
                return Err(format!("element {id} is not live and linked"));
            }
        }
        let live = (0..shared.graph.end()).filter(|&id| shared.graph.is_live(id)).count();
        if live != ids.len() {
            return Err(format!("{live} live nodes, but {} names", ids.len()));
        }
        let with_attributes = ids.iter().filter(|&&id| shared.attributes.get(id).is_some()).count();
        if with_attributes != set.attributes_count {
            return Err(format!("{with_attributes} have attributes, but {} are counted", set.attributes_count));
        }
        if shared.pending.count() != 0 {
            return Err(format!("{} pending after settling", shared.pending.count()));
        }
        shared.graph.check(&ids)
    }
}
