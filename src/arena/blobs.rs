//! One immutable byte string per id: names, attributes.
//!
//! A blob is one allocation behind a thin pointer: a length (one byte, or 255 and four more bytes)
//! and the bytes. Replacing it swaps the pointer and returns the old blob to the caller, who keeps it
//! until no reader can see it.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::array::Array;
use super::prefetch::hint;

/// Lengths from here on take the long header.
const LONG: usize = 255;
const LONG_HEADER: usize = 5;

/// An owned byte string of at most 4 GiB. Frees itself.
pub struct Blob(NonNull<u8>);

// SAFETY: a blob is plain memory that it owns alone and never changes.
unsafe impl Send for Blob {}
// SAFETY: as above.
unsafe impl Sync for Blob {}

impl Blob {
    /// A copy of `bytes`.
    ///
    /// # Panics
    /// If there are more than 4 GiB of them; the wire's limit is an eighth of that.
    pub fn new(bytes: &[u8]) -> Blob {
        let long = bytes.len() >= LONG;
        let header = if long { LONG_HEADER } else { 1 };
        let layout = Layout::array::<u8>(header + bytes.len()).expect("a blob fits the address space");
        // SAFETY: the layout has at least the header's byte.
        let base = unsafe { alloc(layout) };
        let Some(base) = NonNull::new(base) else { handle_alloc_error(layout) };
        // SAFETY: the allocation holds the header and the bytes behind it.
        unsafe {
            if long {
                let len = u32::try_from(bytes.len()).expect("a blob has at most 4 GiB");
                base.write(LONG as u8);
                base.add(1).cast::<[u8; 4]>().write(len.to_le_bytes());
            } else {
                base.write(bytes.len() as u8);
            }
            base.add(header).copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        }
        Blob(base)
    }

    /// Header and body length of the blob at `base`.
    ///
    /// # Safety
    /// `base` came from [`Blob::new`] and is not freed.
    unsafe fn measure(base: NonNull<u8>) -> (usize, usize) {
        // SAFETY: the header that `new` wrote, as the caller guarantees.
        unsafe {
            match base.read() as usize {
                LONG => (LONG_HEADER, u32::from_le_bytes(base.add(1).cast::<[u8; 4]>().read()) as usize),
                len => (1, len),
            }
        }
    }

    /// # Safety
    /// `base` came from [`Blob::new`] and is not freed during `'a`.
    unsafe fn slice<'a>(base: NonNull<u8>) -> &'a [u8] {
        // SAFETY: guaranteed by the caller; the body follows the header.
        unsafe {
            let (header, len) = Blob::measure(base);
            std::slice::from_raw_parts(base.add(header).as_ptr(), len)
        }
    }

    /// Bytes of its allocation.
    pub fn allocated(&self) -> usize {
        // SAFETY: self owns it.
        let (header, len) = unsafe { Blob::measure(self.0) };
        header + len
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        // SAFETY: self owns the allocation, which `new` made with this layout.
        unsafe {
            let (header, len) = Blob::measure(self.0);
            dealloc(self.0.as_ptr(), Layout::array::<u8>(header + len).expect("as when allocated"));
        }
    }
}

/// At most one blob for each id.
///
/// Invariant: a blob that was taken out stays alive until no reader can hold a slice of it; the
/// owner sees to that by keeping the [`Blob`] for a grace period.
pub struct Blobs {
    pointers: Array<AtomicPtr<u8>>,
    bytes: AtomicUsize,
    /// One more than the highest id that ever had a blob: what `drop` must look at.
    end: AtomicUsize,
}

impl Default for Blobs {
    fn default() -> Blobs {
        Blobs { pointers: Array::new(1), bytes: AtomicUsize::new(0), end: AtomicUsize::new(0) }
    }
}

impl Blobs {
    /// The blob of an id.
    #[inline]
    pub fn get(&self, id: u32) -> Option<&[u8]> {
        // Acquire: pairs with the release in `replace`, so that the blob's bytes are seen.
        let base = NonNull::new(self.pointers.get(id)?[0].load(Ordering::Acquire))?;
        // SAFETY: it is in the array or was when loaded, and by the invariant still alive.
        Some(unsafe { Blob::slice(base) })
    }

    /// Prefetches a later id's blob, for a loop over all ids in order that is at this one.
    #[inline]
    pub fn prefetch_after(&self, id: u32) {
        /// Blobs whose memory is on its way.
        const AHEAD: u32 = 24;
        if let Some(pointer) = self.pointers.get(id.saturating_add(AHEAD)) {
            hint(pointer[0].load(Ordering::Relaxed));
        }
    }

