//! Active defragmentation: moves the allocations of a document where the server's allocator asks for it.

use std::os::raw::{c_int, c_ulong, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::server::raw;
use thin_vec::ThinVec;

use crate::json::Value;
use crate::json::text::Text;
use crate::server::api::api;

/// The server's defragmentation of a value.
struct Defrag(*mut raw::RedisModuleDefragCtx);

/// Moves the allocations of a document, a part of the root at a time; 1 if there is more when time is up.
pub unsafe extern "C" fn defragment(
    ctx: *mut raw::RedisModuleDefragCtx,
    _key: *mut raw::RedisModuleString,
    place: *mut *mut c_void,
) -> c_int {
    let defrag = Defrag(ctx);
    let mut from: c_ulong = 0;
    api!(RedisModule_DefragCursorGet(ctx, &mut from));
    // SAFETY: the server gives the place of a value of our type, which no other thread uses now.
    let root = unsafe {
        if from == 0 {
            defrag.pointer(place);
        }
        &mut *(*place).cast::<Value>()
    };
    match catch_unwind(AssertUnwindSafe(|| defrag.root(root, from as usize))) {
        Ok(Some(next)) => {
            api!(RedisModule_DefragCursorSet(ctx, next as c_ulong));
            1
        }
        Ok(None) | Err(_) => 0,
    }
}

impl Defrag {
    /// Moves the allocation that a pointer points to, if that is of use.
    ///
    /// # Safety
    /// The pointer is that of a whole allocation of ours, and the only one to it.
    unsafe fn pointer(&self, place: *mut *mut c_void) {
        // SAFETY: guaranteed by the caller.
        let here = unsafe { *place };
        // The server moves the bytes and frees the old allocation.
        if let Some(moved) = api!(RedisModule_DefragAlloc(self.0, here)).filter(|moved| !moved.is_null()) {
            // SAFETY: as above.
            unsafe { *place = moved };
        }
    }

    fn vector<T>(&self, vector: &mut ThinVec<T>) {
        const { assert!(size_of::<ThinVec<T>>() == size_of::<*mut c_void>() && align_of::<T>() <= 8) };
        if vector.capacity() > 0 {
            // SAFETY: a thin vector is one pointer, to the allocation with its header and its elements. Only one
            // without capacity points elsewhere. Alignments up to 8 begin where the server's allocation begins.
            unsafe { self.pointer(std::ptr::from_mut(vector).cast()) };
        }
    }

    fn text(&self, text: &mut Text) {
        if let Text::Long(bytes) = text {
            self.vector(bytes);
        }
    }

    /// Moves the allocations below the root, from one of its parts on; returns where to continue when time is up.
    fn root(&self, root: &mut Value, from: usize) -> Option<usize> {
        match root {
            Value::Array(items) => {
                if from == 0 {
                    self.vector(items);
                }
                self.each(items.iter_mut().enumerate().skip(from), |item| self.value(item))
            }
            Value::Object(members) => {
                if from == 0 {
                    self.vector(members);
                }
                self.each(members.iter_mut().enumerate().skip(from), |(name, value)| {
                    self.text(name);
                    self.value(value);
                })
            }
            Value::Large(members) => self.each(members.values_mut().enumerate().skip(from), |value| self.value(value)),
            other => {
                self.value(other);
                None
            }
        }
    }

    fn each<T>(&self, parts: impl Iterator<Item = (usize, T)>, mut visit: impl FnMut(T)) -> Option<usize> {
        for (at, part) in parts {
            visit(part);
            if at % 64 == 63 && api!(RedisModule_DefragShouldStop(self.0)) == Some(1) {
                return Some(at + 1);
            }
        }
        None
    }

    /// Moves a value's allocations. Names of large objects stay, since their index hashes them. As deep as the value.
    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::F32s(items) => self.vector(items),
            Value::F64s(items) => self.vector(items),
            Value::I32s(items) => self.vector(items),
            Value::Array(items) => {
                self.vector(items);
                items.iter_mut().for_each(|item| self.value(item));
            }
            Value::Object(members) => {
                self.vector(members);
                for (name, value) in members.iter_mut() {
                    self.text(name);
                    self.value(value);
                }
            }
            Value::Large(members) => members.values_mut().for_each(|value| self.value(value)),
            _ => {}
        }
    }
}
