//! What remains of elements in a set: after removals, in copies, during queries.

use super::*;
use crate::vector::{Encoding, Metric};

/// Names and attributes can be moved only while no query can see them.
#[test]
fn what_queries_read_stays_in_place() {
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
    assert_eq!(visit(&mut set, 0, 100), (0, None));
    let hits = query.run();
    assert_eq!(visit(&mut set, 0, 100), (0, None));
    drop(hits);
    assert_eq!(visit(&mut set, 0, 100), (6, None));
}

fn numbered(n: usize) -> VectorSet {
    let mut set =
        VectorSet::new(Params { dim: 2, input_dim: None, encoding: Encoding::F32, metric: Metric::Cosine, m: 4 });
    for i in 0..n {
        let text = format!("{{\"n\":{i}}}");
        let vector = [i as f32 + 1.0, 1.0];
        set.add(format!("e{i}").as_bytes(), &vector, 10, AttributeChange::Set(text.as_bytes())).expect("room");
    }
    set
}

/// What is kept of records follows removals and updates at once, and so do estimates.
#[test]
fn nothing_is_left_of_the_removed() {
    let mut set = numbered(2000);
    let filter = crate::filter::parse(b".n < 1500").expect("it parses");
    let options = SearchOptions { filter: Some(filter.clone()), ..Default::default() };
    let ask = |set: &VectorSet| set.query(Target::Vector(&[1.0, 1.0]), &options).expect("finite");
    let kept = |set: &VectorSet| set.compile(&filter).kept().map(matches::Matches::count);
    for _ in 0..3 {
        ask(&set).run();
    }
    assert_eq!(kept(&set), Some(1500));
    // One is gone, one stays where it is, one gets another row, one does not match any more.
    assert!(set.remove(b"e1"));
    assert_eq!(set.add(b"e2", &[3.0, 1.0], 10, AttributeChange::Keep), Ok(false));
    assert_eq!(set.add(b"e3", &[-3.0, 1.0], 10, AttributeChange::Keep), Ok(false));
    assert!(set.set_attributes(b"e4", b"{\"n\":5000}"));
    assert_eq!(kept(&set), Some(1498));
    for i in 0..1500 {
        set.remove(format!("e{i}").as_bytes());
    }
    assert_eq!(kept(&set), Some(0));
    assert_eq!(set.select(&filter).run().len(), 0);
    let hits = ask(&set).run();
    assert_eq!(hits.resolve().len(), 0);
    assert_eq!(hits.work().tested, 0, "it is known that nothing matches");
    // Ids are used again, by elements that do not match.
    for i in 0..1500 {
        let vector = [i as f32, -1.0];
        set.add(format!("new{i}").as_bytes(), &vector, 10, AttributeChange::Set(b"{\"n\":9999}")).expect("room");
    }
    assert_eq!(kept(&set), Some(0));
    assert_eq!(ask(&set).run().resolve().len(), 0);
    set.check().expect("a sound set");
}

/// An equal vector leaves an element in its row, and changes its attributes only.
#[test]
fn an_equal_vector_stays() {
    let mut set = numbered(50);
    let (id, links, before) = (set.id(b"e7"), set.links(b"e7"), set.info());
    assert_eq!(set.add(b"e7", &[8.0, 1.0], 10, AttributeChange::Keep), Ok(false));
    assert_eq!(set.attributes(b"e7"), Some(&b"{\"n\":7}"[..]));
    assert_eq!(set.add(b"e7", &[8.0, 1.0], 10, AttributeChange::Set(b"")), Ok(false));
    assert_eq!((set.id(b"e7"), set.links(b"e7"), set.attributes(b"e7")), (id, links, None));
    let after = set.info();
    assert_eq!((after.max_node_uid, after.attributes_count), (before.max_node_uid + 2, before.attributes_count - 1));
    set.check().expect("a sound set");
}

