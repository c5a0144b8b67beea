//! Selects the first items of an order out of many (top k).

use std::cmp::Ordering;

/// Keeps the first `keep` items by an order.
pub struct Best<T, F> {
    items: Vec<T>,
    keep: usize,
    order: F,
    /// The last of those kept when the list was last cut; what does not come before it need not be kept.
    bar: Option<T>,
}

impl<T: Clone, F: Fn(&T, &T) -> Ordering> Best<T, F> {
    pub fn new(keep: usize, order: F) -> Best<T, F> {
        Best { items: Vec::new(), keep, order, bar: None }
    }

    /// An item that `keep` others precede; None as long as there are fewer.
    pub fn bar(&self) -> Option<&T> {
        self.bar.as_ref()
    }

    pub fn push(&mut self, item: T) {
        if self.bar.as_ref().is_some_and(|bar| (self.order)(&item, bar) != Ordering::Less) {
            return;
        }
        self.items.push(item);
        // Cutting at intervals costs a constant for each item (amortized).
        if self.items.len() >= self.keep.saturating_mul(2).saturating_add(64) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.keep == 0 || self.items.len() <= self.keep {
            self.items.truncate(self.keep);
            return;
        }
        self.items.select_nth_unstable_by(self.keep - 1, &self.order);
        self.items.truncate(self.keep);
        self.bar = self.items.last().cloned();
    }

    /// Those kept, in order.
    pub fn into_sorted(mut self) -> Vec<T> {
        self.cut();
        self.items.sort_unstable_by(&self.order);
        self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn they_are_the_first_of_all() {
        for seed in 0..200 {
            let mut random = SmallRng::seed_from_u64(seed);
            let keep = [0, 1, 10, 500, usize::MAX][seed as usize % 5];
            let mut all: Vec<u32> = (0..3000).map(|_| random.random_range(0..1000)).collect();
            let mut best = Best::new(keep, u32::cmp);
            all.iter().for_each(|item| best.push(*item));
            all.sort_unstable();
            all.truncate(keep);
            assert_eq!(best.into_sorted(), all);
        }
    }
}
