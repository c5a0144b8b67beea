//! Untyped rows of one size in chunks that never move.
//!
//! Invariants:
//! 1. A chunk, once in the directory, stays where it is until the whole is dropped.
//! 2. A directory that was replaced stays allocated until the whole is dropped, so a reader that
//!    loaded it may go on using it. All of them together are smaller than the current one.
//! 3. Chunks are zeroed when allocated and aligned to 8 bytes: more would cost the server's
//!    allocator a page a chunk, and no kernel asks for it.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::sync::Mutex;

/// Most rows of the first chunk, and bytes of them; few, so that a set of three elements stays small.
const FIRST_ROWS: u32 = 4;
const FIRST_BYTES: usize = 64;
/// Size that chunks grow to. A power of two, which allocators serve without slack.
const CHUNK_BYTES: usize = 64 << 10;
const ALIGN: usize = 8;

/// The entry table: `chunks[i]` is null until chunk i exists.
type Directory = Box<[AtomicPtr<u8>]>;

pub(super) struct Chunks {
    stride: usize,
    /// Rows of each chunk behind the doubling ones.
    per_chunk: u32,
    /// Rows of the first chunk: a power of two.
    first_rows: u32,
    /// Number of the first chunk behind the doubling ones.
    first_fixed: usize,
    /// Ids below this lie in chunks that double in size: a power of two.
    doubling_rows: u32,
    /// ceil(2^64 / per_chunk): a division by multiplication (Lemire, 2019), exact for 32-bit ids.
    reciprocal: u64,
    directory: AtomicPtr<Directory>,
    /// Every directory there was, the current one last; locked while growing.
    #[allow(clippy::vec_box)] // readers hold pointers to the boxed directories
    directories: Mutex<Vec<Box<Directory>>>,
    bytes: AtomicUsize,
}

impl Chunks {
    /// Rows of `stride` bytes each.
    pub fn new(stride: usize) -> Chunks {
        assert!(stride > 0);
        let per_chunk = (CHUNK_BYTES / stride).clamp(1, 1 << 16) as u32;
        let doubling_rows = 1 << per_chunk.ilog2();
        let first_rows = if FIRST_ROWS as usize * stride > FIRST_BYTES { 1 } else { FIRST_ROWS.min(doubling_rows) };
        Chunks {
            stride,
            per_chunk,
            first_rows,
            first_fixed: (doubling_rows / first_rows).ilog2() as usize + 1,
            doubling_rows,
            reciprocal: (u64::MAX / per_chunk as u64).wrapping_add(1),
            directory: AtomicPtr::new(null_mut()),
            directories: Mutex::new(Vec::new()),
            bytes: AtomicUsize::new(0),
        }
    }

    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Chunk and row in it of an id.
    #[inline(always)]
    fn locate(&self, id: u32) -> (usize, usize) {
        if id >= self.doubling_rows {
            let rest = id - self.doubling_rows;
            let chunk =
                if self.per_chunk == 1 { rest } else { ((self.reciprocal as u128 * rest as u128) >> 64) as u32 };
            (self.first_fixed + chunk as usize, (rest - chunk * self.per_chunk) as usize)
        } else if id < self.first_rows {
            (0, id as usize)
        } else {
            let octave = id.ilog2();
            ((octave - self.first_rows.ilog2()) as usize + 1, (id - (1 << octave)) as usize)
        }
    }

    fn chunk_rows(&self, chunk: usize) -> usize {
        match chunk {
            0 => self.first_rows as usize,
            c if c < self.first_fixed => (self.first_rows as usize) << (c - 1),
            _ => self.per_chunk as usize,
        }
    }

    fn layout(&self, chunk: usize) -> Layout {
        Layout::from_size_align(self.chunk_rows(chunk) * self.stride, ALIGN).expect("a chunk's size fits")
    }

