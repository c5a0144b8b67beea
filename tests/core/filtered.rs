//! Filters that were never asked before, on a set that changes: whatever a set keeps to answer them
//! quickly agrees with a look at each record.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use vset::attributes::{Fields, RecordRef, encode};
use vset::filter::{Expression, parse};
use vset::set::{AttributeChange, Params, SearchOptions, Target, VectorSet};
use vset::vector::{Encoding, Metric};

/// So many that filters are not decided of all at once.
const ELEMENTS: usize = 2500;

fn random_value(rng: &mut SmallRng) -> String {
    match rng.random_range(0..12) {
        0 => "null".into(),
        1 => "[1, \"red\"]".into(),
        2 => format!("\"{}\"", rng.random_range(0..50)),
        3 => ["\"red\"", "\"green\"", "\"\"", "true", "1e300", "-0.0"][rng.random_range(0..6)].into(),
        4 => format!("\"a longer string {}\"", rng.random_range(0..5)),
        _ => format!("{}", rng.random_range(-20..50)),
    }
}

fn random_text(rng: &mut SmallRng) -> Vec<u8> {
    let mut fields = Vec::new();
    for name in ["a", "b", "c", "d"] {
        if rng.random_bool(0.8) {
            fields.push(format!("\"{name}\":{}", random_value(rng)));
        }
    }
    match rng.random_range(0..10) {
        0 => Vec::new(),
        _ => format!("{{{}}}", fields.join(",")).into_bytes(),
    }
}

fn random_filter(rng: &mut SmallRng) -> Expression {
    let field = |rng: &mut SmallRng| [".a", ".b", ".c", ".d"][rng.random_range(0..4)];
    let part = |rng: &mut SmallRng| match rng.random_range(0..8) {
        0 => format!("{} == 'a longer string {}'", field(rng), rng.random_range(0..6)),
        1 => format!("{} != 'red'", field(rng)),
        2 => format!("exists({})", field(rng)),
        3 => format!("{} in [1, 'red', {}]", field(rng), rng.random_range(0..50)),
        4 => format!("{} + 1 > {}", field(rng), rng.random_range(0..50)),
        _ => {
            let comparison = ["<", "<=", ">", ">=", "==", "!="][rng.random_range(0..6)];
            format!("{} {comparison} {}", field(rng), rng.random_range(-20..50))
        }
    };
    let mut text = part(rng);
    for _ in 0..rng.random_range(0..3) {
        let next = part(rng);
        text = match rng.random_range(0..4) {
            0 => format!("({text}) or {next}"),
            1 => format!("not ({text}) and {next}"),
            _ => format!("({text}) and {next}"),
        };
    }
    parse(text.as_bytes()).expect("an expression")
}

/// What matches, by a look at each record.
fn matching<'a>(model: &'a BTreeMap<Vec<u8>, Vec<u8>>, filter: &Expression) -> BTreeSet<&'a [u8]> {
    let mut fields = Fields::new();
    let records: Vec<_> = (model.iter().filter(|(_, text)| !text.is_empty()))
        .map(|(name, text)| (&name[..], encode(text, &mut fields)))
        .collect();
    let program = filter.compile(&fields);
    records.iter().filter(|(_, record)| program.matches(RecordRef::new(record))).map(|(name, _)| *name).collect()
}

fn agree(set: &VectorSet, model: &BTreeMap<Vec<u8>, Vec<u8>>, filter: &Expression) {
    let wanted = matching(model, filter);
    assert_eq!(set.select(filter).run().len(), wanted.len(), "{filter}");
    let options =
        SearchOptions { count: 2 * ELEMENTS, truth: true, filter: Some(filter.clone()), ..Default::default() };
    let hits = set.query(Target::Vector(&[1.0, 0.5]), &options).expect("finite").run();
    let found: BTreeSet<&[u8]> = hits.resolve().iter().map(|hit| hit.name).collect();
    assert_eq!(found, wanted, "{filter}");
    let few = SearchOptions { count: 5, truth: false, ..options };
    let hits = set.query(Target::Vector(&[1.0, 0.5]), &few).expect("finite").run();
    let found = hits.resolve();
    assert_eq!(found.len(), wanted.len().min(5), "{filter}");
    assert!(found.iter().all(|hit| wanted.contains(hit.name)), "{filter}");
}

#[test]
fn fresh_filters_agree_with_the_records() {
    let seed = 71;
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut set =
        VectorSet::new(Params { dim: 2, input_dim: None, encoding: Encoding::Int8, metric: Metric::Cosine, m: 4 });
    let mut model = BTreeMap::new();
    for i in 0..ELEMENTS {
        let (name, text) = (format!("e{i}").into_bytes(), random_text(&mut rng));
        set.add(&name, &[rng.random(), rng.random()], 20, AttributeChange::Set(&text)).expect("room");
        model.insert(name, text);
    }
    for round in 0..60 {
        for _ in 0..20 {
            let (name, text) = (format!("e{}", rng.random_range(0..ELEMENTS)).into_bytes(), random_text(&mut rng));
            match rng.random_range(0..4) {
                0 => {
                    set.remove(&name);
                    model.remove(&name);
                }
                1 => {
                    set.add(&name, &[rng.random(), rng.random()], 20, AttributeChange::Set(&text)).expect("room");
                    model.insert(name, text);
                }
                _ => {
                    if set.set_attributes(&name, &text) {
                        model.insert(name, text);
                    }
                }
            }
        }
        // In the first rounds no values are kept yet.
        for _ in 0..if round < 3 { 1 } else { 5 } {
            agree(&set, &model, &random_filter(&mut rng));
        }
    }
}

/// Values are gathered by a query's thread while the main thread changes them.
#[test]
fn values_that_change_while_they_are_gathered() {
    for seed in 0..30 {
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut set =
            VectorSet::new(Params { dim: 2, input_dim: None, encoding: Encoding::Int8, metric: Metric::Cosine, m: 4 });
        let mut model = BTreeMap::new();
        for i in 0..ELEMENTS {
            let name = format!("e{i}").into_bytes();
            set.add(&name, &[rng.random(), rng.random()], 4, AttributeChange::Set(b"{\"a\":0}")).expect("room");
            model.insert(name, b"{\"a\":0}".to_vec());
        }
        let filter = |text: &str| parse(text.as_bytes()).expect("an expression");
        set.select(&filter(".a > 0")).run();
        let gathering = set.select(&filter(".a > 1"));
        std::thread::scope(|scope| {
            scope.spawn(move || gathering.run());
            for _ in 0..3 * ELEMENTS {
                let name = format!("e{}", rng.random_range(0..ELEMENTS)).into_bytes();
                let text = format!("{{\"a\":{}}}", rng.random_range(0..10)).into_bytes();
                assert!(set.set_attributes(&name, &text));
                model.insert(name, text);
            }
        });
        for least in 2..10 {
            agree(&set, &model, &filter(&format!(".a >= {least}")));
        }
    }
}
