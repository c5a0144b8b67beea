//! The recorded commands: what RediSearch accepts is accepted, what it refuses is refused with the same text.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::aggregate::AggregateRequest;
use super::create::{AlterRequest, create};
use super::cursor::CursorRequest;
use super::hybrid::HybridRequest;
use super::options::QueryOptions;
use super::profile::{ProfileRequest, Profiled};
use super::search::SearchRequest;
use super::settings::Settings;
use super::simple::{SpellcheckRequest, SugaddRequest, SuggetRequest, SynupdateRequest};
use crate::search::error::Error;
use crate::search::schema::Definition;

/// Errors of the execution of commands, not of their arguments.
const OF_EXECUTION: &[&str] = &[
    "no such index",
    "Unknown index name",
    "NOPERM",
    "WRONGTYPE",
    "ERR wrong number of arguments",
    "not loaded nor in",
    "No such property",
    "Could not find the value",
    "Index already exists",
    "Invalid rule type: JSON",
    "Cursor",
    "Dict does not exist",
];

/// Errors of values in rows.
const OF_EVALUATION: &[&str] = &[
    "Invalid numeric value",
    "Error converting string",
    "Invalid type (",
    "Unknown format specifier",
    "Not enough arguments for format",
    "to_number",
    "Invalid geo string",
];

/// What commands before this one did.
#[derive(Default)]
struct World {
    definitions: HashMap<Vec<u8>, Definition>,
    settings: Settings,
}

impl World {
    /// Parses a command; None if it is another module's, or its index is unknown.
    fn run(&mut self, name: &str, words: &[&[u8]]) -> Option<Result<(), Error>> {
        let settings = self.settings.clone();
        let known = |index: &[u8]| self.definitions.get(index).cloned();
        Some(match name {
            "FT.CREATE" if words.len() >= 4 => create(words).map(|definition| {
                self.definitions.insert(words[0].to_vec(), definition);
            }),
            "FT.ALTER" if words.len() >= 5 => {
                let definition = known(words[0])?;
                AlterRequest::parse(words, &definition).map(|request| {
                    self.definitions.get_mut(words[0]).unwrap().fields.extend(request.fields);
                })
            }
            "FT.SEARCH" | "FT.EXPLAIN" | "FT.EXPLAINCLI" if words.len() >= 2 => {
                let definition = known(words[0])?;
                SearchRequest::parse(words, &settings).and_then(|request| {
                    request.options.check_format(false, &definition)?;
                    request.check_excerpts(&definition)?;
                    query(&request.options, &definition)
                })
            }
            "FT.AGGREGATE" if words.len() >= 2 => {
                let definition = known(words[0])?;
                AggregateRequest::parse(words, &settings).and_then(|request| {
                    request.options.check_format(false, &definition)?;
                    query(&request.options, &definition)
                })
            }
            "FT.HYBRID" if words.len() >= 6 => {
                let definition = known(words[0])?;
                HybridRequest::parse(words, &settings).and_then(|request| request.queries(&definition).map(|_| ()))
            }
            "FT.PROFILE" if words.len() >= 4 => {
                let definition = known(words[0])?;
                ProfileRequest::parse(words, &settings).and_then(|request| match request.command {
                    Profiled::Search(request) => query(&request.options, &definition),
                    Profiled::Aggregate(request) => query(&request.options, &definition),
                    Profiled::Hybrid(request) => request.queries(&definition).map(|_| ()),
                })
            }
            "FT.CURSOR" if words.len() >= 2 => CursorRequest::parse(words).map(|_| ()),
            "FT.SPELLCHECK" if words.len() >= 2 => {
                let definition = known(words[0])?;
                SpellcheckRequest::parse(words, &settings).and_then(|request| {
                    let options =
                        QueryOptions { dialect: request.dialect, ..QueryOptions::new(&request.query, &settings) };
                    query(&options, &definition)
                })
            }
            "FT.SUGADD" if words.len() >= 3 => SugaddRequest::parse(words).map(|_| ()),
            "FT.SUGGET" if words.len() >= 2 => SuggetRequest::parse(words).map(|_| ()),
            "FT.SYNUPDATE" if words.len() >= 3 => SynupdateRequest::parse(words).map(|_| ()),
            "FT.CONFIG" if words.len() == 3 && words[0] == b"SET" => self.settings.set(words[1], words[2]),
            "FLUSHALL" => {
                self.definitions.clear();
                return None;
            }
            _ => return None,
        })
    }
}

