//! The first byte of a value in a record: its kind, and how long it is.
//!
//! ```text
//! 00        null
//! 01..=07   an integer of that many bytes, signed, little-endian
//! 08        a double
//! 09        a string of the text: [offset w][length w]
//! 0A        a string with its own bytes, its escapes decoded: [length w][bytes]
//! 0B        an array: [length w][its items, each a value]
//! 0C        an array inside an array
//! 10..=3F   a decimal: an integer of (tag - 10) % 6 + 1 bytes, divided by 10 ^ ((tag - 10) / 6 + 1)
//! 40..=7F   a string of the text of tag - 40 bytes: [offset w]
//! 80..=DF   the integer tag - 80
//! E0..=FF   an array whose items take tag - E0 bytes
//! ```
//!
//! A decimal is exact: mantissa and power of ten are exact doubles, so their quotient is the
//! double nearest to the number, which is what reading the digits gives.

pub const NULL: u8 = 0x00;
pub const INTEGER: u8 = 0x00;
pub const DOUBLE: u8 = 0x08;
pub const TEXT: u8 = 0x09;
pub const OWNED: u8 = 0x0A;
pub const ARRAY: u8 = 0x0B;
pub const NESTED: u8 = 0x0C;
pub const DECIMAL: u8 = 0x10;
pub const SHORT_TEXT: u8 = 0x40;
pub const SMALL: u8 = 0x80;
pub const SHORT_ARRAY: u8 = 0xE0;

pub const MAX_INTEGER_BYTES: u8 = 7;
pub const MAX_DECIMAL_BYTES: u8 = 6;
pub const MAX_SCALE: u8 = 8;
pub const MAX_SHORT_TEXT: usize = 63;
pub const MAX_SHORT_ARRAY: usize = 31;

/// 10 to the power of a decimal's scale.
pub const POWERS: [f64; MAX_SCALE as usize + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];

/// What follows a tag: fixed bytes, and lengths or offsets of the record's width. (The bytes that
/// `OWNED` and `ARRAY` announce are not counted.)
#[derive(Clone, Copy)]
pub struct Shape {
    pub fixed: u8,
    pub widths: u8,
}

/// The shape of each tag, looked up while passing over fields.
pub static SHAPES: [Shape; 256] = shapes();

const fn shapes() -> [Shape; 256] {
    let mut all = [Shape { fixed: 0, widths: 0 }; 256];
    let mut tag = 1;
    while tag < 256 {
        let byte = tag as u8;
        let (fixed, widths) = match byte {
            0x01..=0x07 => (byte, 0),
            DOUBLE => (8, 0),
            TEXT => (0, 2),
            OWNED | ARRAY => (0, 1),
            DECIMAL..=0x3F => ((byte - DECIMAL) % MAX_DECIMAL_BYTES + 1, 0),
            SHORT_TEXT..=0x7F => (0, 1),
            SHORT_ARRAY.. => (byte - SHORT_ARRAY, 0),
            _ => (0, 0),
        };
        all[tag] = Shape { fixed, widths };
        tag += 1;
    }
    all
}
