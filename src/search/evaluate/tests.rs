//! Random documents, updates and queries against the reference model (`naive`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::naive::{Naive, distance};
use super::*;
use crate::search::index::{Document, FieldValue, Outcome, SearchIndex};
use crate::search::query::{Affix, Bound, Fields, GeoUnit, Knn, Node, NodeKind, Query, TagValue, VectorRange};
use crate::search::schema::{Algorithm, Definition, Element, Field, Kind, Metric, VectorOptions};
use crate::search::shape::{Coordinates, Predicate, Shape, random_text};

const WORDS: [&str; 12] =
    ["run", "running", "runs", "city", "cities", "stone", "lake", "happy", "happiness", "the", "x1", "fried"];
const TAGS: [&str; 5] = ["red", "Green", "light blue", "red wine", "b"];

/// A document's fields by path.
pub type Fake = BTreeMap<&'static str, Vec<u8>>;

impl Document for Fake {
    fn field(&self, path: &[u8]) -> FieldValue {
        let found = self.iter().find(|(name, _)| name.as_bytes() == path);
        found.map_or(FieldValue::Absent, |(_, bytes)| FieldValue::Bytes(bytes.clone()))
    }
}

pub fn field(name: &str, kind: Kind) -> Field {
    Field {
        path: name.into(),
        name: name.into(),
        kind,
        sortable: name == "n" || name == "g",
        unnormalized: false,
        no_index: false,
        index_missing: name == "n",
        index_empty: name == "t",
    }
}

pub fn vector(algorithm: Algorithm, metric: Metric, dim: usize) -> Kind {
    Kind::Vector(VectorOptions {
        algorithm,
        element: Element::Float32,
        dim,
        metric,
        given: Vec::new(),
        initial_cap: 0,
        block_size: 1024,
        m: 16,
        ef_construction: 200,
        ef_runtime: 200,
        epsilon: 0.01,
    })
}

pub fn definition(fields: Vec<Field>) -> Definition {
    Definition { score_field: Some(b"s".to_vec()), fields: fields.into(), ..Definition::named(b"i") }
}

/// Positions in the schema.
const T: usize = 0;
const U: usize = 1;
const G: usize = 2;
const N: usize = 3;
const P: usize = 4;
pub const V: usize = 5;
const W: usize = 6;
const O: usize = 7;

fn schema() -> Vec<Field> {
    let text = |weight: f64, no_stem| Kind::Text { weight, no_stem, phonetic: None, suffix_trie: false };
    vec![
        field("t", text(1.0, false)),
        field("u", text(2.0, true)),
        field("g", Kind::Tag { separator: None, case_sensitive: false, suffix_trie: false }),
        field("n", Kind::Numeric),
        field("p", Kind::Geo),
        field("v", vector(Algorithm::Flat, Metric::L2, 3)),
        field("w", vector(Algorithm::Hnsw, Metric::InnerProduct, 3)),
        field("o", Kind::GeoShape { coordinates: Coordinates::Plane }),
    ]
}

fn text(random: &mut SmallRng) -> Vec<u8> {
    let words: Vec<&str> = (0..random.random_range(0..7)).map(|_| WORDS[random.random_range(0..WORDS.len())]).collect();
    words.join(" ").into_bytes()
}

fn components(random: &mut SmallRng) -> Vec<u8> {
    (0..3).flat_map(|_| (random.random_range(-4..=4) as f32).to_le_bytes()).collect()
}

fn document(random: &mut SmallRng) -> Fake {
    let mut fields = Fake::new();
    let mut set = |name, value: Vec<u8>, random: &mut SmallRng| {
        if random.random_bool(0.75) {
            fields.insert(name, value);
        }
    };
    let (t, u) = (text(random), text(random));
    set("t", t, random);
    set("u", u, random);
    let tags: Vec<&str> = (0..random.random_range(0..3)).map(|_| TAGS[random.random_range(0..5)]).collect();
    set("g", tags.join(" , ").into_bytes(), random);
    let number = random.random_range(-5..6);
    set("n", format!("{number}").into_bytes(), random);
    let point = (random.random_range(-20..20), random.random_range(-20..20));
    set("p", format!("{},{}", point.0, point.1).into_bytes(), random);
    let (v, w) = (components(random), components(random));
    set("v", v, random);
    set("w", w, random);
    set("s", b"0.5".to_vec(), random);
    let outline = random_text(random, 9).into_bytes();
    set("o", outline, random);
    fields
}

fn bound(value: i32, exclusive: bool) -> Bound {
    Bound { value: value.into(), exclusive }
}

fn some_fields(random: &mut SmallRng) -> Fields {
    match random.random_range(0..4) {
        0 => Fields::Of([T].into()),
        1 => Fields::Of([U].into()),
        2 => Fields::Of([T, U].into()),
        _ => Fields::All,
    }
}

