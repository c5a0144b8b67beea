//! The reference model of the tests: which documents match a query and their scores, by definition, one document at a
//! time.

use std::collections::{BTreeMap, BTreeSet};

use super::tests::{Fake, V};
use crate::search::query::{Affix, Fields, Node, NodeKind, TagValue};
use crate::search::shape::Predicate;
use crate::search::shape::naive::{self, Rings};
use crate::search::text::{Language, StopWords, tokens};

/// Whether a word matches.
type Test<'a> = Box<dyn Fn(&[u8]) -> bool + 'a>;

/// The definitions, over all documents one by one.
pub struct Naive<'a> {
    pub documents: &'a BTreeMap<Vec<u8>, Fake>,
    /// Mean length of the documents.
    pub average: f64,
}

fn words_of(document: &Fake, field: &str) -> Vec<String> {
    let stop = StopWords::new(None);
    let text = document.get(field).map_or(&[][..], |text| text);
    let words = tokens(text).map(|token| token.word).filter(|word| !stop.contains(word));
    words.map(|word| String::from_utf8(word).unwrap()).collect()
}

fn names(fields: &Fields) -> Vec<&'static str> {
    match fields {
        Fields::All => vec!["t", "u"],
        Fields::Of(fields) => fields.iter().map(|field| ["t", "u"][*field]).collect(),
    }
}

fn stem(word: &str) -> String {
    let stem = Language::default().stem(word.as_bytes());
    stem.map_or(word.into(), |stem| String::from_utf8(stem).unwrap())
}

fn numbers(blob: &[u8]) -> Vec<f64> {
    blob.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes).into()).collect()
}

pub fn distance(field: usize, a: &[u8], b: &[u8]) -> f64 {
    let pairs = || numbers(a).into_iter().zip(numbers(b));
    if field == V {
        pairs().map(|(a, b)| (a - b) * (a - b)).sum()
    } else {
        1.0 - pairs().map(|(a, b)| a * b).sum::<f64>()
    }
}

fn edits(a: &[u8], b: &[u8]) -> usize {
    match (a, b) {
        ([], rest) | (rest, []) => rest.len(),
        ([x, a @ ..], [y, b @ ..]) if x == y => edits(a, b),
        ([_, more_a @ ..], [_, more_b @ ..]) => 1 + edits(more_a, more_b).min(edits(a, more_b)).min(edits(more_a, b)),
    }
}