/// What is kept for filters costs writes no more than a bound.
#[test]
fn kept_filters_have_a_price() {
    let set = numbered(10);
    let long: Vec<String> = (0..3000).map(|i| i.to_string()).collect();
    let dear = crate::filter::parse(format!(".n in [{}]", long.join(",")).as_bytes()).expect("it parses");
    for _ in 0..3 {
        assert!(set.compile(&dear).kept().is_none());
        assert_eq!(set.select(&dear).run().len(), 10);
    }
}

/// Attributes that a query may read outlive the set.
#[test]
fn retired_attributes_outlive_the_set() {
    let mut set = numbered(10);
    let query = set.query(Target::Vector(&[1.0, 1.0]), &SearchOptions::default()).expect("finite");
    assert!(set.set_attributes(b"e1", b"{\"n\":1000}"));
    let table = std::sync::Arc::downgrade(&set.table);
    drop(set);
    assert_eq!(table.upgrade().expect("the query has it").left_over(), 1);
    assert_eq!(query.run().resolve().len(), 10);
    assert!(table.upgrade().is_none());
}

/// A copy's elements expire when those of the set do.
#[test]
fn copies_keep_times() {
    let mut set = numbered(5);
    let id = set.id(b"e1").expect("it is there");
    set.put_time(id, i64::MAX);
    set.remove(b"e0");
    let copy = set.duplicate();
    assert_eq!((copy.time(b"e1"), copy.time(b"e2"), copy.len()), (Some(Some(i64::MAX)), Some(None), 4));
}

/// Those whose time comes, and those that are removed, before the reply is built make room for others; where these are
/// too many, that is known.
#[test]
fn hits_that_go_leave_their_places_to_others() {
    for truth in [false, true] {
        let mut set = numbered(100);
        let options = SearchOptions { truth, ..Default::default() };
        let hits = set.query(Target::Vector(&[1.0, 1.0]), &options).expect("finite").run();
        for i in 0..3 {
            set.set_time(format!("e{i}").as_bytes(), Some(1));
            set.remove(format!("e{}", 5 + i).as_bytes());
        }
        let found = hits.resolve();
        assert_eq!(
            found.iter().map(|hit| hit.name).collect::<Vec<_>>(),
            [&b"e3"[..], b"e4", b"e8", b"e9", b"e10", b"e11", b"e12", b"e13", b"e14", b"e15"]
        );
        assert!(!hits.is_short(found.len()));
        for i in 10..17 {
            set.remove(format!("e{i}").as_bytes());
        }
        assert!(hits.is_short(hits.resolve().len()));
    }
}

/// An element that got another vector between search and removal is removed, unless it does not match any more.
#[test]
fn a_removal_finds_who_moved() {
    let mut set = numbered(100);
    let filter = crate::filter::parse(b".n < 50").expect("it parses");
    let mut selected = set.select(&filter).run();
    assert_eq!(set.add(b"e7", &[9.0, -1.0], 10, AttributeChange::Keep), Ok(false));
    assert_eq!(set.add(b"e8", &[9.0, -2.0], 10, AttributeChange::Set(b"{\"n\":99}")), Ok(false));
    let removed = set.remove_selected(&mut selected, usize::MAX);
    assert_eq!((removed.len(), set.len()), (49, 51));
    assert!(!set.contains(b"e7") && set.contains(b"e8"));
}

/// Attributes that a hit is shown with match the filter, also where they were changed since the search.
#[test]
fn hits_match_as_they_are_shown() {
    let mut set = numbered(30);
    let filter = crate::filter::parse(b".n < 20").expect("it parses");
    let options = SearchOptions { filter: Some(filter), ..Default::default() };
    let hits = set.query(Target::Vector(&[1.0, 1.0]), &options).expect("finite").run();
    for i in 0..15 {
        assert!(set.set_attributes(format!("e{i}").as_bytes(), b"{\"n\":20}"));
    }
    let shown = hits.resolve();
    assert!(!shown.is_empty() && shown.iter().all(|hit| hit.attributes.is_some_and(|text| text != b"{\"n\":20}")));
    assert!(hits.is_short(shown.len()));
    drop(shown);
    assert!(!hits.is_last());
    drop(set);
    assert!(hits.is_last());
}

