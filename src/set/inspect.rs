//! What read-only commands report of a set and its elements: neighbours, names in order, counts.

use std::ops::Bound;
use std::sync::atomic::Ordering;

use super::{ELEMENTS, Kind, SETS, SavedElement, VectorSet, now};

/// What all sets of this process hold together.
#[derive(Clone, Copy, Debug)]
pub struct Totals {
    /// Sets that have an owner.
    pub sets: usize,
    /// Their elements.
    pub elements: usize,
    /// Rows of all indexes that wait to be linked or repaired.
    pub pending: usize,
}

/// What all sets of this process hold together.
pub fn totals() -> Totals {
    Totals {
        sets: SETS.load(Ordering::Relaxed),
        elements: ELEMENTS.load(Ordering::Relaxed),
        pending: crate::index::backlog(),
    }
}

/// The content of VINFO.
#[derive(Clone, Debug)]
pub struct Info {
    /// The number of visible elements.
    pub size: usize,
    /// Elements that have a time at which they expire.
    pub expiring: usize,
    /// The highest level in the graph.
    pub max_level: usize,
    /// Elements that have attributes.
    pub attributes_count: usize,
    /// Unlike that of any other set of this process.
    pub uid: u64,
    /// Insertions and updates so far.
    pub max_node_uid: u64,
    /// Elements that are not linked yet.
    pub pending: usize,
}

/// A level's neighbours of an element, with their scores.
pub type LevelLinks = Vec<(Vec<u8>, f32)>;

impl VectorSet {
    /// An element's neighbours, highest level first. Links the element first if it is pending.
    pub fn links(&mut self, name: &[u8]) -> Option<Vec<LevelLinks>> {
        let id = self.id(name)?;
        let metric = self.params().metric;
        let levels = self.index.links(id).into_iter().rev();
        let now = now();
        let named = |links: Vec<(u32, f32)>| {
            let links = links.into_iter().filter(|&(id, _)| !self.table.is_hidden(id, now));
            links.map(|(id, d)| (self.table.name(id).to_vec(), metric.score(d) as f32)).collect()
        };
        Some(levels.map(named).collect())
    }

    /// Calls `visit` with names in byte order from `start` to `end` until it returns false.
    pub fn range(&self, start: Bound<&[u8]>, end: Bound<&[u8]>, visit: &mut dyn FnMut(&[u8]) -> bool) {
        let (table, now) = (&self.table, now());
        for id in self.names.from(start, |id| table.name(id)) {
            if table.is_hidden(id, now) {
                continue;
            }
            let name = table.name(id);
            let within = match end {
                Bound::Unbounded => true,
                Bound::Included(end) => name <= end,
                Bound::Excluded(end) => name < end,
            };
            if !within || !visit(name) {
                return;
            }
        }
    }

    /// The name with this rank (0 to len - 1) in byte order.
    ///
    /// # Panics
    /// If the rank is not below [`VectorSet::len`].
    pub fn nth(&self, rank: usize) -> &[u8] {
        self.table.name(self.names.nth(rank))
    }

    /// The content of VINFO.
    pub fn info(&self) -> Info {
        Info {
            size: self.visible(),
            expiring: self.expiring(),
            max_level: self.index.max_level(),
            attributes_count: self.attributes_count,
            uid: self.uid,
            max_node_uid: self.max_node_uid,
            pending: self.index.pending(),
        }
    }

    /// Where the bytes are, in a line; for benchmarks and debugging.
    pub fn anatomy(&self) -> String {
        let per = |bytes: usize| bytes as f64 / self.len().max(1) as f64;
        format!(
            "bytes/element: vectors {:.1}, links {:.1}, names {:.1} + order {:.1}, attributes {:.1}; {:.1} links",
            per(self.bytes(Kind::Vectors)),
            per(self.bytes(Kind::Links)),
            per(self.table.names.allocated()),
            per(self.names.allocated()),
            per(self.table.attributes.allocated()),
            per(self.names.iter().map(|id| self.index.links_on(id, 0)).sum()),
        )
    }

    /// Calls `visit` with each element in name order; ids and levels are of no meaning.
    pub fn for_each(&self, visit: &mut dyn FnMut(&SavedElement)) {
        for id in self.names.iter() {
            visit(&self.saved(id, 0, &self.index.raw_vector(id)));
        }
    }
}
