//! A nearest-neighbour index of vectors. It does not depend on names, attributes or documents; vector sets and search
//! over documents are built on it.
//!
//! ```text
//!   VectorIndex  (owner: main thread)      Shared  (Arc: owner, linkers, queries)
//!   free and retired ids  ───────────────► vectors                         (arena)
//!                                          links, and which rows are live  (graph)
//!                                          pending and dead rows: background work
//! ```
//!
//! **Row ids** are 32-bit numbers that the index assigns. A row is written once: an update is a new row, and the owner
//! of the index maps rows to its elements or documents and back. So a document with several vector fields updates one
//! of them without touching the graphs of the others; a field with several values has several rows; an unchanged
//! vector keeps its row and its links; and a running query never sees a vector change.
//!
//! Data that an owner attaches to a row (a name, attributes, bits of a filter) is written before the row is live
//! ([`VectorIndex::insert_with`]) and stays until the row is dead. A row's id is reused only when no
//! query that may have seen its last use is left: every [`Reader`], [`Query`] and [`Found`] counts as one.
//!
//! Invariants (verified by `check.rs`):
//! 1. A live row is linked, or pending and on the pending list. (An index without a graph links none, nor does one of a
//!    few rows.)
//! 2. An id is reused only when no query that may have seen its last use is left.
//!
//! | file | holds |
//! | --- | --- |
//! | `params.rs` | parameters fixed at creation |
//! | `shared.rs` | the part that threads share, with linking and repair |
//! | `pending.rs`, `linkers.rs` | rows that wait to be linked; scheduling of linkers |
//! | `few.rs` | indexes so small that nothing is linked |
//! | `backlog.rs`, `waiters.rs` | backpressure: bounds on pending work; callbacks that wait for it |
//! | `rows.rs` | accessors of a live row: its vector, its links |
//! | `query.rs`, `plan.rs`, `search.rs` | a query; its plan; its execution |
//! | `accept.rs` | which rows a query may return |
//! | `live_rows.rs` | a visit to every accepted row, even if rows are replaced concurrently |
//! | `found.rs` | the result of a query |
//! | `queue.rs` | a queue that allocates lazily |
//! | `replaced.rs` | rows that were replaced while queries run |
//! | `settle.rs`, `restore.rs` | an index at rest, to be saved; building one from saved parts |
//! | `copy.rs` | a copy, row by row |
//! | `saved.rs` | traits and number formats of saved forms |
//! | `saved_graph.rs`, `restore_graph.rs` | a graph saved without its vectors; restoring it while these arrive |
//! | `space.rs` | distances for the graph: rows and sketches |
//! | `memory.rs` | memory use |
//! | `check.rs` | verification of the invariants |

mod accept;
mod backlog;
mod check;
mod copy;
mod few;
mod found;
mod linkers;
mod live_rows;
mod memory;
mod params;
mod pending;
mod plan;
mod query;
mod queue;
mod replaced;
mod restore;
mod restore_graph;
mod rows;
mod saved;
mod saved_graph;
mod search;
mod settle;
mod shared;
#[cfg(test)]
mod sketch_tests;
mod space;
#[cfg(test)]
mod tests;
mod waiters;
#[cfg(test)]
mod within_tests;

use std::collections::VecDeque;
use std::sync::Arc;

/// Whether other threads may change the index.
pub use crate::graph::Alone;
pub use accept::{Accept, Everything};
pub use backlog::{backlog, set_pending_bytes};
pub use found::Found;
pub use linkers::{link_in_background, start_linkers};
pub use memory::{Bytes, LINKS, REST, Share, Sum, VECTORS};
pub use params::*;
pub use plan::Plan;
pub use query::{Options, Query, RangeOptions, Reader, Target, Work};
pub use restore::{BadRow, Flaw, Restored, Restorer, SavedRow};
pub use rows::RawVector;
pub use saved::{LoadError, Sink, Source, put_number, take_bytes, take_number};
pub use saved_graph::KeptGraph;
pub use settle::{AtRest, SavedLinks};
pub use shared::{LINKED, REPAIRED};
pub use waiters::Waiter;

