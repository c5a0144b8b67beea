//! Function pointers by their C names, null where the server lacks the function.
#![allow(static_mut_refs)]

use std::os::raw::{c_char, c_int, c_long, c_longlong, c_uint, c_ulong, c_ulonglong, c_void};

use super::types::*;

/// The server's function that finds the others by name.
pub type GetApi = unsafe extern "C" fn(name: *const c_char, function: *mut c_void) -> c_int;

/// Pointers to functions, and what fills them in.
macro_rules! functions {
    ($($name:ident($($args:tt)*) $(-> $result:ty)?;)*) => {
        $(pub static mut $name: Option<unsafe extern "C" fn($($args)*) $(-> $result)?> = None;)*

        /// Asks for each function; the server leaves pointers alone whose names it does not know.
        ///
        /// # Safety
        /// Nothing calls a function at the time, or each keeps the value that it has.
        pub unsafe fn find_all(get: GetApi) {
            // SAFETY: names end in a null byte; each pointer has the type that the API documents for its
            // name, and is one word, which the server writes or leaves.
            unsafe { $(get(concat!(stringify!($name), "\0").as_ptr().cast(), (&raw mut $name).cast());)* }
        }
    };
}

functions! {
    RedisModule_Alloc(bytes: usize) -> *mut c_void;
    RedisModule_Realloc(ptr: *mut c_void, bytes: usize) -> *mut c_void;
    RedisModule_Free(ptr: *mut c_void);
    RedisModule_Calloc(nmemb: usize, size: usize) -> *mut c_void;
    RedisModule_CreateCommand(ctx: *mut RedisModuleCtx, name: *const c_char, cmdfunc: RedisModuleCmdFunc, strflags: *const c_char, firstkey: c_int, lastkey: c_int, keystep: c_int) -> c_int;
    RedisModule_GetCommand(ctx: *mut RedisModuleCtx, name: *const c_char) -> *mut RedisModuleCommand;
    RedisModule_SetCommandInfo(command: *mut RedisModuleCommand, info: *const RedisModuleCommandInfo) -> c_int;
    RedisModule_SetCommandACLCategories(command: *mut RedisModuleCommand, ctgrsflags: *const c_char) -> c_int;
    RedisModule_AddACLCategory(ctx: *mut RedisModuleCtx, name: *const c_char) -> c_int;
    RedisModule_SetModuleAttribs(ctx: *mut RedisModuleCtx, name: *const c_char, ver: c_int, apiver: c_int);
    RedisModule_IsModuleNameBusy(name: *const c_char) -> c_int;
    RedisModule_WrongArity(ctx: *mut RedisModuleCtx) -> c_int;
    RedisModule_ReplyWithLongLong(ctx: *mut RedisModuleCtx, ll: c_longlong) -> c_int;
    RedisModule_GetSelectedDb(ctx: *mut RedisModuleCtx) -> c_int;
    RedisModule_SelectDb(ctx: *mut RedisModuleCtx, newid: c_int) -> c_int;
    RedisModule_OpenKey(ctx: *mut RedisModuleCtx, keyname: *mut RedisModuleString, mode: c_int) -> *mut RedisModuleKey;
    RedisModule_GetOpenKeyModesAll() -> c_int;
    RedisModule_CloseKey(kp: *mut RedisModuleKey);
    RedisModule_KeyType(kp: *mut RedisModuleKey) -> c_int;
    RedisModule_ValueLength(kp: *mut RedisModuleKey) -> usize;
    RedisModule_Call(ctx: *mut RedisModuleCtx, cmdname: *const c_char, fmt: *const c_char, ...) -> *mut RedisModuleCallReply;
    RedisModule_FreeCallReply(reply: *mut RedisModuleCallReply);
    RedisModule_CallReplyType(reply: *mut RedisModuleCallReply) -> c_int;
    RedisModule_CallReplyInteger(reply: *mut RedisModuleCallReply) -> c_longlong;
    RedisModule_CallReplyDouble(reply: *mut RedisModuleCallReply) -> f64;
    RedisModule_CallReplyBool(reply: *mut RedisModuleCallReply) -> c_int;
    RedisModule_CallReplyBigNumber(reply: *mut RedisModuleCallReply, len: *mut usize) -> *const c_char;
    RedisModule_CallReplyVerbatim(reply: *mut RedisModuleCallReply, len: *mut usize, format: *mut *const c_char) -> *const c_char;
    RedisModule_CallReplySetElement(reply: *mut RedisModuleCallReply, idx: usize) -> *mut RedisModuleCallReply;
    RedisModule_CallReplyMapElement(reply: *mut RedisModuleCallReply, idx: usize, key: *mut *mut RedisModuleCallReply, val: *mut *mut RedisModuleCallReply) -> c_int;
    RedisModule_CallReplyLength(reply: *mut RedisModuleCallReply) -> usize;
    RedisModule_CallReplyArrayElement(reply: *mut RedisModuleCallReply, idx: usize) -> *mut RedisModuleCallReply;
    RedisModule_CreateString(ctx: *mut RedisModuleCtx, ptr: *const c_char, len: usize) -> *mut RedisModuleString;
    RedisModule_FreeString(ctx: *mut RedisModuleCtx, str_: *mut RedisModuleString);
    RedisModule_StringPtrLen(str_: *const RedisModuleString, len: *mut usize) -> *const c_char;
    RedisModule_ReplyWithError(ctx: *mut RedisModuleCtx, err: *const c_char) -> c_int;
    RedisModule_ReplyWithSimpleString(ctx: *mut RedisModuleCtx, msg: *const c_char) -> c_int;
    RedisModule_ReplyWithArray(ctx: *mut RedisModuleCtx, len: c_long) -> c_int;
    RedisModule_ReplyWithMap(ctx: *mut RedisModuleCtx, len: c_long) -> c_int;
    RedisModule_ReplyWithSet(ctx: *mut RedisModuleCtx, len: c_long) -> c_int;
    RedisModule_ReplyWithNullArray(ctx: *mut RedisModuleCtx) -> c_int;
    RedisModule_ReplySetArrayLength(ctx: *mut RedisModuleCtx, len: c_long);
    RedisModule_ReplyWithStringBuffer(ctx: *mut RedisModuleCtx, buf: *const c_char, len: usize) -> c_int;
    RedisModule_ReplyWithVerbatimStringType(ctx: *mut RedisModuleCtx, buf: *const c_char, len: usize, ext: *const c_char) -> c_int;
    RedisModule_ReplyWithNull(ctx: *mut RedisModuleCtx) -> c_int;
    RedisModule_ReplyWithBool(ctx: *mut RedisModuleCtx, b: c_int) -> c_int;
    RedisModule_ReplyWithDouble(ctx: *mut RedisModuleCtx, d: f64) -> c_int;
    RedisModule_ReplyWithBigNumber(ctx: *mut RedisModuleCtx, bignum: *const c_char, len: usize) -> c_int;
    RedisModule_Replicate(ctx: *mut RedisModuleCtx, cmdname: *const c_char, fmt: *const c_char, ...) -> c_int;
    RedisModule_ReplicateVerbatim(ctx: *mut RedisModuleCtx) -> c_int;
    RedisModule_CallReplyStringPtr(reply: *mut RedisModuleCallReply, len: *mut usize) -> *const c_char;
    RedisModule_DeleteKey(key: *mut RedisModuleKey) -> c_int;
    RedisModule_GetExpire(key: *mut RedisModuleKey) -> mstime_t;
    RedisModule_DbSize(ctx: *mut RedisModuleCtx) -> c_ulonglong;
    RedisModule_HashGet(key: *mut RedisModuleKey, flags: c_int, ...) -> c_int;
    RedisModule_IsKeysPositionRequest(ctx: *mut RedisModuleCtx) -> c_int;
    RedisModule_KeyAtPos(ctx: *mut RedisModuleCtx, pos: c_int);
    RedisModule_GetContextFlags(ctx: *mut RedisModuleCtx) -> c_int;
    RedisModule_AvoidReplicaTraffic() -> c_int;
    RedisModule_CreateDataType(ctx: *mut RedisModuleCtx, name: *const c_char, encver: c_int, typemethods: *mut RedisModuleTypeMethods) -> *mut RedisModuleType;
    RedisModule_ModuleTypeSetValue(key: *mut RedisModuleKey, mt: *mut RedisModuleType, value: *mut c_void) -> c_int;
    RedisModule_ModuleTypeGetType(key: *mut RedisModuleKey) -> *mut RedisModuleType;
    RedisModule_ModuleTypeGetValue(key: *mut RedisModuleKey) -> *mut c_void;
    RedisModule_IsIOError(io: *mut RedisModuleIO) -> c_int;
    RedisModule_SetModuleOptions(ctx: *mut RedisModuleCtx, options: c_int);
    RedisModule_SignalModifiedKey(ctx: *mut RedisModuleCtx, keyname: *mut RedisModuleString) -> c_int;
    RedisModule_SaveUnsigned(io: *mut RedisModuleIO, value: u64);
    RedisModule_LoadUnsigned(io: *mut RedisModuleIO) -> u64;
    RedisModule_LoadSigned(io: *mut RedisModuleIO) -> i64;
    RedisModule_EmitAOF(io: *mut RedisModuleIO, cmdname: *const c_char, fmt: *const c_char, ...);
    RedisModule_SaveStringBuffer(io: *mut RedisModuleIO, str_: *const c_char, len: usize);
    RedisModule_LoadStringBuffer(io: *mut RedisModuleIO, lenptr: *mut usize) -> *mut c_char;
    RedisModule_LoadDouble(io: *mut RedisModuleIO) -> f64;
    RedisModule_Log(ctx: *mut RedisModuleCtx, level: *const c_char, fmt: *const c_char, ...);
    RedisModule_GetContextFromIO(io: *mut RedisModuleIO) -> *mut RedisModuleCtx;
    RedisModule_GetKeyNameFromIO(io: *mut RedisModuleIO) -> *const RedisModuleString;
    RedisModule_GetDbIdFromIO(io: *mut RedisModuleIO) -> c_int;
    RedisModule_DigestAddStringBuffer(md: *mut RedisModuleDigest, ele: *const c_char, len: usize);
    RedisModule_DigestAddLongLong(md: *mut RedisModuleDigest, ele: c_longlong);
    RedisModule_DigestEndSequence(md: *mut RedisModuleDigest);
    RedisModule_RegisterInfoFunc(ctx: *mut RedisModuleCtx, cb: RedisModuleInfoFunc) -> c_int;
    RedisModule_InfoAddSection(ctx: *mut RedisModuleInfoCtx, name: *const c_char) -> c_int;
    RedisModule_InfoAddFieldCString(ctx: *mut RedisModuleInfoCtx, field: *const c_char, value: *const c_char) -> c_int;
    RedisModule_InfoAddFieldULongLong(ctx: *mut RedisModuleInfoCtx, field: *const c_char, value: c_ulonglong) -> c_int;
    RedisModule_SubscribeToServerEvent(ctx: *mut RedisModuleCtx, event: RedisModuleEvent, callback: RedisModuleEventCallback) -> c_int;
    RedisModule_ScanCursorCreate() -> *mut RedisModuleScanCursor;
    RedisModule_ScanCursorDestroy(cursor: *mut RedisModuleScanCursor);
    RedisModule_Scan(ctx: *mut RedisModuleCtx, cursor: *mut RedisModuleScanCursor, fn_: RedisModuleScanCB, privdata: *mut c_void) -> c_int;
    RedisModule_ScanKey(key: *mut RedisModuleKey, cursor: *mut RedisModuleScanCursor, fn_: RedisModuleScanKeyCB, privdata: *mut c_void) -> c_int;
    RedisModule_GetTypeMethodVersion() -> c_int;
    RedisModule_BlockClient(ctx: *mut RedisModuleCtx, reply_callback: RedisModuleCmdFunc, timeout_callback: RedisModuleCmdFunc, free_privdata: Option< unsafe extern "C" fn(arg1: *mut RedisModuleCtx, arg2: *mut c_void), >, timeout_ms: c_longlong) -> *mut RedisModuleBlockedClient;
    RedisModule_UnblockClient(bc: *mut RedisModuleBlockedClient, privdata: *mut c_void) -> c_int;
    RedisModule_SetDisconnectCallback(bc: *mut RedisModuleBlockedClient, callback: Option<unsafe extern "C" fn(ctx: *mut RedisModuleCtx, bc: *mut RedisModuleBlockedClient)>);
    RedisModule_GetBlockedClientPrivateData(ctx: *mut RedisModuleCtx) -> *mut c_void;
    RedisModule_BlockedClientMeasureTimeStart(bc: *mut RedisModuleBlockedClient) -> c_int;
    RedisModule_BlockedClientMeasureTimeEnd(bc: *mut RedisModuleBlockedClient) -> c_int;
    RedisModule_GetThreadSafeContext(bc: *mut RedisModuleBlockedClient) -> *mut RedisModuleCtx;
    RedisModule_GetDetachedThreadSafeContext(ctx: *mut RedisModuleCtx) -> *mut RedisModuleCtx;
    RedisModule_FreeThreadSafeContext(ctx: *mut RedisModuleCtx);
    RedisModule_ThreadSafeContextLock(ctx: *mut RedisModuleCtx);
    RedisModule_ThreadSafeContextTryLock(ctx: *mut RedisModuleCtx) -> c_int;
    RedisModule_ThreadSafeContextUnlock(ctx: *mut RedisModuleCtx);
    RedisModule_RegisterCommandFilter(ctx: *mut RedisModuleCtx, callback: RedisModuleCommandFilterFunc, flags: c_int) -> *mut RedisModuleCommandFilter;
    RedisModule_CommandFilterArgsCount(fctx: *mut RedisModuleCommandFilterCtx) -> c_int;
    RedisModule_CommandFilterArgGet(fctx: *mut RedisModuleCommandFilterCtx, pos: c_int) -> *mut RedisModuleString;
    RedisModule_CommandFilterGetClientId(fctx: *mut RedisModuleCommandFilterCtx) -> c_ulonglong;
    RedisModule_GetClientInfoById(ci: *mut c_void, id: u64) -> c_int;
    RedisModule_SubscribeToKeyspaceEvents(ctx: *mut RedisModuleCtx, types: c_int, cb: RedisModuleNotificationFunc) -> c_int;
    RedisModule_NotifyKeyspaceEvent(ctx: *mut RedisModuleCtx, type_: c_int, event: *const c_char, key: *mut RedisModuleString) -> c_int;
    RedisModule_RegisterClusterMessageReceiver(ctx: *mut RedisModuleCtx, type_: u8, callback: RedisModuleClusterMessageReceiver);
    RedisModule_SendClusterMessage(ctx: *mut RedisModuleCtx, target_id: *const c_char, type_: u8, msg: *const c_char, len: u32) -> c_int;
    RedisModule_GetClusterNodeInfo(ctx: *mut RedisModuleCtx, id: *const c_char, ip: *mut c_char, master_id: *mut c_char, port: *mut c_int, flags: *mut c_int) -> c_int;
    RedisModule_GetClusterNodesList(ctx: *mut RedisModuleCtx, numnodes: *mut usize) -> *mut *mut c_char;
    RedisModule_FreeClusterNodesList(ids: *mut *mut c_char);
    RedisModule_CreateTimer(ctx: *mut RedisModuleCtx, period: mstime_t, callback: RedisModuleTimerProc, data: *mut c_void) -> RedisModuleTimerID;
    RedisModule_StopTimer(ctx: *mut RedisModuleCtx, id: RedisModuleTimerID, data: *mut *mut c_void) -> c_int;
    RedisModule_GetMyClusterID() -> *const c_char;
    RedisModule_SetClusterFlags(ctx: *mut RedisModuleCtx, flags: u64);
    RedisModule_GetUsedMemoryRatio() -> f32;
    RedisModule_FreeModuleUser(user: *mut RedisModuleUser);
    RedisModule_GetCurrentUserName(ctx: *mut RedisModuleCtx) -> *mut RedisModuleString;
    RedisModule_GetModuleUserFromUserName(name: *mut RedisModuleString) -> *mut RedisModuleUser;
    RedisModule_ACLCheckKeyPermissions(user: *mut RedisModuleUser, key: *mut RedisModuleString, flags: c_int) -> c_int;
    RedisModule_DefragAlloc(ctx: *mut RedisModuleDefragCtx, ptr: *mut c_void) -> *mut c_void;
    RedisModule_DefragShouldStop(ctx: *mut RedisModuleDefragCtx) -> c_int;
    RedisModule_DefragCursorSet(ctx: *mut RedisModuleDefragCtx, cursor: c_ulong) -> c_int;
    RedisModule_DefragCursorGet(ctx: *mut RedisModuleDefragCtx, cursor: *mut c_ulong) -> c_int;
    RedisModule_EventLoopAddOneShot(func: RedisModuleEventLoopOneShotFunc, user_data: *mut c_void) -> c_int;
    RedisModule_RegisterBoolConfig(ctx: *mut RedisModuleCtx, name: *const c_char, default_val: c_int, flags: c_uint, getfn: RedisModuleConfigGetBoolFunc, setfn: RedisModuleConfigSetBoolFunc, applyfn: RedisModuleConfigApplyFunc, privdata: *mut c_void) -> c_int;
    RedisModule_RegisterNumericConfig(ctx: *mut RedisModuleCtx, name: *const c_char, default_val: c_longlong, flags: c_uint, min: c_longlong, max: c_longlong, getfn: RedisModuleConfigGetNumericFunc, setfn: RedisModuleConfigSetNumericFunc, applyfn: RedisModuleConfigApplyFunc, privdata: *mut c_void) -> c_int;
    RedisModule_RegisterEnumConfig(ctx: *mut RedisModuleCtx, name: *const c_char, default_val: c_int, flags: c_uint, enum_values: *mut *const c_char, int_values: *const c_int, num_enum_vals: c_int, getfn: RedisModuleConfigGetEnumFunc, setfn: RedisModuleConfigSetEnumFunc, applyfn: RedisModuleConfigApplyFunc, privdata: *mut c_void) -> c_int;
    RedisModule_LoadConfigs(ctx: *mut RedisModuleCtx) -> c_int;
}
