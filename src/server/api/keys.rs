//! Keys: opened, read, set and deleted.

use std::os::raw::{c_int, c_void};

use crate::server::raw;

use super::{Context, TypePointer, api};

/// An opened key.
pub enum Opened<T> {
    Absent,
    Holds(T),
    WrongType,
}

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    Absent,
    Hash,
    /// A value of some module's type.
    Module(TypePointer),
    Other,
}

/// A key that is open, and closes when dropped. While it is open nothing else may touch the key: no
/// command, no notification that others may answer by one.
pub struct Key {
    pub(super) ptr: *mut raw::RedisModuleKey,
    /// Lent by the server, which closes it.
    lent: bool,
}

impl Drop for Key {
    fn drop(&mut self) {
        if !self.lent {
            api!(RedisModule_CloseKey(self.ptr));
        }
    }
}

impl Key {
    /// A key that the server has opened and will close.
    pub(super) fn lent(ptr: *mut raw::RedisModuleKey) -> Key {
        Key { ptr, lent: true }
    }

    /// What the key holds.
    pub fn key_type(&self) -> KeyType {
        match api!(RedisModule_KeyType(self.ptr)).unwrap_or(0) as isize {
            raw::REDISMODULE_KEYTYPE_EMPTY => KeyType::Absent,
            raw::REDISMODULE_KEYTYPE_HASH => KeyType::Hash,
            raw::REDISMODULE_KEYTYPE_MODULE => {
                KeyType::Module(api!(RedisModule_ModuleTypeGetType(self.ptr)).unwrap_or(std::ptr::null_mut()))
            }
            _ => KeyType::Other,
        }
    }

    /// The value, if it is of our type.
    pub fn value<T>(&mut self, of: TypePointer) -> Opened<&mut T> {
        match self.key_type() {
            KeyType::Absent => Opened::Absent,
            KeyType::Module(found) if found == of => {
                let value = api!(RedisModule_ModuleTypeGetValue(self.ptr)).unwrap_or(std::ptr::null_mut());
                // SAFETY: values of our type are boxes of T that `set` stored; only the main
                // thread gets here, and it holds one key at a time.
                match unsafe { value.cast::<T>().as_mut() } {
                    Some(value) => Opened::Holds(value),
                    None => Opened::Absent,
                }
            }
            _ => Opened::WrongType,
        }
    }

    /// The value, if there is one of our type, to be read while the key is open.
    pub fn peek<T>(&self, of: TypePointer) -> Option<&T> {
        if of.is_null() || self.key_type() != KeyType::Module(of) {
            return None;
        }
        let value = api!(RedisModule_ModuleTypeGetValue(self.ptr)).unwrap_or(std::ptr::null_mut());
        // SAFETY: values of our type are boxes of T that `set` stored; only the main thread gets here, and
        // they are not changed through a key that is lent out as shared.
        unsafe { value.cast::<T>().as_ref() }
    }

    /// Stores a value of our type.
    pub fn set<T>(&mut self, of: TypePointer, value: Box<T>) {
        api!(RedisModule_ModuleTypeSetValue(self.ptr, of, Box::into_raw(value).cast::<c_void>()));
    }

    /// Deletes the key.
    pub fn delete(&mut self) {
        api!(RedisModule_DeleteKey(self.ptr));
    }

    /// Fields of a hash.
    pub fn len(&self) -> usize {
        api!(RedisModule_ValueLength(self.ptr)).unwrap_or(0)
    }

    /// Milliseconds that the key has left; none if it does not expire.
    pub fn time_to_live(&self) -> Option<i64> {
        api!(RedisModule_GetExpire(self.ptr)).filter(|&left| left != raw::REDISMODULE_NO_EXPIRE as i64)
    }
}

impl Context<'_> {
    /// Opens a key for reading.
    pub fn open_to_read(&self, key: *mut raw::RedisModuleString) -> Key {
        self.open(key, raw::REDISMODULE_READ)
    }

    /// Opens a key for reading without side effects: its statistics and last access stay unchanged, and an
    /// expired key is not deleted. Servers before 7.2 do not support this.
    pub fn open_quietly(&self, key: *mut raw::RedisModuleString) -> Key {
        let known = api!(RedisModule_GetOpenKeyModesAll()).unwrap_or(0) as u32;
        self.open(key, raw::REDISMODULE_READ | (raw::REDISMODULE_OPEN_KEY_NOEFFECTS & known))
    }

    /// Opens a key for reading and writing.
    pub fn open_to_write(&self, key: *mut raw::RedisModuleString) -> Key {
        self.open(key, raw::REDISMODULE_READ | raw::REDISMODULE_WRITE)
    }

    fn open(&self, key: *mut raw::RedisModuleString, mode: u32) -> Key {
        let ptr = api!(RedisModule_OpenKey(self.ptr, key, mode as c_int));
        Key { ptr: ptr.unwrap_or(std::ptr::null_mut()).cast(), lent: false }
    }
}
