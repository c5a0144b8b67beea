//! One vector set as a plain library type: no server needed.
//!
//! ```text
//!   VectorSet  (main thread)            Shared  (Arc: main thread, linkers, queries)
//!   names in order ── id ──────────────► vectors, names, attributes   (arena)
//!   free ids, what is retired            links                        (graph)
//!   field names of attributes            pending, dead: work that waits
//! ```
//!
//! Across the parts, these hold (proved by `check.rs`):
//! 1. Every name in order leads to a live node that carries that name; there are no other live nodes.
//! 2. A live node is linked, or pending, and then on the pending list.
//! 3. An id is handed out again only when no query that may have seen its last use is left.
//!
//! | file | holds |
//! | --- | --- |
//! | `params.rs` | what is fixed at creation |
//! | `names.rs` | elements in name order |
//! | `shared.rs` | the threads' half, and linking and repair on it |
//! | `pending.rs`, `linkers.rs` | elements that wait to be linked; the threads that do it |
//! | `query.rs`, `plan.rs` | a search from question to hits; how it goes about it |
//! | `select.rs` | all elements that match a filter |
//! | `gathered.rs` | what is kept of records, and how it stays true |
//! | `matches.rs` | which elements match a filter that is used often |
//! | `columns.rs` | the values of fields that filters ask for |
//! | `filter.rs` | a filter as one query has it: its program, and one of these |
//! | `restore.rs` | building a set from saved parts |
//! | `settle.rs` | a set at rest, to be saved |
//! | `space.rs` | the graph's view of the vectors |
//! | `memory.rs` | where the bytes are |
//! | `check.rs` | the proof |

mod check;
mod columns;
mod filter;
mod gathered;
mod linkers;
mod matches;
mod memory;
mod names;
mod params;
mod pending;
mod plan;
mod query;
mod restore;
mod select;
mod settle;
mod shared;
mod space;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use linkers::{link_in_background, start_linkers};
pub use memory::{Kind, bytes_of_all_sets};
pub use params::*;
pub use plan::Plan;
pub use query::{Hit, Hits, Query, SearchOptions, Target, Work};
pub use restore::{BadElement, DuplicateId, Restored, Restorer, SavedElement, SavedLinks};
pub use select::{Selected, Selection};
pub use settle::Settled;
pub use shared::{LINKED, REPAIRED, Totals, Waiter, totals};

use crate::arena::{Blob, Ids};
use crate::attributes::{Fields, encode};
use crate::graph::{Alone, Space, random_level};
use crate::vector::{Projection, is_finite};
use columns::ColumnCache;
use matches::MatchCache;
use names::Names;
use shared::Shared;

/// Up to this many elements, linking costs less than handing it over.
const SMALL: usize = 200;

/// Bytes of vectors that may wait to be linked in a set before replies to VADD are withheld.
pub fn set_pending_bytes(bytes: usize) {
    shared::PENDING_BYTES.store(bytes, Ordering::Relaxed);
}

/// The owner's half of a set: only the main thread touches it. Nothing here waits for queries.
pub struct VectorSet {
    shared: Arc<Shared>,
    names: Names,
    ids: Ids,
    /// Names of the fields in the attributes' records.
    fields: Fields,
    /// Filters that are used often.
    matches: RefCell<MatchCache>,
    columns: RefCell<ColumnCache>,
    attributes_count: usize,
    uid: u64,
    /// Counts insertions and updates, as the original's node ids do.
    max_node_uid: u64,
    /// Ids and attributes that queries may still see, with the stamps of their grace periods.
    retired_ids: VecDeque<(u64, u32)>,
    retired_blobs: VecDeque<(u64, Blob)>,
}

/// What VADD does to the attributes.
#[derive(Clone, Copy, Debug)]
pub enum AttributeChange<'a> {
    /// Leaves them.
    Keep,
    /// Replaces them; empty text removes them.
    Set(&'a [u8]),
}

/// Why a vector could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddError {
    /// The set holds as many elements as there are ids: two billion.
    Full,
    /// The vector is finite, but its projection is not.
    NotFinite,
}

