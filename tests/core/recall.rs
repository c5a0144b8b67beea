//! Floors of recall on real words, fresh and after churn.

use std::collections::HashSet;

use vset::set::{AttributeChange, DEFAULT_EF_ADD, Params, SearchOptions, Target, VectorSet};
use vset::vector::{Encoding, Metric};

type Words = [(String, Vec<f32>)];

fn build(words: &Words, encoding: Encoding) -> VectorSet {
    build_by(words, encoding, Metric::Cosine)
}

fn build_by(words: &Words, encoding: Encoding, metric: Metric) -> VectorSet {
    let mut set = VectorSet::new(Params { dim: 100, input_dim: None, encoding, metric, m: 16 });
    for (word, vector) in words {
        set.add(word.as_bytes(), vector, DEFAULT_EF_ADD, AttributeChange::Keep).expect("room");
    }
    set
}

/// The names of the ten nearest by exact arithmetic on the original vectors.
fn exact(words: &Words, query: &[f32]) -> HashSet<Vec<u8>> {
    let norm = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
    let mut all: Vec<(f32, &String)> =
        words.iter().map(|(word, v)| (v.iter().zip(query).map(|(a, b)| a * b).sum::<f32>() / norm(v), word)).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.iter().take(10).map(|(_, word)| word.as_bytes().to_vec()).collect()
}

fn recall(set: &VectorSet, words: &Words, ef: usize) -> f64 {
    let options = SearchOptions { count: 10, ef: Some(ef), ..Default::default() };
    let queries = words.iter().step_by(words.len() / 200);
    let (mut found, mut wanted) = (0, 0);
    for (_, vector) in queries {
        let truth = exact(words, vector);
        let hits = set.query(Target::Vector(vector), &options).expect("finite").run();
        found += hits.resolve().iter().filter(|h| truth.contains(h.name)).count();
        wanted += truth.len();
    }
    found as f64 / wanted as f64
}

#[test]
fn every_encoding_finds_real_words() {
    let words = super::words::load();
    for (encoding, ef, floor) in
        [(Encoding::F32, 100, 0.96), (Encoding::Int8, 100, 0.94), (Encoding::Binary, 400, 0.45)]
    {
        let set = build(&words[..8000], encoding);
        let recall = recall(&set, &words[..8000], ef);
        println!("{encoding:?} EF {ef}: recall@10 {recall:.4}");
        assert!(recall >= floor, "{encoding:?}: {recall}");
    }
}

/// The names of the ten nearest, in f64.
fn nearest(words: &Words, metric: Metric, query: &[f32]) -> HashSet<Vec<u8>> {
    let distance = |v: &[f32]| -> f64 {
        let pairs = v.iter().zip(query).map(|(&a, &b)| (f64::from(a), f64::from(b)));
        match metric {
            Metric::L2 => pairs.map(|(a, b)| (a - b).powi(2)).sum(),
            _ => -pairs.map(|(a, b)| a * b).sum::<f64>(),
        }
    };
    let mut all: Vec<(f64, &String)> = words.iter().map(|(word, v)| (distance(v), word)).collect();
    all.select_nth_unstable_by(10, |a, b| a.0.total_cmp(&b.0));
    all[..10].iter().map(|(_, word)| word.as_bytes().to_vec()).collect()
}

/// Of words as they are, and with lengths that vary tenfold: those of neighbours have nothing in common.
#[test]
fn every_metric_finds_real_words() {
    let words = super::words::load();
    let words = &words[..8000];
    let stretched: Vec<(String, Vec<f32>)> = (words.iter().enumerate())
        .map(|(i, (word, vector))| {
            let factor = 10f32.powf((i * 7919 % 1000) as f32 / 1000.0);
            (word.clone(), vector.iter().map(|x| x * factor).collect())
        })
        .collect();
    for (which, words) in [("words", words), ("stretched", &stretched)] {
        for metric in [Metric::L2, Metric::InnerProduct] {
            for encoding in [Encoding::F32, Encoding::Int8] {
                let set = build_by(words, encoding, metric);
                let options = SearchOptions { count: 10, ef: Some(200), ..Default::default() };
                let queries: Vec<_> = words.iter().step_by(words.len() / 100).collect();
                let found: usize = (queries.iter())
                    .map(|(_, vector)| {
                        let truth = nearest(words, metric, vector);
                        let hits = set.query(Target::Vector(vector), &options).expect("finite").run();
                        hits.resolve().iter().filter(|h| truth.contains(h.name)).count()
                    })
                    .sum();
                let recall = found as f64 / (10 * queries.len()) as f64;
                println!("{which} {metric:?} {encoding:?} EF 200: recall@10 {recall:.4}");
                assert!(recall >= 0.95, "{which} {metric:?} {encoding:?}: {recall}");
            }
        }
    }
}

#[test]
fn churn_costs_no_recall() {
    let words = super::words::load();
    let (first, second) = (&words[..8000], &words[4000..12000]);
    let mut set = build(first, Encoding::Int8);
    for ((old, _), (new, vector)) in first[..4000].iter().zip(&second[4000..]) {
        assert!(set.remove(old.as_bytes()));
        set.add(new.as_bytes(), vector, DEFAULT_EF_ADD, AttributeChange::Keep).expect("room");
    }
    set.check().expect("a sound set");
    let churned = recall(&set, second, 50);
    let fresh = recall(&build(second, Encoding::Int8), second, 50);
    println!("fresh {fresh:.4}, churned {churned:.4}");
    assert!(churned >= fresh - 0.01);
}
