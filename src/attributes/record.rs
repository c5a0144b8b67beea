//! Reads records, without allocating.

use super::fields::{FieldId, Fields, Path};
use super::tag::{self, SHAPES};
use std::ops::Range;

/// The head of a record that is only text.
pub(super) const BARE: u8 = 3;
/// The bit of a head for records with full names.
pub(super) const NAMED: u8 = 4;
/// The bits from here up are the length of the fields, if it fits and is not 0.
pub(super) const SHORT_BODY: u32 = 3;

/// The value of a field.
#[derive(Clone, Copy, Debug, Default)]
pub enum Value<'a> {
    /// JSON's null.
    #[default]
    Null,
    /// A number; true and false are 1 and 0.
    Number(f64),
    /// A string, its escapes decoded.
    String(&'a [u8]),
    /// An array.
    Array(Array<'a>),
}

/// A field to look up: its path and, if the set knows it, its id.
#[derive(Clone, Debug)]
pub struct Field {
    path: Path,
    id: Option<FieldId>,
}

impl Field {
    /// Looks `path` up in the names of a set. A name that comes to be known later has no record
    /// yet.
    pub fn new(path: Path, fields: &Fields) -> Field {
        let id = fields.get(&path);
        Field { path, id }
    }

    /// The path of the field.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The id of the field, if the set knew it.
    pub fn id(&self) -> Option<FieldId> {
        self.id
    }
}

/// A record as [`encode`](super::encode()) made it. Other bytes may panic.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a>(&'a [u8]);

impl<'a> RecordRef<'a> {
    /// The record in `bytes`, which must be all of it.
    pub fn new(bytes: &'a [u8]) -> RecordRef<'a> {
        RecordRef(bytes)
    }

    /// The original text.
    pub fn text(self) -> &'a [u8] {
        &self.0[self.body().end..]
    }

    /// The value of `field`. None, if it has none that can be used.
    #[inline]
    pub fn get(self, field: &Field) -> Option<Value<'a>> {
        let head = self.0[0];
        if head & NAMED != 0 {
            return self.named(field.path.as_bytes());
        }
        if head == BARE {
            return None;
        }
        let FieldId(wanted) = field.id?;
        let width = self.width();
        let Range { start: mut at, end } = self.body();
        while at < end {
            let mut id = u16::from(self.0[at]);
            if id >= 0x80 {
                id = (id & 0x7F) << 8 | u16::from(self.0[at + 1]);
                at += 1;
            }
            at += 1;
            if id >= wanted {
                return (id == wanted).then(|| self.value(at));
            }
            at = self.after(at, width);
        }
        None
    }

    /// The array of a record made by [`array_record`](super::array_record).
    #[inline]
    pub fn array(self) -> Array<'a> {
        let at = self.body().start as u32;
        Array { record: self, at }
    }

    fn named(self, wanted: &[u8]) -> Option<Value<'a>> {
        let width = self.width();
        let Range { start: mut at, end } = self.body();
        while at < end {
            let name = self.counted(at);
            at += width + name.len();
            if name == wanted {
                return Some(self.value(at));
            }
            at = self.after(at, width);
        }
        None
    }

    #[inline]
    fn width(self) -> usize {
        1 << (self.0[0] & 3)
    }

    /// Where the fields lie.
    #[inline]
    fn body(self) -> Range<usize> {
        let head = self.0[0];
        let short = usize::from(head >> SHORT_BODY);
        if short > 0 || head == BARE {
            return 1..1 + short;
        }
        let start = 1 + self.width();
        start..start + self.length(1)
    }

    /// The length or offset at `at`.
    #[inline]
    fn length(self, at: usize) -> usize {
        match self.0[0] & 3 {
            0 => usize::from(self.0[at]),
            1 => usize::from(u16::from_le_bytes([self.0[at], self.0[at + 1]])),
            _ => {
                let bytes = self.0[at..at + 4].first_chunk();
                bytes.map_or(0, |&bytes| u32::from_le_bytes(bytes) as usize)
            }
        }
    }

    /// The bytes whose length is at `at`.
    fn counted(self, at: usize) -> &'a [u8] {
        let start = at + self.width();
        &self.0[start..start + self.length(at)]
    }

    /// Where the value at `at` ends.
    #[inline]
    fn after(self, at: usize, width: usize) -> usize {
        let tag = self.0[at];
        let shape = SHAPES[usize::from(tag)];
        let mut end = at + 1 + usize::from(shape.fixed) + usize::from(shape.widths) * width;
        if tag == tag::OWNED || tag == tag::ARRAY {
            end += self.length(at + 1);
        }
        end
    }

    #[inline]
    fn value(self, at: usize) -> Value<'a> {
        let tag = self.0[at];
        match tag {
            tag::NULL => Value::Null,
            0x01..=tag::MAX_INTEGER_BYTES => Value::Number(self.integer(at + 1, usize::from(tag)) as f64),
            tag::TEXT => {
                let length = self.length(at + 1 + self.width());
                self.text_string(at, length)
            }
            tag::OWNED => Value::String(self.counted(at + 1)),
            tag::ARRAY | tag::SHORT_ARRAY.. => Value::Array(Array { record: self, at: at as u32 }),
            tag::DECIMAL..=0x3F => {
                let shape = usize::from(tag - tag::DECIMAL);
                let bytes = shape % usize::from(tag::MAX_DECIMAL_BYTES) + 1;
                let scale = shape / usize::from(tag::MAX_DECIMAL_BYTES) + 1;
                Value::Number(self.integer(at + 1, bytes) as f64 / tag::POWERS[scale])
            }
            tag::SHORT_TEXT..=0x7F => self.text_string(at, usize::from(tag - tag::SHORT_TEXT)),
            tag::SMALL..tag::SHORT_ARRAY => Value::Number(f64::from(tag - tag::SMALL)),
            tag::DOUBLE => {
                let bytes = self.0[at + 1..].first_chunk();
                Value::Number(bytes.map_or(0.0, |&bytes| f64::from_le_bytes(bytes)))
            }
            // An array in an array: its items are never needed.
            _ => Value::Array(Array::EMPTY),
        }
    }

    #[inline]
    fn text_string(self, at: usize, length: usize) -> Value<'a> {
        let start = self.body().end + self.length(at + 1);
        Value::String(&self.0[start..start + length])
    }

    #[inline]
    fn integer(self, at: usize, bytes: usize) -> i64 {
        let raw = &self.0[at..at + bytes];
        match *raw {
            [a] => i64::from(a as i8),
            [a, b] => i64::from(i16::from_le_bytes([a, b])),
            [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
            _ => {
                let mut wide = [0; 8];
                wide[8 - bytes..].copy_from_slice(raw);
                i64::from_le_bytes(wide) >> (64 - 8 * bytes)
            }
        }
    }
}

/// An array in a record.
#[derive(Clone, Copy, Debug)]
pub struct Array<'a> {
    record: RecordRef<'a>,
    /// The position of its tag.
    at: u32,
}

impl<'a> Array<'a> {
    const EMPTY: Array<'static> = Array { record: RecordRef(&[0, 1, tag::SHORT_ARRAY]), at: 2 };

    /// The items, in order. A nested array is returned as an array without items.
    pub fn items(self) -> Items<'a> {
        let at = self.at as usize;
        let width = self.record.width();
        let (start, length) = match self.record.0[at] {
            tag::ARRAY => (at + 1 + width, self.record.length(at + 1)),
            short => (at + 1, usize::from(short - tag::SHORT_ARRAY)),
        };
        Items { record: self.record, at: start, end: start + length, width }
    }
}

/// Iterates over an array.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    record: RecordRef<'a>,
    at: usize,
    end: usize,
    width: usize,
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    #[inline]
    fn next(&mut self) -> Option<Value<'a>> {
        if self.at >= self.end {
            return None;
        }
        let value = self.record.value(self.at);
        self.at = self.record.after(self.at, self.width);
        Some(value)
    }
}
