//! Sets saved and loaded again, intact and damaged.

use super::*;
use crate::graph::Alone;
use crate::set::{AttributeChange, Params, Restored, SearchOptions, Target, VectorSet};
use crate::vector::{Encoding, Metric};
use rand::{Rng, SeedableRng, rngs::SmallRng};

/// The saved form as a list of its fields.
#[derive(Clone, Debug, PartialEq)]
enum Field {
    Unsigned(u64),
    Bytes(Vec<u8>),
}
use Field::{Bytes, Unsigned};

#[derive(Default)]
struct Fields(Vec<Field>);

impl Sink for Fields {
    fn unsigned(&mut self, value: u64) {
        self.0.push(Unsigned(value));
    }
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.push(Bytes(bytes.to_vec()));
    }
}

struct Reader<'a>(&'a [Field]);

impl Source for Reader<'_> {
    fn unsigned(&mut self) -> Result<u64, LoadError> {
        match self.0.split_first() {
            Some((Unsigned(value), rest)) => {
                self.0 = rest;
                Ok(*value)
            }
            _ => Err(LoadError::truncated()),
        }
    }
    fn bytes(&mut self, out: &mut Vec<u8>) -> Result<(), LoadError> {
        match self.0.split_first() {
            Some((Bytes(bytes), rest)) => {
                self.0 = rest;
                out.clone_from(bytes);
                Ok(())
            }
            _ => Err(LoadError::truncated()),
        }
    }
}

/// Of a metric that Redis 8 does not know, some elements of which expire: one has, most will.
fn extended_sample(encoding: Encoding, metric: Metric, n: usize, input_dim: Option<usize>) -> VectorSet {
    let mut set = sample_by(encoding, metric, n, input_dim);
    for (i, time) in [(1, 1), (2, i64::MAX), (5, 1 << 45), (7, 4_000_000_000_000)] {
        set.set_time(format!("name{i}").as_bytes(), Some(time));
    }
    set
}

fn sample(encoding: Encoding, n: usize, input_dim: Option<usize>) -> VectorSet {
    sample_by(encoding, Metric::Cosine, n, input_dim)
}

fn sample_by(encoding: Encoding, metric: Metric, n: usize, input_dim: Option<usize>) -> VectorSet {
    let mut rng = SmallRng::seed_from_u64(n as u64);
    let dim = 6;
    let mut set = VectorSet::new(Params { dim, input_dim, encoding, metric, m: 5 });
    for i in 0..n {
        let vector: Vec<f32> = (0..input_dim.unwrap_or(dim)).map(|_| rng.random_range(-2.0..2.0)).collect();
        let text = format!("{{\"i\":{i}}}");
        let attributes = if i % 3 == 0 { AttributeChange::Set(text.as_bytes()) } else { AttributeChange::Keep };
        set.add(format!("name{}", i % (n - n / 10)).as_bytes(), &vector, 50, attributes).unwrap();
    }
    for i in 0..n / 10 {
        set.remove(format!("name{}", i * 3).as_bytes());
    }
    set
}

fn saved(set: &mut VectorSet) -> Vec<Field> {
    let mut fields = Fields::default();
    save(&set.settle(Alone::No), &mut fields);
    fields.0
}

fn assert_same(a: &mut VectorSet, b: &mut VectorSet) {
    b.check().unwrap();
    assert_eq!(a.params(), b.params());
    let (left, right) = (a.info(), b.info());
    assert_eq!(
        (left.size, left.max_level, left.attributes_count, left.max_node_uid),
        (right.size, right.max_level, right.attributes_count, right.max_node_uid)
    );
    // All elements, since the order of equal scores is not defined.
    let options = SearchOptions { count: 1000, ef: None, truth: true, ..Default::default() };
    let answer = |set: &VectorSet| {
        let hits = set.query(Target::Vector(&[0.3, -0.2, 0.9, 0.1, -0.5, 0.4]), &options).expect("finite").run();
        let mut all: Vec<_> = hits
            .resolve()
            .iter()
            .map(|h| (h.name.to_vec(), h.score.to_bits(), h.attributes.map(<[u8]>::to_vec)))
            .collect();
        all.sort();
        all
    };
    assert_eq!(answer(a), answer(b));
    // The second generation of the saved form differs in ids alone.
    assert_eq!(saved(a).len(), saved(b).len());
}

