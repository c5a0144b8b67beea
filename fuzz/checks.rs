//! What the fuzz targets assert of any input. The tests replay the corpora through this.
#![allow(dead_code)] // each target uses one half

#[path = "oracle.rs"]
pub mod oracle;

use std::collections::BTreeMap;

use vset::attributes::{Bits, Field, Fields, Path, RecordRef, Value, encode};
use vset::command::{expiry, inspect, near, vadd, vmadd, vmsim, vsim};
use vset::filter::{BLOCK, Program, Verdict, parse};
use vset::graph::Alone;
use vset::persist::{Replay, rewrite};
use vset::search;
use vset::set::{AttributeChange, DEFAULT_EF_ADD, Params, SearchOptions, Target, VectorSet};
use vset::vector::{Encoding, Metric};

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
    let records: Vec<_> = records.iter().map(|record| RecordRef::new(record)).collect();
    let verdict = block(&first, &records);
    for (i, &record) in records.iter().enumerate() {
        let matched = first.matches(record);
        assert_eq!(matched, second.matches(record));
        assert_ne!(columns(&first, record), Some(!matched), "{expression}");
        let known = verdict.unknown >> i & 1 == 0;
        assert!(!known || verdict.matching >> i & 1 == u64::from(matched), "{expression} of record {i}");
        assert!(known || verdict.matching >> i & 1 == 0);
    }
}

