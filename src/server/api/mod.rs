//! A safe Rust interface to the module API, independent of any command.
//!
//! Invariants of every call here: the function pointer is checked, since older servers lack some;
//! lifetimes express how long the server keeps contexts, keys and strings.
//!
//! | file | holds |
//! | --- | --- |
//! | `mod.rs` | a context: flags, module options, log, replication, sending keyspace events |
//! | `strings.rs` | arguments, and strings of the server |
//! | `keys.rs` | keys: open, read and set a value of a module's type, delete |
//! | `hashes.rs` | fields of a hash |
//! | `reply.rs` | replies, item by item |
//! | `call.rs` | calling other commands; their replies |
//! | `keyspace.rs`, `events.rs` | keyspace notifications; server events |
//! | `scan.rs` | incremental iteration over keys and fields |
//! | `timers.rs`, `threads.rs` | closures that run later, or under the server's lock |
//! | `types.rs` | data types, and the streams that they are saved to |
//! | `database.rs` | databases as a whole, and what the server can save |
//! | `acl.rs` | ACL checks |
//! | `cluster.rs`, `sockets.rs` | other nodes and messages to them; the connections that carry these |

mod acl;
mod call;
mod cluster;
mod database;
mod events;
mod hashes;
mod keys;
mod keyspace;
mod reply;
mod scan;
pub mod sockets;
mod strings;
mod threads;
mod timers;
mod types;

use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::os::raw::{c_char, c_int};
use std::sync::OnceLock;

use crate::server::raw;

pub use call::{Called, Value};
pub use database::saves_nothing_for_nothing;
pub use events::{ServerEvent, subscribe_to_server};
pub use keys::{Key, KeyType, Opened};
pub use keyspace::{KeyEvent, subscribe_to_keys};
pub use scan::Cursor;
pub use strings::{Text, arguments, string_bytes};
pub use threads::{on_main_thread, remember_module, with_lock};
pub use timers::{can_wake_main, on_main};
pub use types::{Stream, Truncated, TypePointer, register_type};

/// Calls an API function that every supported server has, or does nothing where it is missing.
macro_rules! api {
    ($name:ident($($arg:expr),* $(,)?)) => {
        // SAFETY: the pointer was filled in when the module was loaded and has the type that the
        // header gives it; the arguments are valid by the invariant of this folder.
        unsafe { crate::server::raw::$name.map(|function| function($($arg),*)) }
    };
}
pub(in crate::server) use api;

/// Whether the server is a Valkey.
static IS_VALKEY: OnceLock<bool> = OnceLock::new();
/// Whether it lends the client itself to events of keys, as Valkey 8.0 and 8.1 do.
static LENDS_CLIENTS: OnceLock<bool> = OnceLock::new();

/// A command's view of the server.
pub struct Context<'a> {
    pub ptr: *mut raw::RedisModuleCtx,
    life: PhantomData<&'a ()>,
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
        let status = unsafe { raw::register(self.ptr, name.as_ptr(), version) };
        status == raw::REDISMODULE_OK as c_int
    }

    /// Number of the selected database.
    pub fn database(&self) -> i32 {
        api!(RedisModule_GetSelectedDb(self.ptr)).unwrap_or(0)
    }

    /// Selects a database; false if there is none of that number.
    pub fn select(&self, database: i32) -> bool {
        api!(RedisModule_SelectDb(self.ptr, database)) == Some(raw::REDISMODULE_OK as c_int)
    }

    /// The context's flags.
    pub fn flags(&self) -> u32 {
        api!(RedisModule_GetContextFlags(self.ptr)).unwrap_or(0) as u32
    }

    /// The context flag of commands that arrive with a slot that moves here (Valkey 9); none
    /// elsewhere: Redis 8 uses the bit for servers that allow DEBUG.
    pub fn slot_import_flag() -> u32 {
        if IS_VALKEY.get() == Some(&true) { 1 << 25 } else { 0 }
    }

    /// Determines which server this is, when the module is loaded.
    pub fn learn_server(&self) {
        let info = self.call("INFO", &["server"], Called::default());
        let reports = |what: &[u8]| info.as_ref().is_ok_and(|info| memchr::memmem::find(info.text(), what).is_some());
        let _ = IS_VALKEY.set(reports(b"valkey_version:"));
        let _ = LENDS_CLIENTS.set(reports(b"valkey_version:8."));
    }

    /// Whether the command is a repetition: from a primary, from a node that migrates a slot here, or
    /// from an append-only file.
    pub fn is_repetition(&self) -> bool {
        let from = raw::REDISMODULE_CTX_FLAGS_LOADING | raw::REDISMODULE_CTX_FLAGS_REPLICATED;
        self.flags() & (from | Self::slot_import_flag()) != 0
    }

    /// Whether this server is a replica.
    pub fn is_replica(&self) -> bool {
        self.flags() & raw::REDISMODULE_CTX_FLAGS_SLAVE != 0
    }

    /// Whether keys are being loaded from a file or from a primary.
    pub fn is_loading(&self) -> bool {
        self.flags() & raw::REDISMODULE_CTX_FLAGS_LOADING != 0
    }

    /// Sends a command to replicas and to the append-only file.
    pub fn replicate(&self, command: &CStr, args: &[impl AsRef<[u8]>]) {
        let strings: Vec<Text> = args.iter().map(|arg| Text::new(arg.as_ref())).collect();
        let pointers: Vec<_> = strings.iter().map(Text::ptr).collect();
        api!(RedisModule_Replicate(self.ptr, command.as_ptr(), c"v".as_ptr(), pointers.as_ptr(), pointers.len()));
    }

    /// Appends a command to the append-only file alone.
    pub fn append(&self, command: &CStr, arg: &[u8]) {
        let text = Text::new(arg);
        api!(RedisModule_Replicate(self.ptr, command.as_ptr(), c"sR".as_ptr(), text.ptr()));
    }

    /// Replicates the running command verbatim.
    pub fn replicate_verbatim(&self) {
        api!(RedisModule_ReplicateVerbatim(self.ptr));
    }

    /// Signals a changed key to WATCH and client-side caches, and sends its event.
    pub fn changed(&self, key: *mut raw::RedisModuleString, event: &CStr) {
        api!(RedisModule_SignalModifiedKey(self.ptr, key));
        self.notify(key, event);
    }

    /// Sends a keyspace event.
    pub fn notify(&self, key: *mut raw::RedisModuleString, event: &CStr) {
        let class = raw::REDISMODULE_NOTIFY_GENERIC as c_int;
        api!(RedisModule_NotifyKeyspaceEvent(self.ptr, class, event.as_ptr(), key));
    }

    /// Signals a changed key to WATCH and client-side caches.
    pub fn signal(&self, key: *mut raw::RedisModuleString) {
        api!(RedisModule_SignalModifiedKey(self.ptr, key));
    }

    /// Sends an event of the class for modules.
    pub fn notify_module(&self, key: *mut raw::RedisModuleString, event: &CStr) {
        let class = raw::REDISMODULE_NOTIFY_MODULE as c_int;
        api!(RedisModule_NotifyKeyspaceEvent(self.ptr, class, event.as_ptr(), key));
    }

    /// Declares this module's options; see the server's documentation of each.
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
}

/// Logs; without a context from anywhere.
pub fn log(ctx: *mut raw::RedisModuleCtx, level: &CStr, text: &str) {
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    api!(RedisModule_Log(ctx, level.as_ptr(), c"%s".as_ptr(), text.as_ptr().cast::<c_char>()));
}
