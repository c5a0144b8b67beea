//! Verifies that a graph is what it claims to be; for tests, for loaded data and for a debug command.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Graph;

impl Graph {
    /// Checks every invariant of the module's text over the given nodes: all that are linked, none
    /// of them dead, while no other thread changes the graph.
    ///
    /// # Errors
    /// The first violation, in words.
    pub fn check(&self, nodes: &[u32]) -> Result<(), String> {
        let known: HashSet<u32> = nodes.iter().copied().collect();
        let Some((entry, top)) = self.entry() else {
            return if nodes.is_empty() { Ok(()) } else { Err("nodes without an entry".into()) };
        };
        if !known.contains(&entry) {
            return Err(format!("entry {entry} is not a node"));
        }
        let has_links = |node: u32, level: usize| level == 0 || !self.neighbours(node, level).is_empty();
        let highest_of = |node: u32| (0..=self.level(node)).rev().find(|&level| has_links(node, level));
        let highest = nodes.iter().filter_map(|&n| highest_of(n)).max().unwrap_or(0);
        if top < highest || self.level(entry) != top {
            return Err(format!("entry {entry} of level {top}, but there are links on level {highest}"));
        }
        for level in 0..=top {
            let members: Vec<u32> = nodes.iter().copied().filter(|&n| self.level(n) >= level).collect();
            let rows: HashMap<u32, Vec<u32>> = members.iter().map(|&n| (n, self.neighbours(n, level))).collect();
            let hard = self.links.hard_capacity(level);
            for (&node, row) in &rows {
                if row.len() > hard {
                    return Err(format!("node {node} has {} links on level {level}", row.len()));
                }
                let distinct: HashSet<u32> = row.iter().copied().collect();
                if distinct.len() != row.len() || distinct.contains(&node) {
                    return Err(format!("node {node} has a self or double link on level {level}"));
                }
                for other in row {
                    match rows.get(other) {
                        None => return Err(format!("node {node} links to {other}, which has no level {level}")),
                        Some(back) if !back.contains(&node) => {
                            return Err(format!("node {node} links to {other} on level {level}, but not back"));
                        }
                        Some(_) => {}
                    }
                }
            }
            let reached = reach(members[0], &rows);
            if level == 0 && reached != members.len() {
                return Err(format!("{reached} of {} nodes are connected", members.len()));
            }
        }
        for &node in nodes {
            for level in self.level(node) + 1..=super::MAX_LEVEL {
                if !self.neighbours(node, level).is_empty() {
                    return Err(format!("node {node} has links above its level"));
                }
            }
        }
        Ok(())
    }
}

fn reach(start: u32, rows: &HashMap<u32, Vec<u32>>) -> usize {
    let mut seen = HashSet::from([start]);
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for &next in &rows[&node] {
            if seen.insert(next) {
                queue.push_back(next);
            }
        }
    }
    seen.len()
}
