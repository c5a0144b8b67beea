//! The names of a set in byte order.
//!
//! Ids in sorted blocks of a few hundred: an insertion moves at most one block, a set of a million has
//! a few thousand blocks, and no table is ever rebuilt as a whole. The names are stored by
//! id (`Blobs`); every operation takes a function from id to name.

use std::cell::OnceCell;
use std::ops::Bound;

/// A block splits when it would grow beyond this.
const BLOCK: usize = 512;

/// See the module's text.
#[derive(Default)]
pub struct Names {
    blocks: Vec<Vec<u32>>,
    len: usize,
    /// Ids that all blocks have room for.
    room: usize,
    /// Number of names up to and including each block; made when first asked for after a change.
    ranks: OnceCell<Vec<usize>>,
}

impl Names {
    /// From ids in the order of their names.
    pub fn of_sorted(ids: impl Iterator<Item = u32>) -> Names {
        let mut names = Names::default();
        for id in ids {
            if names.blocks.last().is_none_or(|block| block.len() == BLOCK * 3 / 4) {
                names.blocks.push(Vec::with_capacity(BLOCK * 3 / 4));
            }
            names.blocks.last_mut().expect("one was pushed").push(id);
            names.len += 1;
        }
        if let Some(last) = names.blocks.last_mut() {
            last.shrink_to_fit();
        }
        names.room = names.blocks.iter().map(Vec::capacity).sum();
        names
    }

    /// Number of names.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Block and place where a name is, or where it would go.
    fn locate<'n>(&self, name: &[u8], name_of: impl Fn(u32) -> &'n [u8]) -> Result<(usize, usize), (usize, usize)> {
        let block = self.blocks.partition_point(|b| name_of(b[0]) <= name).saturating_sub(1);
        match self.blocks.get(block) {
            None => Err((0, 0)),
            Some(ids) => match ids.binary_search_by(|&id| name_of(id).cmp(name)) {
                Ok(at) => Ok((block, at)),
                Err(at) => Err((block, at)),
            },
        }
    }

    /// The id of a name.
    pub fn get<'n>(&self, name: &[u8], name_of: impl Fn(u32) -> &'n [u8]) -> Option<u32> {
        self.locate(name, name_of).ok().map(|(block, at)| self.blocks[block][at])
    }

    /// Gives a name an id; yields the id that it had before.
    pub fn insert<'n>(&mut self, name: &[u8], id: u32, name_of: impl Fn(u32) -> &'n [u8]) -> Option<u32> {
        match self.locate(name, name_of) {
            Ok((block, at)) => Some(std::mem::replace(&mut self.blocks[block][at], id)),
            Err((block, at)) => {
                if self.blocks.is_empty() {
                    self.blocks.push(Vec::new());
                }
                let ids = &mut self.blocks[block];
                self.room -= ids.capacity();
                ids.insert(at, id);
                self.room += ids.capacity();
                if ids.len() > BLOCK {
                    // Appending in order is common; it leaves full blocks behind.
                    let cut = if at + 1 == ids.len() { BLOCK } else { BLOCK / 2 };
                    let mut upper = Vec::with_capacity(BLOCK - cut + 16);
                    upper.extend(ids.drain(cut..));
                    self.room += upper.capacity();
                    self.blocks.insert(block + 1, upper);
                }
                self.len += 1;
                self.ranks.take();
                None
            }
        }
    }

    /// Takes a name out; yields its id.
    pub fn remove<'n>(&mut self, name: &[u8], name_of: impl Fn(u32) -> &'n [u8]) -> Option<u32> {
        let (block, at) = self.locate(name, name_of).ok()?;
        let id = self.blocks[block].remove(at);
        self.len -= 1;
        self.ranks.take();
        let len = self.blocks[block].len();
        if len == 0 {
            self.room -= self.blocks.remove(block).capacity();
        } else if len < BLOCK / 4 && block + 1 < self.blocks.len() && len + self.blocks[block + 1].len() < BLOCK / 2 {
            let upper = self.blocks.remove(block + 1);
            self.room -= upper.capacity() + self.blocks[block].capacity();
            self.blocks[block].extend(upper);
            self.room += self.blocks[block].capacity();
        }
        Some(id)
    }

    /// The id of the name with this rank in byte order.
    pub fn nth(&self, rank: usize) -> u32 {
        let ranks = self.ranks.get_or_init(|| {
            let mut sum = 0;
            self.blocks
                .iter()
                .map(|b| {
                    sum += b.len();
                    sum
                })
                .collect()
        });
        let block = ranks.partition_point(|&end| end <= rank);
        let start = if block == 0 { 0 } else { ranks[block - 1] };
        self.blocks[block][rank - start]
    }

    /// All ids in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.blocks.iter().flatten().copied()
    }

    /// The ids from a bound on, in order of their names.
    pub fn from<'n>(&self, start: Bound<&[u8]>, name_of: impl Fn(u32) -> &'n [u8]) -> impl Iterator<Item = u32> + '_ {
        let (block, at) = match start {
            Bound::Unbounded => (0, 0),
            Bound::Included(name) => self.locate(name, name_of).unwrap_or_else(|place| place),
            Bound::Excluded(name) => match self.locate(name, name_of) {
                Ok((block, at)) => (block, at + 1),
                Err(place) => place,
            },
        };
        let first = self.blocks.get(block).map_or(&[][..], |b| &b[at..]);
        first.iter().chain(self.blocks.iter().skip(block + 1).flatten()).copied()
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.room * size_of::<u32>() + self.blocks.capacity() * size_of::<Vec<u32>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use std::collections::BTreeMap;

    #[test]
    fn agrees_with_a_map() {
        let seed = 5;
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let all: Vec<Vec<u8>> = (0..20_000u32)
            .map(|i| (0..rng.random_range(0..6)).map(|_| rng.random_range(97..104)).chain(i.to_be_bytes()).collect())
            .collect();
        let name_of = |id: u32| &all[id as usize][..];
        let mut names = Names::default();
        let mut model: BTreeMap<&[u8], u32> = BTreeMap::new();
        for step in 0..60_000 {
            let id = rng.random_range(0..all.len() as u32);
            let name = name_of(id);
            if rng.random_bool(if step < 40_000 { 0.7 } else { 0.2 }) {
                assert_eq!(names.insert(name, id, name_of), model.insert(name, id));
            } else {
                assert_eq!(names.remove(name, name_of), model.remove(name));
            }
            assert_eq!(names.len(), model.len());
            let probe = name_of(rng.random_range(0..all.len() as u32));
            assert_eq!(names.get(probe, name_of), model.get(probe).copied());
            if step % 500 == 0 {
                assert!(names.iter().eq(model.values().copied()));
                assert_eq!(names.room, names.blocks.iter().map(Vec::capacity).sum::<usize>());
                for bound in [Bound::Included(probe), Bound::Excluded(probe), Bound::Unbounded] {
                    let expected = model.range::<[u8], _>((bound, Bound::Unbounded)).map(|(_, &id)| id);
                    assert!(names.from(bound, name_of).eq(expected));
                }
                if !model.is_empty() {
                    let rank = rng.random_range(0..model.len());
                    assert_eq!(Some(&names.nth(rank)), model.values().nth(rank));
                }
            }
        }
    }
}
