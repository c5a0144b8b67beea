//! The server's functions, with Rust types.
//!
//! Invariant of every call here: the function pointer is checked, since older servers lack some;
//! contexts, keys and strings live as long as the server says, which the lifetimes express.

use std::ffi::CString;
use std::marker::PhantomData;
use std::os::raw::{c_char, c_int, c_long, c_longlong, c_void};

use redis_module::raw;

/// Calls an API function that every supported server has, or does nothing where it is missing.
macro_rules! api {
    ($name:ident($($arg:expr),* $(,)?)) => {
        // SAFETY: the pointer was filled in when the module was loaded and has the type that the
        // header gives it; the arguments are valid by the invariant of this file.
        unsafe { raw::$name.map(|function| function($($arg),*)) }
    };
}
pub(super) use api;

/// Context flag of Valkey 9: the command comes with a slot that moves here. Redis 8 uses the bit
/// for servers that allow DEBUG.
pub(super) const SLOT_IMPORT_CLIENT: u32 = 1 << 25;

/// A module type that was registered.
pub(super) type TypePointer = *mut raw::RedisModuleType;

/// A command's view of the server.
pub(super) struct Context<'a> {
    pub(super) ptr: *mut raw::RedisModuleCtx,
    life: PhantomData<&'a ()>,
}

/// The arguments as byte strings.
///
/// # Safety
/// `argv` holds `argc` strings that live during `'a`.
pub(super) unsafe fn arguments<'a>(argv: *mut *mut raw::RedisModuleString, argc: c_int) -> Vec<&'a [u8]> {
    (0..argc as usize)
        .map(|i| {
            // SAFETY: the caller's word.
            unsafe { string_bytes(*argv.add(i)) }
        })
        .collect()
}

/// # Safety
/// The string lives during `'a`.
pub(super) unsafe fn string_bytes<'a>(string: *const raw::RedisModuleString) -> &'a [u8] {
    let mut len = 0;
    let ptr = api!(RedisModule_StringPtrLen(string, &mut len)).unwrap_or(std::ptr::null());
    if ptr.is_null() {
        return &[];
    }
    // SAFETY: the server gives the string's bytes and their number.
    unsafe { std::slice::from_raw_parts(ptr.cast(), len) }
}

/// An opened key.
pub(super) enum Opened<T> {
    Absent,
    Holds(T),
    WrongType,
}

/// A key that is open, and closes when dropped.
pub(super) struct Key {
    ptr: *mut raw::RedisModuleKey,
}

impl Drop for Key {
    fn drop(&mut self) {
        api!(RedisModule_CloseKey(self.ptr));
    }
}

