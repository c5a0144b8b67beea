//! One vector set as a plain library type: names, attributes and filters on top of an index of vectors.
//!
//! ```text
//!   VectorSet  (main thread)                Table  (Arc: main thread, queries)
//!   names in order ── row ────────────────► names, attributes
//!   field names of attributes, filters
//!        │
//!        └──► VectorIndex: vectors, links, which rows are live   (index)
//! ```
//!
//! An element's id is its row in the index; an update of its vector assigns another row.
//!
//! Invariants (verified by `check.rs`):
//! 1. Every name in the ordered list leads to a live row with that name; there are no other live rows.
//! 2. The data of an element (name, attributes, bits and columns of filters) is written before its row is live and
//!    removed after the row is dead, so a query never sees the data of another element.
//!
//! | file | holds |
//! | --- | --- |
//! | `names.rs` | elements in name order |
//! | `table.rs` | names and attributes, by row |
//! | `query.rs` | a search, from query to hits |
//! | `blend.rs` | a query made of several weighted vectors |
//! | `times.rs` | expiry times |
//! | `roll.rs` | the names of all elements |
//! | `select.rs` | all elements that match a filter |
//! | `derived.rs` | data derived from records, kept consistent under concurrent changes |
//! | `matches.rs` | bitmaps of filters that are used often |
//! | `columns.rs` | columns of fields that filters use |
//! | `filter.rs` | a filter as one query uses it: its program, with a bitmap or columns |
//! | `inspect.rs` | read access for commands: neighbours, names, counts |
//! | `restore.rs` | building a set from saved parts |
//! | `settle.rs` | a set at rest, to be saved |
//! | `memory.rs` | memory use |
//! | `check.rs` | verification of the invariants |

mod blend;
mod check;
mod columns;
mod derived;
mod filter;
mod inspect;
mod matches;
mod memory;
mod names;
mod query;
mod restore;
mod roll;
mod select;
mod settle;
mod table;
#[cfg(test)]
mod tests;
mod times;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

pub use crate::index::{
    AddError, DEFAULT_EF_ADD, DEFAULT_EF_SEARCH, DEFAULT_M, LINKED, MAX_EF, MAX_M, MIN_M, Params, Plan, REPAIRED,
    RawVector, Restored, SavedLinks, Waiter, Work, link_in_background, set_pending_bytes, start_linkers,
};
pub use blend::BadBlend;
pub use check::Checking;
pub use inspect::{Info, LevelLinks, Totals, totals};
pub use memory::{Kind, bytes_of_all_sets};
pub use query::{Hit, Hits, Query, SearchOptions, Target};
pub use restore::{BadElement, Flaw, Restorer, SavedElement};
pub use roll::Roll;
pub use select::{Selected, Selection};
pub use settle::Settled;
pub use times::{Draws, now};

use crate::arena::Blob;
use crate::attributes::{Fields, encode};
use crate::index::VectorIndex;
use crate::vector::{Input, Projection};
use columns::ColumnCache;
use matches::MatchCache;
use names::Names;
use table::{Retired, Table};

static SETS: AtomicUsize = AtomicUsize::new(0);
static ELEMENTS: AtomicUsize = AtomicUsize::new(0);

/// The owner's part of a set, used by the main thread only. Nothing here waits for queries.
pub struct VectorSet {
    index: VectorIndex,
    table: Arc<Table>,
    names: Names,
    /// Names of the fields in the attributes' records.
    fields: Fields,
    /// Filters that are used often.
    matches: RefCell<MatchCache>,
    columns: RefCell<ColumnCache>,
    attributes_count: usize,
    uid: u64,
    /// Counts insertions and updates, as the node ids of Redis 8 do.
    max_node_uid: u64,
    /// Names and attributes that queries may still see.
    retired: Retired,
    /// Elements by the time at which they expire.
    order: times::Order,
}

/// The effect of a VADD on the attributes.
#[derive(Clone, Copy, Debug)]
pub enum AttributeChange<'a> {
    /// Leaves them.
    Keep,
    /// Replaces them; empty text removes them.
    Set(&'a [u8]),
}

impl VectorSet {
    /// An empty set.
    pub fn new(params: Params) -> VectorSet {
        VectorSet::around(VectorIndex::new(params))
    }