#[test]
fn what_is_saved_loads_again() {
    for encoding in [Encoding::F32, Encoding::Int8, Encoding::Binary] {
        for input_dim in [None, Some(11)] {
            let mut set = sample(encoding, 300, input_dim);
            let fields = saved(&mut set);
            let mut loaded = load(&mut Reader(&fields)).unwrap();
            assert_eq!(loaded.graph, Restored::Whole);
            assert_same(&mut set, &mut loaded.set);
        }
    }
}

#[test]
fn the_extended_form_loads_again() {
    let times = |set: &VectorSet| {
        let mut times = Vec::new();
        set.for_each(&mut |element| times.push((element.name.to_vec(), element.time)));
        times
    };
    for (encoding, metric, input_dim) in [
        (Encoding::F32, Metric::L2, None),
        (Encoding::Int8, Metric::InnerProduct, Some(11)),
        (Encoding::Binary, Metric::Cosine, None),
        (Encoding::F16, Metric::Cosine, Some(11)),
        (Encoding::F16, Metric::L2, None),
    ] {
        for mut set in [sample_by(encoding, metric, 100, input_dim), extended_sample(encoding, metric, 100, input_dim)]
        {
            let fields = saved(&mut set);
            // What Redis 8 takes for the quantization, of which it knows three.
            let is_extended = metric != Metric::Cosine || encoding == Encoding::F16 || set.expiring() > 0;
            assert!(matches!(fields[2], Unsigned(config) if (config & 0xff > 2) == is_extended));
            let mut loaded = load(&mut Reader(&fields)).unwrap();
            assert_eq!(loaded.graph, Restored::Whole);
            assert_same(&mut set, &mut loaded.set);
            assert_eq!(times(&set), times(&loaded.set));
            assert_eq!((set.expiring(), set.hidden()), (loaded.set.expiring(), loaded.set.hidden()));
            for end in 0..fields.len() {
                assert!(load(&mut Reader(&fields[..end])).is_err(), "{end}");
            }
            let mut copy = set.duplicate();
            assert_same(&mut set, &mut copy);
            assert_eq!(times(&set), times(&copy));
        }
    }
    let mut fields = saved(&mut extended_sample(Encoding::Binary, Metric::Cosine, 20, None));
    let metric = 4;
    assert_eq!(fields[metric], Unsigned(0));
    for (bad, why) in [(1, "signs"), (3, "unknown metric"), (u64::MAX, "unknown metric")] {
        fields[metric] = Unsigned(bad);
        assert!(load(&mut Reader(&fields)).err().expect("refused").0.contains(why));
    }
    fields[metric] = Unsigned(0);
    // A name that stands twice is refused, also where its first element has expired.
    let mut twice = saved(&mut extended_sample(Encoding::Binary, Metric::Cosine, 20, None));
    let expired = twice.iter().position(|field| *field == Bytes(b"name1".to_vec())).expect("a name");
    let other = twice.iter().position(|field| *field == Bytes(b"name2".to_vec())).expect("a name");
    twice[other] = twice[expired].clone();
    assert!(load(&mut Reader(&twice)).err().expect("refused").0.contains("second element"));
    let time = fields.iter().position(|field| *field == Unsigned(1 << 45)).expect("a time");
    fields[time] = Unsigned(u64::MAX);
    assert!(load(&mut Reader(&fields)).err().expect("refused").0.contains("too far"));
}

#[test]
fn a_rewritten_set_replays() {
    let mut set = extended_sample(Encoding::Int8, Metric::L2, 200, None);
    let mut replay = Replay::default();
    let mut ended = false;
    rewrite(&set.settle(Alone::No), &mut |chunk, last| {
        assert!(!ended);
        ended = last;
        replay.push(chunk);
    });
    assert!(ended);
    assert_same(&mut set, &mut replay.finish().unwrap().set);
}

#[test]
fn every_truncation_is_refused() {
    let fields = saved(&mut sample(Encoding::Int8, 40, None));
    for end in 0..fields.len() {
        assert!(load(&mut Reader(&fields[..end])).is_err(), "{end}");
    }
}

