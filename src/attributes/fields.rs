//! Interned field names: a record holds ids of one or two bytes instead of names.

use std::collections::HashMap;

/// At most this many names a set; ids fit in fifteen bits.
const MAX_NAMES: usize = 0x7FFF;
/// At most this many bytes of names a set.
const MAX_NAME_BYTES: usize = 1 << 20;

/// The id of a field's path in one [`Fields`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub(super) u16);

/// Where a value lies in the object: a key, and for nested objects the keys inside it.
///
/// Held as each key after its length (LEB128), so that any bytes may occur in a key and no two
/// paths are alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path(Vec<u8>);

impl Path {
    /// A path of no keys, which never resolves.
    pub fn new() -> Path {
        Path::default()
    }

    /// Goes one key deeper.
    pub fn push(&mut self, key: &[u8]) {
        push_key(&mut self.0, key);
    }

    /// True for a path of no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys from the outermost.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let mut length = 0;
            let mut shift = 0;
            loop {
                let (&byte, after) = rest.split_first()?;
                rest = after;
                length |= usize::from(byte & 0x7F) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            let (key, after) = rest.split_at(length);
            rest = after;
            Some(key)
        })
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Appends `key` to the bytes of a path.
pub(super) fn push_key(path: &mut Vec<u8>, key: &[u8]) {
    let mut length = key.len();
    while length >= 0x80 {
        path.push(length as u8 | 0x80);
        length >>= 7;
    }
    path.push(length as u8);
    path.extend_from_slice(key);
}

/// The interner of one set. It only grows, up to a bound; past that records carry their names.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    ids: HashMap<Box<[u8]>, FieldId>,
    bytes: usize,
}

impl Fields {
    /// An empty table.
    pub fn new() -> Fields {
        Fields::default()
    }

    /// The id of `path`, if some record had it.
    pub fn get(&self, path: &Path) -> Option<FieldId> {
        self.ids.get(path.as_bytes()).copied()
    }

    /// The number of names.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True while no name is known.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// About how much heap the table takes.
    pub fn memory(&self) -> usize {
        let slot = size_of::<(Box<[u8]>, FieldId)>() + 1;
        self.bytes + self.ids.capacity() * slot * 8 / 7
    }

    /// The id of `path`, new if need be; None when the table is full.
    pub(super) fn intern(&mut self, path: &[u8]) -> Option<FieldId> {
        if let Some(&id) = self.ids.get(path) {
            return Some(id);
        }
        if self.ids.len() >= MAX_NAMES || self.bytes + path.len() > MAX_NAME_BYTES {
            return None;
        }
        let id = FieldId(self.ids.len() as u16);
        self.ids.insert(path.into(), id);
        self.bytes += path.len();
        Some(id)
    }
}
