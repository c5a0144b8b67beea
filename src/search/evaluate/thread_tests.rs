//! Queries on other threads than the writer's, and distances that documents make exact.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, mpsc};

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::tests::{Fake, definition, field, vector};
use super::*;
use crate::search::index::{SearchIndex, exact_distance};
use crate::search::query::{Knn, Node, NodeKind, Query, TagValue};
use crate::search::schema::{Algorithm, Kind, Metric};

const TAG: Kind = Kind::Tag { separator: None, case_sensitive: false, suffix_trie: false };
const TEXT: Kind = Kind::Text { weight: 1.0, no_stem: false, phonetic: None, suffix_trie: false };

fn every() -> SearchOptions {
    SearchOptions { limit: usize::MAX, ..SearchOptions::default() }
}

fn tagged(value: &str) -> Node {
    Node::new(NodeKind::Tag { field: 0, values: vec![TagValue::Exact(value.into())] })
}

/// Each query finds what was there when it was bound, whatever is written while it waits and runs.
#[test]
fn an_answer_is_about_one_moment() {
    let mut index = SearchIndex::new(definition(vec![field("g", TAG), field("t", TEXT)]));
    let (to_threads, queries) = mpsc::channel::<(BoundQuery, BTreeSet<Vec<u8>>)>();
    let queries = Arc::new(std::sync::Mutex::new(queries));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let queries = queries.clone();
            std::thread::spawn(move || {
                let mut ran = 0;
                loop {
                    let next = queries.lock().expect("no thread failed").recv();
                    let Ok((query, keys)) = next else { return ran };
                    let hits = query.run(&Limits::default()).hits;
                    assert_eq!(hits.into_iter().map(|hit| hit.key.to_vec()).collect::<BTreeSet<_>>(), keys);
                    ran += 1;
                }
            })
        })
        .collect();
    let mut random = SmallRng::seed_from_u64(3);
    let mut documents: BTreeMap<Vec<u8>, Fake> = BTreeMap::new();
    for step in 0..6000 {
        let key = format!("k{}", random.random_range(0..500)).into_bytes();
        if random.random_bool(0.75) {
            let tag = ["red", "blue"][random.random_range(0..2)].as_bytes().to_vec();
            let word = format!("running w{}", random.random_range(0..50)).into_bytes();
            let document = Fake::from([("g", tag), ("t", word)]);
            index.put(&key, &document);
            documents.insert(key, document);
        } else {
            index.remove(&key);
            documents.remove(&key);
        }
        if step % 5 == 0 {
            let has =
                |document: &Fake, name: &str, value: &[u8]| document.get(name).is_some_and(|own| own.ends_with(value));
            let word =
                NodeKind::Word { word: b"w7".to_vec(), verbatim: true, fields: crate::search::query::Fields::All };
            let (root, name, value): (Node, &str, &[u8]) =
                if step % 2 == 0 { (tagged("red"), "g", b"red") } else { (Node::new(word), "t", b" w7") };
            let keys = documents.iter().filter(|(_, document)| has(document, name, value)).map(|(key, _)| key.clone());
            let bound = index.bind(Query { root, knn: None }, every()).expect("a query");
            to_threads.send((bound, keys.collect())).expect("the threads wait");
        }
    }
    drop(to_threads);
    let ran: usize = threads.into_iter().map(|thread| thread.join().expect("answers as of their moment")).sum();
    assert_eq!(ran, 1200);
}

/// Bytes lead to the candidates, the documents say how far they are.
#[test]
fn long_vectors_get_their_distances_from_the_documents() {
    for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
        let mut random = SmallRng::seed_from_u64(11);
        let kind = vector(Algorithm::Hnsw, metric, 80);
        let mut index = SearchIndex::new(definition(vec![field("g", TAG), field("v", kind.clone())]));
        let Kind::Vector(options) = kind else { unreachable!("a VECTOR field") };
        let blob = |random: &mut SmallRng| -> Vec<u8> {
            (0..80).flat_map(|_| random.random_range(-1.0f32..1.0).to_le_bytes()).collect()
        };
        let mut documents: BTreeMap<Vec<u8>, Fake> = BTreeMap::new();
        for at in 0..400 {
            let tag = if at % 3 == 0 { b"red".to_vec() } else { b"blue".to_vec() };
            let document = Fake::from([("g", tag), ("v", blob(&mut random))]);
            index.put(format!("k{at}").as_bytes(), &document);
            documents.insert(format!("k{at}").into_bytes(), document);
        }
        for round in 0..20 {
            let asked: Arc<[u8]> = blob(&mut random).into();
            let filtered = round % 2 == 0;
            let root = if filtered { tagged("red") } else { Node::new(NodeKind::All) };
            let knn = Knn {
                field: 1,
                k: 7,
                vector: asked.clone(),
                parameter: Vec::new(),
                ef_runtime: None,
                distance: b"d".to_vec(),
            };
            let bound = index.bind(Query { root, knn: Some(knn) }, every()).expect("a query");
            let mut found = bound.run(&Limits::default());
            let rerank = found.rerank.clone().expect("bytes are not exact");
            assert!(found.hits.len() > rerank.keep && rerank.field == 1);
            for hit in &mut found.hits {
                let exact = bound.exact_distance(rerank.distance, &documents[&hit.key[..]]["v"]).expect("a vector");
                assert!((exact - hit.distances[0].expect("a distance")).abs() < 0.5, "{metric:?}");
                hit.distances[0] = Some(exact);
            }
            found.settle(bound.options());
            let of = |document: &Fake| exact_distance(&options, &asked, &document["v"]).expect("vectors of one length");
            let among = documents.values().filter(|document| !filtered || document["g"] == b"red");
            let mut expected: Vec<f64> = among.map(of).collect();
            expected.sort_by(f64::total_cmp);
            expected.truncate(7);
            let distances: Vec<f64> = found.hits.iter().map(|hit| hit.distances[0].expect("a distance")).collect();
            assert_eq!((found.total, distances), (7, expected), "{metric:?}, round {round}");
        }
    }
}
