//! A set at rest, to be saved: everything linked, and linkers paused.

use super::restore::SavedElement;
use super::{Info, Params, VectorSet};
use crate::graph::Alone;
use crate::index::{AtRest, SavedLinks};
use crate::vector::Projection;

impl VectorSet {
    /// Links and repairs all that waits and holds linkers back until the result is dropped, as
    /// [`crate::index::VectorIndex::settle`] does.
    pub fn settle(&mut self, alone: Alone) -> Settled<'_> {
        let rest = self.index.settle(alone);
        Settled { set: self, _rest: rest }
    }
}

/// A set without pending work, and without linkers until this is dropped.
pub struct Settled<'a> {
    pub(super) set: &'a mut VectorSet,
    _rest: AtRest,
}

impl Settled<'_> {
    /// What is fixed at creation.
    pub fn params(&self) -> &Params {
        self.set.params()
    }

    /// The projection, if there is one.
    pub fn projection(&self) -> Option<&Projection> {
        self.set.index.projection()
    }

    /// Number of elements, hidden ones among them.
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// The content of VINFO.
    pub fn info(&self) -> Info {
        self.set.info()
    }

    /// Calls `visit` with each element, in name order, and its links, level by level from 0.
    /// Wire ids are rows plus one; only the highest of them carries the count of insertions
    /// instead, which so survives in the saved form.
    pub fn for_each_saved(&self, visit: &mut dyn FnMut(&SavedElement, &[SavedLinks])) {
        let last = self.set.names.iter().max();
        let wire_id = |id: u32| match last {
            Some(last) if last == id => self.set.max_node_uid.max(id as u64 + 1),
            _ => id as u64 + 1,
        };
        for id in self.set.names.iter() {
            let raw = self.set.index.raw_vector(id);
            let links = self.set.index.saved_links(id, wire_id);
            visit(&self.set.saved(id, wire_id(id), &raw), &links);
        }
    }
}
