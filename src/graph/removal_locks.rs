//! Mutual exclusion of removals: concurrent removals stay out of each other's neighbourhoods.
//!
//! While a node is being removed, none of its neighbours is: if two neighbours were removed at once, each
//! would see only half of the nodes that they connect, and link survivors to a node that is about to disappear.
//! Everything else continues: new nodes are linked, other neighbourhoods repaired.

use super::locks::lock;
use super::{Alone, Graph, Wait};
use crate::arena::Grace;
use crate::sync::{Mutex, MutexGuard};
use std::sync::Arc;

/// The removals under way: at most one a thread.
#[derive(Default)]
pub(super) struct Turns(Vec<Turn>);

struct Turn {
    dead: u32,
    /// The nodes that were its neighbours on any level when its turn began.
    neighbours: Vec<u32>,
    /// Locked until the turn is over.
    over: Arc<Mutex<()>>,
}

impl Turns {
    /// Whether a node is being taken out.
    fn has(&self, node: u32) -> bool {
        self.0.iter().any(|turn| turn.dead == node)
    }

    /// What to wait for before a node may be taken out.
    fn before(&self, node: u32) -> Option<Arc<Mutex<()>>> {
        let in_the_way = self.0.iter().find(|turn| turn.dead == node || turn.neighbours.contains(&node));
        in_the_way.map(|turn| turn.over.clone())
    }
}

/// The turns, locked; None where no other thread is there (see [`Alone`]).
pub(super) type LockedTurns<'a> = Option<MutexGuard<'a, Turns>>;

/// A node's turn, which ends when this is dropped, also by a panic.
pub(super) struct OwnTurn<'a> {
    graph: &'a Graph,
    dead: u32,
    alone: Alone,
    /// Its neighbours on each level, from 0 up. It gets no more: new nodes do not link to the dead, nor
    /// removals to one whose turn it is.
    pub neighbours: Vec<Vec<u32>>,
}

impl Drop for OwnTurn<'_> {
    fn drop(&mut self) {
        if let Some(mut turns) = self.graph.lock_turns(self.alone) {
            turns.0.retain(|turn| turn.dead != self.dead);
        }
    }
}

impl Graph {
    /// The right to begin a turn, to change the entry, and to link to the dead. Taken before the locks
    /// of nodes, never while holding one of those.
    pub(super) fn lock_turns(&self, alone: Alone) -> LockedTurns<'_> {
        alone.unless(&self.turns)
    }

    /// Begins the turn of a dead node, if need be after a wait; None if there is no wait. `over` is locked by the
    /// caller until the end of it.
    ///
    /// If this node was the entry point, another one is from here on: searches that begin now do not start
    /// to a node that loses its links.
    pub(super) fn begin_turn(&self, dead: u32, alone: Alone, wait: Wait, over: &Arc<Mutex<()>>) -> Option<OwnTurn<'_>> {
        loop {
            let mut turns = self.lock_turns(alone);
            if let Some(other) = turns.as_ref().and_then(|turns| turns.before(dead)) {
                drop(turns);
                if wait == Wait::No {
                    return None;
                }
                drop(other.lock().unwrap_or_else(|e| e.into_inner()));
                continue;
            }
            // A thread that found the node alive before it was marked, and links to it, is done after this.
            drop(lock(self.address(), &[dead]));
            let neighbours: Vec<Vec<u32>> = (0..=self.level(dead)).map(|level| self.neighbours(dead, level)).collect();
            // Under the lock of turns: of two concurrent removals, one sees that the other is no detour for its neighbours.
            self.nodes.mark_leaving(dead);
            if let Some(turns) = &mut turns {
                turns.0.push(Turn { dead, neighbours: neighbours.concat(), over: over.clone() });
            }
            self.leave_entry(dead, &neighbours);
            return Some(OwnTurn { graph: self, dead, alone, neighbours });
        }
    }

    /// Links two nodes, dead or live, up to the hard capacity; true if they are linked
    /// then. False if there is no room, or one of them is being taken out or gone already.
    pub(super) fn rejoin(&self, a: u32, b: u32, level: usize, alone: Alone, grace: &Grace) -> bool {
        if self.is_live(a) && self.is_live(b) {
            let _locked = lock(self.address(), &[a, b]);
            // A node that dies from here on begins its turn after this, and finds the link.
            if self.is_live(a) && self.is_live(b) {
                return self.link_if_room(a, b, level, grace);
            }
        }
        self.rejoin_in_turn(a, b, level, &self.lock_turns(alone), grace)
    }

    /// [`Graph::rejoin`] for who has locked the turns.
    pub(super) fn rejoin_in_turn(&self, a: u32, b: u32, level: usize, turns: &LockedTurns, grace: &Grace) -> bool {
        let is_leaving = |node| !self.is_present(node) || turns.as_ref().is_some_and(|turns| turns.has(node));
        if is_leaving(a) || is_leaving(b) {
            return false;
        }
        let _locked = lock(self.address(), &[a, b]);
        self.link_if_room(a, b, level, grace)
    }

    /// Both nodes are locked.
    fn link_if_room(&self, a: u32, b: u32, level: usize, grace: &Grace) -> bool {
        if self.links.contains(a, level, b) {
            return true;
        }
        let hard = self.links.hard_capacity(level);
        let room = a != b && self.links.count(a, level) < hard && self.links.count(b, level) < hard;
        if room {
            self.link_both(a, b, level, grace);
        }
        room
    }
}
