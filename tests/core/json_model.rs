//! Random documents and paths beside a naive twin over serde_json's values; numbers; memory against text.

use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Value as Json, json};
use vset::json::{Path, Value, parse, to_text};

fn document(rng: &mut SmallRng, depth: usize) -> Json {
    match rng.random_range(0..if depth > 4 { 6 } else { 9 }) {
        0 => Json::Null,
        1 => json!(rng.random_bool(0.5)),
        2 => json!(rng.random_range(-5i64..300)),
        3 => json!(rng.random::<u64>() | 1 << 63),
        4 => json!(f64::from(rng.random_range(-99..99)) / 8.0 + if rng.random_bool(0.3) { 0.1 } else { 0.0 }),
        5 => json!("é\"\n".repeat(rng.random_range(0..9))),
        6 => {
            let one = document(rng, 9);
            (0..rng.random_range(0..5)).map(|_| one.clone()).collect()
        }
        7 => (0..rng.random_range(0..5)).map(|_| document(rng, depth + 1)).collect(),
        _ => {
            let members = if rng.random_bool(0.05) { 50 } else { rng.random_range(0..5) };
            let name =
                |rng: &mut SmallRng| ["a", "b", "c", "a longer name than others"][rng.random_range(0..4)].to_string();
            let mut object = serde_json::Map::new();
            for i in 0..members {
                let name = if members == 50 { format!("n{i}") } else { name(rng) };
                object.insert(name, document(rng, depth + 1));
            }
            object.into()
        }
    }
}

/// A segment of the twin: whether it descends, and what it selects.
type Segment = (bool, Selector);

#[derive(Clone, Debug)]
enum Selector {
    Name(&'static str),
    Index(i64),
    All,
    /// `[?@.a]`
    Has,
}

fn path(rng: &mut SmallRng) -> (String, Vec<Segment>) {
    let mut text = String::from("$");
    let mut segments = Vec::new();
    for _ in 0..rng.random_range(0..4) {
        let descends = rng.random_bool(0.4);
        let (selector, written) = match rng.random_range(0..5) {
            0 => (Selector::Name("a"), "['a']".to_string()),
            1 => (Selector::Name("b"), "[\"b\"]".to_string()),
            2 => {
                let index = rng.random_range(-3..3);
                (Selector::Index(index), format!("[{index}]"))
            }
            3 => (Selector::All, "[*]".to_string()),
            _ => (Selector::Has, "[?(@.a)]".to_string()),
        };
        text += if descends { ".." } else { "" };
        text += &written;
        segments.push((descends, selector));
    }
    (text, segments)
}

fn children(node: &Json) -> Vec<&Json> {
    match node {
        Json::Array(items) => items.iter().collect(),
        Json::Object(members) => members.values().collect(),
        _ => Vec::new(),
    }
}

fn apply<'a>(node: &'a Json, selector: &Selector, out: &mut Vec<&'a Json>) {
    match selector {
        Selector::Name(name) => out.extend(node.as_object().and_then(|members| members.get(*name))),
        Selector::Index(index) => {
            let items = node.as_array().map_or(&[][..], |items| items);
            let at = if *index < 0 { index + items.len() as i64 } else { *index };
            out.extend(usize::try_from(at).ok().and_then(|at| items.get(at)));
        }
        Selector::All => out.extend(children(node)),
        Selector::Has => out.extend(children(node).into_iter().filter(|child| child.get("a").is_some())),
    }
}

fn descend<'a>(node: &'a Json, selector: &Selector, out: &mut Vec<&'a Json>) {
    apply(node, selector, out);
    children(node).into_iter().for_each(|child| descend(child, selector, out));
}

fn select<'a>(root: &'a Json, segments: &[Segment]) -> Vec<&'a Json> {
    let mut nodes = vec![root];
    let mut descended = false;
    for (descends, selector) in segments {
        let mut next = Vec::new();
        for node in nodes {
            if *descends { descend(node, selector, &mut next) } else { apply(node, selector, &mut next) }
        }
        if *descends && std::mem::replace(&mut descended, true) {
            let mut seen = std::collections::HashSet::new();
            next.retain(|node| seen.insert(std::ptr::from_ref(*node)));
        }
        nodes = next;
    }
    nodes
}

#[test]
fn paths_lead_where_those_of_the_twin_lead() {
    let mut rng = crate::testing::rng();
    let mut found = 0;
    for _ in 0..3000 {
        let twin = document(&mut rng, 0);
        let text = serde_json::to_vec(&twin).expect("a text");
        let root = parse(&text).expect("a document");
        assert_eq!(root.node().to_serde(), twin);
        let again = parse(&to_text(root.node())).expect("what is written can be read");
        assert!(again.node().is_same(root.node()));
        for _ in 0..5 {
            let (text, segments) = path(&mut rng);
            let path = Path::read(text.as_bytes()).expect("a path");
            let wanted = select(&twin, &segments);
            let got = path.select(&root).expect("little work");
            found += wanted.len();
            let got: Vec<Json> = got.into_iter().map(|node| node.to_serde()).collect();
            assert_eq!(got.iter().collect::<Vec<_>>(), wanted, "{text} of {twin}");
        }
    }
    assert!(found > 3000, "{found}");
}

fn text(json: &str) -> String {
    String::from_utf8(to_text(parse(json.as_bytes()).expect("a document").node())).expect("UTF-8")
}

#[test]
fn numbers_print_as_they_should() {
    let cases = [
        ("0.00001", "0.00001"),
        ("0.000001", "1e-6"),
        ("999999999999999.9", "999999999999999.9"),
        ("1e15", "1000000000000000.0"),
        ("12345678901234567.0", "1.2345678901234568e16"),
        ("-0", "-0.0"),
        ("-0.0", "-0.0"),
        ("18446744073709551616", "1.8446744073709552e19"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("5e-324", "5e-324"),
        ("[0.1,0.5]", "[0.1,0.5]"),
        ("[16777217.0,0.1]", "[16777217.0,0.1]"),
    ];
    for (read, written) in cases {
        assert_eq!(text(read), written);
    }
}

#[test]
fn memory_is_in_proportion_to_the_text() {
    let embedding: Vec<f64> = (0..768).map(|i| f64::from((i as f32 * 0.7).sin())).collect();
    let products: Vec<Json> = (0..100)
        .map(|i| json!({"id": i, "name": format!("a product of number {i}"), "price": 9.99, "tags": ["red", "large"], "stock": true}))
        .collect();
    for (what, document, most) in [("embedding", json!(embedding), 0.3), ("products", json!(products), 3.5)] {
        let text = serde_json::to_vec(&document).expect("a text");
        let value: Value = parse(&text).expect("a document");
        let ratio = value.memory() as f64 / text.len() as f64;
        println!("{what}: {} bytes of text, {} in memory, {ratio:.2}", text.len(), value.memory());
        assert!(ratio < most, "{what}: {ratio}");
    }
}

#[test]
fn deep_documents_are_read_copied_and_freed() {
    let deep = "[".repeat(1024) + &"]".repeat(1024);
    let value = vset::json::parse::parse_to_depth(deep.as_bytes(), 1024).expect("a deep document");
    assert_eq!(value.clone().node().depth(), 1024);
    assert_eq!(to_text(value.node()), deep.as_bytes());
    assert!(vset::json::parse::parse_to_depth(format!("[{deep}]").as_bytes(), 1024).is_err());
    assert!(parse("[".repeat(1_000_000).as_bytes()).is_err());
}
