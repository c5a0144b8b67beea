//! Postings lists: the documents of a word, with the fields and positions where each has it, in blocks of bytes in
//! order of documents.
//!
//! An entry is the difference to the previous document number in its block (for the first: the number), the length of what
//! follows, and per field the field's number, the number of positions, and the positions, delta-encoded. Blocks are immutable:
//! an edit replaces a block.

use std::sync::Arc;

use super::tree::Tree;
use super::varint;

/// Bytes and entries from which on a block is cut.
const BLOCK_BYTES: usize = 1024;
const BLOCK_ENTRIES: u32 = 128;
/// Bytes that a block costs beside its own, about.
const BLOCK_OVERHEAD: usize = 40;

/// A run of entries.
#[derive(Clone, Debug)]
struct Block {
    last: u32,
    count: u32,
    bytes: Arc<[u8]>,
}

/// The entries of a word.
#[derive(Clone, Default)]
pub enum Postings {
    #[default]
    Empty,
    /// Words of few documents, which most are, need no tree.
    One(Entries),
    /// By the first document.
    Many(Tree<u32, Entries>),
}

/// What an edit did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edit {
    /// A document came or went.
    pub changed: bool,
    /// Blocks and bytes more, or less.
    pub blocks: isize,
    pub bytes: isize,
}

/// A block, opaque.
#[derive(Clone)]
pub struct Entries(Block);

/// What a document has of a word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry<'a> {
    pub document: u32,
    body: &'a [u8],
}

/// What a document has of a word in a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occurrences<'a> {
    /// The number of the field among the TEXT fields.
    pub field: u32,
    pub count: u32,
    positions: &'a [u8],
}

impl Postings {
    /// Sets the entry of a document; returns whether it is new.
    pub fn put(&mut self, document: u32, body: &[u8]) -> Edit {
        self.edit(document, Some(body))
    }

    /// Changed if the document was there.
    pub fn remove(&mut self, document: u32) -> Edit {
        self.edit(document, None)
    }

    fn edit(&mut self, document: u32, body: Option<&[u8]>) -> Edit {
        let found = match self {
            Postings::Empty => None,
            Postings::One(Entries(block)) => Some(block.clone()),
            Postings::Many(tree) => {
                tree.floor(&document).or_else(|| tree.iter().next()).map(|(_, Entries(block))| block.clone())
            }
        };
        let (blocks, changed) = match (&found, body) {
            (Some(block), _) => block.edit(document, body),
            (None, Some(body)) => (vec![Block::of(document, body)], true),
            (None, None) => (Vec::new(), false),
        };
        let bytes =
            |blocks: &[Block]| blocks.iter().map(|block| (BLOCK_OVERHEAD + block.bytes.len()) as isize).sum::<isize>();
        let edit = Edit {
            changed,
            blocks: blocks.len() as isize - found.iter().len() as isize,
            bytes: bytes(&blocks) - bytes(found.as_slice()),
        };
        self.replace(found.map(|block| block.first()), blocks);
        edit
    }

    /// Puts blocks in the place of one.
    fn replace(&mut self, first: Option<u32>, mut blocks: Vec<Block>) {
        match self {
            Postings::Many(tree) => {
                if let Some(first) = first.filter(|first| blocks.first().map(Block::first) != Some(*first)) {
                    tree.remove(&first);
                }
                blocks.into_iter().for_each(|block| drop(tree.insert(block.first(), Entries(block))));
                if tree.len() == 1 {
                    let (_, block) = tree.iter().next().expect("the last block");
                    *self = Postings::One(block.clone());
                }
            }
            _ if blocks.len() > 1 => {
                let mut tree = Tree::default();
                blocks.into_iter().for_each(|block| drop(tree.insert(block.first(), Entries(block))));
                *self = Postings::Many(tree);
            }
            _ => *self = blocks.pop().map_or(Postings::Empty, |block| Postings::One(Entries(block))),
        }
    }

    /// Entries from a document on, and ways to skip.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor { postings: self, bytes: &[], document: 0, last: None }
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut cursor = self.cursor();
        let mut from = Some(0);
        std::iter::from_fn(move || {
            let entry = cursor.seek(from?)?;
            from = entry.document.checked_add(1);
            Some(entry)
        })
    }

    /// Blocks, and bytes behind the postings themselves. Walks all blocks.
    #[cfg(test)]
    pub fn size(&self) -> (usize, usize) {
        let bytes = |Entries(block): &Entries| BLOCK_OVERHEAD + block.bytes.len();
        match self {
            Postings::Empty => (0, 0),
            Postings::One(block) => (1, bytes(block)),
            Postings::Many(tree) => (tree.len(), tree.iter().map(|(_, block)| bytes(block)).sum()),
        }
    }
}

