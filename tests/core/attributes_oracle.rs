//! Random texts: a record holds what a plain look through the text finds, and of valid JSON what
//! serde_json does.

use super::fuzz_corpora::checks;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::Value as Json;
use vset::attributes::{Field, Fields, Path, RecordRef, encode};

const KEYS: &[&str] = &["a", "b", "c", "", "a.b", "é", "\\u0061", "x\\ny"];
const SCALARS: &[&str] = &[
    "0",
    "-1",
    "127",
    "128",
    "1984",
    "8.7",
    "-0.0",
    "1e3",
    "1E-7",
    "1.5e+300",
    "12345678901234567890",
    "0.30000000000000004",
    "true",
    "false",
    "null",
    r#""""#,
    r#""abc""#,
    r#""a\"b\\c\/\b\f\n\r\t""#,
    r#""\u00e9\ud83d\ude00""#,
    r#""caffè""#,
    r#""a string of more than sixty-three bytes, so that its length stands apart""#,
];

fn value(random: &mut SmallRng, depth: usize, out: &mut String) {
    let space = |random: &mut SmallRng| *["", "", "", " ", "\n\t"].choose(random).unwrap();
    match random.random_range(0..10) {
        0..=1 if depth > 0 => {
            out.push('[');
            for at in 0..random.random_range(0..4) {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(space(random));
                value(random, depth - 1, out);
            }
            out.push_str(space(random));
            out.push(']');
        }
        2..=3 if depth > 0 => object(random, depth - 1, out),
        _ => out.push_str(SCALARS.choose(random).unwrap()),
    }
}

fn object(random: &mut SmallRng, depth: usize, out: &mut String) {
    out.push('{');
    for at in 0..random.random_range(0..6) {
        out.push_str(if at > 0 { ", " } else { "" });
        out.push_str(&format!("\"{}\" :", KEYS.choose(random).unwrap()));
        value(random, depth, out);
    }
    out.push('}');
}

#[test]
fn records_hold_what_a_look_through_the_text_finds() {
    let mut random = SmallRng::seed_from_u64(11);
    for _ in 0..30_000 {
        let mut text = String::new();
        object(&mut random, 3, &mut text);
        let mut text = text.into_bytes();
        for _ in 0..random.random_range(0..3) {
            let at = random.random_range(0..text.len());
            match random.random_range(0..3) {
                0 => drop(text.remove(at)),
                1 => text.insert(at, *b"{}[]\",:\\ 1.-+etnu\0\xff".choose(&mut random).unwrap()),
                _ => text.truncate(at.max(1)),
            }
        }
        checks::attribute_record(&text);
    }
}

/// What 10.6 makes of a JSON value: objects, and arrays with objects in them, cannot be used.
fn usable(json: &Json) -> Option<checks::oracle::Value> {
    use checks::oracle::Value::*;
    Some(match json {
        Json::Null => Null,
        Json::Bool(truth) => Number(f64::from(u8::from(*truth))),
        Json::Number(number) => Number(number.as_f64()?),
        Json::String(string) => String(string.clone().into_bytes()),
        Json::Array(items) => Array(items.iter().map(usable).collect::<Option<_>>()?),
        Json::Object(_) => return None,
    })
}

fn compare(json: &Json, path: &Path, check: &mut impl FnMut(&Path, &Json)) {
    for (key, value) in json.as_object().unwrap() {
        let mut path = path.clone();
        path.push(key.as_bytes());
        check(&path, value);
        if value.is_object() {
            compare(value, &path, check);
        }
    }
}

/// Whether an object has the same key twice, which serde_json resolves otherwise (the last wins).
fn repeats(text: &str, json: &Json) -> bool {
    fn keys(json: &Json) -> usize {
        match json {
            Json::Object(members) => members.len() + members.values().map(keys).sum::<usize>(),
            Json::Array(items) => items.iter().map(keys).sum(),
            _ => 0,
        }
    }
    text.matches("\" :").count() != keys(json)
}

#[test]
fn records_of_json_hold_what_serde_json_reads() {
    let mut random = SmallRng::seed_from_u64(12);
    let mut compared = 0;
    for _ in 0..20_000 {
        let mut text = String::new();
        object(&mut random, 3, &mut text);
        let json: Json = serde_json::from_str(&text).unwrap();
        if repeats(&text, &json) {
            continue;
        }
        let mut fields = Fields::new();
        let record = encode(text.as_bytes(), &mut fields);
        compare(&json, &Path::new(), &mut |path, value| {
            let read = RecordRef::new(&record).get(&Field::new(path.clone(), &fields));
            assert!(checks::same(read, usable(value).as_ref()), "{path:?} in {text}");
            compared += 1;
        });
    }
    assert!(compared > 10_000, "{compared}");
}
