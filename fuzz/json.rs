//! What the fuzz targets of JSON assert of any input. The tests replay the corpora through this.
#![allow(dead_code)] // each target uses a part

use vset::json::command::{Call, Keys, TABLE};
use vset::json::saved::{LoadError, Source, load};
use vset::json::value::View;
use vset::json::{Error, MAX_DEPTH, Path, Value, parse, to_text};

const DOCUMENT: &str =
    r#"{"a":[1,2.5,{"a":"x","b":null},[true,[]]],"b":{"a":{"a":3,"c":[0.5,0.25]}},"s":".*x","n":[1,2,3]}"#;

/// Any bytes are read as serde_json reads them, or refused as it refuses them; what was read is written as a text
/// that reads back the same.
pub fn json_text(text: &[u8]) {
    let oracle = serde_json::from_slice::<serde_json::Value>(text);
    let value = match parse(text) {
        Ok(value) => value,
        Err(why) => {
            assert!(oracle.is_err() || why.to_string().contains("recursion limit"), "{why}");
            return;
        }
    };
    assert!(value.node().depth() <= MAX_DEPTH);
    match oracle {
        Ok(oracle) => assert_eq!(value.node().to_serde(), oracle),
        Err(why) => assert!(why.to_string().contains("recursion limit"), "{why}"),
    }
    let written = to_text(value.node());
    let again = parse(&written).expect("what is written can be read");
    assert!(value.node().is_same(again.node()));
    assert_eq!(written, to_text(again.node()));
}

/// Any bytes are a path or an error; each match of a path stands at its place.
pub fn json_path(text: &[u8]) {
    let Ok(path) = Path::read(text) else { return };
    let root = parse(DOCUMENT.as_bytes()).expect("a document");
    let (Ok(nodes), Ok(matches)) = (path.select(&root), path.matches(&root)) else { return };
    assert!(matches.len() <= nodes.len() && matches.is_empty() == nodes.is_empty());
    for found in matches {
        let place = found.place.iter().try_fold(root.node(), |node, &at| match node.view() {
            View::Array(items) => items.get(at),
            View::Object(members) => members.at(at).map(|(_, value)| value.node()),
            _ => None,
        });
        assert_eq!(place.map(|node| node.address()), Some(found.node.address()));
    }
}

/// Bytes as a stream: a number is a byte, a string is preceded by its length.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> Result<u8, LoadError> {
        let (&first, rest) = self.0.split_first().ok_or(LoadError("truncated".into()))?;
        self.0 = rest;
        Ok(first)
    }
}

impl Source for Bytes<'_> {
    fn unsigned(&mut self) -> Result<u64, LoadError> {
        // The largest byte stands for a count that cannot be meant.
        self.byte().map(|byte| if byte == 255 { u64::MAX } else { byte.into() })
    }

    fn signed(&mut self) -> Result<i64, LoadError> {
        self.byte().map(|byte| i64::from(byte) - 128)
    }

    fn double(&mut self) -> Result<f64, LoadError> {
        self.byte().map(|byte| if byte == 255 { f64::NAN } else { f64::from(byte) / 8.0 })
    }

    fn bytes(&mut self) -> Result<Vec<u8>, LoadError> {
        let length = usize::from(self.byte()?);
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(LoadError("truncated".into()))?;
        self.0 = rest;
        Ok(bytes.to_vec())
    }
}

/// Any bytes load as a value whose text reads back the same, or are refused.
pub fn json_payload(data: &[u8]) {
    let Some((&version, data)) = data.split_first() else { return };
    let Ok(value) = load(i32::from(version % 5), &mut Bytes(data)) else { return };
    let again = parse(&to_text(value.node()));
    assert!(again.is_ok_and(|again| again.node().is_same(value.node())) || value.node().depth() > MAX_DEPTH);
}

/// One key.
struct One {
    document: Option<Value>,
    changed: bool,
}

impl Keys for One {
    fn document(&mut self, _key: usize) -> Result<Option<&mut Value>, Error> {
        Ok(self.document.as_mut())
    }

    fn create(&mut self, _key: usize, value: Value) {
        self.document = Some(value);
    }

    fn delete(&mut self, _key: usize) {
        self.document = None;
    }

    fn changed(&mut self, _key: usize, _event: &'static str) {
        self.changed = true;
    }
}

/// Commands on one key, a line each, words between tabs, the command by the first byte: none fails otherwise than by
/// an error that leaves the document alone, and every document can be written and read.
pub fn json_commands(data: &[u8]) {
    let mut keys = One { document: parse(DOCUMENT.as_bytes()).ok(), changed: false };
    for line in data.split(|&byte| byte == b'\n').take(16) {
        let Some((&which, words)) = line.split_first() else { continue };
        let command = &TABLE[usize::from(which) % TABLE.len()];
        let mut args: Vec<&[u8]> = words.split(|&byte| byte == b'\t').collect();
        args.insert(0, b"k");
        let before = keys.document.as_ref().map(|value| to_text(value.node()));
        keys.changed = false;
        let outcome = command.run(&Call { args: &args, resp3: which >= 128, repeats: false }, &mut keys);
        let after = keys.document.as_ref().map(|value| to_text(value.node()));
        assert!(keys.changed || before == after, "{} {words:?} changes in silence", command.name);
        assert!(outcome.is_ok() || !keys.changed, "{} {words:?} fails half-way", command.name);
        if let Some(text) = after {
            let again = parse(&text).expect("a document can be written and read");
            assert!(keys.document.as_ref().is_some_and(|value| value.node().is_same(again.node())));
        }
    }
}