fn put_entry(out: &mut Vec<u8>, distance: u32, body: &[u8]) {
    varint::put(out, u64::from(distance));
    varint::put(out, body.len() as u64);
    out.extend_from_slice(body);
}

fn take_entry<'a>(bytes: &mut &'a [u8], before: u32) -> Entry<'a> {
    let document = before.wrapping_add(varint::take(bytes) as u32);
    let length = varint::take(bytes) as usize;
    Entry { document, body: varint::take_bytes(bytes, length) }
}

impl Block {
    fn of(document: u32, body: &[u8]) -> Block {
        let mut bytes = Vec::with_capacity(body.len() + 7);
        put_entry(&mut bytes, document, body);
        Block { last: document, count: 1, bytes: bytes.into() }
    }

    fn first(&self) -> u32 {
        varint::take(&mut &self.bytes[..]) as u32
    }

    /// The block or blocks with an entry set or taken out, and whether it is new or was there.
    fn edit(&self, document: u32, body: Option<&[u8]>) -> (Vec<Block>, bool) {
        if let Some(body) = body.filter(|_| document > self.last) {
            return (self.append(document, body), true);
        }
        let (mut rest, mut before, mut at) = (&self.bytes[..], 0, 0);
        let mut found = None;
        while !rest.is_empty() {
            let start = self.bytes.len() - rest.len();
            let entry = take_entry(&mut rest, before);
            if entry.document >= document {
                (at, found) = (start, Some(entry));
                break;
            }
            before = entry.document;
        }
        let Some(next) = found else { return (vec![self.clone()], false) };
        let there = next.document == document;
        if !there && body.is_none() {
            return (vec![self.clone()], false);
        }
        let mut bytes = Vec::with_capacity(self.bytes.len() + body.map_or(0, <[u8]>::len) + 10);
        bytes.extend_from_slice(&self.bytes[..at]);
        if let Some(body) = body {
            put_entry(&mut bytes, document - before, body);
            before = document;
        }
        let behind = if there { (!rest.is_empty()).then(|| take_entry(&mut rest, document)) } else { Some(next) };
        if let Some(entry) = behind {
            put_entry(&mut bytes, entry.document - before, entry.body);
            bytes.extend_from_slice(rest);
        }
        let last = if behind.is_none() { before } else { self.last };
        let count = self.count + u32::from(body.is_some()) - u32::from(there);
        let block = Block { last, count, bytes: bytes.into() };
        let changed = there != body.is_some();
        match count {
            0 => (Vec::new(), changed),
            _ => (block.halve(), changed),
        }
    }

    fn append(&self, document: u32, body: &[u8]) -> Vec<Block> {
        if self.count >= BLOCK_ENTRIES || self.bytes.len() + body.len() > BLOCK_BYTES {
            return vec![self.clone(), Block::of(document, body)];
        }
        let mut bytes = Vec::with_capacity(self.bytes.len() + body.len() + 10);
        bytes.extend_from_slice(&self.bytes);
        put_entry(&mut bytes, document - self.last, body);
        vec![Block { last: document, count: self.count + 1, bytes: bytes.into() }]
    }

    /// Two blocks, if this one is too long.
    fn halve(self) -> Vec<Block> {
        if self.count < 2 || (self.count <= BLOCK_ENTRIES && self.bytes.len() <= BLOCK_BYTES) {
            return vec![self];
        }
        let (mut rest, mut before, mut count) = (&self.bytes[..], 0, 0);
        while count + 1 < self.count && (count == 0 || self.bytes.len() - rest.len() < self.bytes.len() / 2) {
            before = take_entry(&mut rest, before).document;
            count += 1;
        }
        let left = Block { last: before, count, bytes: self.bytes[..self.bytes.len() - rest.len()].into() };
        let middle = take_entry(&mut rest, before);
        let mut bytes = Vec::with_capacity(rest.len() + middle.body.len() + 10);
        put_entry(&mut bytes, middle.document, middle.body);
        bytes.extend_from_slice(rest);
        vec![left, Block { last: self.last, count: self.count - count, bytes: bytes.into() }]
    }
}

/// A place among the entries of a word, that moves forward.
pub struct Cursor<'a> {
    postings: &'a Postings,
    /// What is left of a block, and the document before it.
    bytes: &'a [u8],
    document: u32,
    /// The last document of that block.
    last: Option<u32>,
}