/// An element's stored vector.
pub struct RawVector {
    /// As the wire and the saved form have it.
    pub code: Vec<u8>,
    /// Norm before normalisation.
    pub l2: f32,
    /// Largest component, for int8.
    pub range: Option<f32>,
}

/// What VINFO tells.
#[derive(Clone, Debug)]
pub struct Info {
    /// Elements.
    pub size: usize,
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
    /// An empty set.
    pub fn new(params: Params) -> VectorSet {
        let projection = params.input_dim.map(|input| Projection::generate(params.dim, input));
        VectorSet::with_projection(params, projection)
    }

    fn with_projection(params: Params, projection: Option<Projection>) -> VectorSet {
        static UIDS: AtomicU64 = AtomicU64::new(1);
        shared::SETS.fetch_add(1, Ordering::Relaxed);
        VectorSet {
            shared: Arc::new(Shared::new(params, projection)),
            names: Names::default(),
            ids: Ids::default(),
            fields: Fields::new(),
            matches: RefCell::default(),
            columns: RefCell::default(),
            attributes_count: 0,
            uid: UIDS.fetch_add(1, Ordering::Relaxed),
            max_node_uid: 0,
            retired_ids: VecDeque::new(),
            retired_blobs: VecDeque::new(),
        }
    }

    /// What is fixed at creation.
    pub fn params(&self) -> &Params {
        &self.shared.params
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.len() == 0
    }

    fn id(&self, name: &[u8]) -> Option<u32> {
        self.names.get(name, |id| self.shared.name(id))
    }

