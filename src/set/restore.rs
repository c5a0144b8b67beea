//! Builds a set from its saved parts: elements first, then their links as they were.

use std::sync::atomic::Ordering;

use super::names::Names;
use super::{Params, VectorSet};
use crate::arena::Blob;
use crate::index::{self, BadRow, Restored, SavedRow};
use crate::vector::{BadVector, Projection};

/// A set in the making; only its maker sees it.
pub struct Restorer {
    index: index::Restorer,
    /// All of the set but its index and its names.
    set: VectorSet,
    /// Names came in order so far.
    in_order: bool,
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
    /// Its vector is damaged.
    Vector(BadVector),
    /// The set is full.
    Full,
}

/// Why elements make no set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Two of them have this name, which no writer does.
    Name(Vec<u8>),
    /// Their vectors and links make no index.
    Index(index::Flaw),
}

impl Restorer {
    /// Begins a set.
    pub fn new(params: Params, projection: Option<Projection>) -> Restorer {
        let empty = index::VectorIndex::with_projection(params.clone(), None);
        Restorer { index: index::Restorer::new(params, projection), set: VectorSet::around(empty), in_order: true }
    }

    /// Refuses a damaged graph of more elements, and one of more groups that have no connection.
    pub fn rebuild_at_most(&mut self, elements: usize) {
        self.index.rebuild_at_most(elements);
    }

    /// Adds an element.
    ///
    /// # Errors
    /// If it is damaged; the set is of no use then.
    pub fn element(&mut self, saved: &SavedElement) -> Result<(), BadElement> {
        let set = &mut self.set;
        let SavedElement { code, l2, range, level, .. } = *saved;
        let id =
            self.index.row(&SavedRow { code, l2, range, label: saved.wire_id, level }).map_err(|why| match why {
                BadRow::Vector(why) => BadElement::Vector(why),
                BadRow::Full => BadElement::Full,
            })?;
        let table = &set.table;
        self.in_order &= id == 0 || table.name(id - 1) < saved.name;
        table.names.replace(id, Some(Blob::new(saved.name)));
        let record = super::record(saved.attributes, &mut set.fields);
        set.attributes_count += record.is_some() as usize;
        table.attributes.replace(id, record);
        set.put_time(id, saved.time.map_or(0, |time| time.max(1)));
        Ok(())
    }

    /// Adds the links of the last element on a level.
    pub fn links(&mut self, level: usize, targets: &[u64]) {
        self.index.links(level, targets);
    }

    /// Completes the set. Links that hold to the graph's rules are taken as they are.
    ///
    /// # Errors
    /// If two elements have the same name or the same id, or the graph is damaged and too large to be rebuilt.
    pub fn finish(mut self) -> Result<(VectorSet, Restored), Flaw> {
        self.set.names = self.names()?;
        super::ELEMENTS.fetch_add(self.set.names.len(), Ordering::Relaxed);
        let (index, outcome, wire_ids) = self.index.finish().map_err(Flaw::Index)?;
        self.set.index = index;
        let highest = wire_ids.iter().copied().max().unwrap_or(0);
        // A damaged id near the top of its range must not make the counter wrap.
        self.set.max_node_uid = highest.min(u64::MAX / 2).max(wire_ids.len() as u64);
        self.set.account();
        Ok((self.set, outcome))
    }

    /// All names in order.
    fn names(&self) -> Result<Names, Flaw> {
        let table = &self.set.table;
        let mut ids: Vec<u32> = (0..self.index.len() as u32).collect();
        if !self.in_order {
            ids.sort_unstable_by_key(|&id| table.name(id));
            if let Some(pair) = ids.windows(2).find(|pair| table.name(pair[0]) == table.name(pair[1])) {
                return Err(Flaw::Name(table.name(pair[0]).to_vec()));
            }
        }
        Ok(Names::of_sorted(ids.into_iter()))
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