impl<'a> Cursor<'a> {
    /// The first entry not before a document. Documents asked for rise.
    pub fn seek(&mut self, document: u32) -> Option<Entry<'a>> {
        if self.last.is_none_or(|last| document > last) {
            let block = self.block(document)?;
            (self.bytes, self.document, self.last) = (&block.bytes, 0, Some(block.last));
        }
        while !self.bytes.is_empty() {
            let entry = take_entry(&mut self.bytes, self.document);
            self.document = entry.document;
            if entry.document >= document {
                return Some(entry);
            }
        }
        None
    }

    /// The block in which a document is, or the next one.
    fn block(&self, document: u32) -> Option<&'a Block> {
        match self.postings {
            Postings::Empty => None,
            Postings::One(Entries(block)) => Some(block).filter(|block| block.last >= document),
            Postings::Many(tree) => {
                if let Some((_, Entries(block))) = tree.floor(&document)
                    && block.last >= document
                {
                    return Some(block);
                }
                tree.iter_from(std::ops::Bound::Excluded(&document)).next().map(|(_, Entries(block))| block)
            }
        }
    }
}

/// Encodes the occurrences of a word in a field of a document; fields are in order of their numbers.
pub fn put_occurrences(body: &mut Vec<u8>, field: u32, count: u32, positions: &[u32]) {
    varint::put(body, u64::from(field));
    varint::put(body, u64::from(count));
    let from = body.len();
    let mut before = 0;
    for position in positions {
        varint::put(body, u64::from(position - before));
        before = *position;
    }
    let length = body.len() - from;
    let mut prefix = Vec::new();
    varint::put(&mut prefix, length as u64);
    body.splice(from..from, prefix);
}

impl<'a> Entry<'a> {
    /// Whether the document has just this of the word.
    pub fn is(self, body: &[u8]) -> bool {
        self.body == body
    }

    /// What the document has of the word, field by field.
    pub fn fields(self) -> impl Iterator<Item = Occurrences<'a>> {
        let mut rest = self.body;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (field, count) = (varint::take(&mut rest) as u32, varint::take(&mut rest) as u32);
            let length = varint::take(&mut rest) as usize;
            Some(Occurrences { field, count, positions: varint::take_bytes(&mut rest, length) })
        })
    }
}

impl<'a> Occurrences<'a> {
    /// Positions, rising; none in an index without them.
    pub fn positions(self) -> impl Iterator<Item = u32> + use<'a> {
        let (mut rest, mut position) = (self.positions, 0u32);
        std::iter::from_fn(move || {
            (!rest.is_empty()).then(|| {
                position = position.wrapping_add(varint::take(&mut rest) as u32);
                position
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use std::collections::BTreeMap;

    fn read(postings: &Postings) -> BTreeMap<u32, Vec<u32>> {
        let positions = |entry: Entry| entry.fields().flat_map(|field| field.positions().collect::<Vec<_>>()).collect();
        postings.iter().map(|entry| (entry.document, positions(entry))).collect()
    }

    #[test]
    fn they_are_a_map_and_copies_keep_their_moment() {
        for seed in 0..30 {
            let mut random = SmallRng::seed_from_u64(seed);
            let (mut postings, mut twin, mut copies) = (Postings::default(), BTreeMap::new(), Vec::new());
            let long = seed % 3 == 0;
            for step in 0..3000 {
                let document = random.random_range(0..if seed % 2 == 0 { 2000 } else { 40 });
                if random.random_bool(if step < 2000 { 0.8 } else { 0.2 }) {
                    let count = random.random_range(1..if long { 400 } else { 4 });
                    let positions: Vec<u32> = (0..count).map(|at| at * 3 + 1).collect();
                    let mut body = Vec::new();
                    put_occurrences(&mut body, step % 3, count, &positions);
                    assert_eq!(postings.put(document, &body).changed, twin.insert(document, positions).is_none());
                } else {
                    assert_eq!(postings.remove(document).changed, twin.remove(&document).is_some());
                }
                let probe = random.random_range(0..2000);
                let found = postings.cursor().seek(probe).map(|entry| entry.document);
                assert_eq!(found, twin.range(probe..).next().map(|(document, _)| *document), "seed {seed}");
                if step % 500 == 7 {
                    copies.push((postings.clone(), twin.clone()));
                }
            }
            copies.push((postings, twin));
            copies.iter().for_each(|(postings, twin)| assert_eq!(&read(postings), twin, "seed {seed}"));
        }
    }
}
