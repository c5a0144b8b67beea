//! When elements expire, where some do: a set without times has nothing of this but an empty list.
//!
//! From its moment on an element is *hidden*: no reply tells of it. It is stored until it is removed, as a command
//! does it: so replicas and files agree, whatever their clocks say.

use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use super::VectorSet;
use super::table::Table;

/// Milliseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A block splits when it would grow beyond this.
const BLOCK: usize = 512;

/// Moments and rows in order, in sorted blocks: an insertion moves at most one block, and to count what is due
/// takes a look at each block only.
#[derive(Default)]
pub(super) struct Order {
    blocks: Vec<Vec<(i64, u32)>>,
    len: usize,
}

impl Order {
    fn block_of(&self, entry: (i64, u32)) -> usize {
        self.blocks.partition_point(|block| block[0] <= entry).saturating_sub(1)
    }

    fn insert(&mut self, entry: (i64, u32)) {
        self.len += 1;
        let at = self.block_of(entry);
        let Some(block) = self.blocks.get_mut(at) else { return self.blocks.push(vec![entry]) };
        block.insert(block.partition_point(|other| *other < entry), entry);
        if block.len() > BLOCK {
            let upper = block.split_off(BLOCK / 2);
            self.blocks.insert(at + 1, upper);
        }
    }

    fn remove(&mut self, entry: (i64, u32)) {
        let at = self.block_of(entry);
        let Some(block) = self.blocks.get_mut(at) else { return };
        if let Ok(place) = block.binary_search(&entry) {
            block.remove(place);
            self.len -= 1;
            if block.is_empty() {
                self.blocks.remove(at);
            }
        }
    }

    fn first(&self) -> Option<(i64, u32)> {
        self.blocks.first().map(|block| block[0])
    }

    /// How many moments have come.
    fn due(&self, now: i64) -> usize {
        let whole = self.blocks.partition_point(|block| block.last().is_some_and(|last| last.0 <= now));
        let part = self.blocks.get(whole).map_or(0, |block| block.partition_point(|entry| entry.0 <= now));
        self.blocks[..whole].iter().map(Vec::len).sum::<usize>() + part
    }

    pub fn allocated(&self) -> usize {
        self.blocks.iter().map(|block| block.capacity() * size_of::<(i64, u32)>()).sum()
    }
}

impl Table {
    /// When an element expires; None if it does not.
    pub fn time(&self, id: u32) -> Option<i64> {
        let time = self.times.get(id)?[0].load(Ordering::Relaxed);
        (time != 0).then_some(time as i64)
    }

    /// Whether an element's moment has come.
    #[inline]
    pub fn is_hidden(&self, id: u32, now: i64) -> bool {
        self.time(id).is_some_and(|time| time <= now)
    }
}

impl VectorSet {
    /// Changes the time of a row, 0 being none.
    pub(super) fn put_time(&mut self, id: u32, time: i64) {
        let old = self.table.time(id);
        if let Some(old) = old {
            self.order.remove((old, id));
        }
        if time != 0 {
            self.table.times.ensure(id);
            self.order.insert((time, id));
        }
        if old.is_some() || time != 0 {
            self.table.times.at(id).store(time as u64, Ordering::Relaxed);
        }
    }

    /// Sets the moment in milliseconds since 1970 at which an element expires, or that it does not; false if there
    /// is no such element. A moment that has come hides it.
    pub fn set_time(&mut self, name: &[u8], time: Option<i64>) -> bool {
        let Some(id) = self.stored_id(name) else { return false };
        // 0 stands for none.
        self.put_time(id, time.map_or(0, |time| time.max(1)));
        self.account();
        true
    }

    /// When an element expires, if it does; None if there is no such element or it is hidden.
    pub fn time(&self, name: &[u8]) -> Option<Option<i64>> {
        self.id(name).map(|id| self.table.time(id))
    }

    /// Whether there is an element of that name, hidden or not.
    pub fn stored(&self, name: &[u8]) -> bool {
        self.stored_id(name).is_some()
    }

    /// Elements that have a time.
    pub fn expiring(&self) -> usize {
        self.order.len
    }

    /// Elements whose time has come, but which are stored still.
    pub fn hidden(&self) -> usize {
        if self.order.len == 0 { 0 } else { self.order.due(now()) }
    }

    /// Elements that replies tell of.
    pub fn visible(&self) -> usize {
        self.len() - self.hidden()
    }

    /// The ranks in byte order of the elements that replies tell of.
    pub fn visible_ranks(&self) -> Vec<usize> {
        let now = now();
        let all = self.names.iter().enumerate();
        all.filter(|&(_, id)| !self.table.is_hidden(id, now)).map(|(rank, _)| rank).collect()
    }

    /// Whether an element is stored, but hidden.
    pub fn is_hidden(&self, name: &[u8]) -> bool {
        self.order.len > 0 && self.stored_id(name).is_some_and(|id| self.table.is_hidden(id, now()))
    }

    /// The next moment at which an element expires.
    pub fn next_time(&self) -> Option<i64> {
        self.order.first().map(|(time, _)| time)
    }

    /// Removes the next up to `most` elements whose time has come; yields their names.
    pub fn remove_hidden(&mut self, most: usize) -> Vec<Vec<u8>> {
        let now = now();
        let mut removed = Vec::new();
        while removed.len() < most
            && let Some((_, id)) = self.order.first().filter(|(time, _)| *time <= now)
        {
            let name = self.table.name(id).to_vec();
            self.remove(&name);
            removed.push(name);
        }
        removed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use std::collections::BTreeSet;

    #[test]
    fn order_agrees_with_a_sorted_set() {
        let seed = rand::random();
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let (mut order, mut model) = (Order::default(), BTreeSet::new());
        for step in 0..20_000 {
            let entry = (rng.random_range(1..500), rng.random_range(0..20));
            if rng.random_bool(if step < 12_000 { 0.7 } else { 0.2 }) {
                if model.insert(entry) {
                    order.insert(entry);
                }
            } else {
                model.remove(&entry);
                order.remove(entry);
            }
            if step % 50 == 0 {
                let now = rng.random_range(0..520);
                assert_eq!(order.due(now), model.iter().filter(|entry| entry.0 <= now).count());
                assert_eq!((order.first(), order.len), (model.first().copied(), model.len()));
                assert!(order.blocks.iter().flatten().eq(model.iter()));
            }
        }
    }
}