    /// A set around an empty index.
    fn around(index: VectorIndex) -> VectorSet {
        static UIDS: AtomicU64 = AtomicU64::new(1);
        SETS.fetch_add(1, Ordering::Relaxed);
        VectorSet {
            index,
            table: Arc::default(),
            names: Names::default(),
            fields: Fields::new(),
            matches: RefCell::default(),
            columns: RefCell::default(),
            attributes_count: 0,
            uid: UIDS.fetch_add(1, Ordering::Relaxed),
            max_node_uid: 0,
            retired: Retired::default(),
            order: times::Order::default(),
        }
    }

    /// The parameters fixed at creation.
    pub fn params(&self) -> &Params {
        self.index.params()
    }

    /// The projection, if there is one.
    pub fn projection(&self) -> Option<&Projection> {
        self.index.projection()
    }

    /// Number of elements, hidden ones among them.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.len() == 0
    }

    /// The row of a visible element.
    fn id(&self, name: &[u8]) -> Option<u32> {
        let id = self.stored_id(name)?;
        if self.expiring() == 0 || !self.table.is_hidden(id, now()) { Some(id) } else { None }
    }

    /// The row of an element, hidden or not: for changes.
    fn stored_id(&self, name: &[u8]) -> Option<u32> {
        self.names.get(name, |id| self.table.name(id))
    }

    /// Adds an element, or gives it another vector if it is there: false then. It keeps the time at which it
    /// expires.
    ///
    /// `vector` has the input dimension (that of the projection, if there is one) and finite
    /// components; `ef` is the width of the search for its neighbours. The element is found by
    /// every query from here on; it may be linked later.
    ///
    /// # Errors
    /// If the element cannot be stored; nothing is changed then.
    pub fn add(
        &mut self,
        name: &[u8],
        vector: &[f32],
        ef: usize,
        attributes: AttributeChange,
    ) -> Result<bool, AddError> {
        self.put(name, Input::Floats(vector), ef, attributes)
    }

    /// [`VectorSet::add`] of any input.
    ///
    /// # Errors
    /// As above.
    pub fn put(
        &mut self,
        name: &[u8],
        vector: Input,
        ef: usize,
        attributes: AttributeChange,
    ) -> Result<bool, AddError> {
        self.reclaim();
        let old = self.stored_id(name);
        let time = old.and_then(|old| self.table.time(old));
        let table = &self.table;
        // All data of an element is written before its row is live.
        let attach = |id| {
            table.names.replace(id, Some(Blob::new(name)));
            let record = match (attributes, old) {
                (AttributeChange::Set(text), _) => record(text, &mut self.fields),
                (AttributeChange::Keep, Some(old)) => table.attributes.get(old).map(Blob::new),
                (AttributeChange::Keep, None) => None,
            };
            self.attributes_count += record.is_some() as usize;
            table.attributes.replace(id, record);
            let record = table.attributes.get(id);
            self.matches.borrow().update(id, record);
            self.columns.borrow().update(id, record);
        };
        let id = self.index.put(old, vector, ef, attach)?;
        self.max_node_uid += 1;
        if old.is_some() && matches!(attributes, AttributeChange::Set(_)) {
            table.note_change();
        }
        match (old, attributes) {
            // An equal vector: the element stays where it is.
            (Some(old), AttributeChange::Keep) if old == id => {}
            (Some(old), AttributeChange::Set(text)) if old == id => self.put_record(id, text),
            _ => _ = self.names.insert(name, id, |id| table.name(id)),
        }
        if let Some(time) = time.filter(|_| old != Some(id)) {
            self.put_time(id, time);
        }
        match old {
            Some(old) if old != id => self.strip(old),
            Some(_) => {}
            None => _ = ELEMENTS.fetch_add(1, Ordering::Relaxed),
        }
        self.account();
        Ok(old.is_none())
    }

    /// Removes the data of a dead row.
    fn strip(&mut self, id: u32) {
        self.put_time(id, 0);
        let record = self.table.attributes.replace(id, None);
        self.attributes_count -= record.is_some() as usize;
        self.retired.keep(&self.index, record);
        self.note_record(id);
        self.retired.keep(&self.index, self.table.names.replace(id, None));
    }

    /// Whether the pending work exceeds the bound (backpressure): delay the reply to a write
    /// ([`VectorSet::wait_for_room`]), or make room ([`VectorSet::link_some`]) where blocking is not allowed.
    pub fn is_over_bound(&self) -> bool {
        self.index.is_over_bound()
    }

    /// Links on this thread until there is room for more: where a reply cannot be delayed.
    pub fn link_some(&mut self) {
        self.index.link_some();
    }

    /// Parks a waiter (a delayed reply) until there is room; drops it then, on any thread.
    pub fn wait_for_room(&self, waiter: Waiter) {
        self.index.wait_for_room(waiter);
    }

    /// Whether links are still to be made or repaired.
    pub fn is_settled(&self) -> bool {
        self.index.is_settled()
    }

    /// Whether an element waits for its links.
    pub fn is_pending(&self, name: &[u8]) -> bool {
        self.id(name).is_some_and(|id| !self.index.is_linked(id))
    }

    /// Parks a waiter until an element has its links or is gone; drops it then, on any thread. At once if there is
    /// no such element.
    pub fn wait_for_links_of(&self, name: &[u8], waiter: Waiter) {
        if let Some(id) = self.id(name) {
            self.index.wait_for_links_of(id, waiter);
        }
    }

    /// Parks a waiter until all elements that are pending now are linked; drops it then, on any
    /// thread.
    pub fn wait_for_links(&self, waiter: Waiter) {
        self.index.wait_for_links(waiter);
    }

    /// Removes an element; false if there is none of that name.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        self.reclaim();
        let table = &self.table;
        let Some(id) = self.names.remove(name, |id| table.name(id)) else { return false };
        ELEMENTS.fetch_sub(1, Ordering::Relaxed);
        self.index.remove(id);
        self.strip(id);
        self.account();
        true
    }

    /// Reclaims some of the memory that no query can see any more, as every change does; true if there is more to reclaim now.
    pub fn reclaim(&mut self) -> bool {
        let more_blobs = self.retired.reclaim(&self.index);
        self.index.reclaim() || more_blobs
    }

    /// [`VectorSet::reclaim`] without a change that follows; updates the sums of bytes.
    pub fn tidy(&mut self) -> bool {
        let more = self.reclaim();
        self.account();
        more
    }

    /// Whether memory of removed elements is still to be freed, now or later.
    pub fn has_remains(&self) -> bool {
        !self.retired.is_empty() || self.index.has_remains()
    }

    /// Whether there is an element of that name.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.id(name).is_some()
    }

    /// An element's vector as stored, scaled to its original length: the reply of VEMB.
    pub fn vector(&self, name: &[u8]) -> Option<Vec<f32>> {
        Some(self.index.vector(self.id(name)?))
    }

    /// An element's stored bytes.
    pub fn raw_vector(&self, name: &[u8]) -> Option<RawVector> {
        Some(self.index.raw_vector(self.id(name)?))
    }

    /// An element's attributes, exactly as they were set; None if there are none.
    pub fn attributes(&self, name: &[u8]) -> Option<&[u8]> {
        self.table.attribute_text(self.id(name)?)
    }

    /// Replaces an element's attributes; empty text removes them. False if there is no such element.
    pub fn set_attributes(&mut self, name: &[u8], text: &[u8]) -> bool {
        self.reclaim();
        let Some(id) = self.stored_id(name) else { return false };
        self.put_record(id, text);
        self.account();
        true
    }

    /// Gives a live row another record.
    fn put_record(&mut self, id: u32, text: &[u8]) {
        let record = record(text, &mut self.fields);
        self.attributes_count += record.is_some() as usize;
        let old = self.table.attributes.replace(id, record);
        self.attributes_count -= old.is_some() as usize;
        self.retired.keep(&self.index, old);
        self.table.note_change();
        self.note_record(id);
    }

    /// After a row's record changed: updates the derived data.
    fn note_record(&self, id: u32) {
        let record = self.table.attributes.get(id);
        self.matches.borrow().update(id, record);
        self.columns.borrow().update(id, record);
    }

    fn saved<'a>(&'a self, id: u32, wire_id: u64, raw: &'a RawVector) -> SavedElement<'a> {
        SavedElement {
            name: self.table.name(id),
            attributes: self.table.attribute_text(id).unwrap_or(&[]),
            code: &raw.code,
            l2: raw.l2,
            range: raw.range.unwrap_or(0.0),
            wire_id,
            level: self.index.level(id),
            time: self.table.time(id),
        }
    }

    /// About how many allocations freeing the set frees.
    pub fn free_effort(&self) -> usize {
        2 * self.len() + 1
    }
}

/// The record of an attribute text; None if it is empty.
fn record(text: &[u8], fields: &mut Fields) -> Option<Blob> {
    (!text.is_empty()).then(|| Blob::new(&encode(text, fields)))
}

impl Drop for VectorSet {
    fn drop(&mut self) {
        SETS.fetch_sub(1, Ordering::Relaxed);
        ELEMENTS.fetch_sub(self.names.len(), Ordering::Relaxed);
        self.retired.leave_to(&self.table);
    }
}