use crate::arena::Ids;
use crate::graph::random_level;
use crate::vector::{Encoding, Input, Projection, is_finite};
use restore_graph::Awaited;
use shared::Shared;

/// Up to this many rows, and bytes of them, the owner links at once: that costs less than waking a linker.
const SMALL: usize = 200;
const SMALL_BYTES: usize = 100 << 10;
/// Maximum number of retired ids that one change frees, so that the cost is spread over changes.
const RECLAIMED_AT_ONCE: usize = 64;

/// The owner's part of an index, used by one thread only. Nothing here waits for queries.
///
/// ```
/// use vset::index::{Options, Params, Target, VectorIndex};
/// use vset::vector::{Encoding, Metric};
///
/// let mut index = VectorIndex::new(Params { dim: 2, input_dim: None, encoding: Encoding::F32, metric: Metric::Cosine, m: 16 });
/// let east = index.insert(&[1.0, 0.0], 100)?;
/// let north = index.insert(&[0.0, 1.0], 100)?;
/// let query = index.query(Target::Vector(&[0.9, 0.1]), &Options { count: 1, ..Options::default() })?;
/// // The query may run on any thread, whatever becomes of the index while it runs.
/// let found = std::thread::spawn(move || query.run()).join().expect("it does not panic");
/// assert_eq!(found.rows()[0].node, east);
/// index.remove(east);
/// assert_eq!(index.len(), 1);
/// assert!(index.is_live(north));
/// # Ok::<(), vset::index::AddError>(())
/// ```
pub struct VectorIndex {
    shared: Arc<Shared>,
    ids: Ids,
    /// Live rows.
    len: usize,
    /// Ids that queries may still see, with the stamps of their grace periods.
    retired: VecDeque<(u64, u32)>,
    /// A saved graph whose vectors are being loaded.
    awaited: Option<Box<Awaited>>,
}

/// Why a vector could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddError {
    /// There are as many rows as there are ids: a billion.
    Full,
    /// The vector is finite, but its projection is not.
    NotFinite,
    /// A component is larger than the encoding has numbers.
    TooLarge,
}

impl std::fmt::Display for AddError {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            AddError::Full => "there are as many vectors as there can be",
            AddError::NotFinite => "the projection of the vector is not finite",
            AddError::TooLarge => "a component is too large for its encoding",
        })
    }
}

impl std::error::Error for AddError {}

impl VectorIndex {
    /// An empty index.
    pub fn new(params: Params) -> VectorIndex {
        let projection = params.input_dim.map(|input| Projection::generate(params.dim, input));
        VectorIndex::with_projection(params, projection)
    }

    /// An empty index without a graph: nothing is ever linked, and every query compares with all rows.
    pub fn flat(params: Params) -> VectorIndex {
        let projection = params.input_dim.map(|input| Projection::generate(params.dim, input));
        VectorIndex::build(params, projection, true)
    }

    /// An empty index with this projection, or none.
    pub fn with_projection(params: Params, projection: Option<Projection>) -> VectorIndex {
        VectorIndex::build(params, projection, false)
    }

    fn build(params: Params, projection: Option<Projection>, is_flat: bool) -> VectorIndex {
        VectorIndex {
            shared: Arc::new(Shared::new(params, projection, is_flat)),
            ids: Ids::default(),
            len: 0,
            retired: VecDeque::new(),
            awaited: None,
        }
    }

    /// Whether it has no graph.
    pub fn is_flat(&self) -> bool {
        self.shared.is_flat
    }

    /// The parameters fixed at creation.
    pub fn params(&self) -> &Params {
        &self.shared.params
    }

    /// The projection, if there is one.
    pub fn projection(&self) -> Option<&Projection> {
        self.shared.projection.as_ref()
    }

    /// Number of live rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One more than the highest row id ever used.
    pub fn end(&self) -> u32 {
        self.shared.graph.end()
    }

    /// Whether the row is live.
    pub fn is_live(&self, row: u32) -> bool {
        self.shared.graph.is_live(row)
    }

