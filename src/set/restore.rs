//! Building a set from saved parts: elements first, then their links as they were.
//!
//! Links are trusted only after a look at all of them; where they are damaged, the set is linked
//! anew from its vectors.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::{Params, VectorSet};
use crate::arena::Blob;
use crate::graph::{Alone, MAX_LEVEL};
use crate::vector::{BadVector, Projection};

/// A set in the making; nobody else sees it.
pub struct Restorer {
    set: VectorSet,
    /// Node, level and number of links of each row of `targets`, which are wire ids.
    rows: Vec<(u32, u8, u32)>,
    targets: Vec<u64>,
    /// Wire ids of the nodes.
    wire_ids: Vec<u64>,
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
}

/// An element's links on one level as they are saved.
pub struct SavedLinks {
    /// Wire ids, ascending.
    pub targets: Vec<u64>,
    /// Index in `targets` of the farthest one, and its distance; 0 and 0.0 without links.
    pub worst: (u32, f32),
    /// Links that there is room for.
    pub capacity: usize,
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

/// How the graph came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restored {
    /// As it was saved.
    Whole,
    /// As it was saved, with groups joined that had no connection.
    Joined(usize),
    /// Linked anew, since the saved links are damaged in this way.
    Rebuilt(String),
}

impl Restorer {
    /// Begins a set.
    pub fn new(params: Params, projection: Option<Projection>) -> Restorer {
        Restorer {
            set: VectorSet::with_projection(params, projection),
            rows: Vec::new(),
            targets: Vec::new(),
            wire_ids: Vec::new(),
        }
    }

    /// Adds an element.
    ///
    /// # Errors
    /// If it is damaged or a duplicate; the set is of no use then.
    pub fn element(&mut self, saved: &SavedElement) -> Result<(), BadElement> {
        let set = &mut self.set;
        if set.contains(saved.name) {
            return Err(BadElement::DuplicateName);
        }
        let mut fresh = set.ids.fresh().ok_or(BadElement::Full)?;
        let row = set.shared.vectors.write(&mut fresh);
        set.shared.codec.encode_wire(saved.code, saved.l2, saved.range, row).map_err(BadElement::Vector)?;
        let id = fresh.publish();
        set.shared.names.replace(id, Some(Blob::new(saved.name)));
        let record = super::record(saved.attributes, &mut set.fields);
        set.attributes_count += record.is_some() as usize;
        set.shared.attributes.replace(id, record);
        set.shared.graph.announce(id, saved.level.min(MAX_LEVEL));
        let shared = set.shared.clone();
        set.names.insert(saved.name, id, |id| shared.name(id));
        super::shared::ELEMENTS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.wire_ids.push(saved.wire_id);
        Ok(())
    }

    /// Adds a link of the last element on a level.
    pub fn links(&mut self, level: usize, targets: impl Iterator<Item = u64>) {
        let from = self.targets.len();
        self.targets.extend(targets);
        let node = self.wire_ids.len() as u32 - 1;
        self.rows.push((node, level as u8, (self.targets.len() - from) as u32));
    }

    /// Completes the set. Links that hold to the graph's rules are taken as they are.
    ///
    /// # Errors
    /// If two elements have the same id, which no writer does.
    pub fn finish(mut self) -> Result<(VectorSet, Restored), DuplicateId> {
        let translation = Translation::new(&self.wire_ids)?;
        let outcome = match self.resolve(&translation) {
            Ok(links) => {
                let shared = &self.set.shared;
                let excess = self.excess(&links);
                for (node, level, neighbours) in self.rows_of(&links) {
                    if excess.is_empty() {
                        shared.graph.restore_links(node, level, neighbours, &shared.grace);
                    } else {
                        let kept = |n: &u32| !excess.contains(&(level, node, *n));
                        let kept: Vec<u32> = neighbours.iter().copied().filter(kept).collect();
                        shared.graph.restore_links(node, level, &kept, &shared.grace);
                    }
                }
                let nodes = 0..self.wire_ids.len() as u32;
                shared.graph.restore_done(nodes);
                match shared.graph.join_groups(&**shared, Alone::Yes, &shared.grace) {
                    0 => Restored::Whole,
                    joined => Restored::Joined(joined),
                }
            }
            Err(why) => {
                let shared = &self.set.shared;
                for node in 0..self.wire_ids.len() as u32 {
                    shared.graph.claim(node);
                    shared.link(node, super::DEFAULT_EF_ADD, Alone::No);
                }
                Restored::Rebuilt(why)
            }
        };
        let highest = self.wire_ids.iter().copied().max().unwrap_or(0);
        // A damaged id near the top of its range must not make the counter wrap.
        self.set.max_node_uid = highest.min(u64::MAX / 2).max(self.wire_ids.len() as u64);
        self.set.shared.account_for_links();
        self.set.account();
        Ok((self.set, outcome))
    }

