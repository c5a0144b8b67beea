//! Writes records.

use super::fields::{FieldId, Fields};
use super::json::{Cursor, Scalar, unescape};
use super::record::{BARE, NAMED, SHORT_BODY, Value};
use super::scan::{Entry, Found, Walk};
use super::tag;

/// A text with more fields than this carries their names itself: one odd element must not fill
/// the set's table.
const MAX_INTERNED: usize = 1024;

/// The record of `text`, with exactly the capacity it needs. Any text has one; of text that is
/// not JSON it holds as much as a filter can use.
pub fn encode(text: &[u8], fields: &mut Fields) -> Vec<u8> {
    let walk = Walk::fields(text);
    if walk.entries.is_empty() {
        return assemble(BARE, &[], text);
    }
    let ids = intern(&walk, fields);
    for code in 0..3 {
        let mut body = Body::new(code);
        match &ids {
            Some(ids) => {
                for &(id, at) in ids {
                    body.id(id);
                    body.found(text, &walk.entries[at].found);
                }
            }
            None => {
                for entry in &walk.entries {
                    body.bytes(walk.path(entry));
                    body.found(text, &entry.found);
                }
            }
        }
        if body.fits(text.len()) {
            let named = if ids.is_none() { NAMED } else { 0 };
            return assemble(code | named, &body.bytes, text);
        }
    }
    // Beyond four gigabytes there are no offsets: the text is kept, its fields are not.
    assemble(BARE, &[], text)
}