    /// Stores a vector; yields its row.
    ///
    /// `vector` has the input dimension (that of the projection, if there is one) and finite
    /// components; `ef` is the width of the search for its neighbours. The row is found by
    /// every query from here on; it may be linked later.
    ///
    /// # Errors
    /// If the vector cannot be stored; nothing is changed then.
    pub fn insert(&mut self, vector: &[f32], ef: usize) -> Result<u32, AddError> {
        self.insert_with(vector, ef, |_| ())
    }

    /// [`VectorIndex::insert`], with `attach` called for the row before any query can find it.
    ///
    /// # Errors
    /// As above; `attach` was not called then.
    pub fn insert_with(&mut self, vector: &[f32], ef: usize, attach: impl FnOnce(u32)) -> Result<u32, AddError> {
        self.put(None, Input::Floats(vector), ef, attach)
    }

    /// Stores a vector, in the place of a live row's if there is one: [`VectorIndex::insert_with`] or
    /// [`VectorIndex::replace_with`] of any input.
    ///
    /// # Errors
    /// As [`VectorIndex::insert`]; `attach` was not called then.
    pub fn put(
        &mut self,
        old: Option<u32>,
        vector: Input,
        ef: usize,
        attach: impl FnOnce(u32),
    ) -> Result<u32, AddError> {
        self.put_of(&[], old, vector, ef, attach)
    }

    /// [`VectorIndex::put`] of a vector that belongs to `owner`, a name by which it is recognised in a saved graph
    /// ([`VectorIndex::await_graph`]).
    ///
    /// # Errors
    /// As above.
    pub fn put_of(
        &mut self,
        owner: &[u8],
        old: Option<u32>,
        vector: Input,
        ef: usize,
        attach: impl FnOnce(u32),
    ) -> Result<u32, AddError> {
        let row = self.store(owner, old, vector, attach)?;
        if old == Some(row) {
            return Ok(row);
        }
        if let Some(old) = old {
            self.shared.lock_replaced().note(old, row, self.shared.grace.stamp());
        }
        match &mut self.awaited {
            Some(awaited) => awaited.hold(&self.shared, row, ef),
            None => self.link_or_push(row, ef),
        }
        if let Some(old) = old {
            self.kill(old);
        }
        self.account();
        Ok(row)
    }

    /// Replaces a live row by a row with another vector; returns the new row. Queries
    /// that are running and find the old row return the new one instead. If the stored form is the same,
    /// the old row stays, links included, and is returned.
    ///
    /// # Errors
    /// As [`VectorIndex::insert`].
    pub fn replace(&mut self, old: u32, vector: &[f32], ef: usize) -> Result<u32, AddError> {
        self.replace_with(old, vector, ef, |_| ())
    }

    /// [`VectorIndex::replace`], with `attach` called for the new row before any query can find it. It is not
    /// called where the old row stays.
    ///
    /// # Errors
    /// As above; `attach` was not called then.
    pub fn replace_with(
        &mut self,
        old: u32,
        vector: &[f32],
        ef: usize,
        attach: impl FnOnce(u32),
    ) -> Result<u32, AddError> {
        self.put(Some(old), Input::Floats(vector), ef, attach)
    }

    /// Removes a live row.
    pub fn remove(&mut self, row: u32) {
        self.reclaim();
        self.kill(row);
        self.account();
    }

