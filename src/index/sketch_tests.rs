//! Tests of indexes whose rows are long enough for sketches.

use rand::{Rng, rngs::SmallRng};

use super::*;
use crate::vector::Metric;

const DIM: usize = 1024;

/// Vectors that vary in a few directions, as embeddings do.
fn vectors(count: usize, rng: &mut SmallRng) -> Vec<Vec<f32>> {
    let mut random = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.random_range(-1.0..1.0)).collect() };
    let directions: Vec<Vec<f32>> = (0..24).map(|_| random(DIM)).collect();
    let vector = |_| {
        let weights = random(directions.len());
        (0..DIM).map(|j| weights.iter().zip(&directions).map(|(w, d)| w * d[j]).sum()).collect()
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
    for (encoding, metric) in
        [(Encoding::Int8, Metric::Cosine), (Encoding::F32, Metric::L2), (Encoding::Int8, Metric::InnerProduct)]
    {
        let mut index = VectorIndex::new(Params { dim: DIM, input_dim: None, encoding, metric, m: 16 });
        let vectors = vectors(1500, &mut rng);
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