/// A record that holds one array without a name and no text: the form of a literal array in a
/// filter. `items` that are arrays themselves count as such, without their items.
pub fn array_record(items: &[Value<'_>]) -> Vec<u8> {
    for code in 0..3 {
        let mut body = Body::new(code);
        body.array(|body| items.iter().for_each(|item| body.value(item)));
        if body.fits(0) {
            return assemble(code, &body.bytes, &[]);
        }
    }
    panic!("a literal array of four gigabytes")
}

/// The entries' ids and places, ascending by id; None if they do not all get one.
fn intern(walk: &Walk, fields: &mut Fields) -> Option<Vec<(FieldId, usize)>> {
    if walk.entries.len() > MAX_INTERNED {
        return None;
    }
    let intern = |(at, entry): (usize, &Entry)| Some((fields.intern(walk.path(entry))?, at));
    let mut ids: Vec<_> = walk.entries.iter().enumerate().map(intern).collect::<Option<_>>()?;
    ids.sort_unstable();
    Some(ids)
}

fn assemble(head: u8, body: &[u8], text: &[u8]) -> Vec<u8> {
    let short = body.len() < 1 << (u8::BITS - SHORT_BODY) && !body.is_empty();
    let (head, width) = match head {
        BARE => (head, 0),
        _ if short => (head | (body.len() as u8) << SHORT_BODY, 0),
        _ => (head, 1 << (head & 3)),
    };
    let mut record = Vec::with_capacity(1 + width + body.len() + text.len());
    record.push(head);
    record.extend_from_slice(&body.len().to_le_bytes()[..width]);
    record.extend_from_slice(body);
    record.extend_from_slice(text);
    record
}

/// The part between head and text, while it is written with one width for lengths.
struct Body {
    bytes: Vec<u8>,
    width: usize,
    overflow: bool,
}

impl Body {
    fn new(code: u8) -> Body {
        Body { bytes: Vec::new(), width: 1 << code, overflow: false }
    }

    fn fits(&self, text: usize) -> bool {
        !self.overflow && self.holds(self.bytes.len()) && self.holds(text)
    }

    fn holds(&self, length: usize) -> bool {
        (length as u64) >> (8 * self.width) == 0
    }

    fn length(&mut self, length: usize) {
        self.overflow |= !self.holds(length);
        self.bytes.extend_from_slice(&length.to_le_bytes()[..self.width]);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    fn id(&mut self, FieldId(id): FieldId) {
        if id >= 0x80 {
            self.bytes.push(0x80 | (id >> 8) as u8);
        }
        self.bytes.push(id as u8);
    }

    fn found(&mut self, text: &[u8], found: &Found) {
        match *found {
            Found::Scalar(scalar) => self.scalar(text, scalar),
            Found::Array(at) => self.array(|body| {
                let read = Cursor { text, at }.array(|item| body.scalar(text, item));
                debug_assert!(read.is_some(), "the walk has read this array");
            }),
            Found::Unusable => unreachable!("the walk leaves these out"),
        }
    }

    fn scalar(&mut self, text: &[u8], scalar: Scalar) {
        match scalar {
            Scalar::Null => self.bytes.push(tag::NULL),
            Scalar::Number(number) => self.number(number),
            Scalar::Nested => self.bytes.push(tag::NESTED),
            Scalar::String { start, end, escaped: true } => {
                let mut decoded = Vec::with_capacity(end - start);
                unescape(&text[start..end], &mut decoded);
                self.bytes.push(tag::OWNED);
                self.bytes(&decoded);
            }
            Scalar::String { start, end, .. } if end - start <= tag::MAX_SHORT_TEXT => {
                self.bytes.push(tag::SHORT_TEXT + (end - start) as u8);
                self.length(start);
            }
            Scalar::String { start, end, .. } => {
                self.bytes.push(tag::TEXT);
                self.length(start);
                self.length(end - start);
            }
        }
    }

    fn value(&mut self, value: &Value<'_>) {
        match *value {
            Value::Null => self.bytes.push(tag::NULL),
            Value::Number(number) => self.number(number),
            Value::Array(_) => self.bytes.push(tag::NESTED),
            Value::String(string) => {
                self.bytes.push(tag::OWNED);
                self.bytes(string);
            }
        }
    }

    fn array(&mut self, items: impl FnOnce(&mut Body)) {
        let at = self.bytes.len();
        self.bytes.push(tag::ARRAY);
        self.length(0);
        let start = self.bytes.len();
        items(self);
        let length = self.bytes.len() - start;
        if length <= tag::MAX_SHORT_ARRAY {
            let short = tag::SHORT_ARRAY + length as u8;
            self.bytes.splice(at..start, [short]);
        } else {
            self.overflow |= !self.holds(length);
            let length = length.to_le_bytes();
            self.bytes[at + 1..start].copy_from_slice(&length[..self.width]);
        }
    }

    fn number(&mut self, number: f64) {
        for scale in 0..=tag::MAX_SCALE {
            let power = tag::POWERS[usize::from(scale)];
            let mantissa = (number * power).round();
            let room = if scale == 0 { tag::MAX_INTEGER_BYTES } else { tag::MAX_DECIMAL_BYTES };
            // Bits, not values: minus zero is not zero.
            if mantissa.abs() < 9e15 && (mantissa as i64 as f64 / power).to_bits() == number.to_bits() {
                let mantissa = mantissa as i64;
                let bytes = integer_bytes(mantissa);
                if bytes <= room {
                    self.fixed_point(mantissa, bytes, scale);
                    return;
                }
            }
        }
        self.bytes.push(tag::DOUBLE);
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn fixed_point(&mut self, mantissa: i64, bytes: u8, scale: u8) {
        if scale > 0 {
            let shape = (scale - 1) * tag::MAX_DECIMAL_BYTES + bytes - 1;
            self.bytes.push(tag::DECIMAL + shape);
        } else if (0..i64::from(tag::SHORT_ARRAY - tag::SMALL)).contains(&mantissa) {
            self.bytes.push(tag::SMALL + mantissa as u8);
            return;
        } else {
            self.bytes.push(tag::INTEGER + bytes);
        }
        self.bytes.extend_from_slice(&mantissa.to_le_bytes()[..usize::from(bytes)]);
    }
}

/// How many bytes `value` takes in two's complement.
fn integer_bytes(value: i64) -> u8 {
    let magnitude = if value < 0 { !value } else { value };
    let bits = 64 - magnitude.leading_zeros() + 1;
    bits.div_ceil(8) as u8
}