fn leaf(random: &mut SmallRng) -> NodeKind {
    let word = WORDS[random.random_range(0..WORDS.len())].as_bytes().to_vec();
    let fields = some_fields(random);
    match random.random_range(0..13) {
        0..3 => NodeKind::Word { word, verbatim: random.random_bool(0.3), fields },
        3 => {
            let second = WORDS[random.random_range(0..WORDS.len())].as_bytes().to_vec();
            NodeKind::Phrase { words: vec![word, second], fields }
        }
        4 => NodeKind::Affix { affix: Affix::Prefix(word[..2].to_vec()), fields },
        5 => NodeKind::Empty { fields: Fields::Of([T].into()) },
        6 => NodeKind::Fuzzy { word, distance: 1, fields },
        7 => {
            let value = |random: &mut SmallRng| TagValue::Exact(TAGS[random.random_range(0..5)].into());
            NodeKind::Tag { field: G, values: (0..random.random_range(1..3)).map(|_| value(random)).collect() }
        }
        8 => NodeKind::Tag { field: G, values: vec![TagValue::Affix(Affix::Prefix(b"Re".to_vec()))] },
        9 => {
            let (a, b) = (random.random_range(-6..6), random.random_range(-6..6));
            let exclusive = random.random_bool(0.3);
            NodeKind::Numeric { field: N, min: bound(a.min(b), exclusive), max: bound(a.max(b), exclusive) }
        }
        10 => {
            let (lon, lat) = (random.random_range(-20.0..20.0), random.random_range(-20.0..20.0));
            NodeKind::Geo { field: P, lon, lat, radius: random.random_range(10.0..2000.0), unit: GeoUnit::Kilometres }
        }
        11 => {
            let text = random_text(random, 9);
            let names = ["within", "Contains", "INTERSECTS", "DISJOINT"];
            NodeKind::GeoShape {
                field: O,
                predicate: Predicate::named(names[random.random_range(0..4)].as_bytes()).unwrap(),
                shape: Arc::new(Shape::read(text.as_bytes(), Coordinates::Plane).unwrap()),
                parameter: text.into_bytes(),
            }
        }
        _ => match random.random_bool(0.5) {
            true => NodeKind::Missing { field: N },
            false => NodeKind::VectorRange(VectorRange {
                field: if random.random_bool(0.5) { V } else { W },
                radius: random.random_range(0.0..30.0),
                vector: components(random).into(),
                parameter: Vec::new(),
                epsilon: None,
                distance: None,
            }),
        },
    }
}

fn node(random: &mut SmallRng, depth: usize) -> Node {
    let kids = |random: &mut SmallRng| (0..random.random_range(2..4)).map(|_| node(random, depth - 1)).collect();
    let kind = match random.random_range(0..if depth == 0 { 4 } else { 9 }) {
        0..4 => leaf(random),
        4 | 5 => NodeKind::And(kids(random)),
        6 => NodeKind::Or(kids(random)),
        7 => NodeKind::Not(Box::new(node(random, depth - 1))),
        _ => NodeKind::Optional(Box::new(node(random, depth - 1))),
    };
    Node { weight: f64::from(random.random_range(1..3)), ..Node::new(kind) }
}

fn all() -> SearchOptions {
    SearchOptions { limit: usize::MAX, scores: true, ..SearchOptions::default() }
}

fn verify(index: &SearchIndex, documents: &BTreeMap<Vec<u8>, Fake>, random: &mut SmallRng, what: &str) {
    let mut naive = Naive { documents, average: 0.0 };
    naive.average =
        documents.values().map(|document| naive.length(document)).sum::<f64>() / documents.len().max(1) as f64;
    for _ in 0..20 {
        let root = node(random, 3);
        let bound = index.bind(Query { root: root.clone(), knn: None }, all()).unwrap();
        let found = bound.run(&Limits::default());
        let own = |document: &Fake| if document.contains_key("s") { 0.5 } else { 1.0 };
        let expected: BTreeMap<&[u8], f64> = documents
            .iter()
            .filter_map(|(key, document)| Some((&key[..], naive.score(document, &root)? * own(document))))
            .collect();
        let keys: BTreeSet<&[u8]> = found.hits.iter().map(|hit| &hit.key[..]).collect();
        assert_eq!(keys, expected.keys().copied().collect(), "{what}: {root:?}");
        assert_eq!((found.total, found.hits.len()), (keys.len(), keys.len()));
        let estimated = Estimator::whole(&bound.state, &root);
        assert!(estimated.is_none_or(|part| found.total <= part.documents), "{what}: {root:?}");
        for hit in &found.hits {
            let wanted = expected[&hit.key[..]];
            assert!(
                (hit.score - wanted).abs() <= 1e-9 * wanted.abs().max(1.0),
                "{what}: {} not {wanted}: {root:?}",
                hit.score
            );
        }
        let order = |a: &Hit, b: &Hit| b.score.total_cmp(&a.score).then(a.document.cmp(&b.document));
        assert!(found.hits.is_sorted_by(|a, b| order(a, b).is_lt()));
        let page = SearchOptions { offset: 3, limit: 4, scores: true, ..SearchOptions::default() };
        let page = index.bind(Query { root: root.clone(), knn: None }, page).unwrap().run(&Limits::default());
        assert_eq!(page.hits, found.hits.iter().skip(3).take(4).cloned().collect::<Vec<_>>());
        verify_nearest(index, documents, random, &expected, root, what);
    }
}

