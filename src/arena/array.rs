//! Rows of atomics, read by many threads while one changes them (links, states).

use std::marker::PhantomData;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64};

use super::chunks::Chunks;

/// Types for which zeroed memory is a valid value and which threads may share.
///
/// # Safety
/// All-zero bytes must be a valid value; the alignment must be at most 8 and divide the size.
pub unsafe trait Zeroed: Sync {}
// SAFETY: integers and pointers are valid when zero; their alignment equals their size.
unsafe impl Zeroed for AtomicU8 {}
// SAFETY: as above.
unsafe impl Zeroed for AtomicU32 {}
// SAFETY: as above.
unsafe impl Zeroed for AtomicU64 {}
// SAFETY: as above.
unsafe impl<T> Zeroed for AtomicPtr<T> {}

/// A row of `width` atomics for each id, zero at first.
pub struct Array<T> {
    chunks: Chunks,
    width: usize,
    kind: PhantomData<T>,
}

impl<T: Zeroed> Array<T> {
    /// `width` values a row, at least one.
    pub fn new(width: usize) -> Array<T> {
        Array { chunks: Chunks::new(width * size_of::<T>()), width, kind: PhantomData }
    }

    /// Makes the row of `id` exist.
    pub fn ensure(&self, id: u32) {
        self.chunks.ensure(id);
    }

    /// The row of an id, or None if it was not ensured.
    #[inline(always)]
    pub fn get(&self, id: u32) -> Option<&[T]> {
        let row = self.chunks.row(id).cast::<T>();
        // SAFETY: a row that is not null has `width` zeroed or since written values, aligned
        // because chunks are and the stride is a multiple of the size; atomics may be shared.
        (!row.is_null()).then(|| unsafe { std::slice::from_raw_parts(row, self.width) })
    }

    /// The row of an id that was ensured.
    ///
    /// # Panics
    /// If it was not.
    #[inline(always)]
    pub fn row(&self, id: u32) -> &[T] {
        self.get(id).expect("an id in use has its row")
    }

    /// The only value of an id that was ensured (of a row of width 1).
    #[inline(always)]
    pub fn at(&self, id: u32) -> &T {
        &self.row(id)[0]
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.chunks.allocated()
    }
}
