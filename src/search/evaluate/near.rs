//! Words close to each other, or in order.

use std::collections::BTreeMap;

use super::plan::{Plan, PlanKind};

/// Pairs of positions tried for one document at most; beyond, it counts as no match.
const MOST_STEPS: usize = 1 << 20;

/// What an intersection asks of positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// Words between at most; None for any.
    pub slop: Option<u64>,
    pub in_order: bool,
}

/// Positions by the number of the field.
type Places = BTreeMap<u32, Vec<u32>>;

impl Near {
    /// Whether a document that has all the parts has them as near as this asks. Parts without positions do not count.
    pub fn fulfilled(&self, kids: &[Plan], document: u32) -> bool {
        let places: Vec<Places> = kids.iter().filter_map(|kid| places(kid, document)).collect();
        let Some((first, others)) = places.split_first().filter(|(_, others)| !others.is_empty()) else { return true };
        first.iter().any(|(field, positions)| {
            let lists: Option<Vec<&[u32]>> =
                others.iter().map(|places| places.get(field).map(|positions| &positions[..])).collect();
            lists.is_some_and(|mut lists| {
                lists.insert(0, positions);
                if self.in_order { self.ordered(&lists).is_some() } else { self.unordered(&lists) }
            })
        })
    }

    /// The first positions, one of each list, that rise and leave no more than the slop between them.
    fn ordered(&self, lists: &[&[u32]]) -> Option<u32> {
        let mut steps = 0;
        for start in lists[0] {
            let mut last = *start;
            for list in &lists[1..] {
                steps += 1;
                last = *list.get(list.partition_point(|position| *position <= last))?;
            }
            let between = u64::from(last - start) - (lists.len() as u64 - 1);
            if self.slop.is_none_or(|slop| between <= slop) {
                return Some(*start);
            }
            if steps > MOST_STEPS {
                break;
            }
        }
        None
    }

    /// Whether there are distinct positions, one of each list, with no more than the slop between them.
    fn unordered(&self, lists: &[&[u32]]) -> bool {
        let width = match self.slop {
            Some(slop) => slop.saturating_add(lists.len() as u64 - 1),
            None => u64::MAX,
        };
        let mut starts: Vec<u32> = lists.iter().flat_map(|list| list.iter().copied()).collect();
        starts.sort_unstable();
        starts.dedup();
        let mut steps = 0;
        for start in starts {
            let end = u32::try_from(u64::from(start).saturating_add(width)).unwrap_or(u32::MAX);
            let windows: Vec<&[u32]> = lists
                .iter()
                .map(|list| {
                    let from = list.partition_point(|position| *position < start);
                    let to = list.partition_point(|position| *position <= end);
                    // More positions than lists never help: some are free.
                    &list[from..to.min(from + lists.len())]
                })
                .collect();
            steps += lists.len();
            if windows.iter().all(|window| !window.is_empty()) && distinct(&windows, &mut steps) {
                return true;
            }
            if steps > MOST_STEPS {
                return false;
            }
        }
        false
    }
}

/// Whether each list can have a position of its own: a matching, found along augmenting paths.
fn distinct(lists: &[&[u32]], steps: &mut usize) -> bool {
    let mut taken: BTreeMap<u32, usize> = BTreeMap::new();
    for list in 0..lists.len() {
        // Breadth first: each position is reached at most once, from the list that wanted it.
        let mut wanted: BTreeMap<u32, usize> = BTreeMap::new();
        let (mut queue, mut at) = (vec![list], 0);
        let free = 'search: loop {
            let Some(next) = queue.get(at).copied() else { return false };
            at += 1;
            for position in lists[next] {
                *steps += 1;
                if wanted.contains_key(position) {
                    continue;
                }
                wanted.insert(*position, next);
                match taken.get(position) {
                    Some(holder) => queue.push(*holder),
                    None => break 'search *position,
                }
            }
            if *steps > MOST_STEPS {
                return false;
            }
        };
        // Along the path back, each list takes the position it wanted and leaves the one it had.
        let mut position = free;
        loop {
            let taker = wanted[&position];
            let left = taken.iter().find(|(_, holder)| **holder == taker).map(|(position, _)| *position);
            taken.insert(position, taker);
            match left.filter(|_| taker != list) {
                Some(left) => {
                    taken.remove(&left);
                    position = left;
                }
                None => break,
            }
        }
    }
    true
}

