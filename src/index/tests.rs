//! Tests of states that only a fork, a panic or a long query can cause.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use super::backlog::PIECES_AT_ONCE;
use super::plan::Estimate;
use super::*;
use crate::vector::Metric;

fn params(dim: usize, m: usize) -> Params {
    Params { dim, input_dim: None, encoding: Encoding::F32, metric: Metric::Cosine, m }
}

/// An index of points on a quarter of a circle, in order.
fn arc(rows: u32) -> VectorIndex {
    let mut index = VectorIndex::new(params(2, 8));
    for row in 0..rows {
        assert_eq!(index.insert(&point(row, rows), 60), Ok(row));
    }
    index
}

fn point(row: u32, rows: u32) -> [f32; 2] {
    let angle = row as f32 / rows as f32 * std::f32::consts::FRAC_PI_2;
    [angle.cos(), angle.sin()]
}

/// Removes a row as if linkers were there, and late.
fn remove_late(index: &mut VectorIndex, row: u32) {
    index.len -= 1;
    assert!(index.shared.graph.mark_dead(row));
    index.shared.push_dead(row);
}

/// Stores a row as if linkers were there, and late.
fn insert_late(index: &mut VectorIndex, vector: &[f32]) -> u32 {
    let row = index.store(&[], None, Input::Floats(vector), |_| ()).expect("room");
    assert!(index.shared.push_pending(row, 60));
    row
}

fn nearest(index: &VectorIndex, vector: &[f32], options: &Options) -> Vec<u32> {
    let found = index.query(Target::Vector(vector), options).expect("finite").run();
    found.rows().into_iter().map(|candidate| candidate.node).collect()
}

