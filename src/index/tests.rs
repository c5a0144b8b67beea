//! What only a fork can leave behind.

use super::*;
use crate::vector::Metric;

/// A linker is in the middle of linking a row when that is removed, and then the process forks.
#[test]
fn a_child_saves_no_link_to_a_row_that_died_while_it_was_linked() {
    let mut index =
        VectorIndex::new(Params { dim: 2, input_dim: None, encoding: Encoding::F32, metric: Metric::Cosine, m: 4 });
    let rows: Vec<u32> =
        [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].iter().map(|vector| index.insert(vector, 10).expect("room")).collect();
    let shared = &index.shared;
    let mut fresh = index.ids.fresh().expect("room");
    shared.codec.encode(&[1.0, 2.0], shared.vectors.write(&mut fresh));
    let gone = fresh.publish();
    shared.graph.announce(gone, 0);
    let mut of_first = shared.graph.neighbours(0, 0);
    of_first.push(gone);
    shared.graph.restore_links(0, 0, &of_first, &shared.grace);
    shared.graph.restore_links(gone, 0, &[0], &shared.grace);
    assert!(!shared.graph.mark_dead(gone), "it is not linked yet");

    let _rest = index.settle(Alone::Yes);
    for &row in &rows {
        for links in index.saved_links(row, u64::from) {
            assert!(links.targets.iter().all(|&target| rows.contains(&(target as u32))), "{:?}", links.targets);
        }
    }
}
