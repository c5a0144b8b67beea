//! The part of the module API that is used here, declared as in C, with the names, types and numbers of its
//! documentation.
//!
//! Declared by hand rather than generated from a header: bindgen would make libclang a requirement of every build.
//!
//! | file | holds |
//! | --- | --- |
//! | `functions.rs` | pointers to the functions |
//! | `types.rs` | structures and callbacks |
//! | `constants.rs` | flags and codes |
#![allow(non_upper_case_globals, non_camel_case_types, dead_code)]

mod constants;
mod functions;
mod types;

use std::os::raw::{c_char, c_int};

pub use constants::*;
pub use functions::*;
pub use types::*;

/// Fills in the functions' pointers. Allocates nothing.
///
/// # Safety
/// The context is the one that the server passes to the function that loads a module: its first word points to
/// the function that finds the others.
pub unsafe fn initialize(ctx: *mut RedisModuleCtx) {
    // SAFETY: by the caller's word; the word is null or a function of that type.
    let get = unsafe { *ctx.cast::<Option<GetApi>>() };
    if let Some(get) = get {
        // SAFETY: the server runs nothing else of a module while it loads it; a second load under another name
        // finds the same functions.
        unsafe { find_all(get) };
    }
}

/// Registers the module; an error if the server has one of that name.
///
/// # Safety
/// As for [`initialize`], which was called; the name ends in a null byte.
pub unsafe fn register(ctx: *mut RedisModuleCtx, name: *const c_char, version: c_int) -> c_int {
    // SAFETY: the pointers are filled in; the server copies the name.
    unsafe {
        if RedisModule_IsModuleNameBusy.is_some_and(|is_busy| is_busy(name) != 0) {
            return REDISMODULE_ERR as c_int;
        }
        let Some(set_attributes) = RedisModule_SetModuleAttribs else { return REDISMODULE_ERR as c_int };
        set_attributes(ctx, name, version, REDISMODULE_APIVER_1);
        REDISMODULE_OK as c_int
    }
}

/// The only version of the API.
const REDISMODULE_APIVER_1: c_int = 1;
