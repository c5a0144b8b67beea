//! Taking a dead node out: its neighbours lose a link each, get others instead, and stay connected
//! with each other.

use std::sync::atomic::{Ordering, fence};

use super::locks::lock;
use super::pool::Candidate;
use super::{Graph, Space};
use crate::arena::Grace;

/// Who else may be changing the graph.
#[derive(Clone, Copy, PartialEq)]
pub enum Alone {
    /// Other threads may.
    No,
    /// Nobody: linkers are paused, or do not exist in this process.
    Yes,
}

impl Graph {
    /// Unlinks a dead node from everything and repairs what it leaves behind. The caller holds a
    /// ticket of `grace`, and may retire the node afterwards: nobody links to it any more.
    pub fn remove<S: Space>(&self, space: &S, dead: u32, alone: Alone, grace: &Grace) {
        for level in (0..=self.level(dead)).rev() {
            self.remove_from_level(space, dead, level, alone, grace);
        }
        {
            let _locked = lock(self.address(), &[dead]);
            self.links.release(dead, grace);
        }
        self.replace_entry(dead, alone);
    }

    fn remove_from_level<S: Space>(&self, space: &S, dead: u32, level: usize, alone: Alone, grace: &Grace) {
        let mut survivors = Vec::new();
        self.detach(vec![dead], level, alone, &mut survivors);
        loop {
            self.reconnect(space, &survivors, level, grace);
            if self.bridge(space, &survivors, level, grace) {
                return;
            }
            // Some died meanwhile. What they held is ours to join, as theirs is what we held.
            let died: Vec<u32> = survivors.extract_if(.., |n| !self.is_live(*n)).collect();
            self.detach(died, level, alone, &mut survivors);
        }
    }

    /// Drops all links on a level of dead nodes and of those dead ones that hang on them; adds
    /// their live neighbours to `survivors`. Dead nodes get no new links, so they have none for
    /// good. One thread at a time: of two that detach neighbours, each would see half of what they
    /// held together.
    fn detach(&self, mut dead: Vec<u32>, level: usize, alone: Alone, survivors: &mut Vec<u32>) {
        // In a forked child the lock may be held for ever by a thread that is not there.
        let _guard = (alone == Alone::No).then(|| self.detach_lock.lock().unwrap_or_else(|e| e.into_inner()));
        while let Some(node) = dead.pop() {
            loop {
                let neighbours = self.neighbours(node, level);
                if neighbours.is_empty() {
                    // Under the lock nobody is in the middle of linking to it.
                    let _locked = lock(self.address(), &[node]);
                    if self.links.count(node, level) == 0 {
                        break;
                    }
                    continue;
                }
                for neighbour in neighbours {
                    let _locked = lock(self.address(), &[node, neighbour]);
                    self.links.remove(node, level, neighbour);
                    self.links.remove(neighbour, level, node);
                    let list = if self.is_live(neighbour) { &mut *survivors } else { &mut dead };
                    if !list.contains(&neighbour) {
                        list.push(neighbour);
                    }
                }
            }
        }
    }

