//! A set at rest, to be saved: everything linked, and linkers held back.

use super::restore::{SavedElement, SavedLinks};
use super::{DEFAULT_EF_ADD, Info, Params, VectorSet, linkers};
use crate::graph::{Alone, Space};
use crate::vector::Projection;

impl VectorSet {
    /// Links and repairs all that waits, so that the graph is whole, and holds linkers back until
    /// the result is dropped. On the main thread this waits for the links being made and then does
    /// the rest itself: up to the pending bound. In a forked child (`alone`) it touches nothing that
    /// a thread which is not there may hold.
    pub fn settle(&mut self, alone: Alone) -> Settled<'_> {
        let shared = &self.shared;
        match alone {
            Alone::No => {
                shared.pause();
                while shared.work_now() {}
            }
            Alone::Yes => {
                shared.pause_in_child();
                let mut is_unfinished = shared.is_worked_on();
                for id in 0..shared.graph.end() {
                    if shared.graph.is_live(id) {
                        if !shared.graph.is_linked(id) {
                            shared.link(id, DEFAULT_EF_ADD, alone);
                            is_unfinished = true;
                        }
                    } else if shared.graph.is_present(id) {
                        // Also one that was not marked as linked: it died while a thread that is not
                        // here was linking it, and others link to it already.
                        shared.repair(id, alone);
                        is_unfinished = true;
                    }
                }
                // What a thread was doing when this process was forked stays half done: it may have
                // taken some links of a dead node, and not yet joined those at their other ends.
                if is_unfinished {
                    shared.graph.join_groups(&**shared, alone, &shared.grace);
                }
            }
        }
        Settled { set: self, alone }
    }
}

/// A set without pending work, and without linkers until this is dropped.
pub struct Settled<'a> {
    pub(super) set: &'a mut VectorSet,
    alone: Alone,
}

impl Drop for Settled<'_> {
    fn drop(&mut self) {
        if self.alone == Alone::Yes {
            return;
        }
        self.set.shared.resume();
        if self.set.shared.has_work() {
            linkers::wake(&self.set.shared);
        }
    }
}

impl Settled<'_> {
    /// What is fixed at creation.
    pub fn params(&self) -> &Params {
        self.set.params()
    }

    /// The projection, if there is one.
    pub fn projection(&self) -> Option<&Projection> {
        self.set.shared.projection.as_ref()
    }

    /// What VINFO tells.
    pub fn info(&self) -> Info {
        self.set.info()
    }

    /// Calls `visit` with each element, in name order, and its links, level by level from 0.
    /// Wire ids are node ids plus one; only the highest of them carries the count of insertions
    /// instead, which so survives in the saved form.
    pub fn for_each_saved(&self, visit: &mut dyn FnMut(&SavedElement, &[SavedLinks])) {
        let shared = &self.set.shared;
        let last = self.set.names.iter().max();
        let wire_id = |id: u32| match last {
            Some(last) if last == id => self.set.max_node_uid.max(id as u64 + 1),
            _ => id as u64 + 1,
        };
        for id in self.set.names.iter() {
            let raw = self.set.raw_vector_of(id);
            let probe = shared.probe(id);
            let level = shared.graph.level(id);
            let links: Vec<SavedLinks> = (0..=level)
                .map(|level| {
                    let mut nodes = shared.graph.neighbours(id, level);
                    nodes.sort_unstable_by_key(|&node| wire_id(node));
                    let mut distances = vec![0.0; nodes.len()];
                    shared.distances(&probe, &nodes, &mut distances);
                    let worst = distances.iter().copied().zip(0..).max_by(|a, b| a.0.total_cmp(&b.0));
                    SavedLinks {
                        capacity: shared.graph.capacity(level).max(nodes.len()),
                        targets: nodes.into_iter().map(wire_id).collect(),
                        worst: worst.map_or((0, 0.0), |(distance, index)| (index, distance)),
                    }
                })
                .collect();
            visit(&self.set.saved(id, wire_id(id), &raw), &links);
        }
    }
}
