//! Taking a dead node out: its neighbours lose a link each, get others instead, and stay connected
//! with each other.

use std::sync::atomic::{Ordering, fence};

use super::locks::lock;
use super::pool::Candidate;
use super::{Graph, Space};
use crate::arena::Grace;
use crate::sync::{Mutex, MutexGuard};

/// Who else may be changing the graph.
#[derive(Clone, Copy, PartialEq)]
pub enum Alone {
    /// Other threads may.
    No,
    /// Nobody: linkers are paused, or do not exist in this process.
    Yes,
}

impl Alone {
    /// The lock, unless nobody else is there: in a forked child it may be held for ever by a thread
    /// that is not.
    fn unless(self, lock: &Mutex<()>) -> Option<MutexGuard<'_, ()>> {
        (self == Alone::No).then(|| lock.lock().unwrap_or_else(|e| e.into_inner()))
    }
}

impl Graph {
    /// Unlinks a dead node from everything and repairs what it leaves behind. The caller holds a
    /// ticket of `grace`, and may retire the node afterwards: nobody links to it any more.
    ///
    /// Neighbours that are dead too, but still linked, count as what they are: parts of the graph
    /// that hold others together until their own turn comes. They even get links, so that this is a
    /// matter of one node's neighbours, however many others are dead. One removal at a time: of two
    /// neighbours removed at once, each would see half of what they held together.
    pub fn remove<S: Space>(&self, space: &S, dead: u32, alone: Alone, grace: &Grace) {
        let guard = self.lock_repairs(alone);
        let mut survivors = Vec::new();
        for level in (0..=self.level(dead)).rev() {
            survivors = self.detach(dead, level);
            self.reconnect(space, &survivors, level, grace);
            self.bridge(space, &survivors, level, grace);
        }
        {
            let _locked = lock(self.address(), &[dead]);
            self.nodes.mark_unlinked(dead);
            self.links.release(dead, grace);
        }
        for survivor in survivors {
            self.attach(survivor, grace);
        }
        self.replace_entry(dead, alone);
        drop(guard);
    }