/// A linker is in the middle of linking a row when that is removed, and then the process forks.
#[test]
fn a_child_saves_no_link_to_a_row_that_died_while_it_was_linked() {
    let mut index = VectorIndex::new(params(2, 4));
    Arc::get_mut(&mut index.shared).expect("no reader yet").few = 0;
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

/// Saved links that leave groups apart are taken, and the groups joined.
#[test]
fn unconnected_groups_are_joined() {
    const GROUP: u64 = 20;
    let mut restorer = Restorer::new(params(2, 16), None);
    for label in 0..2 * GROUP {
        let code: Vec<u8> = point(label as u32, 2 * GROUP as u32).iter().flat_map(|x| x.to_le_bytes()).collect();
        restorer.row(&SavedRow { code: &code, l2: 1.0, range: 0.0, label, level: 0 }).expect("a sound row");
        let first = label / GROUP * GROUP;
        let targets: Vec<u64> = (first..first + GROUP).filter(|&other| other != label).collect();
        restorer.links(0, &targets);
    }
    let (index, restored, _) = restorer.finish().expect("each label once");
    assert_eq!(restored, Restored::Joined(1));
    index.check(&(0..2 * GROUP as u32).collect::<Vec<_>>()).expect("a sound index");
}

/// A few rows have no links, whatever becomes of them; one more, and all are linked, those of a removed row too.
#[test]
fn few_rows_are_linked_when_they_are_many() {
    let mut index = VectorIndex::new(params(2, 16));
    let few = index.shared.few;
    assert_eq!(few, 16);
    let rows: Vec<u32> = (0..few).map(|row| index.insert(&point(row, few), 60).expect("room")).collect();
    let options = Options { count: 20, ..Options::default() };
    for most_expanded in [None, Some(3)] {
        let options = Options { most_expanded, ..options.clone() };
        let found = index.query(Target::Vector(&[1.0, 0.0]), &options).expect("finite").run_among(&Everything);
        let found: Vec<u32> = found.rows().iter().map(|row| row.node).collect();
        assert_eq!(found, rows[..most_expanded.unwrap_or(16)], "the nearest first, {most_expanded:?}");
    }
    assert_eq!(index.links(3)[0].len(), 15);
    assert_eq!(index.shared.graph.entry(), None, "nothing is linked");
    index.check(&rows).expect("a sound index");
    // Its id is used again, so that there are no more rows than before.
    index.remove(5);
    assert_eq!(index.insert(&[0.5, 0.5], 60), Ok(5));
    assert_eq!(index.shared.graph.entry(), None);
    let reader = index.query(Target::Vector(&[1.0, 0.0]), &options).expect("finite");
    assert_eq!(index.insert(&[1.0, -1.0], 60), Ok(16));
    assert_eq!(index.links(3)[0].len(), 16);
    assert_eq!(reader.run().rows().len(), 17, "one that was asked before");
    index.check(&(0..17).collect::<Vec<_>>()).expect("a sound index");
    // A copy of the few that are left has no links again.
    (4..17).for_each(|row| index.remove(row));
    let (copy, _) = index.duplicate();
    assert_eq!((copy.len(), copy.shared.graph.entry()), (4, None));
    copy.check(&[0, 1, 2, 3]).expect("a sound index");
}

/// The nearest 900 are dead and not yet repaired: bridges, but no hits.
#[test]
fn the_dead_take_no_places() {
    let mut index = arc(3000);
    (0..900).for_each(|row| remove_late(&mut index, row));
    for (count, ef) in [(10, 100), (10, 10), (100, 100), (300, 100)] {
        let options = Options { count, ef: Some(ef), ..Options::default() };
        let expected: Vec<u32> = (900..900 + count as u32).collect();
        assert_eq!(nearest(&index, &point(0, 3000), &options), expected, "COUNT {count} EF {ef}");
    }
    index.settle(Alone::No);
    index.check(&(900..3000).collect::<Vec<_>>()).expect("a sound index");
}

/// Linking a row panics in a linker: the row is found by comparing, the others are linked, and so is it in the end.
#[test]
fn a_panic_while_linking_leaves_nothing_behind() {
    let mut index = arc(300);
    let victim = insert_late(&mut index, &[1.0, -0.1]);
    let rows: Vec<u32> = (0..50).map(|i| insert_late(&mut index, &[1.0, -0.2 - i as f32])).collect();
    let (linked, wait) = std::sync::mpsc::channel::<()>();
    index.wait_for_links(Box::new(linked));
    index.shared.fails_at.store(victim, Ordering::Relaxed);
    let mut panics = 0;
    while index.pending() > 0 {
        panics += catch_unwind(AssertUnwindSafe(|| index.shared.work())).is_err() as usize;
    }
    assert_eq!(panics, 1);
    assert!(rows.iter().all(|&row| index.is_linked(row)) && !index.is_linked(victim));
    assert_eq!(wait.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected), "a waiter waits for nothing");
    assert_eq!(nearest(&index, &[1.0, -0.1], &Options { count: 1, ..Options::default() }), [victim]);
    // The ring goes on.
    for _ in 0..20_000 {
        let row = insert_late(&mut index, &[-1.0, 0.0]);
        while index.shared.work() {}
        index.remove(row);
    }
    index.shared.fails_at.store(u32::MAX, Ordering::Relaxed);
    index.settle(Alone::No);
    assert!(index.is_linked(victim));
    let live: Vec<u32> = (0..index.end()).filter(|&row| index.is_live(row)).collect();
    index.check(&live).expect("a sound index");
}

/// Replies wait before the ring of pending rows is full, whatever the bound in bytes.
#[test]
fn writers_are_held_back_before_the_ring_is_full() {
    set_pending_bytes(1 << 40);
    let mut index = VectorIndex::new(params(1, 4));
    // However much work other tests leave to their linkers.
    (0..=pending::Pending::MOST).for_each(|_| _ = insert_late(&mut index, &[1.0]));
    assert!(index.is_over_bound());
    set_pending_bytes(512 << 10);
    let reader = index.reader();
    assert!(reader.is_over_bound());
    drop(index);
    assert!(!reader.is_over_bound(), "of an abandoned index nothing is ever done");
}

/// Where replies cannot wait, one change does a bounded number of pieces, and more than it adds.
#[test]
fn work_is_done_in_pieces() {
    let mut index = arc(12_000);
    (0..10_000).for_each(|row| remove_late(&mut index, row));
    for _ in 0..5 {
        let before = index.shared.dead.len();
        index.link_some();
        assert_eq!(before - index.shared.dead.len(), PIECES_AT_ONCE);
    }
    // And none pays for what all have left behind.
    while index.shared.work_now() {}
    let mut retired = index.shared.retired.len();
    while index.reclaim() {
        let left = index.shared.retired.len() + index.retired.len();
        assert!(retired - left <= RECLAIMED_AT_ONCE);
        retired = left;
    }
    assert_eq!(index.shared.retired.len() + index.retired.len(), 0);
}

