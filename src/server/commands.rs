//! The command table: registers the commands of all faces with the server.
//!
//! A face lists its commands as rows ([`Command`]); each row gets a C function of its own below, since the
//! server passes nothing but the arguments.

use std::ffi::{CStr, CString};
use std::os::raw::{c_int, c_uint};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, OnceLock};

use crate::server::raw;

use super::api::{Context, api, arguments};
use super::{docs, reply};
use crate::reply::Reply;

/// The outcome of a command: a reply, or none, because it is sent later or was sent already.
pub type Outcome = Result<Option<Reply>, Failure>;

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The wrong number of arguments, in the server's words.
    Arity,
    /// The error's text, beginning with its code.
    Text(Vec<u8>),
}

/// A row of a face's table.
pub struct Command {
    /// In upper case, as errors print it.
    pub name: &'static str,
    pub handler: fn(&Call) -> Outcome,
    /// Flags of the command, as the server names them.
    pub flags: &'static str,
    /// ACL categories, as the server names them; the face adds its own.
    pub categories: &'static str,
    /// The positions of its keys, and how it uses them.
    pub keys: Keys,
    /// For COMMAND INFO: number of arguments with the name, negative if there may be more.
    pub arity: i32,
    pub docs: docs::Docs,
}

/// Where the keys are among the arguments; the command's name is argument 0.
#[derive(Clone, Copy, PartialEq)]
#[allow(dead_code)] // what one face or another needs
pub enum Keys {
    /// It names no keys.
    None,
    /// From `first` to `last` (-1 being the last argument), `step` apart.
    Range { first: i32, last: i32, step: i32, usage: KeyUse },
    /// Argument `at` is the number of keys that follow it.
    Counted { at: i32, usage: KeyUse },
}

impl Keys {
    /// The first argument is the only key.
    pub const fn one(usage: KeyUse) -> Keys {
        Keys::Range { first: 1, last: 1, step: 1, usage }
    }
}

#[derive(Clone, Copy, PartialEq)]
pub enum KeyUse {
    Read,
    Insert,
    Update,
    Delete,
}

/// A command as it was called.
pub struct Call<'a> {
    pub ctx: &'a Context<'a>,
    /// The first argument after the command's name, as the server's string; null without arguments.
    pub key: *mut raw::RedisModuleString,
    /// The arguments after the command's name.
    pub args: &'a [&'a [u8]],
}

impl Call<'_> {
    /// Calls `body` with the command of these arguments.
    ///
    /// # Safety
    /// `argv` holds `argc` strings, of which the first is the command's name, that live during the call.
    pub unsafe fn with<R>(
        ctx: &Context,
        argv: *mut *mut raw::RedisModuleString,
        argc: c_int,
        body: impl FnOnce(&Call) -> R,
    ) -> R {
        // SAFETY: guaranteed by the caller.
        let arguments = unsafe { arguments(argv, argc) };
        let key = match argc {
            0 | 1 => std::ptr::null_mut(),
            // SAFETY: there are at least two arguments.
            _ => unsafe { *argv.add(1) },
        };
        body(&Call { ctx, key, args: arguments.get(1..).unwrap_or(&[]) })
    }

    /// Replicates the command verbatim.
    pub fn replicate(&self, command: &str) {
        self.ctx.replicate(registered_name(command), self.args);
    }
}

/// The reply to a command that panicked.
pub const INTERNAL_ERROR: &[u8] = b"ERR internal error of the vectorset module";

/// A registered command and its registered name.
struct Row {
    command: &'static Command,
    registered: CString,
}

/// All registered commands. Rows are set in turn while the module is loaded.
static ROWS: [OnceLock<Row>; ENTRIES.len()] = [const { OnceLock::new() }; ENTRIES.len()];
/// The number of rows in use.
static TAKEN: Mutex<usize> = Mutex::new(0);

/// The name under which a command of some face is registered, with the prefix.
pub fn registered_name(name: &str) -> &'static CStr {
    let row = ROWS.iter().map_while(OnceLock::get).find(|row| row.command.name == name);
    &row.expect("a registered command").registered
}