/// Any change of any field is refused, or yields a set that passes its check.
#[test]
fn mutated_fields_do_no_harm() {
    let seed = 99;
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let originals = [
        saved(&mut sample(Encoding::Int8, 40, None)),
        saved(&mut extended_sample(Encoding::Int8, Metric::InnerProduct, 40, None)),
    ];
    let (mut accepted, mut rebuilt) = (0, 0);
    for turn in 0..6000 {
        let original = &originals[turn % 2];
        let mut fields = original.clone();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..fields.len());
            let other = fields[rng.random_range(0..fields.len())].clone();
            match (&mut fields[at], rng.random_range(0..4)) {
                (Unsigned(value), 0) => *value = rng.random(),
                (Unsigned(value), 1) => *value ^= 1 << rng.random_range(0..64),
                (Unsigned(value), _) => *value = rng.random_range(0..60),
                (Bytes(bytes), 0) if !bytes.is_empty() => {
                    let at = rng.random_range(0..bytes.len());
                    bytes[at] ^= 1 << rng.random_range(0..8);
                }
                (slot, _) => *slot = other,
            }
        }
        if let Ok(mut loaded) = load(&mut Reader(&fields)) {
            accepted += 1;
            rebuilt += matches!(loaded.graph, Restored::Rebuilt(_)) as usize;
            loaded.set.check().unwrap();
            let name = loaded.set.nth(0).to_vec();
            loaded.set.remove(&name);
            loaded.set.check().unwrap();
        }
    }
    println!("accepted {accepted}, of them rebuilt {rebuilt}");
    assert!(accepted > 100 && rebuilt > 50);
}

/// Two elements, as fields: [dim count config flags] then name code n id level links capacity [ids worst] norm.
fn two(change: impl Fn(&mut Vec<Field>)) -> Result<Loaded, LoadError> {
    let element = |name: &str, id: u64, other: u64| {
        vec![
            Bytes(name.into()),
            Bytes(vec![42, 85, 127]),
            Unsigned(7),
            Unsigned(id),
            Unsigned(1 << 24),
            Unsigned(1),
            Unsigned(32),
            Unsigned(other),
            Unsigned(0),
            Unsigned(0x3f4d_41b2_406f_7751),
        ]
    };
    let mut fields = vec![Unsigned(3), Unsigned(2), Unsigned(1 | 16 << 8), Unsigned(0)];
    fields.extend(element("a", 1, 2));
    fields.extend(element("b", 2, 1));
    change(&mut fields);
    load(&mut Reader(&fields))
}

#[test]
fn damage_is_named() {
    assert_eq!(two(|_| {}).unwrap().graph, Restored::Whole);
    let refused = |at: usize, field: Field| two(|f| f[at] = field.clone()).err().expect("refused").0;
    assert!(refused(0, Unsigned(0)).contains("dimension 0"));
    assert!(refused(0, Unsigned((1 << 32) + 3)).contains("dimension"));
    assert!(refused(1, Unsigned(0)).contains("empty"));
    assert!(refused(1, Unsigned(u64::MAX)).contains("truncated"));
    assert!(refused(2, Unsigned(3)).contains("quantization"));
    assert!(refused(14, Bytes(b"a".to_vec())).contains("second element"));
    assert!(refused(5, Bytes(vec![1, 2])).contains("vector"));
    assert!(refused(13, Unsigned(f32::NAN.to_bits() as u64)).contains("vector"));
    assert!(refused(8, Unsigned(16 | 1 << 24)).contains("level 16"));
    assert!(refused(8, Unsigned(2 << 24)).contains("format"));
    assert!(refused(9, Unsigned(1 << 40)).contains("links"));
    assert!(refused(6, Unsigned(u64::MAX)).contains("truncated"));
    assert!(refused(6, Unsigned(3)).contains("no parameter"));
    assert!(refused(7, Unsigned(2)).contains("two elements"));
}

#[test]
fn a_damaged_graph_is_rebuilt() {
    let rebuilt = |at: usize, value: u64| match two(|f| f[at] = Unsigned(value)).unwrap() {
        Loaded { mut set, graph: Restored::Rebuilt(why) } => {
            set.check().unwrap();
            why
        }
        Loaded { graph, .. } => panic!("{graph:?}"),
    };
    assert!(rebuilt(11, 1).contains("itself"));
    assert!(rebuilt(11, 9).contains("unknown"));
    assert!(two(|f| f[7] = Unsigned(u64::MAX)).unwrap().set.info().max_node_uid < u64::MAX);
}

/// A few elements need no links.
#[test]
fn few_elements_may_be_unconnected() {
    let Loaded { mut set, graph } = two(|f| {
        // No links: the later element first, since removing a field moves what follows.
        for element in [14, 4] {
            f[element + 2] = Unsigned(6);
            f[element + 5] = Unsigned(0);
            f.remove(element + 7);
        }
    })
    .unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(graph, Restored::Whole);
    set.check().unwrap();
    assert_eq!(set.links(b"a").map(|levels| levels[0].len()), Some(1));
}
