//! Strings and member names in 16 bytes: up to 14 bytes inline, longer ones behind a pointer.

use std::hash::{Hash, Hasher};

use thin_vec::ThinVec;

/// Bytes of a string that is kept in place.
const SHORT: usize = 14;

/// UTF-8 text. It is kept as bytes: it was checked when it was read, and is mostly compared and copied.
#[derive(Clone)]
pub enum Text {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(ThinVec<u8>),
}

impl Text {
    /// The text's bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Text::Short { len, bytes } => &bytes[..usize::from(*len)],
            Text::Long(bytes) => bytes,
        }
    }

    /// The text as a string of Rust.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    /// Puts more text behind this.
    pub fn push(&mut self, more: &Text) {
        let mut longer = ThinVec::with_capacity(self.bytes().len() + more.bytes().len());
        longer.extend_from_slice(self.bytes());
        longer.extend_from_slice(more.bytes());
        *self = Text::short(&longer).unwrap_or(Text::Long(longer));
    }

    /// Bytes on the heap.
    pub fn heap(&self) -> usize {
        match self {
            Text::Short { .. } => 0,
            Text::Long(bytes) => super::value::allocated(bytes),
        }
    }

    fn short(text: &[u8]) -> Option<Text> {
        let mut bytes = [0; SHORT];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Text::Short { len: text.len() as u8, bytes })
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        let text = text.as_bytes();
        Text::short(text).unwrap_or_else(|| {
            let mut long = ThinVec::with_capacity(text.len());
            long.extend_from_slice(text);
            Text::Long(long)
        })
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

/// So that a map of names can be asked for bytes.
impl std::borrow::Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        self.bytes()
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}
