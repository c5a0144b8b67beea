//! The command table.

use std::ffi::CString;
use std::os::raw::{c_int, c_uint};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use redis_module::raw;

use super::api::{Context, api};
use super::handlers::{self, Call};
use super::settings::Names;
use super::{docs, reply};
use crate::command::{CommandError, Reply};

/// What becomes of a command: a reply, or none yet, since one comes later or was sent.
pub(super) type Outcome = Result<Option<Reply>, CommandError>;

/// A row of the table.
pub(super) struct Command {
    /// In upper case, as errors print it.
    pub name: &'static str,
    pub handler: fn(&Call) -> Outcome,
    /// Flags of the command, as the server names them.
    pub flags: &'static str,
    /// ACL categories, as the server names them.
    pub categories: &'static str,
    /// What it does with its key.
    pub key: KeyUse,
    /// For COMMAND INFO: arguments with the name, negative if there may be more.
    pub arity: i32,
    pub docs: docs::Docs,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum KeyUse {
    Read,
    Insert,
    Update,
    Delete,
}

/// ACL category of our own, beside the server's.
const CATEGORY: &std::ffi::CStr = c"vectorset";

macro_rules! table {
    ($(($name:literal, $handler:ident, $flags:literal, $categories:literal, $key:ident, $arity:literal)),* $(,)?) => {
        /// All commands.
        pub(super) static TABLE: &[Command] = &[$(Command {
            name: $name,
            handler: handlers::$handler,
            flags: $flags,
            categories: $categories,
            key: KeyUse::$key,
            arity: $arity,
            docs: docs::$handler,
        }),*];
    };
}

table![
    ("VADD", vadd, "write deny-oom", "write slow", Insert, -5),
    ("VREM", vrem, "write", "write slow", Delete, 3),
    ("VSIM", vsim, "readonly", "read slow", Read, -4),
    ("VDIM", vdim, "readonly fast", "read fast", Read, 2),
    ("VCARD", vcard, "readonly fast", "read fast", Read, 2),
    ("VEMB", vemb, "readonly fast", "read fast", Read, -3),
    ("VLINKS", vlinks, "readonly fast", "read fast", Read, -3),
    ("VINFO", vinfo, "readonly fast", "read fast", Read, 2),
    ("VSETATTR", vsetattr, "write deny-oom fast", "write fast", Update, 4),
    ("VGETATTR", vgetattr, "readonly fast", "read fast", Read, 3),
    ("VRANDMEMBER", vrandmember, "readonly", "read slow", Read, -2),
    ("VISMEMBER", vismember, "readonly fast", "read fast", Read, 3),
    ("VRANGE", vrange, "readonly", "read slow", Read, -4),
    ("VCOUNT", vcount, "readonly", "read slow", Read, 3),
    ("VREMBYFILTER", vrembyfilter, "write", "write slow", Delete, 3),
    ("VEXPLAIN", vexplain, "readonly", "read slow", Read, -4),
    ("VCHECK", vcheck, "readonly admin", "read slow dangerous", Read, 2),
    ("VREPLAY", vreplay, "write deny-oom", "write slow", Insert, 4),
];

/// Names under which the commands are registered, row by row.
static REGISTERED: OnceLock<Vec<CString>> = OnceLock::new();

/// The registered name of a command.
pub(super) fn registered_name(name: &str) -> &'static CString {
    let names = REGISTERED.get().expect("commands are registered");
    &names[TABLE.iter().position(|command| command.name == name).expect("a command of the table")]
}