/// A verification in steps, each of a few elements, while the set changes between them.
#[test]
fn a_set_is_verified_in_steps() {
    let verify = |set: &mut VectorSet, change: &mut dyn FnMut(&mut VectorSet, usize)| {
        let (mut checking, mut steps) = (Checking::new(set), 0);
        loop {
            assert!(checking.is_of(set));
            if checking.step(set)? {
                return Ok::<usize, String>(steps);
            }
            steps += 1;
            change(set, steps);
        }
    };
    let mut set = numbered(1000);
    let steps = verify(&mut set, &mut |_, _| ()).expect("a sound set");
    assert!((4 * 1000 / 16..5 * 1000 / 16).contains(&steps), "{steps} steps");
    let mut change = |set: &mut VectorSet, step: usize| {
        let name = format!("e{}", step * 7919 % 1200);
        match step % 3 {
            0 => _ = set.remove(name.as_bytes()),
            1 => _ = set.add(name.as_bytes(), &[step as f32, 2.0], 10, AttributeChange::Set(b"{}")),
            _ => _ = set.set_attributes(name.as_bytes(), b""),
        }
    };
    verify(&mut set, &mut change).expect("a sound set");
    set.check().expect("a sound set");
    assert!(!Checking::new(&numbered(3)).is_of(&set));

    set.attributes_count += 1;
    assert!(verify(&mut set, &mut |_, _| ()).is_err_and(|why| why.contains("attributes")));
    set.attributes_count -= 1;
    let (name, id) = (set.nth(5).to_vec(), set.names.nth(5));
    let table = set.table.clone();
    set.names.remove(&name, |id| table.name(id));
    let expected = format!("the name of {id} does not lead to it");
    assert_eq!(verify(&mut set, &mut |_, _| ()), Err(expected.clone()));
    assert_eq!(set.check(), Err(expected));
}

/// Many hits are read on another thread while the set changes: none twice, none that did not match, and all that stayed.
#[test]
fn many_hits_are_read_beside_changes() {
    const ELEMENTS: usize = 3000;
    let mut set = numbered(ELEMENTS);
    let filter = crate::filter::parse(b".n >= 0").expect("it parses");
    let options = SearchOptions { count: 2 * ELEMENTS, filter: Some(filter), truth: true, ..Default::default() };
    let query = set.query(Target::Vector(&[1.0, 1.0]), &options).expect("finite");
    assert!(query.may_find_many());
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let hits = query.run();
            assert!(hits.are_many());
            for _ in 0..10 {
                let found = hits.resolve_beside();
                assert!(!hits.is_short(found.len()), "all that there was were found");
                let names: std::collections::HashSet<&[u8]> = found.iter().map(|hit| hit.name).collect();
                assert_eq!(names.len(), found.len(), "none twice");
                for hit in &found {
                    let number = std::str::from_utf8(&hit.name[1..]).expect("a name");
                    let expected = format!("{{\"n\":{number}}}");
                    assert_eq!(hit.attributes, Some(expected.as_bytes()), "{number}");
                }
                for i in (0..ELEMENTS).filter(|i| i % 4 < 2) {
                    assert!(names.contains(format!("e{i}").as_bytes()), "e{i} stays an element that matches");
                }
            }
        });
        // Two of four stay, of which one gets other vectors; one comes and goes, one matches now and then.
        for step in 0.. {
            let i = step * 7919 % ELEMENTS;
            let (name, text) = (format!("e{i}"), format!("{{\"n\":{i}}}"));
            let (name, text, turn) = (name.as_bytes(), text.as_bytes(), (step / ELEMENTS).is_multiple_of(2));
            match i % 4 {
                0 => {}
                1 => _ = set.add(name, &[step as f32, -1.0], 10, AttributeChange::Keep).expect("room"),
                2 if turn => _ = set.remove(name),
                2 => _ = set.add(name, &[i as f32, 1.0], 10, AttributeChange::Set(text)).expect("room"),
                _ => _ = set.set_attributes(name, if turn { b"{\"n\":-1}" } else { text }),
            }
            if reader.is_finished() {
                break;
            }
        }
    });
}
