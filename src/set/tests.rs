//! What defragmentation may move.

use super::*;
use crate::vector::{Encoding, Metric};

/// Names can always be moved; attributes only while no query can see them.
#[test]
fn attributes_stay_in_place_under_queries() {
    let mut set =
        VectorSet::new(Params { dim: 2, input_dim: None, encoding: Encoding::F32, metric: Metric::Cosine, m: 4 });
    for (name, vector) in [(b"a", [1.0, 0.0]), (b"b", [0.0, 1.0]), (b"c", [1.0, 1.0])] {
        set.add(name, &vector, 10, AttributeChange::Set(b"{}")).expect("room");
    }
    let visit = |set: &mut VectorSet, from, most: usize| {
        let mut visited = 0;
        let next = set.visit_movable(from, &mut |_| {
            visited += 1;
            visited < most
        });
        (visited, next)
    };
    assert_eq!(visit(&mut set, 0, 100), (6, None));
    assert_eq!(visit(&mut set, 0, 2), (2, Some(1)));
    assert_eq!(visit(&mut set, 1, 100), (4, None));
    let query = set.query(Target::Element(b"a"), &SearchOptions::default()).expect("finite");
    assert_eq!(visit(&mut set, 0, 100), (3, None));
    let hits = query.run();
    assert_eq!(visit(&mut set, 0, 100), (3, None));
    drop(hits);
    assert_eq!(visit(&mut set, 0, 100), (6, None));
}
