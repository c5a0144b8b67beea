//! What the fuzz targets assert of any input. The tests replay the corpora through this.
#![allow(dead_code)] // each target uses one half

#[path = "oracle.rs"]
pub mod oracle;

use vset::attributes::{Field, Fields, Path, RecordRef, Value, encode};
use vset::filter::{Program, parse};

const RECORDS: &[&str] = &[
    r#"{"year":1984,"name":"The Matrix","rating":8.7,"nil":null,"tags":["a","b",3],"e":""}"#,
    r#"{"a":{"b":[12.5,41.9],"x y":"1e3"},"b":"a\"b","c":-0.5,"d":[],"a-b":true}"#,
    r#"{"a":1,"b":[1,[2]],"c":"caf\u00e9","loc":[13.36,38.11],"broken":"#,
];

/// Any bytes parse or give an error inside the text; what parses prints as text that means the
/// same, and runs.
pub fn filter_language(text: &[u8]) {
    let expression = match parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(error.position <= text.len());
            assert!(text.ends_with(error.near(text)) && !error.to_string().is_empty());
            return;
        }
    };
    let printed = expression.to_text();
    if printed.len() > vset::filter::MAX_TEXT {
        return;
    }
    let again = parse(&printed).expect("what is printed parses");
    assert_eq!(expression, again, "{expression}");
    assert_eq!(printed, again.to_text());
    let mut fields = Fields::new();
    let records: Vec<_> = RECORDS.iter().map(|text| encode(text.as_bytes(), &mut fields)).collect();
    let (first, second) = (expression.compile(&fields), again.compile(&fields));
    for record in &records {
        let record = RecordRef::new(record);
        let matched = first.matches(record);
        assert_eq!(matched, second.matches(record));
        assert_ne!(columns(&first, record), Some(!matched), "{expression}");
    }
}

/// The answer from the short forms of the fields, if they give one.
pub fn columns(program: &Program, record: RecordRef) -> Option<bool> {
    let values: Vec<_> = program.fields().iter().map(|f| record.bits(f)).collect();
    program.matches_columns(&values)
}

/// Any bytes make a record that keeps them, and in which every field is what a look through the
/// text for that field finds, whether names are interned or not.
pub fn attribute_record(text: &[u8]) {
    let mut fields = Fields::new();
    let record = encode(text, &mut fields);
    assert_eq!(record.len(), record.capacity());
    assert_eq!(record, encode(text, &mut fields));
    let record = RecordRef::new(&record);
    assert_eq!(record.text(), text);
    for keys in oracle::paths(text) {
        let mut path = Path::new();
        keys.iter().for_each(|key| path.push(key));
        assert!(path.keys().eq(keys.iter().map(|key| &key[..])));
        let read = record.get(&Field::new(path, &fields));
        // The paths of a long text's nested fields may be more than records hold.
        if read.is_none() && keys.len() > 1 && text.len() > 1000 {
            continue;
        }
        let expected = oracle::look(text, &keys);
        assert!(same(read, expected.as_ref()), "{keys:?}: {read:?}, {expected:?}");
    }
}

/// Whether a record gave what the oracle finds.
pub fn same(read: Option<Value>, expected: Option<&oracle::Value>) -> bool {
    match (read, expected) {
        (None, None) | (Some(Value::Null), Some(oracle::Value::Null)) => true,
        (Some(Value::Number(a)), Some(oracle::Value::Number(b))) => a.to_bits() == b.to_bits(),
        (Some(Value::String(a)), Some(oracle::Value::String(b))) => a == b,
        (Some(Value::Array(a)), Some(oracle::Value::Array(b))) => {
            let items: Vec<_> = a.items().collect();
            items.len() == b.len()
                && items.iter().zip(b).all(|(&item, b)| match (item, b) {
                    // Of an array in an array only its presence is kept.
                    (Value::Array(_), oracle::Value::Array(_)) => true,
                    _ => same(Some(item), Some(b)),
                })
        }
        _ => false,
    }
}