#[test]
fn large_vectors_make_no_small_index() {
    let mut small = arc(SMALL as u32);
    assert!(small.is_small());
    small.insert(&[1.0, 1.0], 10).expect("room");
    assert!(!small.is_small());
    let mut large = VectorIndex::new(params(4096, 4));
    (0..10).for_each(|i| _ = large.insert(&vec![i as f32 + 1.0; 4096], 10).expect("room"));
    assert!(!large.is_small());
}

/// What is left of a large index is not found by going through all ids that there were.
#[test]
fn a_shrunken_index_is_not_scanned() {
    let estimate = |end: usize| Estimate {
        len: 100,
        end,
        row_bytes: 108,
        sketch_bytes: None,
        m: 16,
        ef: 100,
        explicit_ef: false,
        exact: false,
        most_expanded: None,
        selectivity: None,
        test_nanos: 0.0,
    };
    assert_eq!(estimate(100).plan(), Plan::Scan);
    assert_eq!(estimate(10_000_000).plan(), Plan::Graph { ef: 100 });
    let exact = Estimate { exact: true, ..estimate(10_000_000) };
    assert!(exact.cost() > 1_000_000, "the main thread must not do it");
    // Where a search reads sketches, it is shorter than a scan of rows much sooner.
    let floats = Estimate { len: 12_000, row_bytes: 1544, ef: 400, ..estimate(12_000) };
    assert_eq!(floats.plan(), Plan::Scan);
    assert_eq!(Estimate { sketch_bytes: Some(56), ..floats }.plan(), Plan::Graph { ef: 400 });
}

/// Accepts all rows, and replaces two when it is asked about one in the middle.
struct Replacing<'a>(&'a RefCell<VectorIndex>, Cell<bool>);

impl Accept for Replacing<'_> {
    fn matches(&self, row: u32) -> bool {
        if row == 50 && !self.1.replace(true) {
            for old in [10, 90] {
                self.0.borrow_mut().replace(old, &[-1.0, old as f32], 20).expect("room");
            }
        }
        true
    }

    fn count(&self) -> Option<usize> {
        None
    }
}

/// Rows that are replaced while all are looked at, one before its turn and one after, count once.
#[test]
fn all_rows_are_found_once_while_some_are_replaced() {
    let index = RefCell::new(arc(100));
    let reader = index.borrow().reader();
    let rows = reader.rows_that(&Replacing(&index, Cell::new(false)));
    let expected: Vec<u32> = (0..102).filter(|row| ![10, 90].contains(row)).collect();
    assert_eq!(rows, expected);
    assert_eq!([10, 50, 90].map(|row| reader.latest(row)), [100, 50, 101]);
}

/// Verification works while rows are inserted and removed, and reports damage.
#[test]
fn damaged_links_are_told() {
    let mut index = arc(300);
    let verify = |index: &VectorIndex| {
        let mut reach = index.reach();
        while index.reach_on(&mut reach) {}
        index.check_entry()?;
        (0..index.end()).filter(|&row| index.is_live(row)).try_for_each(|row| {
            index.check_row(row)?;
            index.check_reached(row, &mut reach)
        })
    };
    assert_eq!(verify(&index), Ok(()));
    // A row that nothing links, then one whose link has no other end.
    let alone = index.store(&[], None, Input::Floats(&[1.0, -1.0]), |_| ()).expect("room");
    let (entry, _) = index.shared.graph.entry().expect("there are links");
    index.shared.graph.restore_done([entry, alone].into_iter());
    assert!(verify(&index).is_err_and(|why| why.contains("connected")), "{:?}", verify(&index));
    index.shared.graph.restore_links(alone, 0, &[7], &index.shared.grace);
    assert!(verify(&index).is_err_and(|why| why.contains("not back")), "{:?}", verify(&index));
}
