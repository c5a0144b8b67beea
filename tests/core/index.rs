//! Indexes of vectors beside plain maps and brute force.

use std::collections::{BTreeMap, HashMap};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use vset::graph::{Alone, Candidate};
use vset::index::{Accept, Options, Params, RangeOptions, Target, VectorIndex};
use vset::vector::{Encoding, Metric};

const DIM: usize = 6;

fn params(encoding: Encoding) -> Params {
    Params { dim: DIM, input_dim: None, encoding, metric: Metric::Cosine, m: 8 }
}

fn random_vector(rng: &mut SmallRng) -> Vec<f32> {
    (0..DIM).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Every third of the rows that there were.
struct Thirds {
    count: usize,
    end: u32,
}

impl Thirds {
    fn of(index: &VectorIndex, model: &Model) -> Thirds {
        Thirds { count: model.keys().filter(|&row| row % 3 == 0).count(), end: index.end() }
    }
}

impl Accept for Thirds {
    fn matches(&self, row: u32) -> bool {
        row.is_multiple_of(3) && row < self.end
    }

    fn count(&self) -> Option<usize> {
        Some(self.count)
    }
}

type Model = BTreeMap<u32, Vec<f32>>;

/// An index with a history, and its rows.
fn lived(mut index: VectorIndex, seed: u64, steps: usize) -> (VectorIndex, Model) {
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut model = Model::new();
    for _ in 0..steps {
        let vector = random_vector(&mut rng);
        let any = model.keys().nth(rng.random_range(0..model.len().max(1))).copied();
        match (rng.random_range(0..10), any) {
            (0, Some(row)) => {
                index.remove(row);
                model.remove(&row);
            }
            (1 | 2, Some(old)) => {
                let row = index.replace(old, &vector, 60).expect("room");
                model.remove(&old);
                assert!(model.insert(row, vector).is_none());
            }
            _ => {
                let row = index.insert(&vector, 60).expect("room");
                assert!(model.insert(row, vector).is_none());
            }
        }
        assert_eq!(index.len(), model.len());
    }
    (index, model)
}

/// The rows by their distance from a vector.
fn ranked(model: &Model, vector: &[f32], accepted: impl Fn(u32) -> bool) -> Vec<(f32, u32)> {
    let accepted = model.iter().filter(|(row, _)| accepted(**row));
    let mut all: Vec<(f32, u32)> = accepted.map(|(&row, v)| (distance(vector, v), row)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}

fn agrees(index: &VectorIndex, model: &Model, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let (mut found_in_range, mut in_range) = (0, 0);
    for exact in [true, false] {
        for _ in 0..30 {
            let vector = random_vector(&mut rng);
            let thirds = Thirds::of(index, model);
            let options = Options { count: 10, ef: Some(200), exact, ..Options::default() };
            let ask = || index.query(Target::Vector(&vector), &options).expect("finite");
            for (found, expected) in [
                (ask().run(), ranked(model, &vector, |_| true)),
                (ask().run_among(&thirds), ranked(model, &vector, |row| row % 3 == 0)),
            ] {
                let found = found.rows();
                assert_eq!(found.len(), 10.min(expected.len()));
                let kth = expected[found.len() - 1].0;
                for candidate in &found {
                    assert!((candidate.distance - distance(&vector, &model[&candidate.node])).abs() < 1e-5);
                }
                let good = found.iter().filter(|c| c.distance <= kth + 1e-5).count();
                assert!(if exact { good == found.len() } else { good + 2 > found.len() }, "{good}");
            }
            let radius = rng.random_range(0.0..0.5);
            let how = RangeOptions { exact, ..RangeOptions::default() };
            let ask = || index.range(Target::Vector(&vector), radius, &how).expect("finite");
            for (result, accepted) in [(ask().run(), None), (ask().run_among(&thirds), Some(3))] {
                let expected = ranked(model, &vector, |row| accepted.is_none_or(|by| row % by == 0));
                let within = expected.iter().filter(|(d, _)| *d <= radius).count();
                let found = result.rows();
                // Rounding leaves a few open.
                let may_be_within = |c: &Candidate| f64::from(c.distance) - result.error(*c) <= f64::from(radius);
                assert!(found.iter().all(|c| may_be_within(c) && accepted.is_none_or(|by| c.node % by == 0)));
                assert!(found.windows(2).all(|w| w[0].distance <= w[1].distance));
                if exact {
                    // Rounding decides about those at the edge.
                    let edge = expected.iter().filter(|(d, _)| (d - radius).abs() < 1e-5).count();
                    assert!(found.len().abs_diff(within) <= edge);
                }
                found_in_range += found.len();
                in_range += within;
            }
        }
    }
    assert!(found_in_range * 100 >= in_range * 99, "{found_in_range} of {in_range} within the radius");
}

#[test]
fn an_index_finds_what_brute_force_finds() {
    let (mut index, model) = lived(VectorIndex::new(params(Encoding::F32)), 1, 6000);
    let _rest = index.settle(Alone::No);
    index.check(&model.keys().copied().collect::<Vec<_>>()).expect("a sound index");
    agrees(&index, &model, 2);
}

#[test]
fn so_does_one_without_a_graph() {
    let (mut index, model) = lived(VectorIndex::flat(params(Encoding::F32)), 3, 3000);
    let _rest = index.settle(Alone::No);
    index.check(&model.keys().copied().collect::<Vec<_>>()).expect("a sound index");
    agrees(&index, &model, 4);
}

#[test]
fn an_equal_vector_keeps_its_row() {
    let (mut index, model) = lived(VectorIndex::new(params(Encoding::Int8)), 5, 300);
    for (&row, vector) in &model {
        let links = index.links(row);
        assert_eq!(index.replace_with(row, vector, 60, |_| panic!("nothing to attach")), Ok(row));
        assert_eq!(index.links(row), links);
    }
    assert_eq!(index.len(), model.len());
}

/// A query is asked; then every row is replaced, some twice; then it runs.
#[test]
fn owners_that_were_there_all_the_time_are_found() {
    let mut rng = SmallRng::seed_from_u64(6);
    for flat in [false, true] {
        for exact in [false, true] {
            let make = if flat { VectorIndex::flat } else { VectorIndex::new };
            let (mut index, model) = lived(make(params(Encoding::F32)), 7, 400);
            let options = Options { count: 1000, exact, ..Options::default() };
            let vector = random_vector(&mut rng);
            let ask = || index.query(Target::Vector(&vector), &options).expect("finite");
            let (all, some, thirds) = (ask(), ask(), Thirds::of(&index, &model));
            let within = index.range(Target::Vector(&vector), 2.1, &RangeOptions::default()).expect("finite");
            let mut now = HashMap::new();
            for &row in model.keys() {
                let mut new = index.replace(row, &random_vector(&mut rng), 60).expect("room");
                if row % 2 == 0 {
                    new = index.replace(new, &random_vector(&mut rng), 60).expect("room");
                }
                now.insert(row, new);
            }
            let expect = |accepted: &dyn Fn(u32) -> bool| {
                let accepted = now.iter().filter(|(old, _)| accepted(**old));
                let mut rows: Vec<u32> = accepted.map(|(_, new)| *new).collect();
                rows.sort_unstable();
                rows
            };
            for (found, expected) in [
                (all.run(), expect(&|_| true)),
                (some.run_among(&thirds), expect(&|old| old % 3 == 0)),
                (within.run(), expect(&|_| true)),
            ] {
                let mut found: Vec<u32> = found.rows().iter().map(|c| c.node).collect();
                found.sort_unstable();
                assert_eq!(found, expected, "flat {flat} exact {exact}");
            }
        }
    }
}

/// A copy has the same rows and links, and is independent.
#[test]
fn a_copy_is_whole() {
    for flat in [false, true] {
        let make = if flat { VectorIndex::flat } else { VectorIndex::new };
        let (mut index, model) = lived(make(params(Encoding::F32)), 10, 2000);
        let (mut copy, rows) = index.duplicate();
        for &row in model.keys() {
            assert_eq!(index.vector(row), copy.vector(rows[row as usize]));
            let links = |links: Vec<Vec<(u32, f32)>>, map: &dyn Fn(u32) -> u32| -> Vec<Vec<u32>> {
                let row = |links: Vec<(u32, f32)>| {
                    let mut row: Vec<u32> = links.into_iter().map(|(row, _)| map(row)).collect();
                    row.sort_unstable();
                    row
                };
                links.into_iter().map(row).collect()
            };
            assert_eq!(
                links(index.links(row), &|row| rows[row as usize]),
                links(copy.links(rows[row as usize]), &|row| row)
            );
        }
        model.keys().take(500).for_each(|&row| index.remove(row));
        let _rest = copy.settle(Alone::No);
        copy.check(&(0..model.len() as u32).collect::<Vec<_>>()).expect("a sound copy");
    }
}
