//! Graphs saved without their vectors, and taken up again while these come in any order.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use vset::index::{Alone, KeptGraph, Params, VectorIndex};
use vset::vector::{Encoding, Input, Metric};

const DIM: usize = 6;

/// Owners with their vectors, and the rows that they have in an index.
type Model = BTreeMap<u32, (Vec<f32>, u32)>;

fn empty(encoding: Encoding) -> VectorIndex {
    VectorIndex::new(Params { dim: DIM, input_dim: None, encoding, metric: Metric::Cosine, m: 8 })
}

fn random_vector(rng: &mut SmallRng) -> Vec<f32> {
    (0..DIM).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn put(index: &mut VectorIndex, model: &mut Model, owner: u32, vector: Vec<f32>) {
    let before = model.get(&owner).map(|(_, row)| *row);
    let row = index.put_of(&owner.to_le_bytes(), before, Input::Floats(&vector), 60, |_| ()).expect("room");
    model.insert(owner, (vector, row));
}

/// An index that vectors came into, changed in and left.
fn lived(encoding: Encoding, owners: u32, rng: &mut SmallRng) -> (VectorIndex, Model) {
    let (mut index, mut model) = (empty(encoding), Model::new());
    for _ in 0..owners * 2 {
        let owner = rng.random_range(0..owners);
        match model.remove(&owner) {
            Some((_, row)) if rng.random_bool(0.3) => index.remove(row),
            before => {
                model.extend(before.map(|before| (owner, before)));
                put(&mut index, &mut model, owner, random_vector(rng));
            }
        }
    }
    (index, model)
}

fn saved(index: &mut VectorIndex, model: &Model) -> Vec<Vec<u8>> {
    let owners: BTreeMap<u32, [u8; 4]> = model.iter().map(|(owner, (_, row))| (*row, owner.to_le_bytes())).collect();
    let mut blocks = Vec::new();
    let owner = |row| Some(&owners[&row][..]);
    index.save_graph(Alone::No, &owner, &mut |block| blocks.push(block.to_vec()));
    blocks
}

/// The graph, if all of its blocks are sound.
fn read(blocks: &[Vec<u8>]) -> Option<KeptGraph> {
    let mut graph = KeptGraph::default();
    for (at, block) in blocks.iter().enumerate() {
        match graph.read(block) {
            Ok(done) if done == (at + 1 == blocks.len()) => {}
            _ => return None,
        }
    }
    Some(graph)
}

/// The neighbours of all by their owners, level by level.
fn links(index: &mut VectorIndex, model: &Model) -> BTreeMap<u32, Vec<Vec<u32>>> {
    let owners: BTreeMap<u32, u32> = model.iter().map(|(owner, (_, row))| (*row, *owner)).collect();
    let of = |links: Vec<(u32, f32)>| {
        let mut of: Vec<u32> = links.into_iter().map(|(row, _)| owners[&row]).collect();
        of.sort_unstable();
        of
    };
    owners.iter().map(|(row, owner)| (*owner, index.links(*row).into_iter().map(of).collect())).collect()
}

fn check(index: &mut VectorIndex, model: &Model) {
    let _rest = index.settle(Alone::No);
    let mut rows: Vec<u32> = model.values().map(|(_, row)| *row).collect();
    rows.sort_unstable();
    index.check(&rows).expect("a sound index");
}

#[test]
fn vectors_that_come_again_have_the_links_that_they_had() {
    for (seed, encoding) in [(1, Encoding::F32), (2, Encoding::Int8), (3, Encoding::Binary)] {
        let mut rng = SmallRng::seed_from_u64(seed);
        let (mut index, model) = lived(encoding, 4500, &mut rng);
        let blocks = saved(&mut index, &model);
        assert!(blocks.len() > 1, "of several blocks");
        let (mut loaded, mut again) = (empty(encoding), Model::new());
        assert!(loaded.await_graph(read(&blocks).expect("it is sound")));
        let mut coming: Vec<_> = model.iter().collect();
        coming.shuffle(&mut rng);
        coming.into_iter().for_each(|(owner, (vector, _))| put(&mut loaded, &mut again, *owner, vector.clone()));
        assert!(again.values().all(|(_, row)| !loaded.is_linked(*row)));
        loaded.end_waiting(Alone::No);
        assert!(again.values().all(|(_, row)| loaded.is_linked(*row)));
        assert_eq!(links(&mut loaded, &again), links(&mut index, &model));
        check(&mut loaded, &again);
    }
}

/// Some are gone, some are other vectors now, some were not there, some change while they come.
#[test]
fn what_differs_is_linked_and_the_rest_keeps_its_links() {
    for seed in 0..4 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let (mut index, mut model) = lived(Encoding::Int8, 1500, &mut rng);
        let graph = read(&saved(&mut index, &model)).expect("it is sound");
        let before = links(&mut index, &model);
        model.retain(|_, _| rng.random_bool(0.9));
        let (mut loaded, mut again) = (empty(Encoding::Int8), Model::new());
        assert!(loaded.await_graph(graph));
        let mut same = model.clone();
        for (owner, (vector, _)) in model {
            put(&mut loaded, &mut again, owner, vector);
            if rng.random_bool(0.1) {
                same.remove(&owner);
                put(&mut loaded, &mut again, owner, random_vector(&mut rng));
            }
        }
        (5000..5100).for_each(|owner| put(&mut loaded, &mut again, owner, random_vector(&mut rng)));
        let gone: Vec<u32> = again.keys().copied().filter(|_| rng.random_bool(0.05)).collect();
        gone.iter().for_each(|owner| loaded.remove(again.remove(owner).expect("it is there").1));
        loaded.end_waiting(Alone::No);
        let after = links(&mut loaded, &again);
        let (mut kept, mut lost) = (0, 0);
        for owner in same.keys().filter(|owner| again.contains_key(owner)) {
            for link in before[owner][0].iter().filter(|link| same.contains_key(link) && again.contains_key(link)) {
                *if after[owner][0].contains(link) { &mut kept } else { &mut lost } += 1;
            }
        }
        // A newcomer may take the place of a link.
        assert!(kept > 2 * lost, "seed {seed}: {kept} kept, {lost} lost");
        check(&mut loaded, &again);
    }
}

/// Any change of the bytes is noticed, or yields a sound index.
#[test]
fn damaged_bytes_do_no_harm() {
    let mut rng = SmallRng::seed_from_u64(9);
    let (mut index, model) = lived(Encoding::Int8, 120, &mut rng);
    let blocks = saved(&mut index, &model);
    assert_eq!(blocks.len(), 1);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..3000 {
        let mut block = blocks[0].clone();
        let at = rng.random_range(0..block.len());
        match rng.random_range(0..3) {
            0 => block.truncate(at),
            1 => block[at] ^= 1 << rng.random_range(0..8),
            _ => block[at] = rng.random(),
        }
        let Some(graph) = read(&[block]) else {
            refused += 1;
            continue;
        };
        accepted += 1;
        let (mut loaded, mut again) = (empty(Encoding::Int8), Model::new());
        loaded.await_graph(graph);
        model.iter().for_each(|(owner, (vector, _))| put(&mut loaded, &mut again, *owner, vector.clone()));
        loaded.end_waiting(Alone::No);
        check(&mut loaded, &again);
    }
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}
