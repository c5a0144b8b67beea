//! Paths: RedisJSON's dialect of JSONPath, and the legacy form without `$`.
//!
//! The dialect differs from RFC 9535, which the crates for JSONPath implement: operands may select several nodes,
//! `=~` searches, literals may be arrays, `$.[0]` and `$.a-b` are paths. Besides, writes need the places of matches,
//! work must be bounded, and paths have to work on our compact values. So this folder has its own parser and evaluator:
//! this file defines the tree, [`read`] parses, [`find`] evaluates, [`filter`] evaluates the expressions in brackets.

mod filter;
mod find;
mod read;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

pub use find::{Match, Place, Shared};

use super::Error;
use super::value::{Node, Value};

/// Bytes of a path's text.
pub const MAX_LENGTH: usize = 128 << 10;
/// Segments `..` of a path.
const MAX_DESCENTS: usize = 20;
/// Brackets, parentheses and filters one inside the other.
const MAX_NESTING: usize = 200;
/// Values that a command may visit, repeated visits included: a fraction of a second's work.
const MAX_WORK: usize = 4 << 20;
/// In large documents it may visit each value this often.
const MAX_LOOKS: usize = 16;

/// A path that was read.
#[derive(Debug)]
pub struct Path {
    text: String,
    legacy: bool,
    segments: Vec<Segment>,
}

#[derive(Debug)]
struct Segment {
    /// `..`: applies to the node and to all below it.
    descends: bool,
    selectors: Vec<Selector>,
}

#[derive(Debug)]
enum Selector {
    Name(String),
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    All,
    Filter(filter::Filter),
}

/// The last step of a static path.
#[derive(Debug, PartialEq)]
pub enum Last<'a> {
    Root,
    Name(&'a str),
    Index,
}

impl Path {
    /// Reads a path.
    pub fn read(text: &[u8]) -> Result<Path, Error> {
        read::path(text)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Not a JSONPath: answers are about one match, and look different.
    pub fn is_legacy(&self) -> bool {
        self.legacy
    }

    /// Whether this is the document itself.
    pub fn is_root(&self) -> bool {
        self.segments.is_empty()
    }

    /// Whether every step is one name or one index.
    pub fn is_static(&self) -> bool {
        self.segments.iter().all(|segment| {
            !segment.descends && matches!(segment.selectors[..], [Selector::Name(_) | Selector::Index(_)])
        })
    }

    /// The last step, of a static path.
    pub fn last(&self) -> Last<'_> {
        match self.segments.last().map(|segment| &segment.selectors[..]) {
            None => Last::Root,
            Some([Selector::Name(name)]) => Last::Name(name),
            Some(_) => Last::Index,
        }
    }

    /// The values that the path leads to.
    pub fn select<'a>(&'a self, root: &'a Value) -> Result<Vec<Node<'a>>, Error> {
        find::nodes(self, root)
    }

    /// The values that each of several paths leads to, in one evaluation.
    pub fn select_each<'a>(paths: &[&'a Path], root: &'a Value) -> Vec<Result<Vec<Node<'a>>, Error>> {
        find::of_each(paths, root)
    }

    /// The matches with their places, each place once, in the order of the path.
    pub fn matches<'a>(&'a self, root: &'a Value) -> Result<Vec<Match<'a>>, Error> {
        find::matches(self, root)
    }

    /// The place of the parent of what a static path leads to.
    pub fn parent(&self, root: &Value) -> Option<Place> {
        find::parent(self, root)
    }
}

/// The path of a text, from those that this thread has read lately.
pub fn compiled(text: &[u8]) -> Result<Rc<Path>, Error> {
    /// More paths than this are begun from none: programs use few, in turn.
    const KEPT: usize = 512;
    /// Longer texts are not kept.
    const KEPT_LENGTH: usize = 512;
    thread_local! {
        static PATHS: RefCell<HashMap<Vec<u8>, Rc<Path>>> = RefCell::default();
    }
    PATHS.with_borrow_mut(|paths| {
        if let Some(path) = paths.get(text) {
            return Ok(path.clone());
        }
        let path = Rc::new(Path::read(text)?);
        if text.len() <= KEPT_LENGTH {
            if paths.len() >= KEPT {
                paths.clear();
            }
            paths.insert(text.to_vec(), path.clone());
        }
        Ok(path)
    })
}
