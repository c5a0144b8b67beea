//! Memory use of one index and of all. The sum over all is kept up to date, so that reading it takes constant time.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::VectorIndex;
use super::shared::Shared;
use crate::vector::Projection;

/// A sum over all that have a [`Share`] in it.
pub struct Sum(AtomicUsize);

impl Sum {
    /// Nothing yet.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Sum {
        Sum(AtomicUsize::new(0))
    }

    /// The sum as of the last change of each share.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one holder has added to a sum; taken away again when dropped.
pub struct Share {
    sum: &'static Sum,
    own: AtomicUsize,
}

impl Share {
    /// A share of nothing.
    pub fn of(sum: &'static Sum) -> Share {
        Share { sum, own: AtomicUsize::new(0) }
    }

    /// Brings the sum up to date. Of two threads at a time the later one's number stays.
    pub fn set(&self, bytes: usize) {
        if self.own.load(Ordering::Relaxed) != bytes {
            let before = self.own.swap(bytes, Ordering::Relaxed);
            self.sum.0.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Bytes of the stored vectors of all indexes.
pub static VECTORS: Sum = Sum::new();
/// Bytes of the links of all indexes.
pub static LINKS: Sum = Sum::new();
/// Bytes of all else that indexes hold: projections, lists of what is pending.
pub static REST: Sum = Sum::new();

/// The shares of one index.
pub(super) struct Account {
    vectors: Share,
    links: Share,
    rest: Share,
}

impl Default for Account {
    fn default() -> Account {
        Account { vectors: Share::of(&VECTORS), links: Share::of(&LINKS), rest: Share::of(&REST) }
    }
}

impl Shared {
    /// After links changed: by the thread that changed them.
    pub(super) fn account_for_links(&self) {
        self.account.links.set(self.graph.allocated());
    }
}

/// The bytes of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    /// Stored vectors.
    pub vectors: usize,
    /// The graph.
    pub links: usize,
    /// Projection, list of pending rows, and what every index has.
    pub rest: usize,
}

impl VectorIndex {
    /// Bytes allocated.
    pub fn bytes(&self) -> Bytes {
        let shared = &*self.shared;
        let matrix = shared.projection.as_ref().map_or(0, Projection::heap_size);
        let both = size_of::<VectorIndex>() + size_of::<Shared>();
        Bytes {
            vectors: shared.vectors.allocated() + shared.sketches.as_ref().map_or(0, |(_, rows)| rows.allocated()),
            links: shared.graph.allocated(),
            rest: both + matrix + shared.pending.allocated() + shared.bytes_of_queues() + self.ids.allocated(),
        }
    }

    /// After everything but links changed: by the owner.
    pub(super) fn account(&self) {
        let bytes = self.bytes();
        self.shared.account.vectors.set(bytes.vectors);
        self.shared.account.rest.set(bytes.rest);
    }
}
