//! The beam of a search: its best candidates in ascending order of distance, at most `ef` of them.

/// A node and its distance from the query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// In the units of the [`super::Space`].
    pub distance: f32,
    /// The node.
    pub node: u32,
}

/// A candidate as one number that sorts by distance: the bits of a float that is not negative ascend
/// with its value, those of a negative one descend; so the former get the upper bit, and the latter are
/// inverted. Below them, a mark and the node.
pub(super) type Key = u64;
const EXPANDED: Key = 1 << 31;
const SIGN: u32 = 1 << 31;

#[inline(always)]
pub(super) fn key(distance: f32, node: u32) -> Key {
    // Zero is added to turn minus zero into zero.
    let bits = (distance + 0.0).to_bits();
    let ascending = bits ^ ((bits as i32 >> 31) as u32 | SIGN);
    (ascending as Key) << 32 | node as Key
}

#[inline(always)]
pub(super) fn candidate(key: Key) -> Candidate {
    let ascending = (key >> 32) as u32;
    let bits = ascending ^ ((!ascending as i32 >> 31) as u32 | SIGN);
    Candidate { distance: f32::from_bits(bits), node: (key & (EXPANDED - 1)) as u32 }
}

/// See the module's text.
#[derive(Default)]
pub struct Pool {
    keys: Vec<Key>,
    /// Those of one offer that have a place.
    offered: Vec<Key>,
    ef: usize,
    /// Everything before it is expanded.
    cursor: usize,
}

impl Pool {
    /// Empties the pool and bounds it at `ef`, at least 1.
    pub fn begin(&mut self, ef: usize) {
        self.keys.clear();
        self.ef = ef.max(1);
        self.cursor = 0;
    }

    /// Begins another search among what is there: nothing of it is expanded.
    pub fn begin_again(&mut self) {
        if self.cursor > 0 {
            self.keys.iter_mut().for_each(|key| *key &= !EXPANDED);
            self.cursor = 0;
        }
    }

    /// The nearest candidate.
    ///
    /// # Panics
    /// If there is none.
    #[inline(always)]
    pub fn nearest(&self) -> Candidate {
        candidate(self.keys[0])
    }

    /// Keys at or above this have no place.
    #[inline(always)]
    fn bound(&self) -> Key {
        if self.keys.len() < self.ef { Key::MAX } else { self.keys[self.ef - 1] & !EXPANDED }
    }

    /// Whether a candidate with this key would have no place.
    #[inline(always)]
    pub fn would_refuse(&self, key: Key) -> bool {
        key >= self.bound()
    }

    /// Offers candidates; keeps those that are among the best.
    #[inline(always)]
    pub fn offer_all(&mut self, nodes: &[u32], distances: &[f32]) {
        // Whether one has a place cannot be predicted, so there is no branch on it.
        let bound = self.bound();
        self.offered.resize(nodes.len(), 0);
        let mut kept = 0;
        for (&node, &distance) in nodes.iter().zip(distances) {
            let key = key(distance, node);
            self.offered[kept] = key;
            kept += (key < bound) as usize;
        }
        for i in 0..kept {
            self.insert(self.offered[i]);
        }
    }

    /// Offers a candidate; keeps it if it is among the best.
    #[inline(always)]
    pub fn offer(&mut self, distance: f32, node: u32) {
        self.insert(key(distance, node));
    }

    #[inline(always)]
    fn insert(&mut self, key: Key) {
        if key >= self.bound() {
            return;
        }
        let at = self.keys.partition_point(|&k| k < key);
        if self.keys.len() == self.ef {
            self.keys.pop();
        }
        self.keys.insert(at, key);
        self.cursor = self.cursor.min(at);
    }

    /// The nearest candidate that was not expanded yet; marks it.
    #[inline(always)]
    pub fn expand(&mut self) -> Option<Candidate> {
        while let Some(key) = self.keys.get_mut(self.cursor) {
            self.cursor += 1;
            if *key & EXPANDED == 0 {
                let found = candidate(*key);
                *key |= EXPANDED;
                return Some(found);
            }
        }
        None
    }

    /// The node that [`Pool::expand`] yields next, if no nearer one is offered before.
    #[inline(always)]
    pub fn peek(&self) -> Option<u32> {
        self.keys.get(self.cursor).map(|&key| candidate(key).node)
    }

    /// All candidates, nearest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Candidate> + '_ {
        self.keys.iter().map(|&key| candidate(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn keys_ascend_with_any_finite_distance() {
        let mut distances: Vec<f32> = [0.0, f32::MIN_POSITIVE, 1e-40, 0.5, 1.0, 1.5, 3e9, f32::MAX].to_vec();
        distances.extend(distances.clone().iter().map(|d| -d));
        distances.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
        distances.dedup();
        for pair in distances.windows(2) {
            assert!(key(pair[0], 9) < key(pair[1], 3), "{pair:?}");
        }
        for distance in distances {
            assert_eq!(candidate(key(distance, 7) | EXPANDED), Candidate { distance, node: 7 });
            assert!(key(distance, (1 << 31) - 1) | EXPANDED < Key::MAX);
        }
        assert_eq!(key(-0.0, 7), key(0.0, 7));
    }

    #[test]
    fn keeps_the_best_in_order() {
        let mut rng = SmallRng::seed_from_u64(7);
        for ef in [1, 2, 10, 100] {
            let mut pool = Pool::default();
            pool.begin(ef);
            let mut all = Vec::new();
            let mut offered = Vec::new();
            let mut expanded = Vec::new();
            for node in 0..500 {
                let distance = rng.random_range(-100..100) as f32 / 100.0;
                all.push((distance, node));
                offered.push((distance, node));
                if rng.random_bool(0.2) {
                    let (distances, nodes): (Vec<f32>, Vec<u32>) = offered.drain(..).unzip();
                    pool.offer_all(&nodes, &distances);
                }
                if node % 3 == 0 {
                    let nearest = pool.iter().map(|c| c.node).find(|node| !expanded.contains(node));
                    assert_eq!(pool.expand().map(|c| c.node), nearest);
                    expanded.extend(nearest);
                }
            }
            offered.into_iter().for_each(|(distance, node)| pool.offer(distance, node));
            all.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
            let kept: Vec<f32> = pool.iter().map(|c| c.distance).collect();
            let best: Vec<f32> = all.iter().take(ef).map(|c| c.0).collect();
            assert_eq!(kept, best);
        }
    }
}
