//! JSON documents in keys, for all faces: one stores them, another searches them.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::server::raw;

use super::api::{Key, TypePointer};
use crate::json::Value;

static JSON_TYPE: AtomicPtr<raw::RedisModuleType> = AtomicPtr::new(null_mut());

/// Our type of JSON documents; null if another module provides JSON, or none.
pub fn json_type() -> TypePointer {
    JSON_TYPE.load(Ordering::Relaxed)
}

/// Remembers the type, once it is registered.
pub fn set_json_type(pointer: TypePointer) {
    JSON_TYPE.store(pointer, Ordering::Relaxed);
}

/// The document in a key, if it holds one of ours.
pub fn json(key: &Key) -> Option<&Value> {
    key.peek(json_type())
}
