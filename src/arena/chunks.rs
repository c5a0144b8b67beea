//! Untyped rows of one size in chunks that never move.
//!
//! Invariants:
//! 1. A chunk, once in the directory, is not moved or freed until the whole array is dropped.
//! 2. A replaced directory stays allocated until the whole array is dropped, so a reader that
//!    loaded it may go on using it. All replaced directories together are smaller than the current one.
//! 3. Chunks are zeroed when allocated and aligned to 8 bytes: a larger alignment would cost the server's
//!    allocator a page per chunk, and no kernel needs it.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::sync::Mutex;

/// Most rows of the first chunk, and bytes of them; few, so that a set of three elements stays small.
const FIRST_ROWS: u32 = 4;
const FIRST_BYTES: usize = 64;
/// Rows of at least this many bytes get chunks that grow more slowly: a set of five elements does not pay for eight.
const LARGE: usize = 96;
/// Size that chunks grow to. A power of two, which allocators serve without slack.
const CHUNK_BYTES: usize = 64 << 10;
const ALIGN: usize = 8;

/// The head of the table of chunks. Behind it, `len` entries: entry i is null until chunk i exists.
#[repr(C)]
struct Directory {
    len: usize,
    /// The one that this took the place of, or null.
    previous: *mut Directory,
}

impl Directory {
    fn layout(len: usize) -> Layout {
        let entries = Layout::array::<AtomicPtr<u8>>(len).expect("a table of chunks fits");
        Layout::new::<Directory>().extend(entries).expect("a table of chunks fits").0
    }

    /// One with the entries of `previous`, which may be null, and null ones.
    ///
    /// # Safety
    /// `previous` is null or a directory that lives.
    unsafe fn allocate(len: usize, previous: *mut Directory) -> NonNull<Directory> {
        let layout = Directory::layout(len);
        // SAFETY: the layout has at least the head's bytes.
        let Some(base) = NonNull::new(unsafe { alloc_zeroed(layout) }.cast::<Directory>()) else {
            handle_alloc_error(layout)
        };
        // SAFETY: large enough for the head and aligned for pointers; null pointers are all zero.
        unsafe {
            base.write(Directory { len, previous });
            for (to, from) in Directory::entries(base.as_ptr()).iter().zip(Directory::entries(previous)) {
                to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
        base
    }

    /// The entries; none of no directory.
    ///
    /// # Safety
    /// `directory` is null or came from [`Directory::allocate`] and lives during `'a`.
    #[inline(always)]
    unsafe fn entries<'a>(directory: *const Directory) -> &'a [AtomicPtr<u8>] {
        if directory.is_null() {
            return &[];
        }
        // SAFETY: guaranteed by the caller; `allocate` made room for `len` entries behind the head.
        unsafe { std::slice::from_raw_parts(directory.add(1).cast(), (*directory).len) }
    }
}

pub(super) struct Chunks {
    stride: usize,
    /// Rows of each chunk behind the growing ones.
    per_chunk: u32,
    /// Rows of the first chunk: 2 to this power.
    first: u32,
    /// Growing chunks: the ids from one power of two to the next lie in 2 to this power of them.
    parts: u32,
    /// Number of the first chunk behind the growing ones.
    first_fixed: usize,
    /// Ids below this lie in growing chunks: a power of two.
    growing_rows: u32,
    /// ceil(2^64 / per_chunk): a division by multiplication (Lemire, 2019), exact for 32-bit ids.
    reciprocal: u64,
    directory: AtomicPtr<Directory>,
    /// Held while chunks are added.
    growing: Mutex<()>,
    bytes: AtomicUsize,
}

// SAFETY: the directories belong to this alone; what they lead to is reached by atomics, and rows' users see to theirs.
unsafe impl Send for Chunks {}
// SAFETY: as above.
unsafe impl Sync for Chunks {}

impl Chunks {
    /// Rows of `stride` bytes each.
    pub fn new(stride: usize) -> Chunks {
        assert!(stride > 0);
        let per_chunk = (CHUNK_BYTES / stride).clamp(1, 1 << 16) as u32;
        let growing = per_chunk.ilog2();
        let first = if FIRST_ROWS as usize * stride > FIRST_BYTES { 0 } else { FIRST_ROWS.ilog2().min(growing) };
        let parts = if stride >= LARGE { 2.min(growing - first) } else { 0 };
        Chunks {
            stride,
            per_chunk,
            first,
            parts,
            first_fixed: ((growing - parts - first + 1) << parts) as usize,
            growing_rows: 1 << growing,
            reciprocal: (u64::MAX / per_chunk as u64).wrapping_add(1),
            directory: AtomicPtr::new(null_mut()),
            growing: Mutex::new(()),
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
        if id >= self.growing_rows {
            let rest = id - self.growing_rows;
            let chunk =
                if self.per_chunk == 1 { rest } else { ((self.reciprocal as u128 * rest as u128) >> 64) as u32 };
            return (self.first_fixed + chunk as usize, (rest - chunk * self.per_chunk) as usize);
        }
        // Doublings so far of what the first chunks hold, and the power of a chunk's rows.
        let doublings = (id >> (self.first + self.parts)).checked_ilog2().unwrap_or(0);
        let rows = self.first + doublings;
        (((doublings << self.parts) + (id >> rows)) as usize, (id & ((1 << rows) - 1)) as usize)
    }

    fn chunk_rows(&self, chunk: usize) -> usize {
        if chunk < self.first_fixed {
            1 << (self.first + (chunk >> self.parts).saturating_sub(1) as u32)
        } else {
            self.per_chunk as usize
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
        // SAFETY: invariant 2, the directory lives as long as self.
        let entries = unsafe { Directory::entries(directory) };
        // Acquire: pairs with the release in `ensure`, so that the chunk's zeroes are seen.
        match entries.get(chunk).map(|c| c.load(Ordering::Acquire)) {
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
        let _growing = self.growing.lock().unwrap_or_else(|e| e.into_inner());
        let mut directory = self.directory.load(Ordering::Relaxed);
        // SAFETY: invariant 2.
        let have = unsafe { Directory::entries(directory) }.len();
        if chunk >= have {
            let len = (have * 2).max(chunk + 1).max(2);
            // SAFETY: invariant 2.
            directory = unsafe { Directory::allocate(len, directory) }.as_ptr();
            self.bytes.fetch_add(Directory::layout(len).size(), Ordering::Relaxed);
            self.directory.store(directory, Ordering::Release);
        }
        // SAFETY: invariant 2.
        let entry = &unsafe { Directory::entries(directory) }[chunk];
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
        let mut directory = *self.directory.get_mut();
        // SAFETY: invariant 2; the last directory has all chunks.
        for (chunk, entry) in unsafe { Directory::entries(directory) }.iter().enumerate() {
            let base = entry.load(Ordering::Relaxed);
            if !base.is_null() {
                // SAFETY: `ensure` allocated it with this layout; &mut self: no thread reads any more.
                unsafe { dealloc(base, self.layout(chunk)) };
            }
        }
        while !directory.is_null() {
            // SAFETY: `ensure` allocated it with this layout, and nothing refers to it any more.
            unsafe {
                let Directory { len, previous } = directory.read();
                dealloc(directory.cast(), Directory::layout(len));
                directory = previous;
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
                        chunks.growing_rows as u64 + (c - fixed) as u64 * chunks.per_chunk as u64
                    }
                };
                assert_eq!(before + row as u64, id as u64);
                assert!(row < chunks.chunk_rows(chunk));
            }
        }
    }
}
