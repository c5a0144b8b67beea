//! Floors of recall on real words, fresh and after churn.

use std::collections::HashSet;

use vset::set::{AttributeChange, DEFAULT_EF_ADD, Params, SearchOptions, Target, VectorSet};
use vset::vector::Encoding;

type Words = [(String, Vec<f32>)];

fn build(words: &Words, encoding: Encoding) -> VectorSet {
    let mut set = VectorSet::new(Params { dim: 100, input_dim: None, encoding, m: 16 });
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
