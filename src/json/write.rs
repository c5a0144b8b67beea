//! Values to JSON text.

use super::Error;
use super::text::Text;
use super::value::{Node, View};

/// What JSON.GET puts between the parts of a text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout<'a> {
    pub indent: &'a [u8],
    pub newline: &'a [u8],
    pub space: &'a [u8],
}

/// A text that grows.
pub struct Writer<'a> {
    pub out: Vec<u8>,
    layout: Layout<'a>,
    depth: usize,
    /// Bytes that the text may have.
    limit: usize,
}

/// The compact text of a value, however long it is.
pub fn to_text(node: Node) -> Vec<u8> {
    let mut writer = Writer::new(Layout::default(), usize::MAX);
    // The one error is that of a limit.
    let _ = writer.node(node);
    writer.out
}

impl<'a> Writer<'a> {
    /// A text of up to about `limit` bytes.
    pub fn new(layout: Layout<'a>, limit: usize) -> Writer<'a> {
        Writer { out: Vec::new(), layout, depth: 0, limit }
    }

    /// Writes a value. Recursion is as deep as the value, which is bounded.
    pub fn node(&mut self, node: Node) -> Result<(), Error> {
        match node.view() {
            View::Null => self.out.extend_from_slice(b"null"),
            View::Bool(true) => self.out.extend_from_slice(b"true"),
            View::Bool(false) => self.out.extend_from_slice(b"false"),
            View::Number(number) => number.write(&mut self.out),
            View::String(text) => self.string(text)?,
            View::Array(items) => return self.list(items.iter()),
            View::Object(members) => {
                return self.members(members.iter(), |writer, (name, value)| {
                    writer.name(name)?;
                    writer.node(value.node())
                });
            }
        }
        Ok(())
    }

    /// Writes an array of these.
    pub fn list<'n>(&mut self, items: impl Iterator<Item = Node<'n>>) -> Result<(), Error> {
        self.enclosed(b"[]", items, |writer, item| writer.node(item))
    }

    /// Writes an object whose members `each` writes.
    pub fn members<T>(
        &mut self,
        members: impl Iterator<Item = T>,
        each: impl FnMut(&mut Self, T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.enclosed(b"{}", members, each)
    }

    /// Writes a member's name and the separators before its value.
    pub fn name(&mut self, name: &Text) -> Result<(), Error> {
        self.string(name)?;
        self.out.push(b':');
        self.out.extend_from_slice(self.layout.space);
        Ok(())
    }

    fn check(&self, more: usize) -> Result<(), Error> {
        match self.out.len().saturating_add(more) > self.limit {
            true => Err(Error::new("the reply is too large")),
            false => Ok(()),
        }
    }

    fn enclosed<T>(
        &mut self,
        brackets: &[u8; 2],
        items: impl Iterator<Item = T>,
        mut each: impl FnMut(&mut Self, T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.out.push(brackets[0]);
        self.depth += 1;
        let mut first = true;
        for item in items {
            if !std::mem::take(&mut first) {
                self.out.push(b',');
            }
            self.line()?;
            each(self, item)?;
        }
        self.depth -= 1;
        if !first {
            self.line()?;
        }
        self.out.push(brackets[1]);
        Ok(())
    }

    fn line(&mut self) -> Result<(), Error> {
        self.check(self.layout.newline.len() + self.depth * self.layout.indent.len())?;
        self.out.extend_from_slice(self.layout.newline);
        for _ in 0..self.depth {
            self.out.extend_from_slice(self.layout.indent);
        }
        Ok(())
    }

    fn string(&mut self, text: &Text) -> Result<(), Error> {
        self.check(text.bytes().len())?;
        self.out.push(b'"');
        let mut rest = text.bytes();
        while let Some(at) = rest.iter().position(|&b| b < 0x20 || b == b'"' || b == b'\\') {
            self.out.extend_from_slice(&rest[..at]);
            self.escaped(rest[at]);
            rest = &rest[at + 1..];
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
        Ok(())
    }

    fn escaped(&mut self, byte: u8) {
        let short = match byte {
            b'"' | b'\\' => byte,
            8 => b'b',
            12 => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => {
                self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                return;
            }
        };
        self.out.extend_from_slice(&[b'\\', short]);
    }
}
