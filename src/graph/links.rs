//! Link rows: the neighbours of each node on each level.
//!
//! Level 0 of a node is a row in one of [`CLASSES`] size classes and moves to a larger class as it
//! fills. The few nodes of higher levels also have a *tower* with a full row for each level.
//!
//! Reading is lock-free: a reader that meets a row in the middle of a change sees all neighbours that stay, and
//! some of those that are being added or removed (`row.rs`). Writing requires the locks of both nodes of the link (`locks.rs`).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::node::MAX_LEVEL;
use super::row;
use super::rows::{MOST_ROWS, RowClass};
use super::small_set::Few;
use crate::arena::{Array, Grace, prefetch};

/// Classes up to the ordinary capacity of level 0, 2M, in equal steps.
const ORDINARY: usize = 8;
/// Classes in all; those beyond `ORDINARY` go up to 3M and keep the graph connected when there is
/// no other way.
const CLASSES: usize = 12;
/// A reference: class (of a tower: height - 1) in the upper bits, row below.
const ROW_BITS: u32 = MOST_ROWS.ilog2();
const ROW_MASK: u32 = MOST_ROWS - 1;

pub(super) struct Links {
    m: usize,
    /// One more than the reference of a node's row on level 0, 0 for none. Not there where no node near by has one.
    ground: Array<AtomicU32>,
    classes: [RowClass; CLASSES],
    /// The same of a node's tower.
    tower: Array<AtomicU32>,
    /// Made with the first tower: a small set has none.
    towers: OnceLock<Box<[RowClass; MAX_LEVEL]>>,
}

impl Links {
    pub fn new(m: usize) -> Links {
        Links { m, ground: Array::new(1), classes: Default::default(), tower: Array::new(1), towers: OnceLock::new() }
    }

    /// Makes room for a node that has no links yet.
    pub fn announce(&self, node: u32) {
        for references in [&self.ground, &self.tower] {
            if let Some(reference) = references.get(node) {
                reference[0].store(0, Ordering::Release);
            }
        }
    }

    /// Gives a removed node's rows back, after its grace period: no reader sees them any more. The caller
    /// holds its lock.
    pub fn forget(&self, node: u32) {
        let [ground, tower] = [&self.ground, &self.tower]
            .map(|references| references.get(node)?[0].swap(0, Ordering::AcqRel).checked_sub(1));
        if let Some(ground) = ground {
            self.classes[(ground >> ROW_BITS) as usize].give_unseen(ground & ROW_MASK);
        }
        if let (Some(towers), Some(tower)) = (self.towers.get(), tower) {
            towers[(tower >> ROW_BITS) as usize].give_unseen(tower & ROW_MASK);
        }
    }

    /// The row of a node on a level, if it has one.
    #[inline(always)]
    fn row(&self, node: u32, level: usize) -> Option<&[AtomicU32]> {
        if level == 0 {
            // Acquire: pairs with the release in `grow`, so that the row's copied links are seen.
            let reference = self.ground.get(node)?[0].load(Ordering::Acquire).checked_sub(1)?;
            let class = (reference >> ROW_BITS) as usize;
            Some(self.classes[class].row(reference & ROW_MASK))
        } else {
            let reference = self.tower.get(node)?[0].load(Ordering::Acquire).checked_sub(1)?;
            self.tower_row(reference, level)
        }
    }

    fn tower_row(&self, reference: u32, level: usize) -> Option<&[AtomicU32]> {
        let (height, row) = ((reference >> ROW_BITS) as usize, reference & ROW_MASK);
        if level > height + 1 {
            return None;
        }
        let width = 1 + tower_capacity(self.m);
        let tower = self.towers.get()?[height].row(row);
        Some(&tower[(level - 1) * width..level * width])
    }

    /// Appends the neighbours of a node on a level to `out`.
    #[inline]
    pub fn read(&self, node: u32, level: usize, out: &mut Vec<u32>) {
        if let Some(row) = self.row(node, level) {
            row::read(row, out);
        }
    }

    /// Prefetches the row that [`Links::read`] will need.
    #[inline(always)]
    pub fn prefetch(&self, node: u32, level: usize) {
        if let Some(row) = self.row(node, level) {
            prefetch(row);
        }
    }

    pub fn count(&self, node: u32, level: usize) -> usize {
        self.row(node, level).map_or(0, row::len)
    }

    /// Whether one of `others` that is accepted is among the neighbours of a node.
    pub fn meets(&self, node: u32, level: usize, others: &Few, accept: impl Fn(u32) -> bool) -> bool {
        self.row(node, level).is_some_and(|row| row::ids(row).any(|id| others.contains(id) && accept(id)))
    }

    pub fn contains(&self, node: u32, level: usize, other: u32) -> bool {
        self.row(node, level).is_some_and(|row| row::ids(row).any(|id| id == other))
    }

    /// Links that a node may have on a level without special need.
    pub fn capacity(&self, level: usize) -> usize {
        if level == 0 { 2 * self.m } else { self.m }
    }

    /// Links that a node may have at all.
    pub fn hard_capacity(&self, level: usize) -> usize {
        if level == 0 { class_capacity(self.m, CLASSES - 1) } else { tower_capacity(self.m) }
    }

