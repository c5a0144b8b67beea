//! A copy of an index, row by row, links included.

use super::VectorIndex;
use crate::graph::Alone;

const NO_ROW: u32 = u32::MAX;

impl VectorIndex {
    /// A deep copy, and for each row of this index the row of the copy; `u32::MAX` where there is none. Settles the
    /// index first, as [`VectorIndex::settle`] does. Rows keep their order.
    ///
    /// # Panics
    /// Never: a copy has room for what there was room for.
    pub fn duplicate(&mut self) -> (VectorIndex, Vec<u32>) {
        let _rest = self.settle(Alone::No);
        let from = &*self.shared;
        let mut copy = VectorIndex::build(from.params.clone(), from.projection.clone(), from.is_flat);
        let mut copies = vec![NO_ROW; self.end() as usize];
        for row in (0..self.end()).filter(|&row| self.is_live(row)) {
            let mut fresh = copy.ids.fresh().expect("there are as many ids");
            copy.shared.vectors.write(&mut fresh).copy_from_slice(from.vectors.get(row));
            if let (Some((_, from)), Some((_, to))) = (&from.sketches, &copy.shared.sketches) {
                to.write(&mut fresh).copy_from_slice(from.get(row));
            }
            copies[row as usize] = fresh.publish();
            copy.shared.graph.announce(copies[row as usize], from.graph.level(row));
        }
        copy.len = self.len;
        // Of many rows few may be left.
        if !copy.shared.is_without_links() {
            self.copy_links(&copy, &copies);
        }
        copy.shared.account_for_links();
        copy.account();
        (copy, copies)
    }

    fn copy_links(&self, copy: &VectorIndex, copies: &[u32]) {
        let (from, to) = (&*self.shared, &*copy.shared);
        for (row, &new) in (0..).zip(copies).filter(|&(_, &new)| new != NO_ROW) {
            for level in 0..=from.graph.level(row) {
                let mut links = from.graph.neighbours(row, level);
                links.iter_mut().for_each(|link| *link = copies[*link as usize]);
                to.graph.restore_links(new, level, &links, &to.grace);
            }
        }
        to.graph.restore_done(0..self.len as u32);
    }
}
