//! Builds a set from its saved parts: elements first, then their links as they were.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::names::Names;
use super::{Params, VectorSet};
use crate::arena::Blob;
use crate::index::{self, BadRow, Restored, SavedRow};
use crate::vector::{BadVector, Projection};

/// A set in the making; only its maker sees it.
pub struct Restorer {
    index: index::Restorer,
    /// All of the set but its index.
    set: VectorSet,
}

/// One element as it was saved.
pub struct SavedElement<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its attributes; empty for none.
    pub attributes: &'a [u8],
    /// The stored vector in its wire form.
    pub code: &'a [u8],
    /// Norm before normalisation.
    pub l2: f32,
    /// Largest component, for int8.
    pub range: f32,
    /// Id that links refer to.
    pub wire_id: u64,
    /// Level in the graph.
    pub level: usize,
    /// When it expires, in milliseconds since 1970.
    pub time: Option<i64>,
}

/// Why an element was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BadElement {
    /// There is one of that name already.
    DuplicateName,
    /// Its vector is damaged.
    Vector(BadVector),
    /// The set is full.
    Full,
}

/// Two elements have this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DuplicateId(pub u64);

impl Restorer {
    /// Begins a set.
    pub fn new(params: Params, projection: Option<Projection>) -> Restorer {
        let empty = index::VectorIndex::with_projection(params.clone(), None);
        Restorer { index: index::Restorer::new(params, projection), set: VectorSet::around(empty) }
    }

    /// Adds an element.
    ///
    /// # Errors
    /// If it is damaged or a duplicate; the set is of no use then.
    pub fn element(&mut self, saved: &SavedElement) -> Result<(), BadElement> {
        let set = &mut self.set;
        if set.stored(saved.name) {
            return Err(BadElement::DuplicateName);
        }
        let SavedElement { code, l2, range, level, .. } = *saved;
        let id =
            self.index.row(&SavedRow { code, l2, range, label: saved.wire_id, level }).map_err(|why| match why {
                BadRow::Vector(why) => BadElement::Vector(why),
                BadRow::Full => BadElement::Full,
            })?;
        let table = Arc::clone(&set.table);
        table.names.replace(id, Some(Blob::new(saved.name)));
        let record = super::record(saved.attributes, &mut set.fields);
        set.attributes_count += record.is_some() as usize;
        table.attributes.replace(id, record);
        set.names.insert(saved.name, id, |id| table.name(id));
        set.put_time(id, saved.time.map_or(0, |time| time.max(1)));
        super::ELEMENTS.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Adds a link of the last element on a level.
    pub fn links(&mut self, level: usize, targets: impl Iterator<Item = u64>) {
        self.index.links(level, targets);
    }

    /// Completes the set. Links that hold to the graph's rules are taken as they are.
    ///
    /// # Errors
    /// If two elements have the same id, which no writer does.
    pub fn finish(mut self) -> Result<(VectorSet, Restored), DuplicateId> {
        let (index, outcome, wire_ids) = self.index.finish().map_err(|why| DuplicateId(why.0))?;
        self.set.index = index;
        let highest = wire_ids.iter().copied().max().unwrap_or(0);
        // A damaged id near the top of its range must not make the counter wrap.
        self.set.max_node_uid = highest.min(u64::MAX / 2).max(wire_ids.len() as u64);
        self.set.account();
        Ok((self.set, outcome))
    }
}

impl VectorSet {
    /// A deep copy; settles the set first, as [`VectorSet::settle`] does.
    pub fn duplicate(&mut self) -> VectorSet {
        let (index, copies) = self.index.duplicate();
        let mut copy = VectorSet::around(index);
        copy.fields = self.fields.clone();
        copy.attributes_count = self.attributes_count;
        copy.max_node_uid = self.max_node_uid;
        let (from, to) = (&*self.table, &*copy.table);
        for (id, &new) in self.names.iter().map(|id| (id, &copies[id as usize])) {
            to.names.replace(new, from.names.get(id).map(Blob::new));
            to.attributes.replace(new, from.attributes.get(id).map(Blob::new));
        }
        for id in self.names.iter() {
            if let Some(time) = from.time(id) {
                copy.put_time(copies[id as usize], time);
            }
        }
        copy.names = Names::of_sorted(self.names.iter().map(|id| copies[id as usize]));
        super::ELEMENTS.fetch_add(copy.len(), Ordering::Relaxed);
        copy.account();
        copy
    }
}
