//! Finds which of many prefixes a key begins with.

/// Prefixes in order, without those that begin with another of them: only the last that is not behind a key can begin it.
pub struct Prefixes(Vec<Vec<u8>>);

impl Prefixes {
    /// Takes any number of prefixes, in any order.
    pub fn new(prefixes: &[Vec<u8>]) -> Prefixes {
        let mut sorted: Vec<&Vec<u8>> = prefixes.iter().collect();
        sorted.sort_unstable();
        let mut kept: Vec<Vec<u8>> = Vec::new();
        for prefix in sorted {
            if kept.last().is_none_or(|before| !prefix.starts_with(before)) {
                kept.push(prefix.clone());
            }
        }
        Prefixes(kept)
    }

    /// Whether one of them begins a key; takes the logarithm of their number of comparisons.
    pub fn begin(&self, key: &[u8]) -> bool {
        let behind = self.0.partition_point(|prefix| &prefix[..] <= key);
        self.0[..behind].last().is_some_and(|prefix| key.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn keys_begin_as_each_prefix_for_itself_tells() {
        for seed in 0..3000 {
            let mut random = SmallRng::seed_from_u64(seed);
            let mut word = |most: usize| -> Vec<u8> {
                (0..random.random_range(0..most)).map(|_| [0, b'a', b'b', 255][random.random_range(0..4)]).collect()
            };
            let prefixes: Vec<Vec<u8>> = (0..seed % 12).map(|_| word(6)).filter(|prefix| !prefix.is_empty()).collect();
            let sorted = Prefixes::new(&prefixes);
            for key in (0..50).map(|_| word(8)) {
                let expected = prefixes.iter().any(|prefix| key.starts_with(prefix));
                assert_eq!(sorted.begin(&key), expected, "seed {seed}: {prefixes:?} {key:?}");
            }
        }
    }
}
