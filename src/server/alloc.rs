//! The server's allocator as Rust's global allocator, so that used_memory and maxmemory count everything. Without a
//! server (in a program that uses this crate as a library) it is the system's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::os::raw::c_void;

use crate::server::raw;

/// What the server's allocator aligns to by itself. A malloc gives 16, but servers built without
/// its help put a word in front of each block.
const NATURAL: usize = 8;

/// Allocates from the server that loaded this module, or from the system where none did.
pub struct ServerAllocator;

// SAFETY: memory comes from the server's allocator, which may be called from any thread, and goes
// back to it. Larger alignments than its own are made by allocating more, and keeping the start of
// the allocation in the word before the block.
// A block goes back to where it came from, for all of a process come from one of the two: a server sets
// the pointers, once, before anything here allocates; in other programs they stay null.
unsafe impl GlobalAlloc for ServerAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the pointers never change once something was allocated.
        let Some(allocate) = (unsafe { raw::RedisModule_Alloc }) else {
            // SAFETY: the caller's layout.
            return unsafe { System.alloc(layout) };
        };
        if layout.align() <= NATURAL {
            // SAFETY: any size may be asked for.
            return unsafe { allocate(layout.size()) }.cast();
        }
        // SAFETY: as above; the block and the word before it lie within the allocation.
        unsafe {
            let start = allocate(layout.size() + layout.align() + size_of::<usize>()).cast::<u8>();
            if start.is_null() {
                return start;
            }
            let block = start.add(size_of::<usize>());
            let block = block.add(block.align_offset(layout.align()));
            block.cast::<*mut u8>().sub(1).write_unaligned(start);
            block
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        match unsafe { raw::RedisModule_Calloc } {
            // SAFETY: as in `alloc`.
            Some(allocate) if layout.align() <= NATURAL => unsafe { allocate(layout.size(), 1) }.cast(),
            // SAFETY: the caller's layout.
            None => unsafe { System.alloc_zeroed(layout) },
            _ => {
                // SAFETY: the caller's layout; the block has this size.
                unsafe {
                    let block = self.alloc(layout);
                    if !block.is_null() {
                        block.write_bytes(0, layout.size());
                    }
                    block
                }
            }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from `alloc` with this layout, as the caller guarantees.
        unsafe {
            let Some(free) = raw::RedisModule_Free else { return System.dealloc(block, layout) };
            let start = match layout.align() <= NATURAL {
                true => block,
                false => block.cast::<*mut u8>().sub(1).read_unaligned(),
            };
            free(start.cast::<c_void>());
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`; the sizes are the caller's.
        unsafe {
            match raw::RedisModule_Realloc {
                Some(reallocate) if layout.align() <= NATURAL => reallocate(block.cast::<c_void>(), size).cast(),
                None => System.realloc(block, layout, size),
                _ => {
                    let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
                    if !new.is_null() {
                        new.copy_from_nonoverlapping(block, layout.size().min(size));
                        self.dealloc(block, layout);
                    }
                    new
                }
            }
        }
    }
}
