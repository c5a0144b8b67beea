//! A graph saved without its vectors, which the owner stores in its documents anyway.
//!
//! ```text
//!   header:  format  rows                                       numbers as LEB128
//!   block of about 64 KiB, for each row:
//!     label (8 bytes)  level  and for each level from 0:  links  the first neighbour's place  steps to the next ones
//! ```
//!
//! Rows are in ascending order; links refer to rows by their positions in that order. A label is a hash of the owner's
//! name for the row and of its stored vector: a row that is loaded with the same label gets the links of that position
//! (`restore_graph.rs`). In a hash collision one of the two rows is linked as a new one, nothing else.

use std::collections::HashMap;
use std::hash::Hasher;

use super::restore::Balance;
use super::saved::{LoadError, put_number, take_bytes, take_number};
use super::{SavedLinks, VectorIndex};
use crate::graph::{Alone, MAX_LEVEL};

const FORMAT: u64 = 1;
/// Bytes after which a block ends.
const BLOCK_BYTES: usize = 64 << 10;
const NOWHERE: u32 = u32::MAX;

/// A row's label. Where hashes come out differently, as from another version's library, the graph is rebuilt.
pub(super) fn label(owner: &[u8], vector: &[u8]) -> u64 {
    let mut hasher = std::collections::hash_map::DefaultHasher::new();
    hasher.write_usize(owner.len());
    hasher.write(owner);
    hasher.write(vector);
    hasher.finish()
}

impl VectorIndex {
    /// Saves the graph, block by block. Settles the index first, as [`VectorIndex::settle`] does.
    pub fn save_graph<'a>(
        &mut self,
        alone: Alone,
        owner: &dyn Fn(u32) -> Option<&'a [u8]>,
        put: &mut dyn FnMut(&[u8]),
    ) {
        self.end_waiting(alone);
        let _rest = self.settle(alone);
        let rows: Vec<u32> = (0..self.end()).filter(|&row| self.is_live(row)).collect();
        let mut places = vec![NOWHERE; self.end() as usize];
        rows.iter().zip(0..).for_each(|(&row, place)| places[row as usize] = place);
        let mut block = Vec::new();
        put_number(&mut block, FORMAT);
        put_number(&mut block, rows.len() as u64);
        for row in rows {
            if block.len() >= BLOCK_BYTES {
                put(&block);
                block.clear();
            }
            let owner = owner(row).unwrap_or_default();
            block.extend_from_slice(&label(owner, self.shared.vectors.get(row)).to_le_bytes());
            put_number(&mut block, self.level(row) as u64);
            for SavedLinks { mut targets, .. } in self.saved_links(row, |row| u64::from(places[row as usize])) {
                targets.retain(|&place| place != u64::from(NOWHERE));
                put_number(&mut block, targets.len() as u64);
                let mut last = 0;
                for place in targets {
                    put_number(&mut block, place - last);
                    last = place;
                }
            }
        }
        put(&block);
    }
}

/// A saved graph, as far as it was read.
#[derive(Default)]
pub struct KeptGraph {
    /// Rows that are announced; none before the header was read.
    rows: Option<u64>,
    labels: Vec<u64>,
    levels: Vec<u8>,
    /// Of each row level by level: how many links, and the places they lead to.
    counts: Vec<u32>,
    targets: Vec<u32>,
}

impl KeptGraph {
    /// Reads the next block; whether it was the last.
    ///
    /// # Errors
    /// If it is damaged; the graph is of no use then.
    pub fn read(&mut self, mut block: &[u8]) -> Result<bool, LoadError> {
        let rows = match self.rows {
            Some(rows) => rows,
            None => {
                match take_number(&mut block)? {
                    FORMAT => {}
                    found => return Err(LoadError(format!("format {found} where {FORMAT} was expected"))),
                }
                *self.rows.insert(take_number(&mut block)?)
            }
        };
        while !block.is_empty() {
            if self.labels.len() as u64 == rows || self.labels.len() == NOWHERE as usize {
                return Err(LoadError(format!("more than {rows} rows")));
            }
            self.read_row(&mut block)?;
        }
        if (self.labels.len() as u64) < rows {
            return Ok(false);
        }
        self.check().map(|()| true)
    }

    fn read_row(&mut self, block: &mut &[u8]) -> Result<(), LoadError> {
        let label = take_bytes(block, 8)?;
        let level = take_number(block)?;
        if level > MAX_LEVEL as u64 {
            return Err(LoadError(format!("level {level} is above {MAX_LEVEL}")));
        }
        for _ in 0..=level {
            let count = take_number(block)?;
            let mut place = 0u64;
            for link in 0..count {
                let step = take_number(block)?;
                place = place.saturating_add(step);
                if step == 0 && link > 0 || place >= u64::from(NOWHERE) {
                    return Err(LoadError("links are not in order".into()));
                }
                self.targets.push(place as u32);
            }
            self.counts.push(count as u32);
        }
        self.labels.push(u64::from_le_bytes(label.try_into().expect("eight bytes")));
        self.levels.push(level as u8);
        Ok(())
    }

    /// Whether each link leads to another row that is on its level, and back.
    fn check(&self) -> Result<(), LoadError> {
        let mut balance = Balance::default();
        for (place, level, links) in self.lists() {
            for &neighbour in links {
                match self.levels.get(neighbour as usize) {
                    Some(&other) if usize::from(other) >= level && neighbour != place => {}
                    _ => return Err(LoadError(format!("a link leads from {place} to {neighbour} on level {level}"))),
                }
                balance.add(level, place, neighbour);
            }
        }
        if balance.is_even() { Ok(()) } else { Err(LoadError("a link leads there but not back".into())) }
    }

    /// Each row's place, level and links on it.
    pub(super) fn lists(&self) -> impl Iterator<Item = (u32, usize, &[u32])> {
        let (mut counts, mut targets) = (&self.counts[..], &self.targets[..]);
        (0..).zip(&self.levels).flat_map(|(place, &top)| (0..=usize::from(top)).map(move |level| (place, level))).map(
            move |(place, level)| {
                let (count, rest) = counts.split_first().expect("a count for each level");
                counts = rest;
                let (links, rest) = targets.split_at(*count as usize);
                targets = rest;
                (place, level, links)
            },
        )
    }

    /// Places by their labels.
    pub(super) fn places(&self) -> HashMap<u64, u32> {
        self.labels.iter().copied().zip(0..).collect()
    }

    pub(super) fn level(&self, place: u32) -> usize {
        usize::from(self.levels[place as usize])
    }

    pub(super) fn len(&self) -> usize {
        self.levels.len()
    }
}