    /// The row's address; null if [`Chunks::ensure`] was not called for this id or one in its chunk.
    #[inline(always)]
    pub fn row(&self, id: u32) -> *mut u8 {
        let (chunk, row) = self.locate(id);
        // Acquire: pairs with the release in `ensure`, so that the directory's entries are seen.
        let directory = self.directory.load(Ordering::Acquire);
        if directory.is_null() {
            return null_mut();
        }
        // SAFETY: invariant 2, the directory lives as long as self.
        let directory = unsafe { &*directory };
        // Acquire: pairs with the release in `ensure`, so that the chunk's zeroes are seen.
        match directory.get(chunk).map(|c| c.load(Ordering::Acquire)) {
            Some(base) if !base.is_null() => {
                // SAFETY: locate() gives a row below chunk_rows(chunk), so it lies in the chunk.
                unsafe { base.add(row * self.stride) }
            }
            _ => null_mut(),
        }
    }

    /// Makes the row of `id` exist.
    pub fn ensure(&self, id: u32) {
        if !self.row(id).is_null() {
            return;
        }
        let (chunk, _) = self.locate(id);
        let mut all = self.directories.lock().unwrap_or_else(|e| e.into_inner());
        let have = all.last().map_or(0, |d| d.len());
        if chunk >= have {
            let next: Directory = (0..(have * 2).max(chunk + 1).max(2))
                .map(|i| match all.last() {
                    Some(old) if i < old.len() => AtomicPtr::new(old[i].load(Ordering::Relaxed)),
                    _ => AtomicPtr::new(null_mut()),
                })
                .collect();
            self.bytes.fetch_add(next.len() * size_of::<AtomicPtr<u8>>(), Ordering::Relaxed);
            // Most of these have one: small sets stay small.
            all.reserve_exact(1);
            all.push(Box::new(next));
            let current: *const Directory = &**all.last().expect("just pushed");
            self.directory.store(current.cast_mut(), Ordering::Release);
        }
        let entry = &all.last().expect("there is a directory")[chunk];
        if entry.load(Ordering::Relaxed).is_null() {
            let layout = self.layout(chunk);
            // SAFETY: the layout is not empty, since stride and the rows of a chunk are positive.
            let base = unsafe { alloc_zeroed(layout) };
            let Some(base) = NonNull::new(base) else { handle_alloc_error(layout) };
            self.bytes.fetch_add(layout.size(), Ordering::Relaxed);
            entry.store(base.as_ptr(), Ordering::Release);
        }
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        let all = std::mem::take(self.directories.get_mut().unwrap_or_else(|e| e.into_inner()));
        let Some(last) = all.last() else { return };
        for (chunk, entry) in last.iter().enumerate() {
            let base = entry.load(Ordering::Relaxed);
            if !base.is_null() {
                // SAFETY: `ensure` allocated it with this layout; &mut self: no thread reads any more.
                unsafe { dealloc(base, self.layout(chunk)) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_distinct_and_stay() {
        for stride in [1, 4, 12, 108, 392, 4096, 40_000, 300_000] {
            let chunks = Chunks::new(stride);
            let n = if stride > 4096 { 200 } else { 20_000 };
            assert!(chunks.row(0).is_null());
            let mut at = Vec::new();
            for id in 0..n {
                chunks.ensure(id);
                let row = chunks.row(id);
                // SAFETY: a test of the sole owner.
                unsafe { row.cast::<u8>().write(id as u8) };
                at.push(row as usize);
            }
            for id in 0..n {
                assert_eq!(chunks.row(id) as usize, at[id as usize], "stride {stride} id {id}");
                // SAFETY: as above.
                assert_eq!(unsafe { chunks.row(id).read() }, id as u8);
            }
            at.sort_unstable();
            assert!(at.windows(2).all(|w| w[1] - w[0] >= stride), "stride {stride}");
        }
    }

    #[test]
    fn location_of_far_ids_is_exact() {
        for stride in [1, 3, 108, 392, 65_536, 70_000] {
            let chunks = Chunks::new(stride);
            for id in [0, 3, 4, 1 << 20, (1 << 31) + 12345, u32::MAX - 1] {
                let (chunk, row) = chunks.locate(id);
                let before: u64 = match chunk {
                    c if c < 40 => (0..c).map(|c| chunks.chunk_rows(c) as u64).sum(),
                    c => {
                        let fixed = chunks.first_fixed;
                        chunks.doubling_rows as u64 + (c - fixed) as u64 * chunks.per_chunk as u64
                    }
                };
                assert_eq!(before + row as u64, id as u64);
                assert!(row < chunks.chunk_rows(chunk));
            }
        }
    }
}
