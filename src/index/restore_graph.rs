//! Restores a saved graph ([`KeptGraph`]) while the vectors of its rows arrive one by one.
//!
//! Until all have arrived nothing is linked: queries compare with these rows one by one, as with strays. In the end rows that
//! are in the saved graph get their links back, and the others are linked as new rows.

use std::collections::HashMap;

use super::VectorIndex;
use super::saved_graph::{KeptGraph, label};
use super::shared::Shared;
use crate::graph::Alone;

const NONE: u32 = u32::MAX;

/// A saved graph, and the rows that have come.
pub(super) struct Awaited {
    graph: KeptGraph,
    places: HashMap<u64, u32>,
    /// The row in each place.
    rows: Vec<u32>,
    /// Rows that came, each with the width of the search for its neighbours.
    held: Vec<(u32, u32)>,
}

impl Awaited {
    /// The level that a row had that is recognised; it gets its links in the end.
    pub fn recognise(&mut self, owner: &[u8], vector: &[u8], row: u32) -> Option<usize> {
        let place = *self.places.get(&label(owner, vector))?;
        let slot = &mut self.rows[place as usize];
        if *slot != NONE {
            return None;
        }
        *slot = row;
        Some(self.graph.level(place))
    }

    /// Holds a row back, recognised or not.
    pub fn hold(&mut self, shared: &Shared, row: u32, ef: usize) {
        self.held.push((row, ef.min(u32::MAX as usize) as u32));
        shared.push_stray(row);
    }

    /// Gives the rows that were recognised their links.
    fn link(&self, shared: &Shared) -> usize {
        let row = |place: u32| Some(self.rows[place as usize]).filter(|&row| row != NONE && shared.graph.is_live(row));
        let mut neighbours = Vec::new();
        for (place, level, links) in self.graph.lists() {
            let Some(node) = row(place) else { continue };
            neighbours.clear();
            neighbours.extend(links.iter().filter_map(|&place| row(place)));
            shared.graph.restore_links(node, level, &neighbours, &shared.grace);
        }
        let linked: Vec<u32> = (0..self.rows.len() as u32).filter_map(row).collect();
        shared.graph.restore_done(linked.iter().copied());
        linked.len()
    }
}

impl VectorIndex {
    /// Has vectors that come from now on take their places in a saved graph, until [`VectorIndex::end_waiting`]. False, and
    /// nothing happens, if there are rows already, or the graph is not one of such an index.
    pub fn await_graph(&mut self, graph: KeptGraph) -> bool {
        let capacity = |level| self.shared.graph.hard_capacity(level);
        let fits = graph.lists().all(|(_, level, links)| links.len() <= capacity(level));
        if self.end() > 0 || self.shared.is_flat || !fits {
            return false;
        }
        let (places, rows) = (graph.places(), vec![NONE; graph.len()]);
        self.awaited = Some(Box::new(Awaited { graph, places, rows, held: Vec::new() }));
        true
    }

    /// All vectors have come: those that the saved graph knows get their links, the others are linked as usual.
    pub fn end_waiting(&mut self, alone: Alone) {
        let Some(awaited) = self.awaited.take() else { return };
        let shared = self.shared.clone();
        if !shared.is_without_links() && awaited.link(&shared) < awaited.graph.len() {
            shared.graph.join_groups(&*shared, alone, &shared.grace);
        }
        shared.account_for_links();
        // A child settles what is left by itself, and there is no thread to wake.
        if alone == Alone::Yes {
            return;
        }
        for (row, ef) in awaited.held {
            if !shared.graph.is_live(row) {
                shared.retire(row);
            } else if !shared.graph.is_linked(row) {
                self.link_or_push(row, ef as usize);
            }
        }
        shared.forget_strays();
        self.account();
    }
}