fn query(options: &QueryOptions, definition: &Definition) -> Result<(), Error> {
    options.query(definition).map(|_| ())
}

/// A recorded argument as bytes.
fn bytes(argument: &Json) -> Vec<u8> {
    let numbers =
        |list: &Json| list.as_array().unwrap().iter().map(|n| n.as_f64().unwrap_or(0.0)).collect::<Vec<f64>>();
    if let Some(text) = argument.as_str() {
        return text.as_bytes().to_vec();
    }
    let (kind, value) = argument.as_object().unwrap().iter().next().unwrap();
    match &kind[..] {
        "f32" => numbers(value).iter().flat_map(|n| (*n as f32).to_le_bytes()).collect(),
        "f64" => numbers(value).iter().flat_map(|n| n.to_le_bytes()).collect(),
        "f16" => numbers(value).iter().flat_map(|_| [0, 0x3c]).collect(),
        "hex" => {
            let hex = value.as_str().unwrap();
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        }
        _ => b"1".to_vec(),
    }
}

/// Whether an error begins with a recorded one, whose code word need not be there.
fn begins(error: &Error, recorded: &str) -> bool {
    let plain = match recorded.split_once(' ') {
        Some((word, rest)) if word.starts_with("SEARCH_") => rest,
        _ => recorded,
    };
    error.to_string().to_lowercase().starts_with(&plain.to_lowercase())
}

