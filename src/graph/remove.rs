//! Removal: unlinks a dead node. Its neighbours lose a link each, get others instead, and stay connected with each
//! other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::join::nearest_first;
use super::locks::lock;
use super::{Graph, Measure, Space};
use crate::arena::Grace;
use crate::sync::{Mutex, MutexGuard};

/// Whether other threads may be changing the graph.
#[derive(Clone, Copy, PartialEq)]
pub enum Alone {
    /// Other threads may.
    No,
    /// No thread: linkers are paused, or do not exist in this process.
    Yes,
}

/// Whether to wait where another thread is in the way.
#[derive(Clone, Copy, PartialEq)]
pub enum Wait {
    /// Leave it undone.
    No,
    /// For as long as it takes to remove a node.
    Yes,
}

impl Alone {
    /// The lock, unless this is the only thread: in a forked child it may be held for ever by a thread
    /// that is not.
    pub(super) fn unless<T>(self, lock: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
        (self == Alone::No).then(|| lock.lock().unwrap_or_else(|e| e.into_inner()))
    }
}

/// Links that a survivor gets for the one it lost, and candidates that are tried.
const NEW: usize = 2;
const LOOKS: usize = 5;
/// Maximum number of survivors that get new links: the nearest to the removed node, for which it mattered most. With M 16 there are
/// hardly ever more.
const NEAREST: usize = 48;
/// Links that a candidate is compared with per batch: the first ones often decide.
const AT_ONCE: usize = 8;

impl Graph {
    /// Unlinks a dead node and repairs its neighbourhood. The caller holds a
    /// ticket of `grace`, and may retire the node afterwards: no node links to it any more. False if it is not to
    /// wait, but a neighbour is being removed: nothing is done then.
    ///
    /// Neighbours that are dead too, but still linked, are treated like live ones: they are parts of the graph
    /// that connect others until they are removed (`removal_locks.rs`). They even get links, so that
    /// the cost depends on one node's neighbours only, however many others are dead.
    ///
    /// The order that searches rely on: another node is the entry first; then its neighbours are connected without the
    /// dead node, and only then forget it; its own row stays, so that a search that stands on it goes on to them, until
    /// [`Graph::forget`] after the grace period.
    pub fn remove<S: Space>(&self, space: &S, dead: u32, alone: Alone, wait: Wait, grace: &Grace) -> bool {
        let over = Arc::new(Mutex::new(()));
        let _until_over = over.lock();
        let Some(turn) = self.begin_turn(dead, alone, wait, &over) else { return false };
        for (level, survivors) in turn.neighbours.iter().enumerate().rev() {
            self.see_that_it_leaves(survivors);
            let are_joined = self.bridge_by_any(space, survivors, level, alone, grace);
            self.detach(dead, level, survivors);
            // Even if this fails, they are connected.
            let _ = catch_unwind(AssertUnwindSafe(|| self.reconnect(space, dead, survivors, level, grace)));
            if !are_joined {
                // By now each has the free place of its link to the dead node.
                self.bridge_by_any(space, survivors, level, alone, grace);
            }
        }
        // Before the turn is over: from then on only this mark keeps links away from it.
        self.nodes.mark_removed(dead);
        for &survivor in &turn.neighbours[0] {
            if self.is_live(survivor) && self.links.count(survivor, 0) == 0 {
                self.attach(survivor, &self.lock_turns(alone), grace);
            }
        }
        true
    }

    /// Waits for threads that hold the lock of a neighbour and may have relied on a path over the leaving node
    /// (`is_detour`).
    fn see_that_it_leaves(&self, neighbours: &[u32]) {
        for some in neighbours.chunks(3) {
            drop(lock(self.address(), some));
        }
    }

    /// [`Graph::bridge`]; by links of any length if the space panics.
    fn bridge_by_any<S: Space>(&self, space: &S, nodes: &[u32], level: usize, alone: Alone, grace: &Grace) -> bool {
        catch_unwind(AssertUnwindSafe(|| self.bridge(space, nodes, level, alone, grace)))
            .unwrap_or_else(|_| self.bridge(&Blind, nodes, level, alone, grace))
    }

    /// Deletes the dead node from its neighbours' rows on a level.
    fn detach(&self, dead: u32, level: usize, neighbours: &[u32]) {
        for &neighbour in neighbours {
            let _locked = lock(self.address(), &[dead, neighbour]);
            self.links.remove(neighbour, level, dead);
        }
    }

    /// Links survivors to near other survivors in different directions.
    fn reconnect<S: Space>(&self, space: &S, dead: u32, survivors: &[u32], level: usize, grace: &Grace) {
        let mut survivors: Vec<u32> = survivors.iter().copied().filter(|&node| self.is_live(node)).collect();
        if survivors.len() < 2 {
            return;
        }
        let capacity = self.links.capacity(level);
        let mut probe = space.probe(dead);
        let mut distances = vec![0.0; survivors.len()];
        if survivors.len() > NEAREST {
            space.distances(&probe, &survivors, &mut distances);
            let nearest = nearest_first(survivors.iter().copied().zip(distances.iter().copied()));
            survivors = nearest.into_iter().take(NEAREST).map(|c| c.node).collect();
            distances.truncate(NEAREST);
        }
        let mut between = [0.0; AT_ONCE];
        let mut have = Vec::new();
        for &node in &survivors {
            have.clear();
            self.links.read(node, level, &mut have);
            if have.len() >= capacity || !self.is_live(node) {
                continue;
            }
            space.move_probe(&mut probe, node);
            space.distances(&probe, &survivors, &mut distances);
            let others = survivors.iter().copied().zip(distances.iter().copied());
            let candidates = nearest_first(
                others.filter(|&(other, _)| other != node && self.is_live(other) && !have.contains(&other)),
            );
            let mut made = 0;
            for candidate in candidates.into_iter().take(LOOKS) {
                if made == NEW {
                    break;
                }
                space.move_probe(&mut probe, candidate.node);
                let wanted = have.len() < self.m
                    || have.chunks(AT_ONCE).all(|have| {
                        let between = &mut between[..have.len()];
                        space.distances(&probe, have, between);
                        between.iter().all(|&d| d >= candidate.distance)
                    });
                if wanted && self.connect_within(node, candidate.node, level, capacity, grace) {
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
}

/// All distances are the same: for what must be done although the real ones cannot be had.
struct Blind;

impl Measure for Blind {
    type Probe = ();

    fn distances(&self, (): &(), _: &[u32], out: &mut [f32]) {
        out.fill(0.0);
    }
}

impl Space for Blind {
    fn probe(&self, _: u32) {}
    fn move_probe(&self, (): &mut (), _: u32) {}
}
