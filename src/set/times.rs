//! Expiry times of elements. A set without expiries pays only for an empty list.
//!
//! An expired element is *hidden*: no reply shows it. It is stored until it is removed by a replicated
//! command, so replicas and files agree regardless of their clocks.

use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use rand::Rng;

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

    /// How many expiry times have passed.
    fn due(&self, now: i64) -> usize {
        let whole = self.blocks.partition_point(|block| block.last().is_some_and(|last| last.0 <= now));
        let part = self.blocks.get(whole).map_or(0, |block| block.partition_point(|entry| entry.0 <= now));
        self.blocks[..whole].iter().map(Vec::len).sum::<usize>() + part
    }

    /// The entry of this rank.
    fn nth(&self, mut rank: usize) -> Option<(i64, u32)> {
        for block in &self.blocks {
            match block.get(rank) {
                Some(entry) => return Some(*entry),
                None => rank -= block.len(),
            }
        }
        None
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

    /// Whether an element has expired.
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

    /// Elements that have expired but are still stored.
    pub fn hidden(&self) -> usize {
        if self.order.len == 0 { 0 } else { self.order.due(now()) }
    }

    /// The number of visible elements.
    pub fn visible(&self) -> usize {
        self.len() - self.hidden()
    }

    /// Random visible elements.
    pub fn draws(&self) -> Draws<'_> {
        let due = self.hidden();
        Draws { set: self, due, timed: self.order.len - due, looks: 0, untimed: None }
    }

    /// The visible elements, in byte order.
    pub fn visible_names(&self) -> Vec<&[u8]> {
        let now = now();
        let visible = self.names.iter().filter(|&id| !self.table.is_hidden(id, now));
        visible.map(|id| self.table.name(id)).collect()
    }

    /// Whether an element is stored, but hidden.
    pub fn is_hidden(&self, name: &[u8]) -> bool {
        self.order.len > 0 && self.stored_id(name).is_some_and(|id| self.table.is_hidden(id, now()))
    }

    /// The next moment at which an element expires.
    pub fn next_time(&self) -> Option<i64> {
        self.order.first().map(|(time, _)| time)
    }

    /// Removes up to `most` expired elements; returns their names.
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

/// Looks at elements that are hidden, after which those without a time are listed.
const LOOKS: usize = 1000;

/// Draws elements that are not hidden, each equally likely.
///
/// Those with a time are found by their rank in the order of times. One without is drawn from all, as often as it
/// takes: where these are few it is seldom looked for, so that this takes about as many draws as there are
/// elements for each that is not hidden. Where that is too many, because hidden ones wait for their removal, those
/// without a time are listed once.
pub struct Draws<'a> {
    set: &'a VectorSet,
    /// Elements that are hidden, and that have a time but are not.
    due: usize,
    timed: usize,
    /// Looks at elements so far, in vain or to list them.
    looks: usize,
    untimed: Option<Vec<u32>>,
}

impl<'a> Draws<'a> {
    /// The next one; None if all are hidden.
    pub fn next(&mut self, rng: &mut impl Rng) -> Option<&'a [u8]> {
        let set = self.set;
        let rank = rng.random_range(0..(set.len() - self.due).max(1));
        let id = match rank < self.timed {
            true => set.order.nth(self.due + rank)?.1,
            false => self.next_untimed(rng)?,
        };
        Some(set.table.name(id))
    }

    fn next_untimed(&mut self, rng: &mut impl Rng) -> Option<u32> {
        let set = self.set;
        if set.order.len == set.len() {
            return None;
        }
        while self.looks < LOOKS {
            let id = set.names.nth(rng.random_range(0..set.len()));
            if set.table.time(id).is_none() {
                return Some(id);
            }
            self.looks += 1;
        }
        let untimed = self.untimed.get_or_insert_with(|| {
            self.looks += set.index.end() as usize;
            (0..set.index.end()).filter(|&id| set.index.is_live(id) && set.table.time(id).is_none()).collect()
        });
        untimed.get(rng.random_range(0..untimed.len().max(1))).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::{AttributeChange, Params};
    use crate::vector::{Encoding, Metric};
    use rand::{SeedableRng, rngs::SmallRng};
    use std::collections::BTreeSet;

    #[test]
    fn order_agrees_with_a_sorted_set() {
        let mut rng = crate::testing::rng();
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
                let rank = rng.random_range(0..2 * model.len().max(1));
                assert_eq!(order.nth(rank), model.iter().nth(rank).copied());
                assert_eq!((order.first(), order.len), (model.first().copied(), model.len()));
                assert!(order.blocks.iter().flatten().eq(model.iter()));
            }
        }
    }

    #[test]
    fn each_that_is_not_hidden_is_drawn_as_often() {
        let params = Params { dim: 2, input_dim: None, encoding: Encoding::F32, metric: Metric::Cosine, m: 4 };
        for (hidden, timed, untimed) in [(15, 10, 15), (38, 1, 1), (30, 10, 0), (30, 0, 10), (0, 20, 20)] {
            let mut set = VectorSet::new(params.clone());
            let name = |i: usize| format!("e{i:02}").into_bytes();
            for i in 0..hidden + timed + untimed {
                set.add(&name(i), &[1.0, i as f32], 10, AttributeChange::Keep).expect("room");
                let time = if i < hidden { Some(1) } else { (i < hidden + timed).then_some(i64::MAX) };
                assert!(set.set_time(&name(i), time));
            }
            let visible = timed + untimed;
            let mut drawn = vec![0i32; hidden + visible];
            let mut rng = SmallRng::seed_from_u64(5);
            let times = 1000;
            let mut draws = set.draws();
            for _ in 0..times * visible {
                let found = draws.next(&mut rng).expect("one that is not hidden");
                let at = (0..hidden + visible).find(|&i| name(i) == found);
                drawn[at.expect("a name")] += 1;
            }
            assert!(drawn[..hidden].iter().all(|&n| n == 0));
            // Six times the standard deviation of a thousand draws.
            assert!(drawn[hidden..].iter().all(|&n| (n - times as i32).abs() < 200), "{drawn:?}");
            assert_eq!(set.visible_names().len(), visible);
            for i in hidden..hidden + visible {
                set.set_time(&name(i), Some(1));
            }
            assert_eq!(set.draws().next(&mut rng), None);
        }
    }

    #[test]
    fn few_among_many_that_are_hidden_are_found_in_few_looks() {
        const HIDDEN: usize = 3000;
        let params = Params { dim: 1, input_dim: None, encoding: Encoding::F32, metric: Metric::Cosine, m: 4 };
        let mut set = VectorSet::new(params);
        for i in 0..HIDDEN + 2 {
            let name = format!("e{i}").into_bytes();
            set.add(&name, &[1.0], 10, AttributeChange::Keep).expect("room");
            set.set_time(&name, (i < HIDDEN).then_some(1));
        }
        let mut rng = SmallRng::seed_from_u64(6);
        let mut draws = set.draws();
        let found: BTreeSet<&[u8]> = (0..100_000).map(|_| draws.next(&mut rng).expect("two are left")).collect();
        assert_eq!(found.len(), 2);
        assert!(draws.looks <= LOOKS + HIDDEN + 2, "{} looks", draws.looks);
    }
}
