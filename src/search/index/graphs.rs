//! Graphs of VECTOR fields, saved with a definition and restored while the documents are loaded.

use super::SearchIndex;
use super::fields::Finder;
use crate::index::{Alone, KeptGraph};

impl SearchIndex {
    /// Saves the graphs block by block, each with the position of its field. Settles the indexes of vectors first.
    pub fn save_graphs(&mut self, alone: Alone, put: &mut dyn FnMut(usize, &[u8])) {
        let records = &self.state.records;
        for (at, (field, index)) in self.vectors.iter_mut().zip(&self.state.fields).enumerate() {
            let (Some(field), Finder::Vectors(rows)) = (field, &index.finder) else { continue };
            if field.index.is_flat() || field.index.is_empty() {
                continue;
            }
            let owner = |row| records.get(rows.owners.get(row)).map(|record| &record.key()[..]);
            field.index.save_graph(alone, &owner, &mut |block| put(at, block));
        }
    }

    /// Has the vectors of a field that are loaded from now on take their places in a saved graph, until
    /// [`SearchIndex::end_waiting`]; false if there is no such field, or if it cannot be.
    pub fn await_graph(&mut self, field: usize, graph: KeptGraph) -> bool {
        self.vectors.get_mut(field).and_then(Option::as_mut).is_some_and(|field| field.index.await_graph(graph))
    }

    /// All documents were loaded: rows of saved graphs get their links back.
    pub fn end_waiting(&mut self) {
        self.vectors.iter_mut().flatten().for_each(|field| field.index.end_waiting(Alone::No));
    }
}
