//! How many links, updates and removals a second one linker makes, and two: the 20,000 words of
//! `examples/data`, or identical vectors.
//!
//! `cargo bench --no-default-features --target-dir target/core --bench updates -- [M]`

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use vset::set::{AttributeChange, Params, VectorSet, start_linkers};
use vset::vector::{Encoding, Metric};
use vset::workers::Pool;

#[path = "../tests/core/words.rs"]
mod words;

const EF: usize = 200;

fn main() {
    let m = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(16);
    let words: Vec<Vec<f32>> = words::load().into_iter().map(|(_, vector)| vector).collect();
    let linkers = Pool::start("linker", 2, || ());
    start_linkers(linkers.clone());
    println!(
        "M {m}\n{:>9} {:>12} {:>12} {:>12} {:>12}",
        "linkers", "links/s", "updates/s", "removals/s", "identical/s"
    );
    for threads in [1, 2, 1, 2] {
        linkers.resize(threads);
        while linkers.busy() > 0 {
            std::thread::yield_now();
        }
        let mut rng = SmallRng::seed_from_u64(1);
        let mut set = new_set(m);
        let links = rate(&mut set, words.len(), |set, i| add(set, i, &words[i]));
        let updates = rate(&mut set, words.len() / 2, |set, _| {
            add(set, rng.random_range(0..words.len()), &words[rng.random_range(0..words.len())]);
        });
        let removals = rate(&mut set, words.len() / 2, |set, i| assert!(set.remove(name(2 * i).as_bytes())));
        set.check().expect("a sound set");
        let identical = rate(&mut new_set(m), 8000, |set, i| add(set, i, &words[0]));
        println!("{threads:>9} {links:>12.0} {updates:>12.0} {removals:>12.0} {identical:>12.0}");
    }
}

fn new_set(m: usize) -> VectorSet {
    VectorSet::new(Params { dim: 100, input_dim: None, encoding: Encoding::Int8, metric: Metric::Cosine, m })
}

fn name(i: usize) -> String {
    format!("e{i}")
}

fn add(set: &mut VectorSet, i: usize, vector: &[f32]) {
    set.add(name(i).as_bytes(), vector, EF, AttributeChange::Keep).expect("room");
}

/// Steps a second, until all work that they made is done.
fn rate(set: &mut VectorSet, steps: usize, mut step: impl FnMut(&mut VectorSet, usize)) -> f64 {
    let wait = || std::thread::sleep(Duration::from_micros(100));
    let began = Instant::now();
    for i in 0..steps {
        step(set, i);
        while set.is_over_bound() {
            wait();
        }
    }
    while !set.is_settled() {
        wait();
    }
    steps as f64 / began.elapsed().as_secs_f64()
}
