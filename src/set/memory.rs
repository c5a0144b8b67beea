//! Memory use by category, of one set and of all.

use super::VectorSet;
use super::table::Table;
use crate::arena::Movable;
use crate::index::{LINKS, REST, Share, Sum, VECTORS};

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

static NAMES: Sum = Sum::new();
static ATTRIBUTES: Sum = Sum::new();
static OTHER: Sum = Sum::new();

/// Bytes of a kind in all sets of this process, as of the last change of each. Vectors, links and what belongs to
/// every index are those of all indexes.
pub fn bytes_of_all_sets(kind: Kind) -> usize {
    match kind {
        Kind::Vectors => VECTORS.get(),
        Kind::Links => LINKS.get(),
        Kind::Names => NAMES.get(),
        Kind::Attributes => ATTRIBUTES.get(),
        Kind::Other => OTHER.get() + REST.get(),
    }
}

/// What one set has added to the sums.
pub struct Account {
    names: Share,
    attributes: Share,
    other: Share,
}

impl Default for Account {
    fn default() -> Account {
        Account { names: Share::of(&NAMES), attributes: Share::of(&ATTRIBUTES), other: Share::of(&OTHER) }
    }
}

impl VectorSet {
    /// Bytes allocated for the set.
    pub fn memory(&self) -> usize {
        Kind::ALL.into_iter().map(|kind| self.bytes(kind)).sum()
    }

    /// Bytes of a kind that are allocated for the set.
    pub fn bytes(&self, kind: Kind) -> usize {
        let table = &*self.table;
        match kind {
            Kind::Vectors => self.index.bytes().vectors,
            Kind::Links => self.index.bytes().links,
            Kind::Names => table.names.allocated() + self.names.allocated(),
            Kind::Attributes => {
                table.attributes.allocated()
                    + self.fields.memory()
                    + self.matches.borrow().allocated()
                    + self.columns.borrow().allocated()
            }
            Kind::Other => self.own_bytes() + self.index.bytes().rest,
        }
    }

    /// What every set has, without its index.
    fn own_bytes(&self) -> usize {
        let times = self.table.times.allocated() + self.order.allocated();
        times + size_of::<VectorSet>() - size_of::<crate::index::VectorIndex>() + size_of::<Table>()
    }

    /// Calls `visit` with small allocations that no other thread reads, of elements from an id on, until it
    /// returns false; yields the id to go on with, or None at the end. These are names and attributes, while there
    /// are no queries, which only the main thread can begin. Vectors and links lie in large chunks, which leave no
    /// holes, and other threads read them at any time.
    pub fn visit_movable(&mut self, from: u32, visit: &mut dyn FnMut(Movable) -> bool) -> Option<u32> {
        let table = &self.table;
        if !self.index.is_idle() {
            return None;
        }
        for id in from..self.index.end() {
            let mut go_on = true;
            for movable in [table.names.movable(id), table.attributes.movable(id)].into_iter().flatten() {
                go_on = visit(movable);
            }
            if !go_on {
                return Some(id + 1);
            }
        }
        None
    }

    /// After anything changed.
    pub(super) fn account(&self) {
        let account = &self.table.account;
        account.names.set(self.bytes(Kind::Names));
        account.attributes.set(self.bytes(Kind::Attributes));
        account.other.set(self.own_bytes());
    }
}
