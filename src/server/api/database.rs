//! Databases as a whole, and what the server can save.

use crate::server::raw;

use super::{Context, api};

impl Context<'_> {
    /// Keys of the selected database.
    pub fn keys(&self) -> u64 {
        api!(RedisModule_DbSize(self.ptr)).unwrap_or(0)
    }
}

/// Whether auxiliary data of a type that writes none leave no trace in the file (7.2).
pub fn saves_nothing_for_nothing() -> bool {
    let known = api!(RedisModule_GetTypeMethodVersion()).unwrap_or(0);
    known >= 5
}

const _: () = assert!(raw::REDISMODULE_TYPE_METHOD_VERSION >= 5);
