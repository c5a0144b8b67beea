//! Range search: continues from the final beam along links between nodes within the distance.

use super::scratch::Scratch;
use super::{Candidate, Graph, Space};

/// What [`Graph::search_within`] looks for.
#[derive(Clone, Copy, Debug)]
pub struct Within {
    /// Nodes at most this far are walked over.
    pub reach: f32,
    /// Width of the beam that finds where the walk begins.
    pub ef: usize,
    /// Most nodes to meet.
    pub most: usize,
}

impl Graph {
    /// The nodes within reach that a walk finds, and the best that its beam found, in no order. None if it
    /// met too many: then it is cheaper to compare with all.
    ///
    /// The walk goes from the nodes that a beam found over nodes within reach, so it misses those that only
    /// nodes beyond it lead to: a reach somewhat larger than the requested one finds most of these.
    pub fn search_within<S: Space>(
        &self,
        space: &S,
        probe: &S::Probe,
        within: Within,
        scratch: &mut Scratch,
    ) -> Option<Vec<Candidate>> {
        let mut found = self.search(space, probe, within.ef, scratch);
        let Scratch { visited, batch, .. } = scratch;
        visited.begin(self.nodes.end() as usize);
        found.retain(|candidate| visited.insert(candidate.node));
        let mut at = 0;
        while let Some(&next) = found.get(at) {
            at += 1;
            if next.distance > within.reach {
                continue;
            }
            loop {
                self.evaluate_neighbours(space, probe, next.node, 0, batch, |node| visited.insert(node));
                let met = batch.nodes.iter().zip(&batch.distances);
                let near = met.filter(|&(_, &distance)| distance <= within.reach);
                found.extend(near.map(|(&node, &distance)| Candidate { distance, node }));
                if !visited.has_grown(self.nodes.end()) {
                    break;
                }
            }
            if batch.evaluations > within.most as u64 {
                break;
            }
        }
        let is_whole = found[at.min(found.len())..].iter().all(|candidate| candidate.distance > within.reach);
        is_whole.then_some(found)
    }
}
