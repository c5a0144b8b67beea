//! Connectivity: finds the connected components of a set of nodes, and joins them.

use super::{Alone, Graph, Space};
use crate::arena::Grace;

/// Maximum number of nodes of each of two components that are compared to find a near pair.
const COMPARED: usize = 64;

impl Graph {
    /// Connects the components of these nodes that only a leaving node connects; false if some of them
    /// have no room for a link.
    pub(super) fn bridge<S: Space>(&self, space: &S, nodes: &[u32], level: usize, alone: Alone, grace: &Grace) -> bool {
        let mut groups = self.groups(nodes, level);
        // Nodes that took no link although they had room: others were faster, or they leave.
        let mut refused = Vec::new();
        while groups.len() > 1 {
            let Some((a, b)) = self.nearest_pair(space, &groups[0], &groups[1], level, &refused) else {
                // One of them is full, but not all that it holds on to.
                let before = groups.iter().map(Vec::len).sum::<usize>();
                groups[..2].iter_mut().for_each(|group| self.widen(group, level));
                if groups[0].iter().any(|node| groups[1].binary_search(node).is_ok()) {
                    merge(&mut groups);
                } else if groups.iter().map(Vec::len).sum::<usize>() == before {
                    return false;
                }
                continue;
            };
            if self.rejoin(a, b, level, alone, grace) {
                merge(&mut groups);
            } else {
                refused.extend([a, b]);
            }
        }
        true
    }

    /// Adds its neighbours to a group of nodes, but for those that are leaving, and sorts it.
    fn widen(&self, group: &mut Vec<u32>, level: usize) {
        for at in 0..group.len() {
            self.links.read(group[at], level, group);
        }
        group.sort_unstable();
        group.dedup();
        group.retain(|&node| self.is_way(node));
    }

    /// Splits the nodes into groups connected by links among them or by a common neighbour that is not leaving.
    ///
    /// The links are read one after the other while others change: a way that was seen may be gone, but
    /// the thread that takes a part of it away sees to another way before that.
    fn groups(&self, nodes: &[u32], level: usize) -> Vec<Vec<u32>> {
        /// Rows added to what a group sees before the others are looked at again. Few: mostly they are
        /// all neighbours of the first ones.
        const AT_ONCE: usize = 8;
        let mut groups = Vec::new();
        let mut rest = nodes.to_vec();
        let mut row = Vec::new();
        while let Some(first) = rest.pop() {
            let mut group = vec![first];
            // The nodes of the group before `looked`, and their neighbours.
            let mut seen: Vec<u32> = Vec::new();
            let mut looked = 0;
            while looked < group.len() && !rest.is_empty() {
                for &node in group.iter().skip(looked).take(AT_ONCE) {
                    seen.push(node);
                    self.links.read(node, level, &mut seen);
                }
                looked = group.len().min(looked + AT_ONCE);
                seen.sort_unstable();
                seen.dedup();
                seen.retain(|&node| self.is_way(node));
                rest.retain(|&node| {
                    row.clear();
                    row.push(node);
                    self.links.read(node, level, &mut row);
                    let meets = row.iter().any(|node| seen.binary_search(node).is_ok());
                    if meets {
                        group.push(node);
                    }
                    !meets
                });
            }
            groups.push(group);
        }
        groups
    }

    /// The nearest two nodes of two groups that have room.
    fn nearest_pair<S: Space>(
        &self,
        space: &S,
        first: &[u32],
        second: &[u32],
        level: usize,
        refused: &[u32],
    ) -> Option<(u32, u32)> {
        let hard = self.links.hard_capacity(level);
        let room = |n: &u32| self.links.count(*n, level) < hard && !refused.contains(n);
        let with_room = |group: &[u32]| group.iter().copied().filter(room).take(COMPARED).collect::<Vec<u32>>();
        let (first, second) = (with_room(first), with_room(second));
        let mut distances = vec![0.0; second.len()];
        let mut best: Option<(f32, u32, u32)> = None;
        for a in first {
            space.distances(&space.probe(a), &second, &mut distances);
            for (&b, &d) in second.iter().zip(&distances) {
                if best.is_none_or(|(least, ..)| d < least) {
                    best = Some((d, a, b));
                }
            }
        }
        best.map(|(_, a, b)| (a, b))
    }

    /// Joins all groups on level 0 that are apart from the entry's; yields how many there were. A graph
    /// that another implementation saved may have such groups. Goes through all nodes.
    pub fn join_groups<S: Space>(&self, space: &S, alone: Alone, grace: &Grace) -> usize {
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
            if near.iter().any(|c| self.rejoin(node, c.node, 0, alone, grace)) {
                joined += 1;
            }
            self.reach(node, &mut seen);
        }
        joined
    }

    /// Marks everything that can be reached on level 0.
    fn reach(&self, start: u32, seen: &mut [bool]) {
        /// Rows of links whose memory is on its way.
        const AHEAD: usize = 8;
        let mut reached = vec![start];
        seen[start as usize] = true;
        let mut row = Vec::new();
        let mut at = 0;
        while let Some(&node) = reached.get(at) {
            if let Some(&after) = reached.get(at + AHEAD) {
                self.links.prefetch(after, 0);
            }
            at += 1;
            row.clear();
            self.links.read(node, 0, &mut row);
            for &next in &row {
                // Nodes beyond were announced after the walk began.
                let new = seen.get_mut(next as usize).is_some_and(|seen| !std::mem::replace(seen, true));
                if new {
                    reached.push(next);
                }
            }
        }
    }
}

/// Makes the first two groups one.
fn merge(groups: &mut Vec<Vec<u32>>) {
    let second = groups.swap_remove(1);
    groups[0].extend(second);
}