impl Key {
    /// The value, if it is of our type.
    pub fn value<T>(&mut self, of: TypePointer) -> Opened<&mut T> {
        match api!(RedisModule_KeyType(self.ptr)).unwrap_or(0) as isize {
            raw::REDISMODULE_KEYTYPE_EMPTY => Opened::Absent,
            raw::REDISMODULE_KEYTYPE_MODULE if api!(RedisModule_ModuleTypeGetType(self.ptr)) == Some(of) => {
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

    /// Stores a value of our type.
    pub fn set<T>(&mut self, of: TypePointer, value: Box<T>) {
        api!(RedisModule_ModuleTypeSetValue(self.ptr, of, Box::into_raw(value).cast::<c_void>()));
    }

    /// Deletes the key.
    pub fn delete(&mut self) {
        api!(RedisModule_DeleteKey(self.ptr));
    }
}

impl Context<'_> {
    /// # Safety
    /// The pointer is the server's and lives as long as the result is used.
    pub unsafe fn new<'a>(ptr: *mut raw::RedisModuleCtx) -> Context<'a> {
        Context { ptr, life: PhantomData }
    }

    /// Registers the module; false if there is one of that name.
    pub fn init_module(&self, name: &str, version: c_int) -> bool {
        let name = CString::new(name).unwrap_or_default();
        // SAFETY: the server's context; the server copies the name.
        let status = unsafe { raw::Export_RedisModule_Init(self.ptr, name.as_ptr(), version, 1) };
        status == raw::REDISMODULE_OK as c_int
    }

    /// Opens a key for reading.
    pub fn open_to_read(&self, key: *mut raw::RedisModuleString) -> Key {
        self.open(key, raw::REDISMODULE_READ as c_int)
    }

    /// Opens a key for reading and writing.
    pub fn open_to_write(&self, key: *mut raw::RedisModuleString) -> Key {
        self.open(key, (raw::REDISMODULE_READ | raw::REDISMODULE_WRITE) as c_int)
    }

    /// Calls `body` with the name of a key of a database, and the key opened for writing.
    pub fn with_key_to_write(
        &self,
        database: i32,
        name: &[u8],
        body: impl FnOnce(*mut raw::RedisModuleString, &mut Key),
    ) {
        api!(RedisModule_SelectDb(self.ptr, database));
        let name = self.create_string(name);
        body(name, &mut self.open_to_write(name));
        api!(RedisModule_FreeString(self.ptr, name));
    }

    fn open(&self, key: *mut raw::RedisModuleString, mode: c_int) -> Key {
        let ptr = api!(RedisModule_OpenKey(self.ptr, key, mode));
        Key { ptr: ptr.unwrap_or(std::ptr::null_mut()).cast() }
    }

    /// Number of the selected database.
    pub fn database(&self) -> i32 {
        api!(RedisModule_GetSelectedDb(self.ptr)).unwrap_or(0)
    }

    /// The context's flags.
    pub fn flags(&self) -> u32 {
        api!(RedisModule_GetContextFlags(self.ptr)).unwrap_or(0) as u32
    }

    /// Whether what is done here was done before: by a master, by the one whose slot comes here, or
    /// before a restart.
    pub fn is_repetition(&self) -> bool {
        let from = raw::REDISMODULE_CTX_FLAGS_LOADING | raw::REDISMODULE_CTX_FLAGS_REPLICATED | SLOT_IMPORT_CLIENT;
        self.flags() & from != 0
    }

    /// Sends a command to replicas and to the append-only file.
    pub fn replicate(&self, command: &CString, args: &[Vec<u8>]) {
        let strings: Vec<*mut raw::RedisModuleString> = args.iter().map(|arg| self.create_string(arg)).collect();
        api!(RedisModule_Replicate(self.ptr, command.as_ptr(), c"v".as_ptr(), strings.as_ptr(), strings.len()));
        for string in strings {
            api!(RedisModule_FreeString(self.ptr, string));
        }
    }

    fn create_string(&self, bytes: &[u8]) -> *mut raw::RedisModuleString {
        api!(RedisModule_CreateString(self.ptr, bytes.as_ptr().cast::<c_char>(), bytes.len()))
            .unwrap_or(std::ptr::null_mut())
    }

    /// Tells watchers and tracking clients that a key changed, and sends its event.
    pub fn changed(&self, key: *mut raw::RedisModuleString, event: &std::ffi::CStr) {
        api!(RedisModule_SignalModifiedKey(self.ptr, key));
        self.notify(key, event);
    }

    /// Sends a keyspace event.
    pub fn notify(&self, key: *mut raw::RedisModuleString, event: &std::ffi::CStr) {
        let class = raw::REDISMODULE_NOTIFY_GENERIC as c_int;
        api!(RedisModule_NotifyKeyspaceEvent(self.ptr, class, event.as_ptr(), key));
    }

    /// Says how this module behaves; see the server's documentation of each.
    pub fn set_module_options(&self) {
        /// Valkey 9's name for a module whose types survive atomic slot migration.
        const HANDLE_ATOMIC_SLOT_MIGRATION: u32 = 1 << 5;
        let options = raw::REDISMODULE_OPTIONS_HANDLE_IO_ERRORS
            | raw::REDISMODULE_OPTION_NO_IMPLICIT_SIGNAL_MODIFIED
            | raw::REDISMODULE_OPTIONS_HANDLE_REPL_ASYNC_LOAD
            | HANDLE_ATOMIC_SLOT_MIGRATION;
        api!(RedisModule_SetModuleOptions(self.ptr, options as c_int));
    }

    /// Logs at level "warning".
    pub fn warn(&self, text: &str) {
        log(self.ptr, c"warning", text);
    }

    /// Logs at level "notice".
    pub fn notice(&self, text: &str) {
        log(self.ptr, c"notice", text);
    }

    pub fn reply_error(&self, text: &[u8]) {
        // The line ends at CR or LF, and C's string at NUL.
        let clean: Vec<u8> = text.iter().map(|&b| if matches!(b, 0 | b'\r' | b'\n') { b' ' } else { b }).collect();
        let clean = CString::new(clean).unwrap_or_default();
        api!(RedisModule_ReplyWithError(self.ptr, clean.as_ptr()));
    }

    pub fn reply_arity(&self) {
        api!(RedisModule_WrongArity(self.ptr));
    }

    pub fn reply_int(&self, value: i64) {
        api!(RedisModule_ReplyWithLongLong(self.ptr, value as c_longlong));
    }

    pub fn reply_bool(&self, value: bool) {
        if api!(RedisModule_ReplyWithBool(self.ptr, value as c_int)).is_none() {
            self.reply_int(value as i64);
        }
    }

    pub fn reply_nil(&self) {
        api!(RedisModule_ReplyWithNull(self.ptr));
    }

    pub fn reply_nil_array(&self) {
        if api!(RedisModule_ReplyWithNullArray(self.ptr)).is_none() {
            self.reply_nil();
        }
    }

    pub fn reply_double(&self, value: f64) {
        api!(RedisModule_ReplyWithDouble(self.ptr, value));
    }

    pub fn reply_bytes(&self, bytes: &[u8]) {
        api!(RedisModule_ReplyWithStringBuffer(self.ptr, bytes.as_ptr().cast::<c_char>(), bytes.len()));
    }

    pub fn reply_simple(&self, word: &str) {
        let word = CString::new(word).unwrap_or_default();
        api!(RedisModule_ReplyWithSimpleString(self.ptr, word.as_ptr()));
    }

    /// Begins an array of so many items.
    pub fn reply_array(&self, len: usize) {
        api!(RedisModule_ReplyWithArray(self.ptr, len as c_long));
    }

    /// Begins a map of so many pairs; an array of twice as many items where there are no maps.
    pub fn reply_map(&self, pairs: usize) {
        if api!(RedisModule_ReplyWithMap(self.ptr, pairs as c_long)).is_none() {
            self.reply_array(2 * pairs);
        }
    }
}

/// Logs; without a context from anywhere.
pub(super) fn log(ctx: *mut raw::RedisModuleCtx, level: &std::ffi::CStr, text: &str) {
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    api!(RedisModule_Log(ctx, level.as_ptr(), c"%s".as_ptr(), text.as_ptr()));
}