/// Where a document has a part of a query; None for parts without positions.
pub fn places(plan: &Plan, document: u32) -> Option<Places> {
    match &plan.kind {
        PlanKind::Word(word) => {
            let mut places = Places::new();
            word.positions(document, &mut places);
            Some(places)
        }
        PlanKind::Or(kids) => {
            let mut all: Option<Places> = None;
            for places in kids.iter().filter_map(|kid| places(kid, document)) {
                let all = all.get_or_insert_default();
                for (field, positions) in places {
                    let list = all.entry(field).or_default();
                    list.extend(positions);
                    list.sort_unstable();
                    list.dedup();
                }
            }
            all
        }
        // A phrase is where it begins.
        PlanKind::And { kids, near: Some(near @ Near { slop: Some(0), in_order: true }) } => {
            let lists: Vec<Places> = kids.iter().filter_map(|kid| places(kid, document)).collect();
            let (first, others) = lists.split_first()?;
            let mut starts = Places::new();
            for (field, positions) in first {
                let others: Option<Vec<&[u32]>> =
                    others.iter().map(|list| list.get(field).map(|list| &list[..])).collect();
                let Some(others) = others else { continue };
                let begins = positions.iter().filter(|start| {
                    let one = [**start];
                    let lists: Vec<&[u32]> = std::iter::once(&one[..]).chain(others.iter().copied()).collect();
                    near.ordered(&lists).is_some()
                });
                starts.insert(*field, begins.copied().collect());
            }
            Some(starts)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    /// Every choice of one position per list.
    fn choices(lists: &[Vec<u32>]) -> Vec<Vec<u32>> {
        lists.iter().fold(vec![Vec::new()], |choices, list| {
            choices.iter().flat_map(|choice| list.iter().map(|at| [&choice[..], &[*at]].concat())).collect()
        })
    }

    #[test]
    fn nearness_is_as_defined() {
        for seed in 0..20_000 {
            let mut random = SmallRng::seed_from_u64(seed);
            let lists: Vec<Vec<u32>> = (0..random.random_range(2..5))
                .map(|_| {
                    let mut list: Vec<u32> =
                        (0..random.random_range(1..5)).map(|_| random.random_range(1..14)).collect();
                    list.sort_unstable();
                    list.dedup();
                    list
                })
                .collect();
            let slices: Vec<&[u32]> = lists.iter().map(|list| &list[..]).collect();
            let slop = random.random_bool(0.8).then(|| random.random_range(0..4u64));
            let gaps = lists.len() as u64 - 1;
            let unordered = choices(&lists).iter().any(|choice| {
                let mut sorted = choice.clone();
                sorted.sort_unstable();
                let distinct = sorted.windows(2).all(|pair| pair[0] < pair[1]);
                distinct && slop.is_none_or(|slop| u64::from(sorted[sorted.len() - 1] - sorted[0]) - gaps <= slop)
            });
            let ordered = choices(&lists).iter().any(|choice| {
                let rises = choice.windows(2).all(|pair| pair[0] < pair[1]);
                rises && slop.is_none_or(|slop| u64::from(choice[choice.len() - 1] - choice[0]) - gaps <= slop)
            });
            assert_eq!(Near { slop, in_order: false }.unordered(&slices), unordered, "seed {seed}: {lists:?} {slop:?}");
            assert_eq!(Near { slop, in_order: true }.ordered(&slices).is_some(), ordered, "seed {seed}: {lists:?}");
        }
    }
}
