//! Which candidates become neighbours: near ones that lie in different directions.

use super::Space;
use super::pool::Candidate;

/// Chooses up to `most` of the candidates (nearest first): each that is nearer to the centre than
/// to every one chosen before (the heuristic of Malkov and Yashunin, algorithm 4), then the nearest
/// of the passed over until there are `least`.
pub(super) fn diverse<S: Space>(
    space: &S,
    candidates: &[Candidate],
    most: usize,
    least: usize,
    probe: &mut S::Probe,
) -> Vec<Candidate> {
    let mut chosen: Vec<Candidate> = Vec::with_capacity(most);
    let mut nodes: Vec<u32> = Vec::with_capacity(most);
    let mut passed = Vec::new();
    let mut distances = vec![0.0; most];
    for &candidate in candidates {
        if chosen.len() == most {
            break;
        }
        space.move_probe(probe, candidate.node);
        let between = &mut distances[..nodes.len()];
        space.distances(probe, &nodes, between);
        if between.iter().all(|&d| d >= candidate.distance) {
            chosen.push(candidate);
            nodes.push(candidate.node);
        } else {
            passed.push(candidate);
        }
    }
    let missing = least.min(most).saturating_sub(chosen.len());
    chosen.extend(passed.into_iter().take(missing));
    chosen
}
