//! The memory of link rows: one array of rows for each size class, and a list of free rows.
//!
//! A row is `[count, id, id, …]`. A freed row is reused after a grace period, since a reader
//! may still be reading it.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use crate::arena::{Array, Grace};
use crate::sync::Mutex;

/// Rows of one class, at most: what a reference has bits for.
pub(super) const MOST_ROWS: u32 = 1 << 28;

/// Rows of one size.
///
/// Made when its first row is: a small set uses few classes. Their width is known to the user.
#[derive(Default)]
pub(super) struct RowClass(OnceLock<Box<Inner>>);

struct Inner {
    rows: Array<AtomicU32>,
    /// Rows handed out for the first time so far.
    next: AtomicU32,
    /// Locked behind the gate alone (`locks.rs`), or on the thread that forks: a child finds it free.
    free: Mutex<Free>,
    /// Rows in `free`: mostly none, which takes no lock to see.
    free_rows: AtomicUsize,
    /// Bytes of the lists in `free`: read at any time, also when a child could find the lock taken.
    free_bytes: AtomicUsize,
}

#[derive(Default)]
struct Free {
    ready: Vec<u32>,
    /// Freed rows with the stamp of their grace period, oldest first.
    waiting: VecDeque<(u64, u32)>,
}

impl RowClass {
    /// What there is once a row was handed out.
    #[inline(always)]
    fn inner(&self) -> &Inner {
        self.0.get().expect("a row was handed out")
    }

    fn of_width(&self, width: usize) -> &Inner {
        self.0.get_or_init(|| {
            Box::new(Inner {
                rows: Array::new(width),
                next: AtomicU32::new(0),
                free: Mutex::default(),
                free_rows: AtomicUsize::new(0),
                free_bytes: AtomicUsize::new(0),
            })
        })
    }

    /// The number of a row that was given back and that no reader sees any more, all zero.
    pub fn reuse(&self, grace: &Grace) -> Option<u32> {
        let inner = &**self.0.get()?;
        if inner.free_rows.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let row = inner.with_free(|free| {
            while let Some(&(stamp, row)) = free.waiting.front() {
                if !grace.is_over(stamp) {
                    break;
                }
                free.waiting.pop_front();
                free.ready.push(row);
            }
            free.ready.pop()
        })?;
        for value in inner.rows.row(row) {
            value.store(0, Ordering::Relaxed);
        }
        Some(row)
    }

    /// The number of an unused row of `width` numbers, always the same, all zero. None if there are [`MOST_ROWS`] in
    /// use.
    pub fn take(&self, width: usize, grace: &Grace) -> Option<u32> {
        self.reuse(grace).or_else(|| {
            let inner = self.of_width(width);
            let more = |next: u32| (next < MOST_ROWS).then_some(next + 1);
            let row = inner.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
            inner.rows.ensure(row);
            Some(row)
        })
    }

    /// Gives a row back; readers may still look at it until their grace period is over.
    pub fn give(&self, row: u32, grace: &Grace) {
        let stamp = grace.stamp();
        self.inner().with_free(|free| free.waiting.push_back((stamp, row)));
    }

    /// Gives a row back that no reader sees any more.
    pub fn give_unseen(&self, row: u32) {
        self.inner().with_free(|free| free.ready.push(row));
    }

    /// The row's values.
    #[inline(always)]
    pub fn row(&self, row: u32) -> &[AtomicU32] {
        self.inner().rows.row(row)
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        let Some(inner) = self.0.get() else { return 0 };
        size_of::<Inner>() + inner.rows.allocated() + inner.free_bytes.load(Ordering::Relaxed)
    }

    /// As if that many rows had been handed out.
    #[cfg(test)]
    pub fn skip_to(&self, row: u32, width: usize) {
        self.of_width(width).next.store(row, Ordering::Relaxed);
    }
}

impl Inner {
    fn with_free<R>(&self, change: impl FnOnce(&mut Free) -> R) -> R {
        let mut free = self.free.lock().unwrap_or_else(|e| e.into_inner());
        let result = change(&mut free);
        let bytes = free.ready.capacity() * size_of::<u32>() + free.waiting.capacity() * size_of::<(u64, u32)>();
        self.free_bytes.store(bytes, Ordering::Relaxed);
        self.free_rows.store(free.ready.len() + free.waiting.len(), Ordering::Relaxed);
        result
    }
}
