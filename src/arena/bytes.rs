//! Rows of plain bytes (vectors), written once, before their id is published.

use super::chunks::Chunks;
use super::ids::FreshId;

/// A row of bytes for each id.
///
/// Invariant: a row is written only through a [`FreshId`], which exists once, and read only by the
/// number that publishing it yields: so never both at a time. An id becomes fresh again when
/// [`super::Grace`] says that no thread reads its row any more.
pub struct ByteRows {
    chunks: Chunks,
    len: usize,
}

impl ByteRows {
    /// Rows of `len` bytes, each aligned to 4 bytes.
    pub fn new(len: usize) -> ByteRows {
        ByteRows { chunks: Chunks::new(len.next_multiple_of(4)), len }
    }

    /// The row of an id that is not published yet, for writing.
    pub fn write<'a>(&'a self, id: &'a mut FreshId) -> &'a mut [u8] {
        self.chunks.ensure(id.number());
        let row = self.chunks.row(id.number());
        // SAFETY: the row exists; the invariant above makes this the only reference to it.
        unsafe { std::slice::from_raw_parts_mut(row, self.len) }
    }

    /// The row of a published id.
    ///
    /// # Panics
    /// If the id was never written.
    #[inline(always)]
    pub fn get(&self, id: u32) -> &[u8] {
        let row = self.chunks.row(id);
        assert!(!row.is_null(), "a published id has its row");
        // SAFETY: the row has `len` bytes (`stride` is not smaller); it is not written while its id is published.
        unsafe { std::slice::from_raw_parts(row, self.len) }
    }

    /// Bytes of the space that one row takes.
    pub fn stride(&self) -> usize {
        self.chunks.stride()
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.chunks.allocated()
    }
}
