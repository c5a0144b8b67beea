//! Data types, and the streams that they are saved to and loaded from.

use std::ffi::CString;
use std::os::raw::{c_char, c_int, c_void};

use crate::server::raw;

use super::{Context, api};

/// A module type that was registered.
pub type TypePointer = *mut raw::RedisModuleType;

/// Makes a type known to the server; none if there is one of that name. `fill` sets the callbacks.
pub fn register_type(
    ctx: &Context,
    name: &str,
    version: c_int,
    fill: impl FnOnce(&mut raw::RedisModuleTypeMethods),
) -> Option<TypePointer> {
    let name = CString::new(name).unwrap_or_default();
    // SAFETY: all-zero bytes are a valid value of this C structure: no callbacks.
    let mut methods: raw::RedisModuleTypeMethods = unsafe { std::mem::zeroed() };
    fill(&mut methods);
    // Older servers know fewer callbacks and refuse a newer structure.
    let known = api!(RedisModule_GetTypeMethodVersion()).unwrap_or(3) as u64;
    methods.version = (raw::REDISMODULE_TYPE_METHOD_VERSION as u64).min(known);
    let created = api!(RedisModule_CreateDataType(ctx.ptr, name.as_ptr(), version, &mut methods));
    created.filter(|created| !created.is_null())
}

/// The data ended too early, or something else was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated;

/// The server's stream of a saved value. The writing side remembers its errors itself.
pub struct Stream(pub *mut raw::RedisModuleIO);

impl Stream {
    pub fn save_unsigned(&mut self, value: u64) {
        api!(RedisModule_SaveUnsigned(self.0, value));
    }

    pub fn save_bytes(&mut self, bytes: &[u8]) {
        // Redis 6.2 reads short strings as C's strings, to see whether they are numbers: they must
        // be somewhere, and end.
        let mut ended = [0; 12];
        let bytes = match ended.get_mut(..bytes.len()) {
            Some(short) if bytes.len() < 12 => {
                short.copy_from_slice(bytes);
                &ended[..bytes.len()]
            }
            _ => bytes,
        };
        api!(RedisModule_SaveStringBuffer(self.0, bytes.as_ptr().cast::<c_char>(), bytes.len()));
    }

    /// # Errors
    /// If no number is there.
    pub fn load_unsigned(&mut self) -> Result<u64, Truncated> {
        let value = api!(RedisModule_LoadUnsigned(self.0)).unwrap_or(0);
        self.check().map(|()| value)
    }

    /// Loads so many numbers to the end of `out`.
    ///
    /// # Errors
    /// If there are not so many; the end of `out` is of no use then.
    pub fn load_numbers(&mut self, count: usize, out: &mut Vec<u64>) -> Result<(), Truncated> {
        // Behind an error the server reads nothing more, and gives zeros.
        out.extend((0..count).map(|_| api!(RedisModule_LoadUnsigned(self.0)).unwrap_or(0)));
        self.check()
    }

    /// # Errors
    /// If no number is there.
    pub fn load_signed(&mut self) -> Result<i64, Truncated> {
        let value = api!(RedisModule_LoadSigned(self.0)).unwrap_or(0);
        self.check().map(|()| value)
    }

    /// # Errors
    /// If no number is there.
    pub fn load_double(&mut self) -> Result<f64, Truncated> {
        let value = api!(RedisModule_LoadDouble(self.0)).unwrap_or(0.0);
        self.check().map(|()| value)
    }

    /// # Errors
    /// If no string is there.
    pub fn load_bytes(&mut self) -> Result<Loaded, Truncated> {
        let mut len = 0;
        let bytes = api!(RedisModule_LoadStringBuffer(self.0, &mut len)).unwrap_or(std::ptr::null_mut());
        if bytes.is_null() {
            return Err(Truncated);
        }
        let loaded = Loaded { bytes, len };
        self.check()?;
        Ok(loaded)
    }

    fn check(&self) -> Result<(), Truncated> {
        match api!(RedisModule_IsIOError(self.0)) {
            Some(error) if error != 0 => Err(Truncated),
            _ => Ok(()),
        }
    }
}

/// A string that the server allocated for us.
pub struct Loaded {
    bytes: *mut c_char,
    len: usize,
}

impl AsRef<[u8]> for Loaded {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the server gave this many bytes, which are ours until dropped.
        unsafe { std::slice::from_raw_parts(self.bytes.cast(), self.len) }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        api!(RedisModule_Free(self.bytes.cast::<c_void>()));
    }
}
