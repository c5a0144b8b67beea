//! Building an index from saved parts: rows first, then their links as they were.
//!
//! Rows have labels, arbitrary numbers by which saved links refer to them; rows get ids in the order
//! of loading, from 0. Links are used only after all of them have been validated; if they are damaged, the
//! graph is rebuilt from the vectors.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::{DEFAULT_EF_ADD, Params, VectorIndex};
use crate::graph::{Alone, MAX_LEVEL};
use crate::vector::{BadVector, Projection};

/// An index in the making; only its maker sees it.
pub struct Restorer {
    index: VectorIndex,
    /// Row, level and number of links of each list of `targets`, which are labels.
    lists: Vec<(u32, u8, u32)>,
    targets: Vec<u64>,
    /// Labels of the rows.
    labels: Vec<u64>,
    /// With more rows a graph is not rebuilt, nor one of more groups joined.
    most_rebuilt: usize,
}

/// One row as it was saved.
pub struct SavedRow<'a> {
    /// The stored vector in its wire form.
    pub code: &'a [u8],
    /// Norm before normalisation.
    pub l2: f32,
    /// Largest component, for int8.
    pub range: f32,
    /// Number that links refer to.
    pub label: u64,
    /// Level in the graph.
    pub level: usize,
}

/// Why a row was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BadRow {
    /// Its vector is damaged.
    Vector(BadVector),
    /// There is no room.
    Full,
}

/// Why rows make no index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Two of them have this label, which no writer does.
    Label(u64),
    /// The graph is damaged in this way, and there are too many rows to rebuild it.
    Graph(String),
}

/// How the graph came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restored {
    /// As it was saved.
    Whole,
    /// As it was saved, with groups joined that had no connection.
    Joined(usize),
    /// Rebuilt from the vectors, since the saved links are damaged in this way.
    Rebuilt(String),
}

impl Restorer {
    /// Begins an index.
    pub fn new(params: Params, projection: Option<Projection>) -> Restorer {
        let index = VectorIndex::with_projection(params, projection);
        Restorer { index, lists: Vec::new(), targets: Vec::new(), labels: Vec::new(), most_rebuilt: usize::MAX }
    }

    /// Refuses a damaged graph of more rows, and one of more groups that have no connection.
    pub fn rebuild_at_most(&mut self, rows: usize) {
        self.most_rebuilt = rows;
    }

    /// Adds a row; yields it.
    ///
    /// # Errors
    /// If it is damaged; the index is of no use then.
    pub fn row(&mut self, saved: &SavedRow) -> Result<u32, BadRow> {
        let index = &mut self.index;
        let mut fresh = index.ids.fresh().ok_or(BadRow::Full)?;
        let codec = index.shared.codec;
        let encode = |row: &mut [u8]| codec.encode_wire(saved.code, saved.l2, saved.range, row);
        index.shared.write(&mut fresh, encode).map_err(BadRow::Vector)?;
        let row = fresh.publish();
        index.shared.graph.announce(row, saved.level.min(MAX_LEVEL));
        index.len += 1;
        self.labels.push(saved.label);
        Ok(row)
    }

    /// Rows so far: their ids are the numbers below.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Adds the links of the last row on a level.
    pub fn links(&mut self, level: usize, targets: &[u64]) {
        self.targets.extend_from_slice(targets);
        let row = self.labels.len() as u32 - 1;
        self.lists.push((row, level as u8, targets.len() as u32));
    }

    /// Completes the index; yields the labels of its rows too. Links that hold to the graph's rules are taken as
    /// they are.
    ///
    /// # Errors
    /// If two rows have the same label, or the graph is damaged and too large to be rebuilt.
    pub fn finish(self) -> Result<(VectorIndex, Restored, Vec<u64>), Flaw> {
        let translation = Translation::new(&self.labels)?;
        let outcome = match self.resolve(&translation).and_then(|links| self.has_few_groups(&links).map(|()| links)) {
            Ok(links) => self.take(&links),
            Err(why) if self.labels.len() > self.most_rebuilt => return Err(Flaw::Graph(why)),
            Err(why) => {
                let shared = &self.index.shared;
                let rows = if shared.is_without_links() { 0 } else { self.labels.len() as u32 };
                for row in 0..rows {
                    shared.graph.claim(row);
                    shared.link(row, DEFAULT_EF_ADD, Alone::No);
                }
                Restored::Rebuilt(why)
            }
        };
        self.index.shared.account_for_links();
        self.index.account();
        Ok((self.index, outcome, self.labels))
    }

    /// Takes links that were found to be sound.
    fn take(&self, links: &[u32]) -> Restored {
        let shared = &self.index.shared;
        if shared.is_without_links() {
            return Restored::Whole;
        }
        let excess = self.excess(links);
        for (node, level, neighbours) in self.lists_of(links) {
            if excess.is_empty() {
                shared.graph.restore_links(node, level, neighbours, &shared.grace);
            } else {
                let kept = |n: &u32| !excess.contains(&(level, node, *n));
                let kept: Vec<u32> = neighbours.iter().copied().filter(kept).collect();
                shared.graph.restore_links(node, level, &kept, &shared.grace);
            }
        }
        shared.graph.restore_done(0..self.labels.len() as u32);
        match shared.graph.join_groups(&**shared, Alone::Yes, &shared.grace) {
            0 => Restored::Whole,
            joined => Restored::Joined(joined),
        }
    }

