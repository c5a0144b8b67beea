//! Opaque types, structures that the server reads, and callbacks.

use std::os::raw::{c_char, c_int, c_longlong, c_uchar, c_uint, c_void};

/// Types of the server that a module sees only by pointer.
macro_rules! opaque {
    ($($name:ident)*) => {
        $(#[repr(C)]
        pub struct $name {
            hidden: [u8; 0],
        })*
    };
}

opaque! {
    RedisModuleString RedisModuleCommandFilter RedisModuleCommandFilterCtx RedisModuleKey RedisModuleCtx RedisModuleDefragCtx RedisModuleIO RedisModuleDigest RedisModuleInfoCtx RedisModuleCommand RedisModuleCallReply RedisModuleType RedisModuleBlockedClient RedisModuleScanCursor RedisModuleUser RedisModuleKeyOptCtx
}

pub type mstime_t = c_longlong;
pub type RedisModuleTimerID = u64;
pub type RedisModuleCommandArgType = c_uint;
pub type RedisModuleKeySpecBeginSearchType = c_uint;
pub type RedisModuleKeySpecFindKeysType = c_uint;
pub type RedisModuleEventLoopOneShotFunc = Option<unsafe extern "C" fn(user_data: *mut c_void)>;
pub type RedisModuleEventCallback =
    Option<unsafe extern "C" fn(ctx: *mut RedisModuleCtx, eid: RedisModuleEvent, subevent: u64, data: *mut c_void)>;
pub type RedisModuleInfoFunc = Option<unsafe extern "C" fn(ctx: *mut RedisModuleInfoCtx, for_crash_report: c_int)>;
pub type RedisModuleCmdFunc =
    Option<unsafe extern "C" fn(ctx: *mut RedisModuleCtx, argv: *mut *mut RedisModuleString, argc: c_int) -> c_int>;
pub type RedisModuleNotificationFunc = Option<
    unsafe extern "C" fn(
        ctx: *mut RedisModuleCtx,
        type_: c_int,
        event: *const c_char,
        key: *mut RedisModuleString,
    ) -> c_int,
>;
pub type RedisModuleTypeLoadFunc = Option<unsafe extern "C" fn(rdb: *mut RedisModuleIO, encver: c_int) -> *mut c_void>;
pub type RedisModuleTypeSaveFunc = Option<unsafe extern "C" fn(rdb: *mut RedisModuleIO, value: *mut c_void)>;
pub type RedisModuleTypeAuxLoadFunc =
    Option<unsafe extern "C" fn(rdb: *mut RedisModuleIO, encver: c_int, when: c_int) -> c_int>;
pub type RedisModuleTypeAuxSaveFunc = Option<unsafe extern "C" fn(rdb: *mut RedisModuleIO, when: c_int)>;
pub type RedisModuleTypeRewriteFunc =
    Option<unsafe extern "C" fn(aof: *mut RedisModuleIO, key: *mut RedisModuleString, value: *mut c_void)>;
pub type RedisModuleTypeMemUsageFunc = Option<unsafe extern "C" fn(value: *const c_void) -> usize>;
pub type RedisModuleTypeMemUsageFunc2 =
    Option<unsafe extern "C" fn(ctx: *mut RedisModuleKeyOptCtx, value: *const c_void, sample_size: usize) -> usize>;
pub type RedisModuleTypeDigestFunc = Option<unsafe extern "C" fn(digest: *mut RedisModuleDigest, value: *mut c_void)>;
pub type RedisModuleTypeFreeFunc = Option<unsafe extern "C" fn(value: *mut c_void)>;
pub type RedisModuleTypeFreeEffortFunc =
    Option<unsafe extern "C" fn(key: *mut RedisModuleString, value: *const c_void) -> usize>;
pub type RedisModuleTypeFreeEffortFunc2 =
    Option<unsafe extern "C" fn(ctx: *mut RedisModuleKeyOptCtx, value: *const c_void) -> usize>;