/// Makes the commands known to the server.
pub(super) fn register(ctx: &Context, names: &Names) -> Result<(), String> {
    let registered = REGISTERED.get_or_init(|| {
        let prefixed = |c: &Command| CString::new(format!("{}{}", names.prefix, c.name)).unwrap_or_default();
        TABLE.iter().map(prefixed).collect()
    });
    let with_categories = api!(RedisModule_AddACLCategory(ctx.ptr, CATEGORY.as_ptr())).is_some();
    for (row, (command, name)) in TABLE.iter().zip(registered).enumerate() {
        let flags = CString::new(command.flags).unwrap_or_default();
        let entry = Some(ENTRIES[row]);
        let created = api!(RedisModule_CreateCommand(ctx.ptr, name.as_ptr(), entry, flags.as_ptr(), 1, 1, 1));
        if created != Some(raw::REDISMODULE_OK as c_int) {
            return Err(format!("the server has a command {} already", name.to_string_lossy()));
        }
        let Some(handle) = api!(RedisModule_GetCommand(ctx.ptr, name.as_ptr())) else { continue };
        if with_categories {
            let categories = format!("{} {}", command.categories, CATEGORY.to_string_lossy());
            let categories = CString::new(categories).unwrap_or_default();
            api!(RedisModule_SetCommandACLCategories(handle, categories.as_ptr()));
        }
        docs::describe(handle, command);
    }
    Ok(())
}

type Entry = unsafe extern "C" fn(*mut raw::RedisModuleCtx, *mut *mut raw::RedisModuleString, c_int) -> c_int;

/// A function for each row: the server passes no more than the arguments.
static ENTRIES: [Entry; 18] = [
    enter::<0>,
    enter::<1>,
    enter::<2>,
    enter::<3>,
    enter::<4>,
    enter::<5>,
    enter::<6>,
    enter::<7>,
    enter::<8>,
    enter::<9>,
    enter::<10>,
    enter::<11>,
    enter::<12>,
    enter::<13>,
    enter::<14>,
    enter::<15>,
    enter::<16>,
    enter::<17>,
];
const _: () = assert!(TABLE.len() == ENTRIES.len());

/// Runs row `ROW`. No panic leaves it.
unsafe extern "C" fn enter<const ROW: usize>(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    let command = &TABLE[ROW];
    // SAFETY: the server's context lives during this call.
    let ctx = unsafe { Context::new(ctx) };
    if is_key_request(&ctx) {
        return raw::REDISMODULE_OK as c_int;
    }
    let exact = command.arity > 0 && argc != command.arity;
    if exact || argc < command.arity.abs() {
        ctx.reply_arity();
        return raw::REDISMODULE_OK as c_int;
    }
    // SAFETY: the server's arguments live during this call.
    let run = || unsafe { Call::with(&ctx, argv, argc, |call| answer(&ctx, (command.handler)(call))) };
    if catch_unwind(AssertUnwindSafe(run)).is_err() {
        ctx.warn(&format!("{} failed: a bug; please report it", command.name));
        ctx.reply_error(handlers::INTERNAL_ERROR);
    }
    raw::REDISMODULE_OK as c_int
}

/// Sends what became of a command.
pub(super) fn answer(ctx: &Context, outcome: Outcome) {
    match outcome {
        Ok(Some(reply)) => reply::send(ctx, &Ok(reply)),
        Ok(None) => {}
        Err(error) => reply::send(ctx, &Err(error)),
    }
}

/// Whether the server only asks where the keys are, which it knows for itself.
fn is_key_request(ctx: &Context) -> bool {
    api!(RedisModule_IsKeysPositionRequest(ctx.ptr)).unwrap_or(0) != 0
}

impl KeyUse {
    /// Flags of the key specification.
    pub fn flags(self) -> c_uint {
        match self {
            KeyUse::Read => raw::REDISMODULE_CMD_KEY_RO | raw::REDISMODULE_CMD_KEY_ACCESS,
            KeyUse::Insert => raw::REDISMODULE_CMD_KEY_RW | raw::REDISMODULE_CMD_KEY_UPDATE,
            KeyUse::Update => raw::REDISMODULE_CMD_KEY_RW | raw::REDISMODULE_CMD_KEY_UPDATE,
            KeyUse::Delete => raw::REDISMODULE_CMD_KEY_RW | raw::REDISMODULE_CMD_KEY_DELETE,
        }
    }
}