    /// Looks at all links: translates labels to rows, and says what is wrong if they are not a
    /// proper graph.
    fn resolve(&self, translation: &Translation) -> Result<Vec<u32>, String> {
        let graph = &self.index.shared.graph;
        let mut nodes = Vec::with_capacity(self.targets.len());
        let mut balance = Balance::default();
        let mut sorted = Vec::new();
        for (node, level, targets) in self.lists_of(&self.targets) {
            let from = nodes.len();
            for &target in targets {
                let neighbour =
                    translation.node(target).ok_or_else(|| format!("a link leads to the unknown id {target}"))?;
                if neighbour == node {
                    return Err(format!("node {} links to itself", self.labels[node as usize]));
                }
                // Each is on level 0.
                if level > 0 && graph.level(neighbour) < level {
                    return Err(format!("a link on level {level} leads to a node of a lower one"));
                }
                balance.add(level, node, neighbour);
                nodes.push(neighbour);
            }
            // We save them in order. Equal labels lead to equal rows, different ones to different rows.
            if !targets.is_sorted_by(|a, b| a < b) {
                sorted.clear();
                sorted.extend_from_slice(&nodes[from..]);
                sorted.sort_unstable();
                if sorted.windows(2).any(|w| w[0] == w[1]) {
                    return Err(format!("node {} has the same link twice", self.labels[node as usize]));
                }
            }
        }
        if !balance.is_even() {
            return Err("a link leads there but not back".into());
        }
        Ok(nodes)
    }

    /// Refuses links of more groups of rows than may be joined.
    fn has_few_groups(&self, links: &[u32]) -> Result<(), String> {
        let mut groups = self.labels.len();
        if groups <= self.most_rebuilt {
            return Ok(());
        }
        // Union-find, with paths halved on the way (Tarjan and van Leeuwen, 1984).
        let mut parents: Vec<u32> = (0..groups as u32).collect();
        let mut root = |mut row: u32, joined: Option<u32>| {
            while parents[row as usize] != row {
                parents[row as usize] = parents[parents[row as usize] as usize];
                row = parents[row as usize];
            }
            parents[row as usize] = joined.unwrap_or(row);
            row
        };
        for (node, _, neighbours) in self.lists_of(links).filter(|(_, level, _)| *level == 0) {
            for &neighbour in neighbours {
                let to = root(node, None);
                groups -= usize::from(root(neighbour, Some(to)) != to);
            }
        }
        if groups <= self.most_rebuilt { Ok(()) } else { Err(format!("{groups} groups have no connection")) }
    }

    /// Links, in both directions, of nodes that have more than there is room for: other
    /// implementations may grant more.
    fn excess(&self, links: &[u32]) -> HashSet<(usize, u32, u32)> {
        let graph = &self.index.shared.graph;
        let mut excess = HashSet::new();
        for (node, level, neighbours) in self.lists_of(links) {
            for &neighbour in neighbours.iter().skip(graph.hard_capacity(level)) {
                excess.insert((level, node, neighbour));
                excess.insert((level, neighbour, node));
            }
        }
        excess
    }

    /// Row, level and links of each list, out of a flat list of all.
    fn lists_of<'a, T>(&'a self, mut flat: &'a [T]) -> impl Iterator<Item = (u32, usize, &'a [T])> {
        self.lists.iter().map(move |&(node, level, len)| {
            let (row, rest) = flat.split_at(len as usize);
            flat = rest;
            (node, level as usize, row)
        })
    }
}

/// Whether each link is there once in each direction: directions count with opposite signs, so that a sum of keyed
/// hashes over all is zero; by chance, once in 2^64.
pub(super) struct Balance {
    keys: [u64; 4],
    sum: u64,
}

impl Default for Balance {
    fn default() -> Balance {
        let random = RandomState::new();
        // Odd, so that no multiplication loses its lowest bits.
        Balance { keys: [0, 1, 2, 3].map(|key| random.hash_one(key) | 1), sum: 0 }
    }
}

impl Balance {
    /// Counts a link from one node to another.
    #[inline]
    pub fn add(&mut self, level: usize, node: u32, neighbour: u32) {
        let pair = u64::from(node.min(neighbour)) << 32 | u64::from(node.max(neighbour));
        let [a, b, c, d] = self.keys;
        let hash = folded(folded(pair ^ a, b) ^ level as u64 ^ c, d);
        self.sum = if node < neighbour { self.sum.wrapping_add(hash) } else { self.sum.wrapping_sub(hash) };
    }

    /// Whether all that were counted lead there and back.
    pub fn is_even(&self) -> bool {
        self.sum == 0
    }
}

/// The halves of a product, one upon the other: two rounds of it with secret keys show nothing of what went in.
#[inline(always)]
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

/// From labels to rows: by position, for labels are mostly dense, and those beyond by a map.
struct Translation {
    table: Vec<u32>,
    beyond: HashMap<u64, u32>,
}

const UNKNOWN: u32 = u32::MAX;

impl Translation {
    fn new(labels: &[u64]) -> Result<Translation, Flaw> {
        let highest = labels.iter().copied().max().unwrap_or(0);
        let dense = 4 * labels.len() as u64 + 64;
        let mut table = vec![UNKNOWN; highest.min(dense) as usize + 1];
        let mut beyond = HashMap::new();
        for (&label, row) in labels.iter().zip(0..) {
            let before = match table.get_mut(label as usize) {
                Some(place) => std::mem::replace(place, row),
                None => beyond.insert(label, row).unwrap_or(UNKNOWN),
            };
            if before != UNKNOWN {
                return Err(Flaw::Label(label));
            }
        }
        Ok(Translation { table, beyond })
    }

    #[inline]
    fn node(&self, label: u64) -> Option<u32> {
        match self.table.get(label as usize) {
            Some(&row) => (row != UNKNOWN).then_some(row),
            None => self.beyond.get(&label).copied(),
        }
    }
}