#[test]
fn recorded_commands_are_taken_or_refused_as_recorded() {
    let replies: Json = serde_json::from_str(include_str!("../../../tests/data/search-replies.json")).unwrap();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for scenario in replies["scenarios"].as_array().unwrap() {
        let mut world = World::default();
        let setup = scenario["setup"].as_array().into_iter().flatten();
        let setup = setup.filter(|command| command.is_array()).map(|command| (command, None));
        let steps = scenario["steps"].as_array().into_iter().flatten().filter(|step| step["command"].is_array());
        let steps = steps.map(|step| (&step["command"], Some(step.get("want2").unwrap_or(&step["resp2"]))));
        for (command, reply) in setup.chain(steps) {
            let words: Vec<Vec<u8>> = command.as_array().unwrap().iter().map(bytes).collect();
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let name = String::from_utf8_lossy(words[0]).to_uppercase();
            let Some(got) = world.run(&name, &words[1..]) else { continue };
            let recorded = reply.and_then(|reply| reply["error"].as_str());
            let skipped = |list: &[&str]| {
                recorded.is_some_and(|text| list.iter().any(|part| text.to_lowercase().contains(&part.to_lowercase())))
            };
            let evaluated = name == "FT.AGGREGATE" && skipped(OF_EVALUATION);
            let is_excerpt = words.iter().any(|word| matches!(*word, b"HIGHLIGHT" | b"SUMMARIZE"));
            if evaluated || (skipped(OF_EXECUTION) && !is_excerpt) {
                continue;
            }
            compared += 1;
            let fine = match (&got, recorded) {
                (Ok(()), None) => true,
                (Err(error), Some(text)) => begins(error, text),
                _ => false,
            };
            if !fine {
                let shown: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
                wrong.push(format!("{}\n     got {got:?}\n    want {recorded:?}", shown.join(" ")));
            }
        }
    }
    println!("{compared} commands compared");
    assert!(wrong.is_empty(), "{} of {compared} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn refused(text: &str) -> String {
    let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
    create(&words).map_or_else(|error| error.to_string(), |_| "taken".into())
}

#[test]
fn words_that_end_too_early_are_refused() {
    for (words, text) in [
        ("i SCHEMA t TEXT WEIGHT", "Bad arguments for weight: Expected an argument, but none provided"),
        ("i SCHEMA v VECTOR", "Bad arguments for vector similarity algorithm: Expected an argument, but none provided"),
        ("i SCHEMA g TAG SEPARATOR", "SEPARATOR requires an argument"),
        ("i PREFIX", "Bad arguments for PREFIX: Expected an argument, but none provided"),
        ("i PREFIX 99999999999999999999 a", "Bad arguments for PREFIX: Could not convert argument to expected type"),
    ] {
        assert_eq!(refused(words), text, "{words}");
    }
}

#[test]
fn published_forms_of_vector_fields_are_taken() {
    for words in [
        "i ON JSON SCHEMA $.v AS v VECTOR HNSW TYPE FLOAT32 DIM 3 DISTANCE_METRIC COSINE PARAMS {\"M\":16,\"EF_CONSTRUCTION\":200}",
        "i SCHEMA v VECTOR FLAT TYPE FLOAT32 DIM 3 DISTANCE_METRIC L2 t TEXT",
        "i SCHEMA v VECTOR HNSW 8 TYPE FLOAT32 DIM 3 DISTANCE_METRIC L2 INDEXMISSING True t TAG",
        "i SCHEMA v VECTOR HNSW 6 TYPE FLOAT32 DIM 3 DISTANCE_METRIC L2 PARAMS {} INDEXMISSING",
        "i SCHEMA v VECTOR hnsw 6 TYPE float32 DIM 3 DISTANCE_METRIC l2",
    ] {
        assert_eq!(refused(words), "taken", "{words}");
    }
    let words: Vec<&[u8]> = vec![
        b"i",
        b"SCHEMA",
        b"v",
        b"VECTOR",
        b"HNSW",
        b"TYPE",
        b"FLOAT32",
        b"DIM",
        b"3",
        b"DISTANCE_METRIC",
        b"IP",
        b"PARAMS",
        b"{ \"M\" : 24 , \"ef_runtime\": \"50\" }",
        b"n",
        b"NUMERIC",
    ];
    let definition = create(&words).unwrap();
    let crate::search::schema::Kind::Vector(options) = &definition.fields[0].kind else { panic!("a vector") };
    assert_eq!((options.m, options.ef_runtime, options.dim, definition.fields.len()), (24, 50, 3, 2));
}

#[test]
fn random_words_break_nothing() {
    use rand::Rng;
    let mut random = crate::testing::rng();
    let pool: Vec<&[u8]> = vec![
        b"i",
        b"*",
        b"SCHEMA",
        b"t",
        b"TEXT",
        b"TAG",
        b"VECTOR",
        b"HNSW",
        b"6",
        b"-1",
        b"1",
        b"2",
        b"99999999999999999999",
        b"PREFIX",
        b"AS",
        b"SORTABLE",
        b"UNF",
        b"WEIGHT",
        b"RETURN",
        b"LIMIT",
        b"SORTBY",
        b"@t",
        b"GROUPBY",
        b"REDUCE",
        b"COUNT",
        b"QUANTILE",
        b"FIRST_VALUE",
        b"BY",
        b"APPLY",
        b"FILTER",
        b"PARAMS",
        b"DIALECT",
        b"LOAD",
        b"SEARCH",
        b"VSIM",
        b"@v",
        b"$b",
        b"KNN",
        b"K",
        b"RANGE",
        b"COMBINE",
        b"RRF",
        b"LINEAR",
        b"WITHCURSOR",
        b"MAXIDLE",
        b"1e308",
        b"\xff",
        b"",
        b"QUERY",
        b"HIGHLIGHT",
        b"FIELDS",
        b"TAGS",
        b"SUMMARIZE",
        b"GEOFILTER",
        b"km",
        b"inf",
        b"READ",
        b"TERMS",
        b"MAX",
    ];
    let settings = Settings::default();
    for _ in 0..20_000 {
        let count = random.random_range(0..14);
        let words: Vec<&[u8]> = (0..count).map(|_| pool[random.random_range(0..pool.len())]).collect();
        let schema = [&[&b"i"[..], b"SCHEMA"], &words[..]].concat();
        let _ = create(&schema);
        let definition = Definition::named(b"i");
        let _ = create(&words).map(|definition| AlterRequest::parse(&schema, &definition));
        let _ = SearchRequest::parse(&words, &settings).and_then(|request| query(&request.options, &definition));
        let _ = AggregateRequest::parse(&words, &settings);
        let hybrid = [&[&b"i"[..], b"SEARCH", b"x", b"VSIM", b"@v", b"$b"], &words[..]].concat();
        let _ = HybridRequest::parse(&hybrid, &settings).and_then(|request| request.queries(&definition).map(|_| ()));
        let _ = ProfileRequest::parse(&words, &settings);
        let _ = CursorRequest::parse(&words);
        let _ = SpellcheckRequest::parse(&words, &settings);
        let _ = SugaddRequest::parse(&words);
        let _ = SuggetRequest::parse(&words);
        let _ = SynupdateRequest::parse(&words);
    }
}