impl Naive<'_> {
    pub fn length(&self, document: &Fake) -> f64 {
        (words_of(document, "t").len() + 2 * words_of(document, "u").len()) as f64
    }

    /// BM25STD of something that each document has with a frequency; `mine` is this document's.
    fn bm25(&self, document: &Fake, mine: f64, frequency: impl Fn(&Fake) -> f64) -> f64 {
        if mine == 0.0 {
            return 0.0;
        }
        let (all, having) = (
            self.documents.len() as f64,
            self.documents.values().filter(|other| frequency(other) > 0.0).count() as f64,
        );
        let rarity = (1.0 + (all - having + 0.5) / (having + 0.5)).ln();
        self.saturate(document, rarity, mine)
    }

    fn saturate(&self, document: &Fake, rarity: f64, frequency: f64) -> f64 {
        let relative = if self.average > 0.0 { self.length(document) / self.average } else { 1.0 };
        let k = f64::from(1.2f32);
        rarity * frequency * (k + 1.0) / (frequency + k * (0.25 + 0.75 * relative))
    }

    /// A word's score: the documents having it in any field count, its occurrences in the named fields do.
    fn word(&self, document: &Fake, word: &str, fields: &[&str]) -> Option<f64> {
        let count = |document: &Fake, fields: &[&str]| -> f64 {
            let times = |field: &&str| words_of(document, field).iter().filter(|other| *other == word).count() as f64;
            fields.iter().map(|field| times(field) * if *field == "u" { 2.0 } else { 1.0 }).sum()
        };
        let mine = count(document, fields);
        (mine > 0.0).then(|| self.bm25(document, mine, |other| count(other, &["t", "u"])))
    }

    /// The score of the words that share a stem and are not it, in the field with stems.
    fn stemmed(&self, document: &Fake, shared: &str) -> Option<f64> {
        let count = |document: &Fake| {
            let words = words_of(document, "t");
            words.iter().filter(|word| word.len() >= 4 && *word != shared && stem(word) == shared).count() as f64
        };
        let mine = count(document);
        (mine > 0.0).then(|| self.bm25(document, mine, count))
    }

    /// The score of a document that matches.
    pub fn score(&self, document: &Fake, node: &Node) -> Option<f64> {
        let sum = |scores: Vec<Option<f64>>| {
            let found: Vec<f64> = scores.into_iter().flatten().collect();
            (!found.is_empty()).then(|| found.into_iter().sum::<f64>())
        };
        let found = match &node.kind {
            NodeKind::Word { word, verbatim, fields } => {
                let (word, names) = (std::str::from_utf8(word).unwrap(), names(fields));
                let mut scores = vec![self.word(document, word, &names)];
                if !verbatim && names.contains(&"t") {
                    let shared = stem(word);
                    scores.push(self.stemmed(document, &shared));
                    if shared != word {
                        scores.push(self.word(document, &shared, &["t"]));
                    }
                }
                sum(scores)
            }
            NodeKind::Phrase { words, fields } => {
                let words: Vec<&str> = words.iter().map(|word| std::str::from_utf8(word).unwrap()).collect();
                let names = names(fields);
                let there =
                    names.iter().any(|field| words_of(document, field).windows(words.len()).any(|part| part == words));
                there.then(|| words.iter().filter_map(|word| self.word(document, word, &names)).sum())
            }
            NodeKind::Affix { .. } | NodeKind::Fuzzy { .. } => {
                let (fields, matches): (&Fields, Test) = match &node.kind {
                    NodeKind::Affix { affix: Affix::Prefix(prefix), fields } => {
                        (fields, Box::new(|word: &[u8]| word.starts_with(prefix)))
                    }
                    NodeKind::Fuzzy { word, fields, .. } => (fields, Box::new(|other: &[u8]| edits(word, other) <= 1)),
                    _ => return None,
                };
                let names = names(fields);
                let all: BTreeSet<String> = names.iter().flat_map(|field| words_of(document, field)).collect();
                let matching = all.iter().filter(|word| matches(word.as_bytes()));
                matching.filter_map(|word| self.word(document, word, &names)).max_by(f64::total_cmp)
            }
            NodeKind::Empty { .. } => document.get("t").filter(|text| text.is_empty()).map(|_| 0.0),
            NodeKind::Tag { values, .. } => {
                let tags = |document: &Fake| -> BTreeSet<String> {
                    let text = String::from_utf8(document.get("g").cloned().unwrap_or_default()).unwrap();
                    text.split(',').map(|tag| tag.trim().to_lowercase()).filter(|tag| !tag.is_empty()).collect()
                };
                let (own, mut scores) = (tags(document), Vec::new());
                for value in values {
                    let wanted = |tag: &str| match value {
                        TagValue::Exact(value) => tag.as_bytes() == value.to_ascii_lowercase(),
                        TagValue::Affix(_) => tag.starts_with("re"),
                    };
                    // Each tag of a clause counts alike: the sum of the rarities, saturated once.
                    for tag in own.iter().filter(|tag| wanted(tag)) {
                        scores.push(Some(
                            self.bm25(document, 1.0, |other| f64::from(u8::from(tags(other).contains(tag)))),
                        ));
                    }
                }
                sum(scores)
            }
            NodeKind::Numeric { min, max, .. } => {
                let number: Option<f64> = document.get("n").map(|text| String::from_utf8_lossy(text).parse().unwrap());
                let above = |n: f64| if min.exclusive { n > min.value } else { n >= min.value };
                let below = |n: f64| if max.exclusive { n < max.value } else { n <= max.value };
                number.filter(|n| above(*n) && below(*n)).map(|_| 0.0)
            }
            NodeKind::Geo { lon, lat, radius, unit, .. } => {
                let text = String::from_utf8_lossy(document.get("p")?).into_owned();
                let (x, y) = text.split_once(',')?;
                let near = crate::search::index::distance((*lon, *lat), (x.parse().unwrap(), y.parse().unwrap()));
                (near <= radius * unit.metres()).then_some(0.0)
            }
            NodeKind::GeoShape { predicate, parameter, .. } => {
                let own = Rings::of(std::str::from_utf8(document.get("o")?).unwrap());
                let asked = Rings::of(std::str::from_utf8(parameter).unwrap());
                let lies = match predicate {
                    Predicate::Within => naive::within(&own, &asked),
                    Predicate::Contains => naive::within(&asked, &own),
                    Predicate::Intersects => naive::intersects(&own, &asked),
                    Predicate::Disjoint => !naive::intersects(&own, &asked),
                };
                lies.then_some(0.0)
            }
            NodeKind::Missing { .. } => (!document.contains_key("n")).then_some(0.0),
            NodeKind::VectorRange(range) => {
                let own = document.get(if range.field == V { "v" } else { "w" })?;
                (distance(range.field, own, &range.vector) <= range.radius).then_some(0.0)
            }
            NodeKind::And(kids) => kids
                .iter()
                .map(|kid| self.score(document, kid))
                .collect::<Option<Vec<f64>>>()
                .map(|scores| scores.iter().sum()),
            NodeKind::Or(kids) => sum(kids.iter().map(|kid| self.score(document, kid)).collect()),
            NodeKind::Not(kid) => self.score(document, kid).is_none().then_some(0.0),
            NodeKind::Optional(kid) => Some(self.score(document, kid).unwrap_or(0.0)),
            NodeKind::All => Some(self.saturate(document, 1.0, 1.0)),
            NodeKind::Nothing => None,
        };
        found.map(|score| score * node.weight)
    }
}
