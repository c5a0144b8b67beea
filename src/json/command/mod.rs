//! The commands `JSON.*`: from arguments to changes of documents and to replies.
//!
//! Each checks all of its arguments before it changes anything: a command that replies with an error has changed nothing.

mod arrays;
mod delete;
mod get;
mod objects;
mod scalars;
mod set;

pub use get::expanded;

use std::rc::Rc;

use super::path::{Match, Path, Place, Shared, compiled};
use super::value::{Node, Value};
use super::{Error, MAX_TEXT, edit};
use crate::args::is_word;
use crate::reply::Reply;

/// The keys of a command, by the positions of their names among the arguments behind the command's name.
pub trait Keys {
    /// The document of a key, if there is one.
    fn document(&mut self, key: usize) -> Result<Option<&mut Value>, Error>;
    /// Creates a document.
    fn create(&mut self, key: usize, value: Value);
    /// Removes a key.
    fn delete(&mut self, key: usize);
    /// A key's document was changed; `event` is the keyspace event.
    fn changed(&mut self, key: usize, event: &'static str);
    /// Frees removed values.
    fn discard(&mut self, values: Vec<Value>) {
        drop(values);
    }
}

/// A command as it was called.
pub struct Call<'a> {
    /// The arguments behind the command's name.
    pub args: &'a [&'a [u8]],
    /// The client speaks RESP3.
    pub resp3: bool,
    /// It was done before: by a master, or before a restart. Documents may be as deep as in files then.
    pub repeats: bool,
}

/// Executes a command.
pub type Handler = fn(&Call, &mut dyn Keys) -> Result<Reply, Error>;

/// A command: its name, its arity as the server counts (with the name, negative if there may be more), its function.
pub struct Command {
    pub name: &'static str,
    pub arity: i32,
    /// The most arguments with the name; 0 for any number.
    pub most: usize,
    pub run: Handler,
}

macro_rules! table {
    ($($name:literal, $arity:literal, $most:literal, $run:path;)*) => {
        /// All commands.
        pub static TABLE: &[Command] = &[$(Command { name: $name, arity: $arity, most: $most, run: $run }),*];
    };
}

table! {
    "JSON.SET", -4, 7, set::set;
    "JSON.MSET", -4, 0, set::mset;
    "JSON.MERGE", 4, 4, set::merge;
    "JSON.GET", -2, 0, get::get;
    "JSON.MGET", -3, 0, get::mget;
    "JSON.RESP", -2, 3, get::resp;
    "JSON.DEL", -2, 3, delete::del;
    "JSON.FORGET", -2, 3, delete::del;
    "JSON.CLEAR", -2, 3, delete::clear;
    "JSON.TYPE", -2, 3, objects::kind;
    "JSON.NUMINCRBY", 4, 4, scalars::numincrby;
    "JSON.NUMMULTBY", 4, 4, scalars::nummultby;
    "JSON.NUMPOWBY", 4, 4, scalars::numpowby;
    "JSON.STRAPPEND", -3, 4, scalars::strappend;
    "JSON.STRLEN", -2, 3, scalars::strlen;
    "JSON.TOGGLE", 3, 3, scalars::toggle;
    "JSON.ARRAPPEND", -4, 0, arrays::append;
    "JSON.ARRINSERT", -5, 0, arrays::insert;
    "JSON.ARRLEN", -2, 3, arrays::len;
    "JSON.ARRPOP", -2, 6, arrays::pop;
    "JSON.ARRTRIM", 5, 5, arrays::trim;
    "JSON.ARRINDEX", -4, 6, arrays::index;
    "JSON.OBJKEYS", -2, 3, objects::keys;
    "JSON.OBJLEN", -2, 3, objects::len;
    "JSON.DEBUG", -2, 4, objects::debug;
}

impl Command {
    /// Runs the command.
    pub fn run(&self, call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
        let given = call.args.len() + 1;
        let least = self.arity.unsigned_abs() as usize;
        if given < least || (self.most > 0 && given > self.most) {
            return Err(Error::Arity);
        }
        let _shared = Shared::begin();
        (self.run)(call, keys)
    }
}

impl Call<'_> {
    /// The path at a position among the arguments; the legacy root where it is absent.
    fn path(&self, at: usize) -> Result<Rc<Path>, Error> {
        compiled(self.args.get(at).unwrap_or(&&b"."[..]))
    }
}

/// A 64-bit integer argument.
fn integer(arg: &[u8]) -> Result<i64, Error> {
    let number = std::str::from_utf8(arg).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| Error::new("value is not an integer or out of range"))
}

