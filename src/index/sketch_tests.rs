//! Tests of indexes whose rows are long enough for sketches.

use rand::{Rng, rngs::SmallRng};

use super::*;
use crate::vector::Metric;

/// Vectors that vary in a few directions, as embeddings do.
fn vectors(count: usize, dim: usize, rng: &mut SmallRng) -> Vec<Vec<f32>> {
    let mut random = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.random_range(-1.0..1.0)).collect() };
    let directions: Vec<Vec<f32>> = (0..24).map(|_| random(dim)).collect();
    let vector = |_| {
        let weights = random(directions.len());
        (0..dim).map(|j| weights.iter().zip(&directions).map(|(w, d)| w * d[j]).sum()).collect()
    };
    (0..count).map(vector).collect()
}

/// Every third row.
struct Third;

impl Accept for Third {
    fn matches(&self, row: u32) -> bool {
        row.is_multiple_of(3)
    }

    fn count(&self) -> Option<usize> {
        None
    }
}

fn found(index: &VectorIndex, vector: &[f32], accept: Option<&Third>, exact: bool) -> Vec<u32> {
    let options = Options { ef: Some(100), exact, ..Options::default() };
    let query = index.query(Target::Vector(vector), &options).expect("finite");
    let found = match accept {
        Some(accept) => query.run_among(accept),
        None => query.run(),
    };
    found.rows().iter().map(|candidate| candidate.node).collect()
}

/// Each sketch is that of its row; searches, filtered ones too, find what comparing with every row finds.
fn check(index: &VectorIndex, queries: &[Vec<f32>]) {
    let shared = &index.shared;
    let (sketcher, sketches) = shared.sketches.as_ref().expect("long rows");
    for row in (0..index.end()).filter(|&row| index.is_live(row)) {
        let mut sketch = vec![0; sketcher.sketch_len()];
        sketcher.write(shared.vectors.get(row), &mut sketch);
        assert_eq!(sketches.get(row), sketch, "the sketch of row {row}");
    }
    for accept in [None, Some(&Third)] {
        let (mut hits, mut wanted) = (0, 0);
        for query in queries {
            let truth = found(index, query, accept, true);
            hits += found(index, query, accept, false).iter().filter(|row| truth.contains(row)).count();
            wanted += truth.len();
        }
        assert!(hits as f64 >= 0.97 * wanted as f64, "{hits} of {wanted}");
    }
}

#[test]
fn sketches_follow_their_rows() {
    let mut rng = crate::testing::rng();
    for (encoding, dim, metric) in [
        (Encoding::Int8, 1024, Metric::Cosine),
        (Encoding::F32, 1024, Metric::L2),
        (Encoding::F32, 100, Metric::Cosine),
        (Encoding::F32, 100, Metric::L2),
        (Encoding::Int8, 1024, Metric::InnerProduct),
    ] {
        let mut index = VectorIndex::new(Params { dim, input_dim: None, encoding, metric, m: 16 });
        let vectors = vectors(1500, dim, &mut rng);
        let (stored, queries) = vectors.split_at(1400);
        for vector in stored {
            index.insert(vector, 100).expect("room");
        }
        check(&index, queries);
        for row in 0..200 {
            index.remove(row);
            index.replace(row + 400, &stored[row as usize], 100).expect("room");
        }
        check(&index, queries);
        let (copy, _) = index.duplicate();
        check(&copy, queries);
    }
}

/// Rows so near to each other that their sketches are all but the same, among others.
#[test]
fn near_rows_are_told_apart() {
    let mut rng = crate::testing::rng();
    for metric in [Metric::Cosine, Metric::L2] {
        for dim in [100, 384] {
            let params = Params { dim, input_dim: None, encoding: Encoding::F32, metric, m: 16 };
            let mut index = VectorIndex::new(params);
            let others = vectors(600, dim, &mut rng);
            let mut near = |i: usize| -> Vec<f32> {
                let other = vectors(1, dim, &mut rng).remove(0);
                others[i % 2].iter().zip(other).map(|(x, y)| x + 0.01 * y).collect()
            };
            let (stored, queries): (Vec<_>, Vec<_>) =
                ((0..1200).map(&mut near).collect(), (0..50).map(&mut near).collect());
            for vector in others.iter().chain(&stored) {
                index.insert(vector, 200).expect("room");
            }
            let (mut hits, mut wanted) = (0, 0);
            for query in &queries {
                let truth = found(&index, query, None, true);
                hits += found(&index, query, None, false).iter().filter(|row| truth.contains(row)).count();
                wanted += truth.len();
            }
            assert!(hits as f64 >= 0.95 * wanted as f64, "{metric:?} {dim}: {hits} of {wanted}");
        }
    }
}
