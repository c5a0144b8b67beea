//! Range queries against a comparison with every vector.

use rand::{Rng, rngs::SmallRng};

use super::*;
use crate::vector::{Metric, naive::distance};

const DIM: usize = 48;

fn vector(rng: &mut SmallRng, centres: &[Vec<f32>]) -> Vec<f32> {
    let centre = &centres[rng.random_range(0..centres.len())];
    centre.iter().map(|x| x + rng.random_range(-0.6..0.6)).collect()
}

#[test]
fn they_find_what_is_within_and_say_what_is_open() {
    let mut rng = crate::testing::rng();
    let centres: Vec<Vec<f32>> = (0..20).map(|_| (0..DIM).map(|_| rng.random_range(-1.0..1.0)).collect()).collect();
    let vectors: Vec<Vec<f32>> = (0..4000).map(|_| vector(&mut rng, &centres)).collect();
    for encoding in [Encoding::Int8, Encoding::F32] {
        for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
            let mut index = VectorIndex::new(Params { dim: DIM, input_dim: None, encoding, metric, m: 16 });
            for vector in &vectors {
                index.insert(vector, 100).expect("room");
            }
            let (mut hits, mut wanted, mut walks) = (0, 0, 0);
            for turn in 0..60 {
                let asked = vector(&mut rng, &centres);
                let mut distances: Vec<f64> = vectors.iter().map(|v| distance(metric, &asked, v)).collect();
                let truth = distances.clone();
                distances.sort_by(f64::total_cmp);
                let radius = distances[[0, 3, 20, 100, 150, 2000][turn % 6]] as f32;
                let options = RangeOptions::default();
                let found = index.range(Target::Vector(&asked), radius, &options).expect("finite").run();
                let work = found.work();
                if work.plan != Plan::Scan {
                    walks += 1;
                    // The walk, which ends at half of all, its last step, and what it found once more.
                    let most = vectors.len() / 2 + 64 * 32 + found.rows().len();
                    assert!(work.evaluated <= most as u64, "{} of at most {most}", work.evaluated);
                }
                for row in found.rows() {
                    let (shown, is) = (f64::from(row.distance), truth[row.node as usize]);
                    assert!((shown - is).abs() <= found.error(row), "{encoding:?} {metric:?}");
                    assert!(shown - found.error(row) <= f64::from(radius), "{encoding:?} {metric:?}");
                }
                let rows = found.rows();
                let is_within = |row: usize| truth[row] <= f64::from(radius);
                wanted += (0..truth.len()).filter(|row| is_within(*row)).count();
                hits += rows.iter().filter(|row| is_within(row.node as usize)).count();
            }
            assert!(walks > 0, "{encoding:?} {metric:?}: every query compared with all");
            assert!(hits as f64 >= 0.98 * wanted as f64, "{encoding:?} {metric:?}: {hits} of {wanted}");
        }
    }
}

#[test]
fn where_many_are_within_no_graph_is_walked() {
    let mut rng = crate::testing::rng();
    let centres: Vec<Vec<f32>> = (0..20).map(|_| (0..DIM).map(|_| rng.random_range(-1.0..1.0)).collect()).collect();
    let params = Params { dim: DIM, input_dim: None, encoding: Encoding::Int8, metric: Metric::Cosine, m: 16 };
    let mut index = VectorIndex::new(params);
    let vectors: Vec<Vec<f32>> = (0..4000).map(|_| vector(&mut rng, &centres)).collect();
    for vector in &vectors {
        index.insert(vector, 60).expect("room");
    }
    for _ in 0..20 {
        let asked = vector(&mut rng, &centres);
        let mut distances: Vec<f64> = vectors.iter().map(|v| distance(Metric::Cosine, &asked, v)).collect();
        distances.sort_by(f64::total_cmp);
        let radius = distances[vectors.len() / 3] as f32;
        let work = index.range(Target::Vector(&asked), radius, &RangeOptions::default()).expect("finite").run().work();
        assert_eq!(work.plan, Plan::Scan);
        assert!(work.evaluated <= vectors.len() as u64 + 128, "{}", work.evaluated);
    }
}
