//! The memory of link rows: one array of rows for each size class, and a list of free rows.
//!
//! A row is `[count, id, id, …]`. A class's freed row waits for its grace period, since a reader
//! may still walk along it.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use crate::arena::{Array, Grace};
use crate::sync::{Mutex, MutexGuard};

/// Rows of one size.
///
/// Made when its first row is: a small set uses few classes.
pub(super) struct RowClass {
    inner: OnceLock<Box<Inner>>,
    width: usize,
}

struct Inner {
    rows: Array<AtomicU32>,
    /// Locked behind the gate alone (`locks.rs`), or on the thread that forks: a child finds it free.
    free: Mutex<Free>,
    /// Bytes of the lists in `free`: asked for at any time, also when a child could find the lock taken.
    list_bytes: AtomicUsize,
}

#[derive(Default)]
struct Free {
    next: u32,
    ready: Vec<u32>,
    /// Freed rows with the stamp of their grace period, oldest first.
    waiting: VecDeque<(u64, u32)>,
}

impl RowClass {
    /// Rows of `width` numbers.
    pub fn new(width: usize) -> RowClass {
        RowClass { inner: OnceLock::new(), width }
    }

    fn inner(&self) -> &Inner {
        self.inner.get_or_init(|| {
            Box::new(Inner { rows: Array::new(self.width), free: Mutex::default(), list_bytes: AtomicUsize::new(0) })
        })
    }

    /// The number of a row that was given back and that nobody can see any more, all zero.
    pub fn reuse(&self, grace: &Grace) -> Option<u32> {
        let inner = &**self.inner.get()?;
        let mut free = inner.lock();
        while let Some(&(stamp, row)) = free.waiting.front() {
            if !grace.is_over(stamp) {
                break;
            }
            free.waiting.pop_front();
            free.ready.push(row);
            inner.count_lists(&free);
        }
        let row = free.ready.pop()?;
        drop(free);
        for value in inner.rows.row(row) {
            value.store(0, Ordering::Relaxed);
        }
        Some(row)
    }

    /// The number of an unused row, all zero.
    pub fn take(&self, grace: &Grace) -> u32 {
        if let Some(row) = self.reuse(grace) {
            return row;
        }
        let inner = self.inner();
        let mut free = inner.lock();
        let row = free.next;
        free.next += 1;
        drop(free);
        inner.rows.ensure(row);
        row
    }

    /// Gives a row back; readers may still look at it until their grace period is over.
    pub fn give(&self, row: u32, grace: &Grace) {
        let stamp = grace.stamp();
        let inner = self.inner();
        let mut free = inner.lock();
        free.waiting.push_back((stamp, row));
        inner.count_lists(&free);
    }

    /// Gives a row back that no reader can see any more.
    pub fn give_unseen(&self, row: u32) {
        let inner = self.inner();
        let mut free = inner.lock();
        free.ready.push(row);
        inner.count_lists(&free);
    }

    /// The row's values.
    #[inline(always)]
    pub fn row(&self, row: u32) -> &[AtomicU32] {
        self.inner().rows.row(row)
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        let Some(inner) = self.inner.get() else { return 0 };
        size_of::<Inner>() + inner.rows.allocated() + inner.list_bytes.load(Ordering::Relaxed)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn count_lists(&self, free: &Free) {
        let bytes = free.ready.capacity() * size_of::<u32>() + free.waiting.capacity() * size_of::<(u64, u32)>();
        self.list_bytes.store(bytes, Ordering::Relaxed);
    }
}
