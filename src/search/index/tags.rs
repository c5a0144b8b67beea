//! A TAG field: the documents of each value.

use std::sync::Arc;

use super::docset::DocSet;
use super::names::Names;
use super::tree::Tree;

/// See the module.
#[derive(Clone, Default)]
pub struct Tags {
    values: Tree<Arc<[u8]>, Tag>,
    names: Names,
    records: usize,
    /// Bytes behind the sets.
    set_bytes: usize,
    name_bytes: usize,
}

/// A value and its documents.
#[derive(Clone, Default)]
pub struct Tag {
    pub number: u32,
    pub documents: DocSet,
}

/// The values of a TAG field at one moment.
pub struct TagValues(pub(super) Tree<Arc<[u8]>, Tag>);

impl TagValues {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values, in byte order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|(value, _)| &value[..])
    }
}

impl Tags {
    /// Notes that a document has a value; the value's number.
    pub fn insert(&mut self, value: &[u8], document: u32) -> u32 {
        match self.values.get(value) {
            Some(tag) if tag.documents.contains(document) => return tag.number,
            Some(_) => {}
            None => return self.add(value, document),
        }
        let tag = self.values.get_mut(value).expect("a value that is there");
        let before = tag.documents.bytes();
        self.records += usize::from(tag.documents.insert(document));
        self.set_bytes = self.set_bytes + tag.documents.bytes() - before;
        tag.number
    }

    /// Adds a value that one document has; its number.
    fn add(&mut self, value: &[u8], document: u32) -> u32 {
        let name: Arc<[u8]> = value.into();
        let number = self.names.add(name.clone());
        let documents = DocSet::One(document);
        self.records += 1;
        self.set_bytes += documents.bytes();
        self.name_bytes += 16 + value.len();
        self.values.insert(name, Tag { number, documents });
        number
    }

    /// Removes a document from a value; a value without documents is removed.
    pub fn remove(&mut self, number: u32, document: u32) {
        let Some(name) = self.names.get(number).cloned() else { return };
        let Some(tag) = self.values.get_mut(&name[..]) else { return };
        let before = tag.documents.bytes();
        self.records -= usize::from(tag.documents.remove(document));
        self.set_bytes = self.set_bytes + tag.documents.bytes() - before;
        if tag.documents.is_empty() {
            self.values.remove(&name[..]);
            self.names.remove(number);
            self.name_bytes -= 16 + name.len();
        }
    }

    /// A value's name by its number.
    pub fn name(&self, number: u32) -> Option<&Arc<[u8]>> {
        self.names.get(number)
    }

    /// All values, in byte order.
    pub fn values(&self) -> &Tree<Arc<[u8]>, Tag> {
        &self.values
    }

    /// Pairs of a value and a document.
    pub fn records(&self) -> usize {
        self.records
    }

    pub fn bytes(&self) -> usize {
        self.values.bytes() + self.names.bytes() + self.set_bytes + self.name_bytes
    }
}