/// What a command that reads answers where it finds nothing, or nothing of its kind, on a legacy path.
struct Measure {
    /// A missing key is an error for JSONPaths, nil for legacy ones; otherwise this error for both.
    missing: Option<&'static str>,
    /// A legacy path without a match is nil, not an error.
    absent_is_nil: bool,
    /// The error of a legacy path to another kind of value.
    wrong: Wrong,
    /// Reports of a value whose size, or whose cost, grows with the value.
    grows: bool,
}

#[derive(Clone, Copy)]
enum Wrong {
    /// `expected <kind> but found …`
    Expected(&'static str),
    /// `Path does not exist or …`
    Not(&'static str),
}

impl Wrong {
    fn error(self, node: Node) -> Error {
        match self {
            Wrong::Expected(kind) => Error::Kind(kind, node.kind()),
            Wrong::Not(what) => no_such(what),
        }
    }
}

fn no_such(what: &str) -> Error {
    Error::new(format!("Path does not exist or {what}"))
}

impl Measure {
    /// Replies with `of` each match, or of the first for a legacy path.
    fn reply(&self, call: &Call, keys: &mut dyn Keys, of: impl Fn(Node) -> Option<Reply>) -> Result<Reply, Error> {
        let path = call.path(1)?;
        let Some(root) = keys.document(0)? else {
            return match (self.missing, path.is_legacy()) {
                (Some(text), _) => Err(Error::new(text)),
                (None, true) => Ok(Reply::Nil),
                (None, false) => Err(Error::no_document()),
            };
        };
        let nodes = path.select(root)?;
        if !path.is_legacy() {
            if self.grows {
                check_size(&nodes)?;
            }
            return Ok(Reply::Array(nodes.into_iter().map(|node| of(node).into()).collect()));
        }
        match nodes.first() {
            None if self.absent_is_nil => Ok(Reply::Nil),
            None => Err(Error::no_path(path.text())),
            Some(&node) => of(node).ok_or_else(|| self.wrong.error(node)),
        }
    }
}

/// Refuses too large a reply: a path may select one value many times.
fn check_size(nodes: &[Node]) -> Result<(), Error> {
    if nodes.len() > 1 {
        let left = nodes.iter().try_fold(MAX_TEXT, |left, node| left.checked_sub(node.memory()));
        left.ok_or_else(|| Error::new("the reply is too large"))?;
    }
    Ok(())
}

/// A change at all matches of a path, of those values that it is for.
struct Change {
    event: &'static str,
    /// The end of the error for a legacy path without such a value, after `Path does not exist or`.
    wrong: &'static str,
}

impl Change {
    /// The document, the path and its matches.
    fn matches<'a>(&self, path: &'a Path, keys: &'a mut dyn Keys) -> Result<Vec<Match<'a>>, Error> {
        let root = keys.document(0)?.ok_or_else(Error::no_document)?;
        path.matches(root)
    }

    /// Changes by `change` the values for which `fits` holds, and answers with its replies. `change` also says
    /// whether anything is different, and what of the value is to be freed.
    fn run(
        &self,
        path: &Path,
        keys: &mut dyn Keys,
        fits: impl Fn(&Match) -> Result<bool, Error>,
        change: impl Fn(&mut Value) -> Changed,
    ) -> Result<Reply, Error> {
        let mut places: Vec<Option<Place>> = Vec::new();
        for found in self.matches(path, keys)? {
            places.push(fits(&found)?.then_some(found.place));
        }
        let Some(root) = keys.document(0)? else { return Err(Error::no_document()) };
        let mut different = false;
        let mut garbage = Vec::new();
        let mut replies = edit::backwards(root, &places, |value| {
            let mut changed = change(value);
            different |= changed.different;
            garbage.append(&mut changed.garbage);
            changed.reply
        });
        keys.discard(garbage);
        if different {
            keys.changed(0, self.event);
        }
        if !path.is_legacy() {
            return Ok(Reply::Array(replies.into_iter().map(Reply::from).collect()));
        }
        let last = replies.iter().rposition(Option::is_some);
        last.and_then(|at| replies.swap_remove(at)).ok_or_else(|| no_such(self.wrong))
    }
}

/// What became of a value.
struct Changed {
    reply: Reply,
    different: bool,
    garbage: Vec<Value>,
}

impl From<Reply> for Changed {
    fn from(reply: Reply) -> Changed {
        Changed { reply, different: true, garbage: Vec::new() }
    }
}