    /// Puts another blob, or none, in the place of the id's; yields the old one, which readers may
    /// still look at.
    pub fn replace(&self, id: u32, blob: Option<Blob>) -> Option<Blob> {
        if blob.is_none() && self.pointers.get(id).is_none() {
            return None;
        }
        self.pointers.ensure(id);
        self.end.fetch_max(id as usize + 1, Ordering::Relaxed);
        let new = match blob {
            Some(blob) => {
                self.bytes.fetch_add(blob.allocated(), Ordering::Relaxed);
                let base = blob.0.as_ptr();
                std::mem::forget(blob);
                base
            }
            None => null_mut(),
        };
        // AcqRel: publishes the new blob's bytes and takes over the old one's.
        let old = Blob(NonNull::new(self.pointers.at(id).swap(new, Ordering::AcqRel))?);
        self.bytes.fetch_sub(old.allocated(), Ordering::Relaxed);
        Some(old)
    }

    /// The id's blob, to be moved.
    pub fn movable(&self, id: u32) -> Option<Movable<'_>> {
        let place = &self.pointers.get(id)?[0];
        (!place.load(Ordering::Relaxed).is_null()).then_some(Movable(place))
    }

    /// Bytes of the blobs and of the array.
    pub fn allocated(&self) -> usize {
        self.bytes.load(Ordering::Relaxed) + self.pointers.allocated()
    }

    /// Bytes of the blobs alone.
    pub fn blob_bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// A blob in its place, which may get another address.
pub struct Movable<'a>(&'a AtomicPtr<u8>);

impl Movable<'_> {
    /// Lets `mover` move the blob; it yields the new address, or None if the blob stays.
    ///
    /// # Safety
    /// No thread reads the blob at the same time, or has a slice of it. `mover` moves all bytes of the
    /// allocation that it is given into another one of the same allocator, and frees the old one.
    pub unsafe fn relocate(self, mover: impl FnOnce(NonNull<u8>) -> Option<NonNull<u8>>) {
        let base = NonNull::new(self.0.load(Ordering::Relaxed));
        if let Some(moved) = base.and_then(mover) {
            // Release: a thread that finds the new address sees the bytes that were moved there.
            self.0.store(moved.as_ptr(), Ordering::Release);
        }
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        for id in 0..self.end.load(Ordering::Relaxed) as u32 {
            drop(self.replace(id, None));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_keep_their_bytes() {
        let blobs = Blobs::default();
        let text = |n: usize| (0..n).map(|i| (i * 7 + n) as u8).collect::<Vec<_>>();
        for (id, len) in [0, 1, 7, 254, 255, 256, 70_000].into_iter().enumerate() {
            let id = id as u32 * 1000;
            assert!(blobs.replace(id, Some(Blob::new(&text(len)))).is_none());
            assert_eq!(blobs.get(id), Some(&text(len)[..]));
        }
        assert_eq!(blobs.get(1), None);
        assert_eq!(blobs.get(u32::MAX - 1), None);
        let before = blobs.blob_bytes();
        let old = blobs.replace(2000, Some(Blob::new(b"other"))).expect("was there");
        assert_eq!(old.allocated(), 8);
        assert_eq!(blobs.blob_bytes(), before - 8 + 6);
        assert!(blobs.replace(2000, None).is_some());
        assert_eq!(blobs.get(2000), None);
    }

    #[test]
    fn a_blob_can_be_moved() {
        let blobs = Blobs::default();
        blobs.replace(1, Some(Blob::new(b"some text")));
        assert!(blobs.movable(0).is_none() && blobs.movable(1000).is_none());
        let before = blobs.get(1).expect("it is there").as_ptr() as usize;
        // SAFETY: a test of the sole owner; the old address is not freed before it was compared.
        unsafe { blobs.movable(1).expect("it is there").relocate(|_| None) };
        assert_eq!(blobs.get(1).expect("it is there").as_ptr() as usize, before);
        let mut old = None;
        // SAFETY: as above.
        unsafe {
            blobs.movable(1).expect("it is there").relocate(|base| {
                let copy = Blob::new(Blob::slice(base));
                old = Some(Blob(base));
                let base = copy.0;
                std::mem::forget(copy);
                Some(base)
            });
        }
        assert_ne!(blobs.get(1).expect("it is there").as_ptr() as usize, before);
        drop(old);
        assert_eq!(blobs.get(1), Some(&b"some text"[..]));
    }
}