fn verify_nearest(
    index: &SearchIndex,
    documents: &BTreeMap<Vec<u8>, Fake>,
    random: &mut SmallRng,
    matching: &BTreeMap<&[u8], f64>,
    root: Node,
    what: &str,
) {
    let (field, k) = (if random.random_bool(0.5) { V } else { W }, random.random_range(0..8));
    let vector: Arc<[u8]> = components(random).into();
    let knn =
        Knn { field, k, vector: vector.clone(), parameter: Vec::new(), ef_runtime: None, distance: b"d".to_vec() };
    let options = SearchOptions { order: Order::Document, ..all() };
    let bound = index.bind(Query { root, knn: Some(knn) }, options).unwrap();
    let found = bound.run(&Limits::default());
    assert_eq!(found.rerank, None, "small vectors are exact");
    let own = |key: &[u8]| Some(distance(field, documents.get(key)?.get(if field == V { "v" } else { "w" })?, &vector));
    let mut expected: Vec<f64> = matching.keys().filter_map(|key| own(key)).collect();
    expected.sort_by(f64::total_cmp);
    expected.truncate(k);
    let distances: Vec<f64> = found.hits.iter().map(|hit| hit.distances[0].unwrap()).collect();
    assert_eq!(distances, expected, "{what}");
    assert!(found.hits.iter().all(|hit| own(&hit.key) == hit.distances[0]));
}

#[test]
fn the_first_of_many_equal_documents_are_those_of_all() {
    let mut random = SmallRng::seed_from_u64(5);
    type Text = fn(&mut SmallRng) -> Vec<u8>;
    let texts: [Text; 3] = [text, |_| b"two words".to_vec(), |_| Vec::new()];
    for text in texts {
        let mut index = SearchIndex::new(Definition { score_field: None, ..definition(schema()) });
        for at in 0..3000 {
            let fields = Fake::from([("t", text(&mut random)), ("g", b"red".to_vec())]);
            index.put(format!("k{}", at % 2100).as_bytes(), &fields);
        }
        for at in 2000..2100 {
            index.remove(format!("k{at}").as_bytes());
        }
        for kind in [NodeKind::All, NodeKind::Tag { field: G, values: vec![TagValue::Exact(b"red".to_vec())] }] {
            let query = Query { root: Node::new(kind), knn: None };
            let every = index.bind(query.clone(), all()).unwrap().run(&Limits::default()).hits;
            let page = SearchOptions { offset: 5, limit: 10, ..SearchOptions::default() };
            let found = index.bind(query, page).unwrap().run(&Limits::default());
            assert_eq!((found.total, &found.hits[..]), (2000, &every[5..15]));
        }
    }
}

#[test]
fn queries_find_and_score_by_the_definitions() {
    for seed in 0..4 {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut index = SearchIndex::new(definition(schema()));
        let mut documents = BTreeMap::new();
        let mut bound: Vec<(BoundQuery, BTreeSet<Vec<u8>>)> = Vec::new();
        for step in 0..300 {
            let key = format!("k{}", random.random_range(0..60)).into_bytes();
            if random.random_bool(0.7) {
                let new = document(&mut random);
                let outcome = index.put(&key, &new);
                let before = documents.insert(key.clone(), new);
                assert_eq!(outcome == Outcome::Added, before.is_none());
                assert_eq!(index.put(&key, &documents[&key]), Outcome::Unchanged);
            } else {
                assert_eq!(index.remove(&key), documents.remove(&key).is_some());
            }
            if step % 100 == 50 {
                let root = Node::new(NodeKind::Optional(Box::new(node(&mut random, 2))));
                let query = index.bind(Query { root, knn: None }, all()).unwrap();
                bound.push((query, documents.keys().cloned().collect()));
            }
            if step % 100 == 99 {
                verify(&index, &documents, &mut random, &format!("seed {seed}, step {step}"));
                index.check(&documents, || SearchIndex::new(definition(schema())));
            }
        }
        // An old snapshot still shows the old state.
        for (bound, keys) in bound {
            let found: BTreeSet<Vec<u8>> =
                bound.run(&Limits::default()).hits.iter().map(|hit| hit.key.to_vec()).collect();
            assert_eq!(found, keys, "seed {seed}");
        }
        for key in documents.keys() {
            index.remove(key);
        }
        index.check(&BTreeMap::<Vec<u8>, Fake>::new(), || SearchIndex::new(definition(schema())));
    }
}