    /// Adds a link in one direction. The caller holds the node's lock, the link is not there and
    /// the node has fewer than [`Links::hard_capacity`].
    pub fn push(&self, node: u32, node_level: usize, level: usize, other: u32, grace: &Grace) {
        let row = match self.row(node, level) {
            Some(row) if row::len(row) < row.len() - 1 => row,
            _ => self.grow(node, node_level, level, grace),
        };
        row::push(row, other);
    }

    /// Puts a link in the place of another one, if that is there, so that a reader sees one of the two. The caller
    /// holds the node's lock.
    pub fn replace(&self, node: u32, level: usize, old: u32, new: u32) {
        if let Some(row) = self.row(node, level) {
            row::replace(row, old, new);
        }
    }

    /// Removes a link in one direction, if it is there. The caller holds the node's lock.
    pub fn remove(&self, node: u32, level: usize, other: u32) {
        if let Some(row) = self.row(node, level) {
            row::remove(row, other);
        }
    }

    /// The class and the number of an unused row of level 0, of this class or a larger one.
    ///
    /// A class ends at [`MOST_ROWS`], and larger rows serve then. There are four times as many ids, so the last
    /// class cannot end: all nodes would have to have more links than new nodes make.
    fn take(&self, least: usize, grace: &Grace) -> (usize, u32) {
        let found = (least..CLASSES)
            .find_map(|class| Some((class, self.classes[class].take(1 + class_capacity(self.m, class), grace)?)));
        found.expect("a row for each node")
    }

    /// A row with room for one more link on this level, holding the present ones.
    fn grow(&self, node: u32, node_level: usize, level: usize, grace: &Grace) -> &[AtomicU32] {
        if level > 0 {
            let height = node_level - 1;
            // An eighth of the nodes has one, so there are fewer than `MOST_ROWS`.
            let towers = self.towers.get_or_init(Box::default);
            let width = (height + 1) * (1 + tower_capacity(self.m));
            let row = towers[height].take(width, grace).expect("a row for a tower");
            self.tower.ensure(node);
            // Release: the tower's zeroes are seen with it.
            self.tower.at(node).store(((height as u32) << ROW_BITS | row) + 1, Ordering::Release);
            return self.row(node, level).expect("just made");
        }
        self.ground.ensure(node);
        let old = self.ground.at(node).load(Ordering::Relaxed).checked_sub(1);
        let least = old.map_or(0, |old| (old >> ROW_BITS) as usize + 1);
        assert!(least < CLASSES, "a node never has more than its hard capacity");
        // A larger row that is left over is better than more memory: removals change how many nodes
        // need which size, and each size would keep what it had at its peak.
        let left_over = (least..CLASSES).find_map(|class| Some((class, self.classes[class].reuse(grace)?)));
        let (class, row) = left_over.unwrap_or_else(|| self.take(least, grace));
        if let Some(present) = self.row(node, 0) {
            for (to, from) in self.classes[class].row(row).iter().zip(present) {
                to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
        // Release: who follows the reference sees the copied links.
        self.ground.at(node).store(((class as u32) << ROW_BITS | row) + 1, Ordering::Release);
        if let Some(old) = old {
            self.classes[(old >> ROW_BITS) as usize].give(old & ROW_MASK, grace);
        }
        self.classes[class].row(row)
    }

    /// Writes a whole level of a node that no other thread sees yet, in the smallest fitting row.
    pub fn restore(&self, node: u32, node_level: usize, level: usize, neighbours: &[u32], grace: &Grace) {
        if neighbours.is_empty() {
            return;
        }
        let row = if level > 0 {
            match self.row(node, level) {
                Some(row) => row,
                None => self.grow(node, node_level, level, grace),
            }
        } else {
            let class = (0..CLASSES)
                .find(|&class| class_capacity(self.m, class) >= neighbours.len())
                .expect("not more than the hard capacity");
            let (class, row) = self.take(class, grace);
            self.ground.ensure(node);
            self.ground.at(node).store(((class as u32) << ROW_BITS | row) + 1, Ordering::Release);
            self.classes[class].row(row)
        };
        row::fill(row, neighbours);
    }

    pub fn allocated(&self) -> usize {
        let towers = self.towers.get();
        let classes: usize =
            self.classes.iter().chain(towers.iter().flat_map(|towers| towers.iter())).map(RowClass::allocated).sum();
        classes + towers.map_or(0, |towers| size_of_val(&**towers)) + self.ground.allocated() + self.tower.allocated()
    }
}

fn class_capacity(m: usize, class: usize) -> usize {
    (2 * m * (class + 1)).div_ceil(ORDINARY)
}

/// Like level 0, a tower's levels keep some room beyond the ordinary capacity M.
fn tower_capacity(m: usize) -> usize {
    m + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a class has no more rows, larger ones serve.
    #[test]
    fn a_class_may_end() {
        let (links, grace) = (Links::new(4), Grace::default());
        links.classes[0].skip_to(MOST_ROWS - 1, 1 + class_capacity(4, 0));
        links.classes[1].skip_to(MOST_ROWS, 1 + class_capacity(4, 1));
        for node in 0..3 {
            links.announce(node);
            links.push(node, 0, 0, node + 10, &grace);
        }
        let class = |node: u32| (links.ground.at(node).load(Ordering::Relaxed) - 1) >> ROW_BITS;
        assert_eq!([0, 1, 2].map(class), [0, 2, 2]);
        for node in 0..3 {
            assert!(links.contains(node, 0, node + 10));
            assert_eq!(links.count(node, 0), 1);
        }
    }
}