    /// Looks at all links: translates wire ids to nodes, and says what is wrong if they are not a
    /// proper graph.
    fn resolve(&self, translation: &Translation) -> Result<Vec<u32>, String> {
        let graph = &self.set.shared.graph;
        let mut nodes = Vec::with_capacity(self.targets.len());
        // Each link is to be there once in each direction. Directions count with opposite signs, so
        // that a sum of keyed hashes over all is zero; by chance, once in 2^64.
        let key = RandomState::new();
        let mut balance = 0u64;
        let mut row = Vec::new();
        for (node, level, targets) in self.rows_of(&self.targets) {
            row.clear();
            for &target in targets {
                let neighbour =
                    translation.node(target).ok_or_else(|| format!("a link leads to the unknown id {target}"))?;
                if neighbour == node {
                    return Err(format!("node {} links to itself", self.wire_ids[node as usize]));
                }
                if graph.level(neighbour) < level {
                    return Err(format!("a link on level {level} leads to a node of a lower one"));
                }
                let hash = key.hash_one((level, node.min(neighbour), node.max(neighbour)));
                balance = if node < neighbour { balance.wrapping_add(hash) } else { balance.wrapping_sub(hash) };
                row.push(neighbour);
            }
            nodes.extend_from_slice(&row);
            row.sort_unstable();
            if row.windows(2).any(|w| w[0] == w[1]) {
                return Err(format!("node {} has the same link twice", self.wire_ids[node as usize]));
            }
        }
        if balance != 0 {
            return Err("a link leads there but not back".into());
        }
        Ok(nodes)
    }

    /// Links, in both directions, of nodes that have more than there is room for: other
    /// implementations may grant more.
    fn excess(&self, links: &[u32]) -> HashSet<(usize, u32, u32)> {
        let graph = &self.set.shared.graph;
        let mut excess = HashSet::new();
        for (node, level, neighbours) in self.rows_of(links) {
            for &neighbour in neighbours.iter().skip(graph.hard_capacity(level)) {
                excess.insert((level, node, neighbour));
                excess.insert((level, neighbour, node));
            }
        }
        excess
    }

    /// Node, level and links of each row, out of a flat list of all.
    fn rows_of<'a, T>(&'a self, mut flat: &'a [T]) -> impl Iterator<Item = (u32, usize, &'a [T])> {
        self.rows.iter().map(move |&(node, level, len)| {
            let (row, rest) = flat.split_at(len as usize);
            flat = rest;
            (node, level as usize, row)
        })
    }
}

/// From wire ids to nodes.
enum Translation {
    /// By position: ids are mostly dense.
    Table(Vec<u32>),
    Map(HashMap<u64, u32>),
}

const UNKNOWN: u32 = u32::MAX;

impl Translation {
    fn new(wire_ids: &[u64]) -> Result<Translation, DuplicateId> {
        let highest = wire_ids.iter().copied().max().unwrap_or(0);
        if highest < 4 * wire_ids.len() as u64 + 64 {
            let mut table = vec![UNKNOWN; highest as usize + 1];
            for (&id, node) in wire_ids.iter().zip(0..) {
                if std::mem::replace(&mut table[id as usize], node) != UNKNOWN {
                    return Err(DuplicateId(id));
                }
            }
            return Ok(Translation::Table(table));
        }
        let mut map = HashMap::with_capacity(wire_ids.len());
        for (&id, node) in wire_ids.iter().zip(0..) {
            if map.insert(id, node).is_some() {
                return Err(DuplicateId(id));
            }
        }
        Ok(Translation::Map(map))
    }

    fn node(&self, wire_id: u64) -> Option<u32> {
        match self {
            Translation::Table(table) => table.get(wire_id as usize).copied().filter(|&n| n != UNKNOWN),
            Translation::Map(map) => map.get(&wire_id).copied(),
        }
    }
}

impl VectorSet {
    /// A deep copy; waits as [`VectorSet::settle`] does.
    pub fn duplicate(&mut self) -> VectorSet {
        let settled = self.settle(Alone::No);
        let params = settled.params().clone();
        let projection = settled.projection().cloned();
        let mut restorer = Restorer::new(params, projection);
        settled.for_each_saved(&mut |element, links| {
            let added = restorer.element(element);
            debug_assert!(added.is_ok());
            for (level, saved) in links.iter().enumerate() {
                restorer.links(level, saved.targets.iter().copied());
            }
        });
        let (mut copy, outcome) = restorer.finish().expect("ids of a set are distinct");
        debug_assert_eq!(outcome, Restored::Whole);
        copy.max_node_uid = settled.info().max_node_uid;
        copy
    }
}
