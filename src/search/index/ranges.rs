//! Sorted values, each with its document: numbers, and points by their cell codes.

use std::ops::Bound;

use roaring::RoaringBitmap;

use super::docset::{DocSet, SEGMENT, segment_of};
use super::tree::Tree;

/// Pairs of a 64-bit code and a document, ordered, in twelve bytes each.
#[derive(Clone, Default)]
pub struct Ranges {
    tree: Tree<[u32; 3], ()>,
}

fn entry(code: u64, document: u32) -> [u32; 3] {
    [(code >> 32) as u32, code as u32, document]
}

impl Ranges {
    pub fn insert(&mut self, code: u64, document: u32) {
        self.tree.insert(entry(code, document), ());
    }

    pub fn remove(&mut self, code: u64, document: u32) {
        self.tree.remove(&entry(code, document));
    }

    /// Pairs.
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    pub fn bytes(&self) -> usize {
        self.tree.bytes()
    }

    /// The pairs whose codes are in a range, both ends included, in order.
    pub fn range(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u32)> + '_ {
        let pairs = self.tree.iter_from(Bound::Included(&entry(from, 0)));
        pairs
            .map(|(&[high, low, document], ())| (u64::from(high) << 32 | u64::from(low), document))
            .take_while(move |(code, _)| *code <= to)
    }
}

/// A code that orders as numbers do; the two zeros are one.
pub fn number_code(number: f64) -> u64 {
    let bits = (number + 0.0).to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// The documents of a list in any order, with repeats.
pub fn gather(mut documents: Vec<u32>) -> DocSet {
    if documents.len() < 512 {
        documents.sort_unstable();
        documents.dedup();
        return DocSet::from_sorted(documents);
    }
    // Setting bits needs no sorting.
    let last = documents.iter().copied().max().map_or(0, segment_of);
    let mut bits: Vec<Vec<u8>> = vec![Vec::new(); last as usize + 1];
    for document in documents {
        let bits = &mut bits[segment_of(document) as usize];
        if bits.is_empty() {
            bits.resize(SEGMENT as usize / 8, 0);
        }
        bits[(document % SEGMENT) as usize / 8] |= 1 << (document % 8);
    }
    let parts = bits.into_iter().zip(0..).filter(|(bits, _)| !bits.is_empty());
    DocSet::from_parts(parts.map(|(bits, at)| (at, RoaringBitmap::from_lsb0_bytes(at * SEGMENT, &bits))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_gathered_from_any_order() {
        for count in [0, 1, 5, 600, 70_000] {
            let documents: Vec<u32> = (0..count).map(|at| at * 7919 % 200_003).chain(0..count.min(3)).collect();
            let twin: std::collections::BTreeSet<u32> = documents.iter().copied().collect();
            let set = gather(documents);
            assert!(set.iter().eq(twin.iter().copied()) && set.len() == twin.len());
        }
    }

    #[test]
    fn codes_order_as_numbers_do() {
        let numbers = [f64::NEG_INFINITY, -1e300, -2.5, -1.0, -1e-310, 0.0, 1e-310, 0.1, 1.0, 7.5e200, f64::INFINITY];
        assert!(numbers.windows(2).all(|pair| number_code(pair[0]) < number_code(pair[1])));
        assert_eq!(number_code(-0.0), number_code(0.0));
    }
}