    /// Writes and announces a row; returns the old one, untouched, if its stored form is the same.
    fn store(
        &mut self,
        owner: &[u8],
        old: Option<u32>,
        vector: Input,
        attach: impl FnOnce(u32),
    ) -> Result<u32, AddError> {
        self.reclaim();
        let shared = &self.shared;
        let mut fresh;
        match vector {
            Input::Bytes(bytes) if shared.codec.encoding() == Encoding::Int8 && shared.projection.is_none() => {
                fresh = self.ids.fresh().ok_or(AddError::Full)?;
                shared.write(&mut fresh, |row| shared.codec.encode_bytes(bytes, row));
            }
            _ => {
                let vector = vector.floats();
                let projected = shared.projection.as_ref().map(|projection| projection.apply(&vector));
                let vector = projected.as_deref().unwrap_or(&vector);
                if !is_finite(vector) {
                    return Err(AddError::NotFinite);
                }
                if !shared.codec.can_hold(vector) {
                    return Err(AddError::TooLarge);
                }
                fresh = self.ids.fresh().ok_or(AddError::Full)?;
                shared.write(&mut fresh, |row| shared.codec.encode(vector, row));
            }
        };
        let row = fresh.publish();
        let kept = old.filter(|&old| shared.vectors.get(old) == shared.vectors.get(row));
        if let Some(old) = kept {
            self.ids.reclaim(row);
            return Ok(old);
        }
        attach(row);
        let saved = match &mut self.awaited {
            Some(awaited) => awaited.recognise(owner, shared.vectors.get(row), row),
            None => {
                shared.make_way_for(row);
                None
            }
        };
        let level = saved.unwrap_or_else(|| if shared.is_flat { 0 } else { random_level(&mut rand::rng()) });
        shared.graph.announce(row, level);
        self.len += 1;
        Ok(row)
    }

    fn link_or_push(&mut self, row: u32, ef: usize) {
        let shared = &self.shared;
        if shared.is_without_links() {
            return;
        }
        let at_once = !linkers::exist() || (self.is_small() && shared.pending.count() == 0);
        if !at_once && shared.push_pending(row, ef) {
            linkers::wake(shared);
        } else if shared.graph.claim(row) {
            shared.link(row, ef, Alone::No);
        }
    }

    fn is_small(&self) -> bool {
        self.len <= SMALL && self.len * self.shared.vectors.stride() <= SMALL_BYTES
    }

    /// Marks a row as dead and schedules its repair.
    fn kill(&mut self, row: u32) {
        self.len -= 1;
        let shared = &self.shared;
        // A row that is not linked yet is retired by the linker that takes it.
        if shared.graph.mark_dead(row) {
            if !linkers::exist() || self.is_small() {
                shared.repair(row, Alone::No);
            } else {
                shared.push_dead(row);
                linkers::wake(shared);
            }
        } else if shared.is_without_links() && self.awaited.is_none() {
            shared.retire(row);
        }
    }

    /// Reclaims some of the memory that no query can see any more, as every change does; true if there is more to reclaim now.
    pub fn reclaim(&mut self) -> bool {
        let shared = &self.shared;
        let is_over = |stamp| shared.grace.is_over(stamp);
        shared.lock_replaced().trim(RECLAIMED_AT_ONCE, is_over);
        for _ in 0..RECLAIMED_AT_ONCE {
            self.retired.extend(shared.retired.pop());
            let Some(&(stamp, row)) = self.retired.front() else { return false };
            if !is_over(stamp) {
                return false;
            }
            self.retired.pop_front();
            shared.lock_replaced().forget(row);
            shared.graph.forget(row);
            self.ids.reclaim(row);
        }
        true
    }

    /// Whether [`VectorIndex::reclaim`] has something to do, now or later.
    pub fn has_remains(&self) -> bool {
        !self.retired.is_empty() || self.shared.has_remains()
    }

    /// Whether no links are still to be made or repaired.
    pub fn is_settled(&self) -> bool {
        !self.shared.has_work()
    }

    /// Whether a live row has its links, or needs none.
    pub fn is_linked(&self, row: u32) -> bool {
        self.shared.is_without_links() || self.shared.graph.is_linked(row)
    }

    /// The stamp for data of the owner that was just made invisible to new queries; it
    /// may be freed when [`VectorIndex::is_over`].
    pub fn stamp(&self) -> u64 {
        self.shared.grace.stamp()
    }

    /// Whether no query can still see what was made invisible at `stamp`.
    pub fn is_over(&self, stamp: u64) -> bool {
        self.shared.grace.is_over(stamp)
    }

    /// Whether no query runs or holds its result. Only the owner can begin one.
    pub fn is_idle(&self) -> bool {
        self.shared.grace.is_idle()
    }
}

impl Drop for VectorIndex {
    fn drop(&mut self) {
        // Running queries continue; missing links do not affect them.
        self.shared.abandon();
    }
}
