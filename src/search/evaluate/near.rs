//! Proximity: words within a slop of each other, or in order.

use std::collections::BTreeMap;

use super::plan::{Plan, PlanKind};
use super::word::Positions;

/// Pairs of positions tried for one document at most; beyond, it counts as no match.
const MOST_STEPS: usize = 1 << 20;

/// What an intersection asks of positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// Words between at most; None for any.
    pub slop: Option<u64>,
    pub in_order: bool,
    /// Whether the words may be in different fields, which count as one text, in the schema's order.
    pub across: bool,
}

/// Looks where documents, one after the other, have the parts of an intersection. Documents asked for rise.
pub struct Nearness<'a> {
    near: Near,
    parts: Vec<PlacesOf<'a>>,
    found: Vec<Vec<u64>>,
}

impl<'a> Nearness<'a> {
    /// Of an intersection's parts. Those without positions do not count.
    pub fn new(near: Near, kids: &'a [Plan]) -> Nearness<'a> {
        let parts: Vec<PlacesOf> = kids.iter().filter_map(PlacesOf::new).collect();
        let found = vec![Vec::new(); parts.len()];
        Nearness { near, parts, found }
    }

    /// Whether a document that has all the parts has them as near as is asked.
    pub fn is_in(&mut self, document: u32) -> bool {
        if self.parts.len() < 2 {
            return true;
        }
        for (part, found) in self.parts.iter_mut().zip(&mut self.found) {
            found.clear();
            part.find(document, found);
            if self.near.across {
                found.iter_mut().for_each(|place| *place = in_document(*place));
            }
        }
        self.near.fulfilled(&self.found)
    }
}

/// A position in a field, ordered by the field.
pub fn place(field: u32, position: u32) -> u64 {
    u64::from(field) << 32 | u64::from(position)
}

/// The position of a place in the document; it rises with the place.
fn in_document(place: u64) -> u64 {
    place & u64::from(u32::MAX)
}

/// The part of a rising list that is in the same field as a place.
fn in_field(list: &[u64], place: u64) -> &[u64] {
    let field = place >> 32;
    let from = list.partition_point(|other| other >> 32 < field);
    let to = list.partition_point(|other| other >> 32 <= field);
    &list[from..to]
}

impl Near {
    /// Whether some field has a place of each list as near as this asks.
    fn fulfilled(&self, lists: &[Vec<u64>]) -> bool {
        let Some((first, others)) = lists.split_first() else { return true };
        let mut rest = &first[..];
        while let [next, ..] = rest {
            let own = in_field(rest, *next);
            rest = &rest[own.len()..];
            let in_order = std::iter::once(own).chain(others.iter().map(|list| in_field(list, *next)));
            let lists: Vec<&[u64]> = in_order.collect();
            if lists.iter().all(|list| !list.is_empty())
                && if self.in_order { self.ordered(&lists).is_some() } else { self.unordered(&lists) }
            {
                return true;
            }
        }
        false
    }