/// Registers the commands of a face, in the face's ACL category.
///
/// # Errors
/// If the server has one of that name, or refuses it.
pub fn register(ctx: &Context, prefix: &str, category: &CStr, commands: &'static [Command]) -> Result<(), String> {
    let with_categories = api!(RedisModule_AddACLCategory(ctx.ptr, category.as_ptr())).is_some();
    let mut taken = TAKEN.lock().unwrap_or_else(|e| e.into_inner());
    for command in commands {
        let name = CString::new(format!("{prefix}{}", command.name)).unwrap_or_default();
        let entry = *ENTRIES.get(*taken).ok_or("there are more commands than entries")?;
        create(ctx, &name, command, entry)?;
        let row = ROWS[*taken].get_or_init(|| Row { command, registered: name });
        *taken += 1;
        let Some(handle) = api!(RedisModule_GetCommand(ctx.ptr, row.registered.as_ptr())) else { continue };
        if with_categories {
            let categories = format!("{} {}", command.categories, category.to_string_lossy());
            let categories = CString::new(categories).unwrap_or_default();
            api!(RedisModule_SetCommandACLCategories(handle, categories.as_ptr()));
        }
        docs::describe(handle, command);
    }
    Ok(())
}

fn create(ctx: &Context, name: &CStr, command: &Command, entry: Entry) -> Result<(), String> {
    let (first, last, step, more) = match command.keys {
        Keys::None => (0, 0, 0, ""),
        Keys::Range { first, last, step, .. } => (first, last, step, ""),
        Keys::Counted { .. } => (0, 0, 0, " getkeys-api"),
    };
    let flags = CString::new(format!("{}{more}", command.flags)).unwrap_or_default();
    let created =
        api!(RedisModule_CreateCommand(ctx.ptr, name.as_ptr(), Some(entry), flags.as_ptr(), first, last, step));
    match created {
        Some(status) if status == raw::REDISMODULE_OK as c_int => Ok(()),
        _ => Err(format!("the server has a command {} already", name.to_string_lossy())),
    }
}

type Entry = unsafe extern "C" fn(*mut raw::RedisModuleCtx, *mut *mut raw::RedisModuleString, c_int) -> c_int;

macro_rules! entries {
    ($($eight:literal)*) => { [$(
        enter::<{ 8 * $eight }>, enter::<{ 8 * $eight + 1 }>, enter::<{ 8 * $eight + 2 }>, enter::<{ 8 * $eight + 3 }>,
        enter::<{ 8 * $eight + 4 }>, enter::<{ 8 * $eight + 5 }>, enter::<{ 8 * $eight + 6 }>, enter::<{ 8 * $eight + 7 }>,
    )*] };
}

/// A C function for each row: 128 of them.
static ENTRIES: [Entry; 128] = entries![0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15];

/// Runs row `ROW`. No panic leaves it.
unsafe extern "C" fn enter<const ROW: usize>(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    let command = ROWS[ROW].get().expect("a registered command").command;
    // SAFETY: the server's context lives during this call.
    let ctx = unsafe { Context::new(ctx) };
    let exact = command.arity > 0 && argc != command.arity;
    let run = |body: &dyn Fn(&Call)| {
        // SAFETY: the server's arguments live during this call.
        unsafe { Call::with(&ctx, argv, argc, |call| body(call)) }
    };
    if api!(RedisModule_IsKeysPositionRequest(ctx.ptr)).unwrap_or(0) != 0 {
        run(&|call| report_keys(call, command.keys));
    } else if exact || argc < command.arity.abs() {
        ctx.reply_arity();
    } else if catch_unwind(AssertUnwindSafe(|| run(&|call| reply::answer(&ctx, (command.handler)(call))))).is_err() {
        ctx.warn(&format!("{} failed: a bug; please report it", command.name));
        ctx.reply_error(INTERNAL_ERROR);
    }
    raw::REDISMODULE_OK as c_int
}

/// Reports the positions of the keys when the server asks for them (`getkeys-api`).
fn report_keys(call: &Call, keys: Keys) {
    let Keys::Counted { at, .. } = keys else { return };
    let count = call.args.get(at as usize - 1).and_then(|text| crate::command::args::integer(text)).unwrap_or(0);
    let most = call.args.len() as i64 - i64::from(at);
    for i in 1..=count.min(most) {
        api!(RedisModule_KeyAtPos(call.ctx.ptr, at + i as c_int));
    }
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
