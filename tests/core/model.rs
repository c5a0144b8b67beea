//! Random commands on a set beside a plain map; the check after each step.

use std::collections::BTreeMap;
use std::ops::Bound;

use rand::{Rng, SeedableRng, rngs::SmallRng};
use vset::set::{AttributeChange, Params, SearchOptions, Target, VectorSet};
use vset::vector::{Encoding, Metric};

fn exact() -> SearchOptions {
    SearchOptions { truth: true, ..Default::default() }
}

#[derive(Clone, PartialEq, Debug)]
struct Element {
    vector: Vec<f32>,
    attributes: Option<Vec<u8>>,
}

fn agree(set: &mut VectorSet, model: &BTreeMap<Vec<u8>, Element>, rng: &mut SmallRng, dim: usize) {
    assert_eq!(set.len(), model.len());
    let mut names = Vec::new();
    set.range(Bound::Unbounded, Bound::Unbounded, &mut |name| {
        names.push(name.to_vec());
        true
    });
    assert!(names.iter().eq(model.keys()));
    for (name, element) in model {
        assert!(set.contains(name));
        assert_eq!(set.attributes(name), element.attributes.as_deref());
        let stored = set.vector(name).expect("a stored vector");
        let length = element.vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        for (stored, given) in stored.iter().zip(&element.vector) {
            assert!((stored - given).abs() <= length / 127.0, "{stored} {given}");
        }
    }
    assert_eq!(set.info().attributes_count, model.values().filter(|e| e.attributes.is_some()).count());
    let query: Vec<f32> = (0..dim).map(|_| rng.random_range(-1.0..1.0)).collect();
    let hits = set.query(Target::Vector(&query), &exact()).expect("finite").run();
    let hits = hits.resolve();
    assert_eq!(hits.len(), model.len().min(10));
    assert!(hits.windows(2).all(|w| w[0].score >= w[1].score));
    assert!(hits.iter().all(|h| model.contains_key(h.name) && (0.0..=1.0).contains(&h.score)));
    // A filter finds what the attributes say, by all three ways to search, however often it is asked.
    for text in [".n > 300", ".n % 3 == 0 and .n < 900", "exists(.n)"] {
        let filter = vset::filter::parse(text.as_bytes()).expect("an expression");
        let n = |e: &Element| {
            let text = e.attributes.as_ref()?;
            std::str::from_utf8(text).ok()?.strip_prefix("{\"n\":")?.strip_suffix('}')?.parse::<i64>().ok()
        };
        let holds = |n: i64| match text {
            ".n > 300" => n > 300,
            ".n % 3 == 0 and .n < 900" => n % 3 == 0 && n < 900,
            _ => true,
        };
        let wanted: Vec<&[u8]> =
            model.iter().filter(|(_, e)| n(e).is_some_and(holds)).map(|(name, _)| &name[..]).collect();
        for truth in [true, false] {
            let options = SearchOptions { count: 1000, truth, filter: Some(filter.clone()), ..Default::default() };
            let hits = set.query(Target::Vector(&query), &options).expect("finite").run();
            let mut found: Vec<&[u8]> = hits.resolve().iter().map(|h| h.name).collect();
            found.sort();
            assert_eq!(found, wanted, "{text}");
        }
    }
    // An element finds itself, by the graph as by comparing all.
    if let Some(name) = model.keys().nth(rng.random_range(0..model.len().max(1))) {
        let options = SearchOptions { truth: false, ef: Some(50), ..exact() };
        let hits = set.query(Target::Element(name), &options).expect("finite").run();
        let best = hits.resolve()[0].score;
        assert!(hits.resolve().iter().any(|h| h.name == name) || best > 0.99);
    }
}

fn random_steps(seed: u64, encoding: Encoding, m: usize, steps: usize) {
    println!("seed {seed} {encoding:?} M {m}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let dim = 8;
    let mut set = VectorSet::new(Params { dim, input_dim: None, encoding, metric: Metric::Cosine, m });
    let mut model: BTreeMap<Vec<u8>, Element> = BTreeMap::new();
    for step in 0..steps {
        let name = format!("e{}", rng.random_range(0..150)).into_bytes();
        match rng.random_range(0..10) {
            0..=4 => {
                let vector: Vec<f32> = (0..dim).map(|_| rng.random_range(-1.0..1.0)).collect();
                let text = format!("{{\"n\":{step}}}").into_bytes();
                let change = match rng.random_range(0..3) {
                    0 => AttributeChange::Keep,
                    1 => AttributeChange::Set(b""),
                    _ => AttributeChange::Set(&text),
                };
                let is_new = set.add(&name, &vector, 50, change).expect("room");
                let old = model.get(&name);
                assert_eq!(is_new, old.is_none());
                let attributes = match change {
                    AttributeChange::Keep => old.and_then(|e| e.attributes.clone()),
                    AttributeChange::Set(text) => Some(text.to_vec()).filter(|t| !t.is_empty()),
                };
                model.insert(name, Element { vector, attributes });
            }
            5..=7 => assert_eq!(set.remove(&name), model.remove(&name).is_some()),
            8 => {
                let text = format!("[{step}]").into_bytes();
                let element = model.get_mut(&name);
                assert_eq!(set.set_attributes(&name, &text), element.is_some());
                if let Some(element) = element {
                    element.attributes = Some(text);
                }
            }
            _ => {
                let mut copy = set.duplicate();
                copy.check().expect("a sound copy");
                assert_eq!(copy.info().max_node_uid, set.info().max_node_uid);
                set = copy;
            }
        }
        if let Err(why) = set.check() {
            panic!("step {step}: {why}");
        }
        if encoding != Encoding::Binary && step % 10 == 0 && !model.is_empty() {
            agree(&mut set, &model, &mut rng, dim);
        }
    }
}

#[test]
fn sets_behave_like_maps() {
    random_steps(1, Encoding::Int8, 4, 2000);
    random_steps(2, Encoding::F32, 16, 1000);
    random_steps(3, Encoding::Binary, 6, 1000);
}