    /// The first positions, one of each list, that rise and leave no more than the slop between them.
    fn ordered(&self, lists: &[&[u64]]) -> Option<u64> {
        let mut steps = 0;
        for start in lists[0] {
            let mut last = *start;
            for list in &lists[1..] {
                steps += 1;
                last = *list.get(list.partition_point(|position| *position <= last))?;
            }
            let between = last - start - (lists.len() as u64 - 1);
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
    fn unordered(&self, lists: &[&[u64]]) -> bool {
        let width = match self.slop {
            Some(slop) => slop.saturating_add(lists.len() as u64 - 1),
            None => u64::MAX,
        };
        let mut starts: Vec<u64> = lists.iter().flat_map(|list| list.iter().copied()).collect();
        starts.sort_unstable();
        starts.dedup();
        let mut steps = 0;
        for start in starts {
            let end = start.saturating_add(width);
            let windows: Vec<&[u64]> = lists
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

/// Whether the lists have distinct positions: a bipartite matching, found along augmenting paths.
fn distinct(lists: &[&[u64]], steps: &mut usize) -> bool {
    let mut taken: BTreeMap<u64, usize> = BTreeMap::new();
    for list in 0..lists.len() {
        // Breadth first: each position is reached at most once, from the list that wanted it.
        let mut wanted: BTreeMap<u64, usize> = BTreeMap::new();
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

/// Finds where documents have a part of a query. Documents asked for rise.
pub enum PlacesOf<'a> {
    Word(Positions<'a>),
    Any(Vec<PlacesOf<'a>>),
    /// A phrase is where it begins.
    Phrase {
        near: Near,
        parts: Vec<PlacesOf<'a>>,
    },
}

impl<'a> PlacesOf<'a> {
    /// None for parts without positions.
    pub fn new(plan: &'a Plan) -> Option<PlacesOf<'a>> {
        let all = |kids: &'a [Plan]| -> Vec<PlacesOf> { kids.iter().filter_map(PlacesOf::new).collect() };
        match &plan.kind {
            PlanKind::Word(word) => Some(PlacesOf::Word(word.positions())),
            PlanKind::Or(kids) => Some(PlacesOf::Any(all(kids))).filter(PlacesOf::has_parts),
            PlanKind::And { kids, near: Some(near @ Near { slop: Some(0), in_order: true, across: false }) } => {
                Some(PlacesOf::Phrase { near: *near, parts: all(kids) }).filter(PlacesOf::has_parts)
            }
            _ => None,
        }
    }

    fn has_parts(&self) -> bool {
        match self {
            PlacesOf::Word(_) => true,
            PlacesOf::Any(parts) | PlacesOf::Phrase { parts, .. } => !parts.is_empty(),
        }
    }

    /// Adds where a document has it: places that rise, in a list that is empty.
    pub fn find(&mut self, document: u32, found: &mut Vec<u64>) {
        match self {
            PlacesOf::Word(positions) => positions.find(document, found),
            PlacesOf::Any(parts) => {
                let mut of_part = Vec::new();
                for part in parts {
                    of_part.clear();
                    part.find(document, &mut of_part);
                    found.extend_from_slice(&of_part);
                }
                found.sort_unstable();
                found.dedup();
            }
            PlacesOf::Phrase { near, parts } => {
                let lists: Vec<Vec<u64>> = (parts.iter_mut())
                    .map(|part| {
                        let mut list = Vec::new();
                        part.find(document, &mut list);
                        list
                    })
                    .collect();
                let Some((first, others)) = lists.split_first() else { return };
                found.extend(first.iter().filter(|start| {
                    let one = std::slice::from_ref(*start);
                    let others = others.iter().map(|list| in_field(list, **start));
                    near.ordered(&std::iter::once(one).chain(others).collect::<Vec<_>>()).is_some()
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    /// Every choice of one position per list.
    fn choices(lists: &[Vec<u64>]) -> Vec<Vec<u64>> {
        lists.iter().fold(vec![Vec::new()], |choices, list| {
            choices.iter().flat_map(|choice| list.iter().map(|at| [&choice[..], &[*at]].concat())).collect()
        })
    }

    #[test]
    fn nearness_is_as_defined() {
        for seed in 0..20_000 {
            let mut random = SmallRng::seed_from_u64(seed);
            let lists: Vec<Vec<u64>> = (0..random.random_range(2..5))
                .map(|_| {
                    let mut list: Vec<u64> =
                        (0..random.random_range(1..5)).map(|_| random.random_range(1..14)).collect();
                    list.sort_unstable();
                    list.dedup();
                    list
                })
                .collect();
            let slices: Vec<&[u64]> = lists.iter().map(|list| &list[..]).collect();
            let slop = random.random_bool(0.8).then(|| random.random_range(0..4u64));
            let gaps = lists.len() as u64 - 1;
            let unordered = choices(&lists).iter().any(|choice| {
                let mut sorted = choice.clone();
                sorted.sort_unstable();
                let distinct = sorted.windows(2).all(|pair| pair[0] < pair[1]);
                distinct && slop.is_none_or(|slop| sorted[sorted.len() - 1] - sorted[0] - gaps <= slop)
            });
            let ordered = choices(&lists).iter().any(|choice| {
                let rises = choice.windows(2).all(|pair| pair[0] < pair[1]);
                rises && slop.is_none_or(|slop| choice[choice.len() - 1] - choice[0] - gaps <= slop)
            });
            assert_eq!(
                Near { slop, in_order: false, across: false }.unordered(&slices),
                unordered,
                "seed {seed}: {lists:?} {slop:?}"
            );
            assert_eq!(
                Near { slop, in_order: true, across: false }.ordered(&slices).is_some(),
                ordered,
                "seed {seed}: {lists:?}"
            );
        }
    }
}
