//! A small set of nodes with fast lookup: which links of one row occur in another.

/// Bits of the bitmap: many more than a row has links, so that few of the others hit one.
const BITS: u32 = 1024;

/// A list of nodes with a bitmap of their hashes, which answers for most others.
pub(super) struct Few<'a> {
    nodes: &'a [u32],
    hashes: [u64; BITS as usize / 64],
}

impl Few<'_> {
    pub fn new(nodes: &[u32]) -> Few<'_> {
        let mut few = Few { nodes, hashes: [0; BITS as usize / 64] };
        for &node in nodes {
            let (word, bit) = place(node);
            few.hashes[word] |= bit;
        }
        few
    }

    #[inline(always)]
    pub fn contains(&self, node: u32) -> bool {
        let (word, bit) = place(node);
        self.hashes[word] & bit != 0 && self.nodes.contains(&node)
    }
}

/// Word and bit of a node's hash: the upper bits of a product with 2^32 divided by the golden ratio
/// (Knuth, The Art of Computer Programming 3, 6.4).
#[inline(always)]
fn place(node: u32) -> (usize, u64) {
    let hash = node.wrapping_mul(0x9e37_79b1) >> (32 - BITS.ilog2());
    (hash as usize / 64, 1 << (hash % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_it_was_given() {
        let nodes: Vec<u32> = (0..48).map(|i| i * i * 7919 % 3000).collect();
        let few = Few::new(&nodes);
        for node in 0..3000 {
            assert_eq!(few.contains(node), nodes.contains(&node), "{node}");
        }
    }
}
