//! The recorded replies of `JSON.*`, asked of the library.

use std::collections::HashMap;

use serde_json::{Value as Json, json};
use vset::json::command::{Call, Keys, TABLE};
use vset::json::{Error, Value};
use vset::reply::Reply;

/// Keys of a server without a server: documents, and strings that are none.
#[derive(Default)]
pub struct Fake {
    documents: HashMap<Vec<u8>, Value>,
    others: Vec<Vec<u8>>,
    args: Vec<Vec<u8>>,
    pub events: Vec<(Vec<u8>, &'static str)>,
}

impl Keys for Fake {
    fn document(&mut self, key: usize) -> Result<Option<&mut Value>, Error> {
        match self.others.contains(&self.args[key]) {
            true => Err(Error::WrongType),
            false => Ok(self.documents.get_mut(&self.args[key])),
        }
    }

    fn create(&mut self, key: usize, value: Value) {
        assert!(self.documents.insert(self.args[key].clone(), value).is_none());
    }

    fn delete(&mut self, key: usize) {
        self.documents.remove(&self.args[key]);
    }

    fn changed(&mut self, key: usize, event: &'static str) {
        self.events.push((self.args[key].clone(), event));
    }
}

impl Fake {
    /// Runs a command; replies as the recorded ones are written.
    pub fn run(&mut self, words: &[&str], resp3: bool) -> Json {
        let args: Vec<&[u8]> = words[1..].iter().map(|word| word.as_bytes()).collect();
        self.args = args.iter().map(|arg| arg.to_vec()).collect();
        match words[0] {
            "SET" => {
                self.others.push(self.args[0].clone());
                json!("OK")
            }
            "EXISTS" => json!(u8::from(self.documents.contains_key(&self.args[0]))),
            "TYPE" => json!("ReJSON-RL"),
            name => {
                let command = TABLE.iter().find(|command| command.name == name).expect(name);
                match command.run(&Call { args: &args, resp3, repeats: false }, self) {
                    Ok(reply) => recorded(&reply),
                    Err(error) => json!({ "error": error.to_string() }),
                }
            }
        }
    }
}

fn recorded(reply: &Reply) -> Json {
    match reply {
        Reply::Nil | Reply::NilArray => Json::Null,
        Reply::Int(value) => json!(value),
        Reply::Big(value) => json!({ "big": value.to_string() }),
        Reply::Bool(value) => json!({ "bool": value }),
        Reply::Double(value) if value.fract() == 0.0 => json!({ "double": value }),
        Reply::Double(value) => json!(value),
        Reply::Simple(text) => json!(text),
        Reply::Bulk(text) => json!(String::from_utf8_lossy(text)),
        Reply::Error(text) => json!({ "error": String::from_utf8_lossy(text) }),
        Reply::Array(items) | Reply::Set(items) => items.iter().map(recorded).collect(),
        Reply::Map(pairs) => {
            json!({ "map": pairs.iter().map(|(k, v)| json!([recorded(k), recorded(v)])).collect::<Json>() })
        }
    }
}

fn words(command: &Json) -> Vec<&str> {
    command.as_array().expect("a command").iter().map(|word| word.as_str().expect("a word")).collect()
}

fn is_as(wanted: &Json, got: &Json) -> bool {
    match (wanted["error"].as_str(), got["error"].as_str()) {
        (Some(part), Some(text)) => text.contains(part),
        _ => wanted == got,
    }
}

/// What a case finds wrong.
fn check(case: &Json, resp3: bool) -> Vec<String> {
    let mut fake = Fake::default();
    if let Some(text) = case["doc"].as_str() {
        fake.run(&["JSON.SET", "k", "$", text], false);
    }
    for command in case["setup"].as_array().into_iter().flatten() {
        fake.run(&words(command), false);
    }
    fake.events.clear();
    let before = fake.run(&["JSON.GET", "k", "."], false);
    let wanted = case.get("resp3").filter(|_| resp3).unwrap_or(&case["resp2"]);
    let mut wrong = Vec::new();
    let mut expect = |what: &str, wanted: &Json, got: Json| {
        if !is_as(wanted, &got) {
            wrong.push(format!("{what} of {} (RESP3: {resp3}): {got}, not {wanted}", case["command"]));
        }
    };
    expect("reply", wanted, fake.run(&words(&case["command"]), resp3));
    let events = fake.events.len();
    expect("document", case.get("after").unwrap_or(&before), fake.run(&["JSON.GET", "k", "."], false));
    if case.get("after").is_some_and(|after| *after != before) {
        expect("events", &json!(true), json!(events > 0));
    }
    for pair in case["check"].as_array().into_iter().flatten() {
        expect("check", &pair[1], fake.run(&words(&pair[0]), false));
    }
    wrong
}

#[test]
fn recorded_replies() {
    let file: Json = serde_json::from_str(include_str!("../data/json-cases.json")).expect("the cases");
    let cases = file["cases"].as_array().expect("cases");
    assert!(cases.len() > 250);
    let wrong: Vec<String> = cases.iter().flat_map(|case| [check(case, false), check(case, true)].concat()).collect();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
