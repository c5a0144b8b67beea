//! Runs the recorded cases of `tests/data/search-cases.json`, from arguments to hits.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::command::create::create;
use super::command::search::SearchRequest;
use super::command::settings::Settings;
use super::evaluate::{BoundQuery, Limits, Order, Scorer, SearchOptions};
use super::index::{Document, FieldValue, SearchIndex};

/// A document as the file has it.
struct Recorded<'a> {
    value: &'a Json,
    is_json: bool,
}

/// A vector's bytes; of other values the text.
fn bytes(value: &Json) -> Vec<u8> {
    match value {
        Json::Array(numbers) => {
            numbers.iter().flat_map(|number| (number.as_f64().unwrap() as f32).to_le_bytes()).collect()
        }
        Json::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

impl Document for Recorded<'_> {
    /// Paths of the file are `$.name` and `$.name[*]`.
    fn field(&self, path: &[u8]) -> FieldValue {
        let path = std::str::from_utf8(path).unwrap();
        if !self.is_json {
            return self.value.get(path).map_or(FieldValue::Absent, |value| FieldValue::Bytes(bytes(value)));
        }
        let path = path.strip_prefix("$.").unwrap();
        let found = match path.strip_suffix("[*]") {
            Some(name) => self.value.get(name).and_then(Json::as_array).cloned(),
            None => self.value.get(path).map(|value| vec![value.clone()]),
        };
        found.map_or(FieldValue::Absent, FieldValue::Json)
    }
}

fn build(set: &Json) -> SearchIndex {
    let words = |part: &str| set.get(part).and_then(Json::as_array).cloned().unwrap_or_default();
    let mut arguments = vec![b"i".to_vec(), b"ON".to_vec(), bytes(&set["on"])];
    arguments.extend(words("options").iter().map(bytes));
    arguments.push(b"SCHEMA".to_vec());
    arguments.extend(words("schema").iter().map(bytes));
    let arguments: Vec<&[u8]> = arguments.iter().map(|word| &word[..]).collect();
    let mut index = SearchIndex::new(create(&arguments).expect("a definition"));
    for (group, words) in set.get("synonyms").and_then(Json::as_object).into_iter().flatten() {
        let words: Vec<Vec<u8>> = words.as_array().unwrap().iter().map(bytes).collect();
        index.add_synonyms(group.as_bytes(), &words, true);
    }
    for (key, value) in set["docs"].as_object().unwrap() {
        index.put(key.as_bytes(), &Recorded { value, is_json: set["on"] == "JSON" });
    }
    index
}

fn bind(index: &SearchIndex, case: &Json) -> Result<BoundQuery, String> {
    let mut words: Vec<Vec<u8>> = vec![b"i".to_vec(), bytes(&case["query"])];
    words.extend(case.get("args").and_then(Json::as_array).into_iter().flatten().map(bytes));
    let params: Vec<_> = case.get("params").and_then(Json::as_object).into_iter().flatten().collect();
    if !params.is_empty() {
        words.extend([b"PARAMS".to_vec(), (2 * params.len()).to_string().into_bytes()]);
        params.iter().for_each(|(name, value)| words.extend([name.as_bytes().to_vec(), bytes(value)]));
    }
    words.extend([b"DIALECT".to_vec(), bytes(&case["dialect"])]);
    let words: Vec<&[u8]> = words.iter().map(|word| &word[..]).collect();
    let text = |error: super::error::Error| String::from_utf8_lossy(&error.text()).into_owned();
    let request = SearchRequest::parse(&words, &Settings::default()).map_err(text)?;
    let query = request.options.query(index.definition()).map_err(text)?;
    let field = |name: &[u8]| index.definition().field(name).expect("a field to sort by");
    let in_fields = request.options.in_fields.as_ref();
    let options = SearchOptions {
        scorer: match case.get("scorer").and_then(Json::as_str) {
            Some("TFIDF") => Scorer::TfIdf,
            Some("DOCSCORE") => Scorer::DocScore,
            _ => Scorer::Bm25Std,
        },
        verbatim: request.options.verbatim,
        in_fields: in_fields.map(|names| names.iter().filter_map(|name| index.definition().field(name)).collect()),
        slop: request.options.slop,
        in_order: request.options.in_order,
        order: match &request.sort_by {
            Some(sort) => Order::Field { field: field(&sort.name), descending: sort.descending },
            None => Order::Score,
        },
        limit: usize::MAX,
        ..SearchOptions::default()
    };
    index.bind(query, options)
}

#[test]
fn recorded_cases_come_out_as_recorded() {
    let text = include_str!("../../tests/data/search-cases.json");
    let data: Json = serde_json::from_str(text).expect("the file");
    let sets: BTreeMap<&str, SearchIndex> =
        data["sets"].as_object().unwrap().iter().map(|(name, set)| (&name[..], build(set))).collect();
    let mut wrong = Vec::new();
    for case in data["cases"].as_array().unwrap() {
        let found = bind(&sets[case["set"].as_str().unwrap()], case).map(|bound| bound.run(&Limits::default()).hits);
        let problem = match (found, case["expect"].as_array()) {
            (Err(error), None) => {
                let part = case["expect"]["error"].as_str().unwrap();
                (!error.contains(part)).then(|| format!("the error {error:?}"))
            }
            (Err(error), Some(_)) => Some(format!("the error {error:?}")),
            (Ok(hits), expected) => {
                let mut keys: Vec<String> =
                    hits.iter().map(|hit| String::from_utf8_lossy(&hit.key).into_owned()).collect();
                let order = case.get("order").and_then(Json::as_array);
                let strings =
                    |list: &Vec<Json>| list.iter().map(|key| key.as_str().unwrap().to_owned()).collect::<Vec<_>>();
                let ordered = order.is_none_or(|order| strings(order) == keys);
                let scored = case.get("scores").and_then(Json::as_object).into_iter().flatten().all(|(key, score)| {
                    let hit = hits.iter().find(|hit| hit.key[..] == *key.as_bytes());
                    let score = score.as_f64().unwrap();
                    hit.is_some_and(|hit| (hit.score - score).abs() <= 1e-5 * score.abs().max(1e-9))
                });
                keys.sort();
                let mut wanted = expected.map(strings);
                wanted.iter_mut().for_each(|wanted| wanted.sort());
                let right = wanted == Some(keys.clone()) && ordered && scored;
                (!right).then(|| format!("{keys:?}, order {ordered}, scores {scored}"))
            }
        };
        if let Some(problem) = problem {
            wrong.push(format!("{problem}: {case}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
