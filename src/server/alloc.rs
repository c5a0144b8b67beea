//! The server's allocator as Rust's, so that used_memory and maxmemory count everything.

use std::alloc::{GlobalAlloc, Layout};
use std::os::raw::c_void;
use std::ptr::null_mut;

use redis_module::raw;

/// What the server's allocator aligns to by itself. A malloc gives 16, but servers built without
/// its help put a word in front of each block.
const NATURAL: usize = 8;

/// Only in the built module: its functions do not exist outside of a server.
pub struct ServerAllocator;

// SAFETY: memory comes from the server's allocator, which may be called from any thread, and goes
// back to it. Larger alignments than its own are made by allocating more, and keeping the start of
// the allocation in the word before the block. Null before the module is initialized.
unsafe impl GlobalAlloc for ServerAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the API's pointers are set before the first allocation and never change.
        let Some(allocate) = (unsafe { raw::RedisModule_Alloc }) else { return null_mut() };
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
        // SAFETY: the block came from `alloc` with this layout, by the caller's word.
        unsafe {
            let Some(free) = raw::RedisModule_Free else { return };
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
