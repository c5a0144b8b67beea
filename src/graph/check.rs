//! Verifies the invariants of a graph; for tests, loaded data and a debug command.
//!
//! Node by node, so that it can run in steps while other threads change the graph: an apparent violation is checked
//! again under the locks of the nodes concerned.

use std::collections::HashSet;

use super::locks::lock;
use super::{Graph, MAX_LEVEL};

impl Graph {
    /// Checks every invariant of the module's text over the given nodes: all that are linked, none
    /// of them dead, while no other thread changes the graph.
    ///
    /// # Errors
    /// The first violation, in words.
    pub fn check(&self, nodes: &[u32]) -> Result<(), String> {
        if nodes.is_empty() && self.entry().is_none() {
            return Ok(());
        }
        self.check_entry()?;
        nodes.iter().try_for_each(|&node| self.check_node(node))?;
        let mut reach = Reach::new(self);
        while reach.step(self) {}
        let known: HashSet<u32> = nodes.iter().copied().collect();
        if let Some(stranger) = reach.nodes().find(|node| !known.contains(node)) {
            return Err(format!("links lead to {stranger}, which is not a node"));
        }
        let reached = reach.nodes().count();
        if reached == known.len() { Ok(()) } else { Err(format!("{reached} of {} nodes are connected", known.len())) }
    }

    /// Checks where searches begin.
    ///
    /// # Errors
    /// What is wrong. While other threads change the graph this may be over at once.
    pub fn check_entry(&self) -> Result<(), String> {
        match self.entry() {
            None => Err("nodes without an entry".into()),
            Some((entry, top)) if !self.is_present(entry) || self.level(entry) != top => {
                Err(format!("entry {entry} is not a node of level {top}"))
            }
            Some(_) => Ok(()),
        }
    }

    /// Checks the links of a live linked node.
    ///
    /// # Errors
    /// What is wrong. While other threads change the graph this may be over at once.
    pub fn check_node(&self, node: u32) -> Result<(), String> {
        for level in 0..=MAX_LEVEL {
            let mut row = self.neighbours(node, level);
            if self.fault_of_row(node, level, &row).is_some() {
                // In the middle of a change a row may show a link twice.
                let _locked = lock(self.address(), &[node]);
                row = self.neighbours(node, level);
                if let Some(why) = self.fault_of_row(node, level, &row) {
                    return Err(why);
                }
            }
            row.into_iter().try_for_each(|other| self.check_link(node, other, level))?;
        }
        Ok(())
    }

    fn fault_of_row(&self, node: u32, level: usize, row: &[u32]) -> Option<String> {
        if row.is_empty() {
            return None;
        }
        if level > self.level(node) {
            return Some(format!("node {node} has links above its level"));
        }
        if self.entry().is_none_or(|(_, top)| level > top) {
            return Some(format!("node {node} has links on level {level}, above the entry"));
        }
        if row.len() > self.links.hard_capacity(level) {
            return Some(format!("node {node} has {} links on level {level}", row.len()));
        }
        let distinct: HashSet<u32> = row.iter().copied().collect();
        (distinct.len() != row.len() || distinct.contains(&node))
            .then(|| format!("node {node} has a self or double link on level {level}"))
    }

    fn check_link(&self, node: u32, other: u32, level: usize) -> Result<(), String> {
        if self.fault_of_link(node, other, level).is_none() {
            return Ok(());
        }
        let _locked = lock(self.address(), &[node, other]);
        match self.fault_of_link(node, other, level) {
            Some(why) if self.is_live(node) && self.links.contains(node, level, other) => Err(why),
            _ => Ok(()),
        }
    }

    fn fault_of_link(&self, node: u32, other: u32, level: usize) -> Option<String> {
        if !self.is_present(other) || self.level(other) < level {
            return Some(format!("node {node} links to {other}, which has no level {level}"));
        }
        let is_mutual = self.links.contains(other, level, node);
        (!is_mutual).then(|| format!("node {node} links to {other} on level {level}, but not back"))
    }
}

/// The nodes that can be reached from the entry point on level 0, found step by step, even if the graph changes in between.
pub struct Reach {
    /// A bit for each node.
    met: Vec<u64>,
    /// Nodes that were met and whose neighbours were not.
    open: Vec<u32>,
    row: Vec<u32>,
}

impl Reach {
    /// Begins at the entry.
    pub fn new(graph: &Graph) -> Reach {
        let mut reach = Reach { met: Vec::new(), open: Vec::new(), row: Vec::new() };
        graph.entry().into_iter().for_each(|(entry, _)| reach.meet(entry));
        reach
    }

    fn meet(&mut self, node: u32) {
        let word = node as usize / 64;
        if word >= self.met.len() {
            self.met.resize(word + 1, 0);
        }
        if !self.has(node) {
            self.met[word] |= 1 << (node % 64);
            self.open.push(node);
        }
    }

    fn has(&self, node: u32) -> bool {
        self.met.get(node as usize / 64).is_some_and(|word| word >> (node % 64) & 1 != 0)
    }

    /// Meets the neighbours of one node; false if there is none left.
    pub fn step(&mut self, graph: &Graph) -> bool {
        let Some(node) = self.open.pop() else { return false };
        let mut row = std::mem::take(&mut self.row);
        row.clear();
        graph.links.read(node, 0, &mut row);
        row.iter().for_each(|&next| self.meet(next));
        self.row = row;
        true
    }

    /// Whether a node was met, or is connected with one that was: new nodes are, and those that a removal has reconnected.
    pub fn includes(&mut self, graph: &Graph, node: u32) -> bool {
        graph.entry().into_iter().for_each(|(entry, _)| self.meet(entry));
        let (mut group, mut known) = (vec![node], HashSet::from([node]));
        let (mut looked_at, mut walked) = (0, 0);
        while !group[looked_at..].iter().any(|&node| self.has(node)) {
            looked_at = group.len();
            let Some(&next) = group.get(walked) else { return false };
            walked += 1;
            group.extend(graph.neighbours(next, 0).into_iter().filter(|&node| known.insert(node)));
        }
        group.into_iter().for_each(|node| self.meet(node));
        true
    }

    fn nodes(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.met.len() as u32 * 64).filter(|&node| self.has(node))
    }
}
