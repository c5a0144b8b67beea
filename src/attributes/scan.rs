//! Finds every field of a text that a filter can use.
//!
//! The rules are those of Redis 8's search for one key in the text: from the left, the first
//! of two equal keys wins, and a value that cannot be skipped hides the keys after it.
//! One pass over all keys by these rules finds the same as a separate search for each.

use super::fields::push_key;
use super::json::{Cursor, Scalar, unescape};

/// Of a longer text the rest has no fields: its client waits, and others with it, while each level
/// of nesting is passed over once.
const MAX_READ: usize = 4 << 20;
/// Objects nested deeper than this keep their fields to themselves.
const MAX_OBJECT_DEPTH: usize = 32;
/// A path below the top level longer than this is left out,
const MAX_NESTED_PATH: usize = 1024;
/// and so are those past this sum in one text: a small text must not make a large record.
const MAX_NESTED_PATHS: usize = 64 << 10;

/// The value at a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found {
    Scalar(Scalar),
    /// A usable array that starts here.
    Array(usize),
    /// An object or unreadable text: it has no value, but hides a later key of that name.
    Unusable,
}

#[derive(Clone, Copy)]
pub(super) struct Entry {
    path: (usize, usize),
    /// The entry of the object that this one lies in.
    parent: Option<usize>,
    pub found: Found,
}

/// The fields of one text.
#[derive(Default)]
pub(super) struct Walk {
    /// In order of their paths, once `fields` is done.
    pub entries: Vec<Entry>,
    paths: Vec<u8>,
    current: Vec<u8>,
    nested: usize,
}

/// The part of a text that is read: up to a comma, so that no number is cut in two.
fn readable(text: &[u8]) -> &[u8] {
    match text.get(..MAX_READ) {
        Some(part) => &part[..memchr::memrchr(b',', part).unwrap_or(0)],
        None => text,
    }
}

impl Walk {
    /// Finds the fields of `text`: those with a value, each path once.
    pub fn fields(text: &[u8]) -> Walk {
        let mut walk = Walk::default();
        let mut cursor = Cursor { text: readable(text), at: 0 };
        cursor.skip_space();
        if cursor.eat(b'{') {
            walk.object(cursor, None, 1);
            walk.keep_first();
        }
        walk
    }

    pub fn path(&self, entry: &Entry) -> &[u8] {
        &self.paths[entry.path.0..entry.path.1]
    }

    /// Reads an object from behind its brace.
    fn object(&mut self, mut cursor: Cursor, parent: Option<usize>, depth: usize) {
        loop {
            cursor.skip_space();
            let Some(Scalar::String { start, end, escaped }) = cursor.string() else {
                return;
            };
            cursor.skip_space();
            if !cursor.eat(b':') {
                return;
            }
            cursor.skip_space();
            let outer = self.current.len();
            self.enter(&cursor.text[start..end], escaped);
            if depth == 1 || self.affordable() {
                self.value(cursor, parent, depth);
            }
            self.current.truncate(outer);
            if cursor.skip_value().is_none() {
                return;
            }
            cursor.skip_space();
            if !cursor.eat(b',') {
                return;
            }
        }
    }

    fn enter(&mut self, key: &[u8], escaped: bool) {
        if escaped {
            let mut decoded = Vec::with_capacity(key.len());
            unescape(key, &mut decoded);
            push_key(&mut self.current, &decoded);
        } else {
            push_key(&mut self.current, key);
        }
    }

    fn affordable(&mut self) -> bool {
        if self.current.len() > MAX_NESTED_PATH {
            return false;
        }
        self.nested += self.current.len();
        self.nested <= MAX_NESTED_PATHS
    }

    /// Records the value at the current path and, if it is an object, its members.
    fn value(&mut self, mut cursor: Cursor, parent: Option<usize>, depth: usize) {
        let start = cursor.at;
        let found = match cursor.peek() {
            Some(b'{') => Some(Found::Unusable),
            Some(b'[') => cursor.array(|_| ()).map(|()| Found::Array(start)),
            _ => cursor.scalar().map(Found::Scalar),
        };
        let at = self.paths.len();
        self.paths.extend_from_slice(&self.current);
        self.entries.push(Entry { path: (at, self.paths.len()), parent, found: found.unwrap_or(Found::Unusable) });
        if cursor.eat(b'{') && depth < MAX_OBJECT_DEPTH {
            self.object(cursor, Some(self.entries.len() - 1), depth + 1);
        }
    }

    /// Drops fields that an earlier equal key hides, with their members, and those without a value.
    fn keep_first(&mut self) {
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        order.sort_by(|&a, &b| self.path(&self.entries[a]).cmp(self.path(&self.entries[b])).then(a.cmp(&b)));
        let mut hidden = vec![false; order.len()];
        for pair in order.windows(2) {
            hidden[pair[1]] = self.path(&self.entries[pair[0]]) == self.path(&self.entries[pair[1]]);
        }
        for at in 0..hidden.len() {
            // A parent comes before its members.
            hidden[at] |= self.entries[at].parent.is_some_and(|p| hidden[p]);
        }
        self.entries = order
            .into_iter()
            .filter(|&at| !hidden[at] && self.entries[at].found != Found::Unusable)
            .map(|at| self.entries[at])
            .collect();
    }
}