    /// The right to take nodes out, and to link those that have nobody.
    pub(super) fn lock_repairs(&self, alone: Alone) -> Option<MutexGuard<'_, ()>> {
        alone.unless(&self.repair_lock)
    }

    /// The right to change the entry. Taken after that of repairs, where both are.
    pub(super) fn lock_entry(&self, alone: Alone) -> Option<MutexGuard<'_, ()>> {
        alone.unless(&self.entry_lock)
    }

    /// Links a live node that has no links on level 0 to the rest of the graph: a newcomer all of
    /// whose candidates died meanwhile, or the last neighbour of a removed node.
    ///
    /// The caller holds the lock of repairs. Nobody else links to a node without links, and all that
    /// have some are connected, so any of those will do, dead ones too: their removal takes care of
    /// the node. If there is none, any live linked node begins.
    pub(super) fn attach(&self, node: u32, grace: &Grace) {
        if !self.is_live(node) || self.links.count(node, 0) > 0 {
            return;
        }
        let others = || (0..self.nodes.end()).filter(|&other| other != node && self.is_present(other));
        let _ =
            others().filter(|&other| self.links.count(other, 0) > 0).any(|other| self.rejoin(node, other, 0, grace))
                || others()
                    .filter(|&other| self.is_live(other) && self.is_linked(other))
                    .any(|other| self.rejoin(node, other, 0, grace));
    }

    /// Drops all links of a dead node on a level; yields its neighbours. Newcomers do not link to
    /// the dead, and removals are one at a time, so it has none for good.
    fn detach(&self, dead: u32, level: usize) -> Vec<u32> {
        let mut survivors = Vec::new();
        loop {
            let neighbours = self.neighbours(dead, level);
            if neighbours.is_empty() {
                // Under the lock nobody is in the middle of linking to it.
                let _locked = lock(self.address(), &[dead]);
                if self.links.count(dead, level) == 0 {
                    return survivors;
                }
                continue;
            }
            for neighbour in neighbours {
                let _locked = lock(self.address(), &[dead, neighbour]);
                self.links.remove(dead, level, neighbour);
                self.links.remove(neighbour, level, dead);
                if !survivors.contains(&neighbour) {
                    survivors.push(neighbour);
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
            if have.len() >= capacity || !self.is_live(node) {
                continue;
            }
            space.move_probe(&mut probe, node);
            space.distances(&probe, survivors, &mut distances);
            let mut candidates: Vec<Candidate> = survivors
                .iter()
                .zip(&distances)
                .filter(|&(&other, _)| other != node && self.is_live(other) && !have.contains(&other))
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

    /// Joins the survivors' connected groups.
    fn bridge<S: Space>(&self, space: &S, survivors: &[u32], level: usize, grace: &Grace) {
        let mut groups = self.groups(survivors, level);
        while groups.len() > 1 {
            let Some((a, b)) = self.nearest_pair(space, &groups[0], &groups[1], level) else {
                // One of them is full, but not all that it holds on to.
                let before = groups.iter().map(Vec::len).sum::<usize>();
                groups[..2].iter_mut().for_each(|group| self.widen(group, level));
                if groups.iter().map(Vec::len).sum::<usize>() == before {
                    return;
                }
                continue;
            };
            // The pair had room; if newcomers took it meanwhile, another pair has some.
            if self.rejoin(a, b, level, grace) {
                let second = groups.swap_remove(1);
                groups[0].extend(second);
            }
        }
    }

    /// Adds its neighbours to a group of nodes.
    fn widen(&self, group: &mut Vec<u32>, level: usize) {
        for at in 0..group.len() {
            self.links.read(group[at], level, group);
        }
        group.sort_unstable();
        group.dedup();
    }

    /// Links two nodes that a removed one held together, dead or live. False if there is no room.
    fn rejoin(&self, a: u32, b: u32, level: usize, grace: &Grace) -> bool {
        let _locked = lock(self.address(), &[a, b]);
        if self.links.contains(a, level, b) {
            return true;
        }
        let hard = self.links.hard_capacity(level);
        let room = self.links.count(a, level) < hard && self.links.count(b, level) < hard;
        if room {
            self.link_both(a, b, level, grace);
        }
        room
    }

    /// Joins all groups on level 0 that are apart from the entry's; yields how many there were. A graph
    /// that another implementation saved may have such groups.
    pub fn join_groups<S: Space>(&self, space: &S, alone: Alone, grace: &Grace) -> usize {
        let _guard = self.lock_repairs(alone);
        let Some((entry, _)) = self.entry() else { return 0 };
        let end = self.nodes.end();
        let mut seen = vec![false; end as usize];
        let mut scratch = super::Scratch::default();
        self.reach(entry, &mut seen);
        let mut joined = 0;
        for node in 0..end {
            if seen[node as usize] || !self.is_live(node) || !self.is_linked(node) {
                continue;
            }
            // The search stays in the entry's group, to which all before this node belong by now.
            let near = self.search(space, &space.probe(node), self.m.max(10), &mut scratch);
            if near.iter().any(|c| self.rejoin(node, c.node, 0, grace)) {
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
                // Nodes beyond were announced after the walk began.
                let new = seen.get_mut(next as usize).is_some_and(|seen| !std::mem::replace(seen, true));
                if new {
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

    /// The live linked node of the highest level; one without links only where all are.
    fn heir(&self, dead: u32) -> Option<(u32, usize)> {
        let has_links = |node: u32| node != dead && self.links.count(node, 0) > 0;
        self.nodes.highest_linked(has_links).or_else(|| self.nodes.highest_linked(|node| node != dead))
    }

    /// If the entry is this dead node, finds a live one of the highest level that is left.
    fn replace_entry(&self, dead: u32, alone: Alone) {
        let guard = self.lock_entry(alone);
        if self.entry().is_some_and(|(entry, _)| entry == dead) {
            // Until nobody was marked as linked in between who would have had to be the entry.
            loop {
                let heir = self.heir(dead);
                self.set_entry(heir);
                fence(Ordering::SeqCst);
                let again = self.heir(dead);
                if again.map(|(_, level)| level) <= heir.map(|(_, level)| level) {
                    break;
                }
            }
        }
        drop(guard);
    }
}