pub type RedisModuleTypeUnlinkFunc = Option<unsafe extern "C" fn(key: *mut RedisModuleString, value: *const c_void)>;
pub type RedisModuleTypeUnlinkFunc2 =
    Option<unsafe extern "C" fn(ctx: *mut RedisModuleKeyOptCtx, value: *const c_void)>;
pub type RedisModuleTypeCopyFunc = Option<
    unsafe extern "C" fn(
        fromkey: *mut RedisModuleString,
        tokey: *mut RedisModuleString,
        value: *const c_void,
    ) -> *mut c_void,
>;
pub type RedisModuleTypeCopyFunc2 =
    Option<unsafe extern "C" fn(ctx: *mut RedisModuleKeyOptCtx, value: *const c_void) -> *mut c_void>;
pub type RedisModuleTypeDefragFunc = Option<
    unsafe extern "C" fn(ctx: *mut RedisModuleDefragCtx, key: *mut RedisModuleString, value: *mut *mut c_void) -> c_int,
>;
pub type RedisModuleClusterMessageReceiver = Option<
    unsafe extern "C" fn(
        ctx: *mut RedisModuleCtx,
        sender_id: *const c_char,
        type_: u8,
        payload: *const c_uchar,
        len: u32,
    ),
>;
pub type RedisModuleCommandFilterFunc = Option<unsafe extern "C" fn(filter: *mut RedisModuleCommandFilterCtx)>;

/// What [`super::RedisModule_GetClientInfoById`] writes, in its first version.
#[repr(C)]
pub struct RedisModuleClientInfo {
    pub version: u64,
    pub flags: u64,
    pub id: u64,
    pub addr: [c_char; 46],
    pub port: u16,
    pub db: u16,
}

pub type RedisModuleTimerProc = Option<unsafe extern "C" fn(ctx: *mut RedisModuleCtx, data: *mut c_void)>;
pub type RedisModuleScanCB = Option<
    unsafe extern "C" fn(
        ctx: *mut RedisModuleCtx,
        keyname: *mut RedisModuleString,
        key: *mut RedisModuleKey,
        privdata: *mut c_void,
    ),
>;
pub type RedisModuleScanKeyCB = Option<
    unsafe extern "C" fn(
        key: *mut RedisModuleKey,
        field: *mut RedisModuleString,
        value: *mut RedisModuleString,
        privdata: *mut c_void,
    ),
>;
pub type RedisModuleConfigGetNumericFunc =
    Option<unsafe extern "C" fn(name: *const c_char, privdata: *mut c_void) -> c_longlong>;
pub type RedisModuleConfigGetBoolFunc =
    Option<unsafe extern "C" fn(name: *const c_char, privdata: *mut c_void) -> c_int>;
pub type RedisModuleConfigGetEnumFunc =
    Option<unsafe extern "C" fn(name: *const c_char, privdata: *mut c_void) -> c_int>;
pub type RedisModuleConfigSetNumericFunc = Option<
    unsafe extern "C" fn(
        name: *const c_char,
        val: c_longlong,
        privdata: *mut c_void,
        err: *mut *mut RedisModuleString,
    ) -> c_int,
>;
pub type RedisModuleConfigSetBoolFunc = Option<
    unsafe extern "C" fn(
        name: *const c_char,
        val: c_int,
        privdata: *mut c_void,
        err: *mut *mut RedisModuleString,
    ) -> c_int,
>;
pub type RedisModuleConfigSetEnumFunc = Option<
    unsafe extern "C" fn(
        name: *const c_char,
        val: c_int,
        privdata: *mut c_void,
        err: *mut *mut RedisModuleString,
    ) -> c_int,
>;
pub type RedisModuleConfigApplyFunc = Option<
    unsafe extern "C" fn(ctx: *mut RedisModuleCtx, privdata: *mut c_void, err: *mut *mut RedisModuleString) -> c_int,
>;

