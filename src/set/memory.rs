//! Where the bytes are, by what they hold: of one set, and of all. The sum over all sets is kept up
//! to date as they change, so that asking costs nothing however many there are.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::VectorSet;
use super::shared::Shared;
use crate::arena::Movable;
use crate::vector::Projection;

/// What bytes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Stored vectors.
    Vectors,
    /// The graph.
    Links,
    /// Names of elements, and their order.
    Names,
    /// Attributes, the names of their fields, and which elements match filters that are used often.
    Attributes,
    /// Projections, lists of pending elements, and what every set has.
    Other,
}

impl Kind {
    /// All kinds, in order.
    pub const ALL: [Kind; 5] = [Kind::Vectors, Kind::Links, Kind::Names, Kind::Attributes, Kind::Other];
}

static OF_ALL_SETS: [AtomicUsize; Kind::ALL.len()] = [const { AtomicUsize::new(0) }; Kind::ALL.len()];

/// Bytes of a kind in all sets of this process, as of the last change of each.
pub fn bytes_of_all_sets(kind: Kind) -> usize {
    OF_ALL_SETS[kind as usize].load(Ordering::Relaxed)
}

/// What one set has added to the sums.
#[derive(Default)]
pub(super) struct Account([AtomicUsize; Kind::ALL.len()]);

impl Account {
    /// Brings the sum up to date. Of two threads at a time the later one's number stays.
    fn set(&self, kind: Kind, bytes: usize) {
        let own = &self.0[kind as usize];
        if own.load(Ordering::Relaxed) != bytes {
            let before = own.swap(bytes, Ordering::Relaxed);
            OF_ALL_SETS[kind as usize].fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        for kind in Kind::ALL {
            self.set(kind, 0);
        }
    }
}

impl Shared {
    /// After links changed: by whoever changed them.
    pub fn account_for_links(&self) {
        self.account.set(Kind::Links, self.graph.allocated());
    }
}

impl VectorSet {
    /// Bytes allocated for the set.
    pub fn memory(&self) -> usize {
        Kind::ALL.into_iter().map(|kind| self.bytes(kind)).sum()
    }

    /// Bytes of a kind that are allocated for the set.
    pub fn bytes(&self, kind: Kind) -> usize {
        let shared = &*self.shared;
        match kind {
            Kind::Vectors => shared.vectors.allocated(),
            Kind::Links => shared.graph.allocated(),
            Kind::Names => shared.names.allocated() + self.names.allocated(),
            Kind::Attributes => {
                shared.attributes.allocated()
                    + self.fields.memory()
                    + self.matches.borrow().allocated()
                    + self.columns.borrow().allocated()
            }
            Kind::Other => {
                let matrix = shared.projection.as_ref().map_or(0, Projection::heap_size);
                let both = size_of::<VectorSet>() + size_of::<Shared>();
                both + matrix + shared.pending.allocated() + self.ids.allocated()
            }
        }
    }

    /// Calls `visit` with small allocations that nobody else reads, of elements from an id on, until it
    /// returns false; yields the id to go on with, or None at the end. These are names, which only the
    /// main thread reads, and attributes while there are no queries, which only it can begin. Vectors
    /// and links lie in large chunks, which leave no holes, and other threads read them at any time.
    pub fn visit_movable(&mut self, from: u32, visit: &mut dyn FnMut(Movable) -> bool) -> Option<u32> {
        let shared = &self.shared;
        let quiet = shared.grace.is_idle();
        for id in from..shared.graph.end() {
            let attributes = if quiet { shared.attributes.movable(id) } else { None };
            let mut go_on = true;
            for movable in [shared.names.movable(id), attributes].into_iter().flatten() {
                go_on = visit(movable);
            }
            if !go_on {
                return Some(id + 1);
            }
        }
        None
    }

    /// After everything else changed: by the main thread.
    pub(super) fn account(&self) {
        for kind in [Kind::Vectors, Kind::Names, Kind::Attributes, Kind::Other] {
            self.shared.account.set(kind, self.bytes(kind));
        }
    }
}
