//! What only a fork can leave behind.

use super::*;
use crate::vector::Encoding;

/// A linker is in the middle of linking an element when that is removed, and then the server forks.
#[test]
fn a_child_saves_no_link_to_an_element_that_died_while_it_was_linked() {
    let mut set = VectorSet::new(Params { dim: 2, input_dim: None, encoding: Encoding::F32, m: 4 });
    for (name, vector) in [(b"a", [1.0, 0.0]), (b"b", [0.0, 1.0]), (b"c", [1.0, 1.0])] {
        set.add(name, &vector, 10, AttributeChange::Keep).expect("room");
    }
    let shared = &set.shared;
    let mut fresh = set.ids.fresh().expect("room");
    shared.codec.encode(&[1.0, 2.0], shared.vectors.write(&mut fresh));
    let id = fresh.publish();
    shared.names.replace(id, Some(Blob::new(b"gone")));
    shared.graph.announce(id, 0);
    let mut of_first = shared.graph.neighbours(0, 0);
    of_first.push(id);
    shared.graph.restore_links(0, 0, &of_first, &shared.grace);
    shared.graph.restore_links(id, 0, &[0], &shared.grace);
    assert!(!shared.graph.mark_dead(id), "it is not linked yet");

    let settled = set.settle(Alone::Yes);
    let (mut ids, mut targets) = (Vec::new(), Vec::new());
    settled.for_each_saved(&mut |element, levels| {
        ids.push(element.wire_id);
        levels.iter().for_each(|level| targets.extend_from_slice(&level.targets));
    });
    assert_eq!(ids.len(), 3);
    assert!(targets.iter().all(|target| ids.contains(target)), "{targets:?} of {ids:?}");
}

/// Names can always be moved; attributes only while no query can see them.
#[test]
fn attributes_stay_in_place_under_queries() {
    let mut set = VectorSet::new(Params { dim: 2, input_dim: None, encoding: Encoding::F32, m: 4 });
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