#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct RedisModuleCommandArg {
    pub name: *const c_char,
    pub type_: RedisModuleCommandArgType,
    pub key_spec_index: c_int,
    pub token: *const c_char,
    pub summary: *const c_char,
    pub since: *const c_char,
    pub flags: c_int,
    pub deprecated_since: *const c_char,
    pub subargs: *mut RedisModuleCommandArg,
    pub display_text: *const c_char,
}

#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct RedisModuleCommandHistoryEntry {
    pub since: *const c_char,
    pub changes: *const c_char,
}

#[repr(C)]
#[derive(Copy, Clone)]
pub struct RedisModuleCommandKeySpec {
    pub notes: *const c_char,
    pub flags: u64,
    pub begin_search_type: RedisModuleKeySpecBeginSearchType,
    pub bs: RedisModuleKeySpecBegin,
    pub find_keys_type: RedisModuleKeySpecFindKeysType,
    pub fk: RedisModuleKeySpecFind,
}

#[repr(C)]
#[derive(Copy, Clone)]
pub union RedisModuleKeySpecBegin {
    pub index: RedisModuleKeySpecIndex,
    pub keyword: RedisModuleKeySpecKeyword,
}

#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct RedisModuleKeySpecIndex {
    pub pos: c_int,
}

#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct RedisModuleKeySpecKeyword {
    pub keyword: *const c_char,
    pub startfrom: c_int,
}

#[repr(C)]
#[derive(Copy, Clone)]
pub union RedisModuleKeySpecFind {
    pub range: RedisModuleKeySpecRange,
    pub keynum: RedisModuleKeySpecKeynum,
}

#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct RedisModuleKeySpecRange {
    pub lastkey: c_int,
    pub keystep: c_int,
    pub limit: c_int,
}

#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct RedisModuleKeySpecKeynum {
    pub keynumidx: c_int,
    pub firstkey: c_int,
    pub keystep: c_int,
}

#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct RedisModuleCommandInfoVersion {
    pub version: c_int,
    pub sizeof_historyentry: usize,
    pub sizeof_keyspec: usize,
    pub sizeof_arg: usize,
}

#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct RedisModuleCommandInfo {
    pub version: *const RedisModuleCommandInfoVersion,
    pub summary: *const c_char,
    pub complexity: *const c_char,
    pub since: *const c_char,
    pub history: *mut RedisModuleCommandHistoryEntry,
    pub tips: *const c_char,
    pub arity: c_int,
    pub key_specs: *mut RedisModuleCommandKeySpec,
    pub args: *mut RedisModuleCommandArg,
}

#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct RedisModuleEvent {
    pub id: u64,
    pub dataver: u64,
}

#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct RedisModuleFlushInfo {
    pub version: u64,
    pub sync: i32,
    pub dbnum: i32,
}

#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct RedisModuleSwapDbInfo {
    pub version: u64,
    pub dbnum_first: i32,
    pub dbnum_second: i32,
}

#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct RedisModuleTypeMethods {
    pub version: u64,
    pub rdb_load: RedisModuleTypeLoadFunc,
    pub rdb_save: RedisModuleTypeSaveFunc,
    pub aof_rewrite: RedisModuleTypeRewriteFunc,
    pub mem_usage: RedisModuleTypeMemUsageFunc,
    pub digest: RedisModuleTypeDigestFunc,
    pub free: RedisModuleTypeFreeFunc,
    pub aux_load: RedisModuleTypeAuxLoadFunc,
    pub aux_save: RedisModuleTypeAuxSaveFunc,
    pub aux_save_triggers: c_int,
    pub free_effort: RedisModuleTypeFreeEffortFunc,
    pub unlink: RedisModuleTypeUnlinkFunc,
    pub copy: RedisModuleTypeCopyFunc,
    pub defrag: RedisModuleTypeDefragFunc,
    pub mem_usage2: RedisModuleTypeMemUsageFunc2,
    pub free_effort2: RedisModuleTypeFreeEffortFunc2,
    pub unlink2: RedisModuleTypeUnlinkFunc2,
    pub copy2: RedisModuleTypeCopyFunc2,
    pub aux_save2: RedisModuleTypeAuxSaveFunc,
}