    /// Gives each survivor links to near other survivors that lie in directions of their own.
    fn reconnect<S: Space>(&self, space: &S, survivors: &[u32], level: usize, grace: &Grace) {
        /// Links that a survivor gets for the one it lost, and candidates that are looked at.
        const NEW: usize = 2;
        const LOOKS: usize = 5;
        if survivors.len() < 2 {
            return;
        }
        let capacity = self.links.capacity(level);
        let mut probe = space.probe(survivors[0]);
        let mut distances = vec![0.0; survivors.len()];
        let mut between = Vec::new();
        let mut have = Vec::new();
        for &node in survivors {
            have.clear();
            self.links.read(node, level, &mut have);
            if have.len() >= capacity {
                continue;
            }
            space.move_probe(&mut probe, node);
            space.distances(&probe, survivors, &mut distances);
            let mut candidates: Vec<Candidate> = survivors
                .iter()
                .zip(&distances)
                .filter(|&(&other, _)| other != node && !have.contains(&other))
                .map(|(&node, &distance)| Candidate { distance, node })
                .collect();
            candidates.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance));
            let mut made = 0;
            for candidate in candidates.into_iter().take(LOOKS) {
                if made == NEW {
                    break;
                }
                between.resize(have.len(), 0.0);
                space.move_probe(&mut probe, candidate.node);
                space.distances(&probe, &have, &mut between);
                let own_direction = between.iter().all(|&d| d >= candidate.distance);
                if (own_direction || have.len() < self.m)
                    && self.connect_within(node, candidate.node, level, capacity, grace)
                {
                    made += 1;
                    have.push(candidate.node);
                }
            }
        }
    }

    fn connect_within(&self, a: u32, b: u32, level: usize, capacity: usize, grace: &Grace) -> bool {
        self.links.count(a, level) < capacity
            && self.links.count(b, level) < capacity
            && self.connect_by_force(a, b, level, grace)
    }

    /// Joins the survivors' connected groups. False if one of them died meanwhile.
    fn bridge<S: Space>(&self, space: &S, survivors: &[u32], level: usize, grace: &Grace) -> bool {
        let mut groups = self.groups(survivors, level);
        while groups.len() > 1 {
            let (first, second) = (&groups[0], &groups[1]);
            let Some((a, b)) = self.nearest_pair(space, first, second, level) else { return true };
            if !self.connect_by_force(a, b, level, grace) && !self.links.contains(a, level, b) {
                if !self.is_live(a) || !self.is_live(b) {
                    return false;
                }
                continue;
            }
            let second = groups.swap_remove(1);
            groups[0].extend(second);
        }
        survivors.iter().all(|&n| self.is_live(n))
    }

    /// Joins all of a restored graph's groups on level 0 with the entry's; yields how many were
    /// apart. The graph may come from an implementation that leaves nodes unreachable.
    pub fn join_groups<S: Space>(&self, space: &S, nodes: std::ops::Range<u32>, grace: &Grace) -> usize {
        let Some((entry, _)) = self.entry() else { return 0 };
        let mut seen = vec![false; nodes.end as usize];
        let mut scratch = super::Scratch::default();
        self.reach(entry, &mut seen);
        let mut joined = 0;
        for node in nodes {
            if seen[node as usize] {
                continue;
            }
            // The search stays in the entry's group, to which all before this node belong by now.
            let near = self.search(space, &space.probe(node), self.m.max(10), &mut scratch);
            if near.iter().any(|c| self.connect_by_force(node, c.node, 0, grace)) {
                joined += 1;
            }
            self.reach(node, &mut seen);
        }
        joined
    }

    /// Marks everything that can be reached on level 0.
    fn reach(&self, start: u32, seen: &mut [bool]) {
        let mut stack = vec![start];
        seen[start as usize] = true;
        let mut row = Vec::new();
        while let Some(node) = stack.pop() {
            row.clear();
            self.links.read(node, 0, &mut row);
            for &next in &row {
                if !std::mem::replace(&mut seen[next as usize], true) {
                    stack.push(next);
                }
            }
        }
    }

    /// Splits the nodes into groups connected by links among them or by a common neighbour.
    fn groups(&self, nodes: &[u32], level: usize) -> Vec<Vec<u32>> {
        fn root(parent: &mut [usize], mut i: usize) -> usize {
            while parent[i] != i {
                parent[i] = parent[parent[i]];
                i = parent[i];
            }
            i
        }
        // Who sees whom: each node itself, and its neighbours. Two that see the same are connected.
        let mut seen: Vec<(u32, usize)> = Vec::new();
        let mut row = Vec::new();
        for (i, &node) in nodes.iter().enumerate() {
            row.clear();
            self.links.read(node, level, &mut row);
            seen.push((node, i));
            seen.extend(row.iter().map(|&neighbour| (neighbour, i)));
        }
        seen.sort_unstable();
        let mut parent: Vec<usize> = (0..nodes.len()).collect();
        for pair in seen.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let (a, b) = (root(&mut parent, pair[0].1), root(&mut parent, pair[1].1));
            parent[a] = b;
        }
        let mut groups: Vec<Vec<u32>> = vec![Vec::new(); nodes.len()];
        for (i, &node) in nodes.iter().enumerate() {
            groups[root(&mut parent, i)].push(node);
        }
        groups.retain(|group| !group.is_empty());
        groups
    }

    /// The nearest two nodes of two groups that have room.
    fn nearest_pair<S: Space>(&self, space: &S, first: &[u32], second: &[u32], level: usize) -> Option<(u32, u32)> {
        let hard = self.links.hard_capacity(level);
        let room = |n: &u32| self.links.count(*n, level) < hard;
        let second: Vec<u32> = second.iter().copied().filter(room).collect();
        let mut distances = vec![0.0; second.len()];
        let mut best: Option<(f32, u32, u32)> = None;
        for &a in first.iter().filter(|n| room(n)) {
            space.distances(&space.probe(a), &second, &mut distances);
            for (&b, &d) in second.iter().zip(&distances) {
                if best.is_none_or(|(least, ..)| d < least) {
                    best = Some((d, a, b));
                }
            }
        }
        best.map(|(_, a, b)| (a, b))
    }

    /// If the entry is this dead node, finds a live one of the highest level that is left.
    fn replace_entry(&self, dead: u32, alone: Alone) {
        let guard = (alone == Alone::No).then(|| self.entry_lock.lock().unwrap_or_else(|e| e.into_inner()));
        if self.entry().is_some_and(|(entry, _)| entry == dead) {
            // Until nobody was marked as linked in between who would have had to be the entry.
            loop {
                let heir = self.nodes.highest_linked(dead);
                self.set_entry(heir);
                fence(Ordering::SeqCst);
                let again = self.nodes.highest_linked(dead);
                if again.map(|(_, level)| level) <= heir.map(|(_, level)| level) {
                    break;
                }
            }
        }
        drop(guard);
    }
}