/// The verdict on a block of up to 64 records; the rest of it has no fields.
pub fn block(program: &Program, records: &[RecordRef]) -> Verdict {
    let column = |field| {
        let mut column = [Bits::MISSING; BLOCK];
        column.iter_mut().zip(records).for_each(|(bits, record)| *bits = record.bits(field));
        column
    };
    program.matches_block(&program.fields().iter().map(column).collect::<Vec<_>>())
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

/// Any bytes are refused, or load as a sound set that works, and that is the same when it is saved
/// and loaded again.
pub fn saved_form(bytes: &[u8]) {
    let load = |bytes: &[u8]| {
        let mut replay = Replay::default();
        replay.push(bytes);
        replay.finish()
    };
    let Ok(loaded) = load(bytes) else { return };
    let mut set = loaded.set;
    set.check().expect("a sound set");
    let mut saved = Vec::new();
    rewrite(&set.settle(Alone::No), &mut |chunk, _| saved.extend_from_slice(chunk));
    let mut again = load(&saved).expect("what is saved loads").set;
    again.check().expect("a sound set");
    assert_eq!((set.params(), set.len()), (again.params(), again.len()));
    let names: Vec<Vec<u8>> = (0..set.len()).map(|rank| set.nth(rank).to_vec()).collect();
    for name in &names {
        assert_eq!(set.attributes(name), again.attributes(name));
        assert_eq!(set.raw_vector(name).map(|raw| raw.code), again.raw_vector(name).map(|raw| raw.code));
    }
    let everything = SearchOptions { count: usize::MAX, truth: true, ..Default::default() };
    if let Ok(query) = set.query(Target::Element(&names[0]), &everything) {
        assert_eq!(query.run().resolve().len(), names.len());
    }
    for (i, name) in names.iter().enumerate() {
        if i % 2 == 0 {
            assert!(set.remove(name));
        }
    }
    let width = set.params().input_dim.unwrap_or(set.params().dim);
    let _ = set.add(b"one more", &vec![1.0; width], 10, AttributeChange::Keep);
    set.check().expect("a sound set");
}

/// Any arguments are refused or accepted, and what VADD sends on means the same as what it got.
/// Arguments end with a byte 0; the first byte chooses the command.
pub fn command_arguments(bytes: &[u8]) {
    let Some((&which, rest)) = bytes.split_first() else { return };
    let arguments: Vec<&[u8]> = rest.split(|&byte| byte == 0).collect();
    match which % 9 {
        0 => match vadd::parse(&arguments, DEFAULT_EF_ADD) {
            Ok(request) => {
                let sent = request.normalised(0);
                let words: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
                let again = vadd::parse(&words, DEFAULT_EF_ADD).expect("what is sent on is understood");
                assert_eq!(again.normalised(0), sent);
                assert_eq!((again.vector, again.element), (request.vector, request.element));
            }
            Err(error) => assert!(!error.text().is_empty()),
        },
        1 => {
            let Ok(mut args) = vsim::arguments(&arguments) else { return };
            if near::parse(&mut args, false).is_ok() {
                let _ = vsim::parse_options(&mut args, SearchOptions::default());
            }
        }
        2 => drop(inspect::check_vemb(&arguments)),
        3 => drop(inspect::check_vlinks(&arguments)),
        4 => drop(inspect::check_vrandmember(&arguments)),
        5 => drop(inspect::check_vrange(&arguments)),
        6 => match vmadd::parse(&arguments, DEFAULT_EF_ADD) {
            Ok(request) => {
                let all: Vec<&vmadd::Element> = request.elements.iter().collect();
                let sent = request.normalised(0, &all);
                let words: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
                let again = vmadd::parse(&words, DEFAULT_EF_ADD).expect("what is sent on is understood");
                assert_eq!(again.elements.len(), request.elements.len());
            }
            Err(error) => assert!(!error.text().is_empty()),
        },
        7 => {
            if let Ok((_, mut args)) = vmsim::parse(&arguments) {
                let _ = vsim::parse_options(&mut args, SearchOptions::default());
            }
        }
        _ => drop(expiry::parse_expire(&arguments, expiry::Unit { millis: 1000, is_relative: true }, 0)),
    }
}

/// Any sequence of operations keeps a set sound and agrees with a map.
pub fn set_operations(bytes: &[u8]) {
    let mut bytes = bytes.iter().copied();
    let mut next = move || bytes.next();
    let (Some(kind), Some(size)) = (next(), next()) else { return };
    let dim = 1 + size as usize % 9;
    let encoding = [Encoding::F32, Encoding::Int8, Encoding::Binary][kind as usize % 3];
    let input_dim = (kind & 0x80 != 0).then_some(dim + 3);
    let mut set =
        VectorSet::new(Params { dim, input_dim, encoding, metric: Metric::Cosine, m: 4 + (kind as usize >> 3) % 4 });
    let mut model: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
    let filters = [".n > 100", "'a' in .l", "not .n or .s == 'x'", ".n % 7 < 3 and .l"];
    let filters = filters.map(|text| parse(text.as_bytes()).expect("it parses"));
    while let (Some(operation), Some(which)) = (next(), next()) {
        let name = vec![b'a' + which % 26; 1 + which as usize / 26];
        let number = next().unwrap_or(0);
        let text = match number % 4 {
            0 => Vec::new(),
            1 => vec![number; number as usize],
            _ => format!("{{\"n\":{number},\"s\":\"x\",\"l\":[\"a\",{which}]}}").into_bytes(),
        };
        match operation % 8 {
            0..=2 => {
                let mut component = || next().map_or(0.0, |byte| f32::from(byte as i8) * 10f32.powi(number as i32 % 9));
                let vector: Vec<f32> = (0..input_dim.unwrap_or(dim)).map(|_| component()).collect();
                let change = if operation & 8 == 0 { AttributeChange::Keep } else { AttributeChange::Set(&text) };
                let is_new = set.add(&name, &vector, 1 + number as usize % 30, change).expect("it is finite");
                let old = model.get(&name).cloned();
                assert_eq!(is_new, old.is_none());
                let given = Some(text).filter(|text| !text.is_empty());
                model.insert(name, if operation & 8 == 0 { old.flatten() } else { given });
            }
            3 | 4 => assert_eq!(set.remove(&name), model.remove(&name).is_some()),
            5 => {
                let element = model.get_mut(&name);
                assert_eq!(set.set_attributes(&name, &text), element.is_some());
                element.into_iter().for_each(|e| *e = Some(text.clone()).filter(|text| !text.is_empty()));
            }
            6 if model.contains_key(&name) => {
                let filter = filters.get(number as usize % 8).cloned();
                let all = filter.is_none();
                let options =
                    SearchOptions { count: usize::MAX, filter, truth: operation & 8 == 0, ..Default::default() };
                let hits = set.query(Target::Element(&name), &options).expect("it is finite").run();
                let hits = hits.resolve();
                assert!(if all { hits.len() == model.len() } else { hits.len() <= model.len() });
                assert!(hits.windows(2).all(|w| w[0].score >= w[1].score));
            }
            7 if !model.is_empty() => {
                let mut saved = Replay::default();
                rewrite(&set.settle(Alone::No), &mut |chunk, _| saved.push(chunk));
                set = saved.finish().expect("what is saved loads").set;
            }
            _ => {}
        }
        if number % 32 == 7 {
            set.check().expect("a sound set");
        }
    }
    set.check().expect("a sound set");
    assert_eq!(set.len(), model.len());
    for (name, attributes) in &model {
        assert_eq!(set.attributes(name), attributes.as_deref());
    }
}

/// The index that queries are read against.
fn schema() -> search::schema::Definition {
    let words = "i SCHEMA t TEXT PHONETIC dm:en u TEXT NOINDEX e TEXT INDEXEMPTY INDEXMISSING x TAG n NUMERIC g GEO o GEOSHAPE \
                 v VECTOR HNSW 6 TYPE INT8 DIM 2 DISTANCE_METRIC L2";
    let words: Vec<&[u8]> = words.split_ascii_whitespace().map(str::as_bytes).collect();
    search::command::create::create(&words).expect("a definition")
}

/// Any bytes are a query, in a dialect that the first byte names, or an error of one line; a query prints, and its tree is
/// no higher than may be walked recursively.
pub fn search_query(bytes: &[u8]) {
    use search::query::{Context, Node, NodeKind, Params, explain, parse};
    fn height(node: &Node) -> usize {
        1 + match &node.kind {
            NodeKind::And(nodes) | NodeKind::Or(nodes) => nodes.iter().map(height).max().unwrap_or(0),
            NodeKind::Not(node) | NodeKind::Optional(node) => height(node),
            _ => 0,
        }
    }
    let Some((&which, text)) = bytes.split_first() else { return };
    let definition = schema();
    let mut params = Params::default();
    for (name, value) in [("w", "Wort"), ("k", "3"), ("v", "ab"), ("e", ""), ("o", "POLYGON((0 0,1 0,1 1,0 0))")] {
        params.insert(name.as_bytes(), value.as_bytes());
    }
    let context = Context {
        definition: &definition,
        params: &params,
        dialect: 1 + which % 4,
        verbatim: which & 4 != 0,
        in_fields: (which & 8 != 0).then_some(&[0]),
        no_stop_words: which & 16 != 0,
        ordered: which & 32 != 0,
    };
    match parse(text, &context) {
        Ok(query) => {
            assert!(height(&query.root) <= 600);
            assert!(!explain(&query, &definition).is_empty());
        }
        Err(error) => assert!(!error.text().is_empty() && !error.text().contains(&b'\n')),
    }
}

/// Any bytes are an expression or an error; an expression has a value or an error for a row, the same each time.
pub fn search_expression(text: &[u8]) {
    use search::expression::Expression;
    use search::value::Value;
    let row = |name: &[u8]| match name {
        b"n" => Some(Value::Number(5.0)),
        b"t" => Some(Value::Text((*b"a,b").into())),
        b"l" => Some(Value::Array([Value::Null, Value::Number(f64::NAN)].into())),
        b"0" => Some(Value::Null),
        _ => None,
    };
    match Expression::parse(text) {
        Ok(expression) => {
            assert_eq!(
                Expression::parse(expression.text()).map(|again| again.properties().len()),
                Ok(expression.properties().len())
            );
            let values = (expression.evaluate(&row), expression.evaluate(&row));
            assert_eq!(format!("{:?}", values.0), format!("{:?}", values.1));
            expression.admits(&row);
        }
        Err(error) => assert!(!error.text().is_empty()),
    }
}

/// Any words are a definition, a request or an error; what a definition says holds.
pub fn search_arguments(bytes: &[u8]) {
    use search::command::{aggregate, create, hybrid, profile, search as documents, settings, simple};
    let words: Vec<&[u8]> = bytes.split(|&byte| byte == 0).collect();
    let settings = settings::Settings::default();
    if let Ok(definition) = create::create(&words) {
        assert!(!definition.prefixes.is_empty() && (0.0..=1.0).contains(&definition.score));
        for (at, field) in definition.fields.iter().enumerate() {
            assert_eq!(definition.field(&field.name), Some(at), "names are unique");
            if let search::schema::Kind::Vector(options) = &field.kind {
                assert!(options.dim > 0 && options.m > 1 && options.ef_runtime > 0 && options.epsilon >= 0.0);
            }
        }
    }
    let definition = schema();
    let _ = create::AlterRequest::parse(&words, &definition);
    if let Ok(request) = documents::SearchRequest::parse(&words, &settings) {
        let _ = request.options.query(&definition);
    }
    if let Ok(request) = hybrid::HybridRequest::parse(&words, &settings) {
        let _ = request.queries(&definition);
    }
    let _ = aggregate::AggregateRequest::parse(&words, &settings);
    let _ = profile::ProfileRequest::parse(&words, &settings);
    let _ = simple::SpellcheckRequest::parse(&words, &settings);
}

/// Any bytes are no message of other nodes, or one that is written and read as the same; none of the readers of parts minds.
pub fn cluster_message(bytes: &[u8]) {
    use search::cluster::message::{Answer, Message, Outcome};
    use search::cluster::{hybrid, info, search as rows, spelling, tags};
    let Ok(message) = Message::read(bytes) else { return };
    let written = message.write();
    assert_eq!(Message::read(&written).expect("what is written is read").write(), written);
    let Message::Answer { answer: Answer { outcome: Outcome::Part(reply), .. }, .. } = message else { return };
    let _ = rows::Part::read(reply.clone());
    let _ = hybrid::Part::read(reply.clone(), 2);
    let _ = info::Part::read(reply.clone()).map(|part| info::merge(vec![part.clone(), part]));
    let _ = spelling::Part::read(reply.clone()).map(|part| spelling::merge(vec![part.clone(), part]));
    let _ = tags::merge(vec![reply]);
}

/// Any bytes as pieces of messages, of two nodes: what comes of it is read.
pub fn cluster_pieces(bytes: &[u8]) {
    let mut assembly = search::cluster::message::Assembly::default();
    let now = std::time::Instant::now();
    for (number, piece) in bytes.chunks(40).enumerate() {
        if let Ok(Some(message)) = assembly.take(&[number as u8 % 2], piece, now) {
            cluster_message(&message);
        }
    }
}