    /// Adds an element, or gives it another vector if it is there: false then.
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
        self.reclaim();
        let shared = &self.shared;
        let projected = shared.projection.as_ref().map(|projection| projection.apply(vector));
        let vector = projected.as_deref().unwrap_or(vector);
        if !is_finite(vector) {
            return Err(AddError::NotFinite);
        }
        let mut fresh = self.ids.fresh().ok_or(AddError::Full)?;
        shared.codec.encode(vector, shared.vectors.write(&mut fresh));
        let id = fresh.publish();
        shared.names.replace(id, Some(Blob::new(name)));
        shared.graph.announce(id, random_level(&mut rand::rng()));
        let old = self.names.insert(name, id, |id| shared.name(id));
        self.max_node_uid += 1;
        shared::ELEMENTS.fetch_add(old.is_none() as usize, Ordering::Relaxed);
        let record = match (attributes, old) {
            (AttributeChange::Set(text), _) => record(text, &mut self.fields),
            (AttributeChange::Keep, Some(old)) => self.shared.attributes.get(old).map(Blob::new),
            (AttributeChange::Keep, None) => None,
        };
        self.attributes_count += record.is_some() as usize;
        self.shared.attributes.replace(id, record);
        self.note_record(id);
        if let Some(old) = old {
            self.attributes_count -= self.shared.attributes.get(old).is_some() as usize;
            let mut successors = self.shared.successors.lock().unwrap_or_else(|e| e.into_inner());
            successors.insert(old, id);
        }
        self.link_or_push(id, ef);
        if let Some(old) = old {
            self.kill(old);
        }
        self.account();
        Ok(old.is_none())
    }

    fn link_or_push(&mut self, id: u32, ef: usize) {
        let shared = &self.shared;
        let at_once = !linkers::exist() || (self.names.len() <= SMALL && shared.pending.count() == 0);
        if !at_once && shared.push_pending(id, ef) {
            linkers::wake(shared);
        } else if shared.graph.claim(id) {
            shared.link(id, ef, Alone::No);
        }
    }

    /// Marks a node as dead and sees to its repair.
    fn kill(&mut self, id: u32) {
        let shared = &self.shared;
        // A node that is not linked yet is retired by whoever comes to link it.
        if shared.graph.mark_dead(id) {
            if !linkers::exist() || self.names.len() <= SMALL {
                shared.repair(id, Alone::No);
            } else {
                shared.push_dead(id);
                linkers::wake(shared);
            }
        }
    }

    /// Whether more waits to be linked or repaired than may: withhold the reply to a write
    /// ([`VectorSet::wait_for_room`]), or make room ([`VectorSet::link_some`]) where blocking is not allowed.
    pub fn is_over_bound(&self) -> bool {
        self.shared.is_over_bound()
    }

    /// Links on this thread until there is room for more: where a reply cannot be withheld.
    pub fn link_some(&mut self) {
        while self.shared.is_over_bound() && self.shared.work_now() {}
    }

    /// Parks a waiter (a withheld reply) until there is room; drops it then, on any thread.
    pub fn wait_for_room(&self, waiter: Waiter) {
        self.shared.wait_for_room(waiter);
    }

    /// Whether links are still to be made or repaired.
    pub fn is_settled(&self) -> bool {
        !self.shared.has_work()
    }

    /// Parks a waiter until the links that are still to be made now are made; drops it then, on any
    /// thread.
    pub fn wait_for_links(&self, waiter: Waiter) {
        self.shared.wait_for_links(waiter);
    }

    /// Removes an element; false if there is none of that name.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        self.reclaim();
        let shared = self.shared.clone();
        let Some(id) = self.names.remove(name, |id| shared.name(id)) else { return false };
        self.attributes_count -= shared.attributes.get(id).is_some() as usize;
        shared::ELEMENTS.fetch_sub(1, Ordering::Relaxed);
        self.kill(id);
        self.account();
        true
    }

    /// Frees what no query can see any more.
    fn reclaim(&mut self) {
        let shared = &self.shared;
        while let Some(retired) = shared.retired.pop() {
            self.retired_ids.push_back(retired);
        }
        while let Some(&(stamp, id)) = self.retired_ids.front() {
            if !shared.grace.is_over(stamp) {
                break;
            }
            self.retired_ids.pop_front();
            shared.successors.lock().unwrap_or_else(|e| e.into_inner()).remove(&id);
            shared.graph.forget(id);
            shared.names.replace(id, None);
            shared.attributes.replace(id, None);
            self.ids.reclaim(id);
        }
        while self.retired_blobs.front().is_some_and(|&(stamp, _)| shared.grace.is_over(stamp)) {
            self.retired_blobs.pop_front();
        }
    }

    /// Whether there is an element of that name.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.id(name).is_some()
    }

    /// An element's vector as stored, back in its original length: what VEMB tells.
    pub fn vector(&self, name: &[u8]) -> Option<Vec<f32>> {
        let id = self.id(name)?;
        Some(self.shared.codec.row(self.shared.vectors.get(id)).decode())
    }

    /// An element's stored bytes.
    pub fn raw_vector(&self, name: &[u8]) -> Option<RawVector> {
        Some(self.raw_vector_of(self.id(name)?))
    }

    fn raw_vector_of(&self, id: u32) -> RawVector {
        let row = self.shared.codec.row(self.shared.vectors.get(id));
        let range = (self.params().encoding == crate::vector::Encoding::Int8).then(|| row.range());
        RawVector { code: row.wire_code().into_owned(), l2: row.l2(), range }
    }

    /// An element's attributes, exactly as they were set; None if there are none.
    pub fn attributes(&self, name: &[u8]) -> Option<&[u8]> {
        self.shared.attribute_text(self.id(name)?)
    }

    /// Replaces an element's attributes; empty text removes them. False if there is no such element.
    pub fn set_attributes(&mut self, name: &[u8], text: &[u8]) -> bool {
        self.reclaim();
        let Some(id) = self.id(name) else { return false };
        let record = record(text, &mut self.fields);
        self.attributes_count += record.is_some() as usize;
        if let Some(old) = self.shared.attributes.replace(id, record) {
            self.attributes_count -= 1;
            self.retired_blobs.push_back((self.shared.grace.stamp(), old));
        }
        self.note_record(id);
        self.account();
        true
    }

    /// After a node's record changed: what is known of records follows.
    fn note_record(&self, id: u32) {
        let record = self.shared.attributes.get(id);
        self.matches.borrow().update(id, record);
        self.columns.borrow().update(id, record);
    }

    /// An element's neighbours, highest level first. Links the element first if it is pending.
    pub fn links(&mut self, name: &[u8]) -> Option<Vec<LevelLinks>> {
        let id = self.id(name)?;
        let shared = &self.shared;
        if !shared.graph.is_linked(id) {
            if shared.graph.claim(id) {
                shared.link(id, DEFAULT_EF_ADD, Alone::No);
            }
            // Otherwise a linker is at it.
            while !shared.graph.is_linked(id) {
                std::thread::yield_now();
            }
        }
        let probe = shared.probe(id);
        let levels = (0..=shared.graph.level(id)).rev().map(|level| {
            let mut nodes = shared.graph.neighbours(id, level);
            nodes.retain(|&node| shared.graph.is_live(node));
            let mut distances = vec![0.0; nodes.len()];
            shared.distances(&probe, &nodes, &mut distances);
            let scored = nodes.iter().zip(&distances);
            scored.map(|(&node, &d)| (shared.name(node).to_vec(), query::score(d) as f32)).collect()
        });
        Some(levels.collect())
    }

    /// Calls `visit` with names in byte order from `start` to `end` until it returns false.
    pub fn range(&self, start: Bound<&[u8]>, end: Bound<&[u8]>, visit: &mut dyn FnMut(&[u8]) -> bool) {
        let shared = &self.shared;
        for id in self.names.from(start, |id| shared.name(id)) {
            let name = shared.name(id);
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
        self.shared.name(self.names.nth(rank))
    }

    /// What VINFO tells.
    pub fn info(&self) -> Info {
        Info {
            size: self.len(),
            max_level: self.max_level(),
            attributes_count: self.attributes_count,
            uid: self.uid,
            max_node_uid: self.max_node_uid,
            pending: self.shared.pending.count(),
        }
    }

    /// The highest level, of pending elements too.
    fn max_level(&self) -> usize {
        let graph = &self.shared.graph;
        let pending = self.shared.pending.snapshot().into_iter().filter(|&id| graph.is_live(id));
        let linked = graph.entry().map_or(0, |(_, level)| level);
        pending.map(|id| graph.level(id)).max().unwrap_or(0).max(linked)
    }

    /// Where the bytes are, in a line; for benchmarks and debugging.
    pub fn anatomy(&self) -> String {
        let per = |bytes: usize| bytes as f64 / self.len().max(1) as f64;
        format!(
            "bytes/element: vectors {:.1}, links {:.1}, names {:.1} + order {:.1}, attributes {:.1}; {:.1} links",
            per(self.shared.vectors.allocated()),
            per(self.shared.graph.allocated()),
            per(self.shared.names.allocated()),
            per(self.names.allocated()),
            per(self.shared.attributes.allocated()),
            self.names.iter().map(|id| self.shared.graph.neighbours(id, 0).len()).sum::<usize>() as f64
                / self.len().max(1) as f64,
        )
    }

    /// Calls `visit` with each element in name order; ids and levels are of no meaning.
    pub fn for_each(&self, visit: &mut dyn FnMut(&SavedElement)) {
        for id in self.names.iter() {
            visit(&self.saved(id, 0, &self.raw_vector_of(id)));
        }
    }

    fn saved<'a>(&'a self, id: u32, wire_id: u64, raw: &'a RawVector) -> SavedElement<'a> {
        SavedElement {
            name: self.shared.name(id),
            attributes: self.shared.attribute_text(id).unwrap_or(&[]),
            code: &raw.code,
            l2: raw.l2,
            range: raw.range.unwrap_or(0.0),
            wire_id,
            level: self.shared.graph.level(id),
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
        shared::SETS.fetch_sub(1, Ordering::Relaxed);
        shared::ELEMENTS.fetch_sub(self.names.len(), Ordering::Relaxed);
        // Queries that run go on; nobody needs the links any more.
        self.shared.abandon();
    }
}
