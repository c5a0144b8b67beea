//! The binary encoding of messages: little-endian numbers, byte strings with their lengths, replies as trees.
//!
//! Input is untrusted: every length is compared with the remaining bytes, depth and number of items are bounded, and decoding
//! must end where the message ends.

use crate::reply::Reply;

/// Maximum nesting of replies: a JSON document as FORMAT EXPAND shows it, in a row of a part.
const MAX_DEPTH: usize = 160;
/// Maximum number of items in all lists of a message: a byte of a message may become an item of 32 bytes, or a pair of two.
pub const MAX_ITEMS: usize = 1 << 24;

/// Bytes that are not a valid message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

type Read<T> = Result<T, Malformed>;

/// A message being written.
#[derive(Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    pub fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub fn short(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub fn number(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A length, or a number of items.
    pub fn len(&mut self, value: usize) {
        self.0.extend_from_slice(&u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
    }

    pub fn bytes(&mut self, value: &[u8]) {
        self.len(value.len());
        self.0.extend_from_slice(value);
    }

    pub fn list<T>(&mut self, items: &[T], each: impl Fn(&mut Writer, &T)) {
        self.len(items.len());
        items.iter().for_each(|item| each(self, item));
    }

    /// A reply; what is nested too deeply becomes nil.
    pub fn reply(&mut self, reply: &Reply) {
        self.tree(reply, MAX_DEPTH);
    }

    fn tree(&mut self, reply: &Reply, depth: usize) {
        match reply {
            _ if depth == 0 => self.byte(b'_'),
            Reply::Nil => self.byte(b'_'),
            Reply::NilArray => self.byte(b'~'),
            Reply::Bool(value) => self.0.extend([b'?', u8::from(*value)]),
            Reply::Int(value) => self.tagged(b':', *value as u64),
            Reply::Big(value) => self.tagged(b'(', *value),
            Reply::Double(value) => self.tagged(b',', value.to_bits()),
            Reply::Simple(text) => self.text(b'$', text.as_bytes()),
            Reply::Bulk(bytes) => self.text(b'$', bytes),
            Reply::Error(bytes) => self.text(b'-', bytes),
            Reply::Array(items) => self.items(b'*', items, depth),
            Reply::Set(items) => self.items(b'&', items, depth),
            Reply::Map(pairs) => {
                self.byte(b'%');
                self.len(pairs.len());
                for (name, value) in pairs {
                    self.tree(name, depth - 1);
                    self.tree(value, depth - 1);
                }
            }
        }
    }

    fn tagged(&mut self, tag: u8, value: u64) {
        self.byte(tag);
        self.number(value);
    }

    fn text(&mut self, tag: u8, bytes: &[u8]) {
        self.byte(tag);
        self.bytes(bytes);
    }

    fn items(&mut self, tag: u8, items: &[Reply], depth: usize) {
        self.byte(tag);
        self.len(items.len());
        items.iter().for_each(|item| self.tree(item, depth - 1));
    }
}

/// A message being read.
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// Items of lists that may still come.
    items: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, items: MAX_ITEMS }
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    fn take(&mut self, len: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(Malformed)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    pub fn byte(&mut self) -> Read<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub fn flag(&mut self) -> Read<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    pub fn short(&mut self) -> Read<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn number(&mut self) -> Read<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A length of what does not follow here.
    pub fn any_len(&mut self) -> Read<usize> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    /// A number of items, each of a byte at least.
    pub fn len(&mut self) -> Read<usize> {
        let len = self.any_len()?;
        if len <= self.bytes.len() { Ok(len) } else { Err(Malformed) }
    }

    pub fn bytes(&mut self) -> Read<&'a [u8]> {
        let len = self.len()?;
        self.take(len)
    }

    pub fn list<T>(&mut self, each: impl Fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        // The announced length is not trusted: the list grows as items are read.
        let mut items = Vec::new();
        let len = self.len()?;
        self.items = self.items.checked_sub(len).ok_or(Malformed)?;
        for _ in 0..len {
            items.push(each(self)?);
        }
        Ok(items)
    }

    pub fn reply(&mut self) -> Read<Reply> {
        self.tree(MAX_DEPTH)
    }

    fn tree(&mut self, depth: usize) -> Read<Reply> {
        if depth == 0 && self.bytes.first() != Some(&b'_') {
            return Err(Malformed);
        }
        Ok(match self.byte()? {
            b'_' => Reply::Nil,
            b'~' => Reply::NilArray,
            b'?' => Reply::Bool(self.flag()?),
            b':' => Reply::Int(self.number()? as i64),
            b'(' => Reply::Big(self.number()?),
            b',' => Reply::Double(f64::from_bits(self.number()?)),
            b'$' => Reply::Bulk(self.bytes()?.to_vec()),
            b'-' => Reply::Error(self.bytes()?.to_vec()),
            b'*' => Reply::Array(self.list(|reader| reader.tree(depth - 1))?),
            b'&' => Reply::Set(self.list(|reader| reader.tree(depth - 1))?),
            b'%' => Reply::Map(self.list(|reader| Ok((reader.tree(depth - 1)?, reader.tree(depth - 1)?)))?),
            _ => return Err(Malformed),
        })
    }

    /// Nothing is left.
    pub fn end(&self) -> Read<()> {
        if self.bytes.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}
