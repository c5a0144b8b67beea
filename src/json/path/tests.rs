use rand::{Rng, rngs::SmallRng};

use super::*;
use crate::json::{parse, to_text};

fn select(document: &str, path: &str) -> Vec<String> {
    let (root, path) = (parse(document.as_bytes()).unwrap(), Path::read(path.as_bytes()).unwrap());
    let nodes = path.select(&root).unwrap();
    let matches = path.matches(&root).unwrap();
    for found in &matches {
        let mut node = root.node();
        for &at in &found.place {
            node = match node.view() {
                crate::json::value::View::Array(items) => items.get(at).unwrap(),
                crate::json::value::View::Object(members) => members.at(at).unwrap().1.node(),
                _ => unreachable!("a place inside a scalar"),
            };
        }
        assert_eq!(node.address(), found.node.address());
    }
    assert!(matches.len() <= nodes.len());
    nodes.into_iter().map(|node| String::from_utf8(to_text(node)).unwrap()).collect()
}

#[test]
fn operands_in_filters() {
    let document = r#"[{"a":1,"b":[1,2,"x"]},{"a":2,"b":[]},{"a":"s","b":{"c":[3]}},5]"#;
    assert_eq!(select(document, "$[?@.b[*]==2].a"), ["1"]);
    assert_eq!(select(document, "$[?(@.a == 's' || @.b.c[0] >= 3.0)].a"), ["\"s\""]);
    assert_eq!(select(document, "$[?!(@.a)]"), ["5"]);
    assert_eq!(select(document, "$[?@.b[?@==2]].a"), ["1"]);
    assert_eq!(select(document, "$[?@.a != 1].a"), ["2", "\"s\""]);
    assert_eq!(select(document, "$[?@.missing != 1]"), [""; 0]);
    assert_eq!(select(document, r#"$[?@.a =~ "\w"].a"#), ["\"s\""]);
    assert_eq!(select(r#"[9007199254740993,9007199254740992.0]"#, "$[?@ > 9007199254740992]"), ["9007199254740993"]);
}

#[test]
fn slices_are_those_of_rfc_9535() {
    let list = "[0,1,2,3,4,5,6]";
    let naive = |start: Option<i64>, end: Option<i64>, step: i64| -> Vec<String> {
        let len = 7;
        let norm = |i: i64| if i >= 0 { i } else { len + i };
        let (start, end) = (norm(start.unwrap_or(if step > 0 { 0 } else { len - 1 })), end.map(norm));
        let end = end.unwrap_or(if step > 0 { len } else { -len - 1 });
        let (lower, upper) = match step > 0 {
            true => (start.max(0).min(len), end.max(0).min(len)),
            false => (end.max(-1).min(len - 1), start.max(-1).min(len - 1)),
        };
        let mut at = if step > 0 { lower } else { upper };
        let mut out = Vec::new();
        while if step > 0 { at < upper } else { lower < at } {
            out.push(at.to_string());
            at += step;
        }
        out
    };
    let bounds = || (-9..=9).map(Some).chain([None]);
    for (start, end) in bounds().flat_map(|start| bounds().map(move |end| (start, end))) {
        for step in [-3, -2, -1, 1, 2, 3] {
            let text = |n: Option<i64>| n.map_or(String::new(), |n| n.to_string());
            let path = format!("$[{}:{}:{step}]", text(start), text(end));
            assert_eq!(select(list, &path), naive(start, end, step), "{path}");
        }
    }
    assert_eq!(select(list, "$[99999999999999999999:-99999999999999999999:-9223372036854775808]"), ["6"]);
}

#[test]
fn what_is_no_path_is_refused() {
    let wrong = [
        "",
        "$.",
        "$..",
        "$...a",
        "$[",
        "$[]",
        "$[?]",
        "$[?()]",
        "$['a]",
        "$['a\\",
        "$.a b",
        " $",
        "$ ",
        "$[1:2:0]",
        "$[a]",
        "$[-]",
        "$[?@.a==]",
        "$[?1]",
        "$[?@.a=1]",
        "$['\\ud800']",
        "a..",
        "$.a\n",
        "$[?@.a==[1]",
        "$[?(@.a]",
        "$.[",
        "$[?@.a&&]",
        "$[?@.a==tru]",
        "$~",
        "$.a~",
    ];
    for text in wrong {
        assert!(Path::read(text.as_bytes()).is_err(), "{text}");
    }
    assert!(Path::read(b"$.\xff").is_err());
    for deep in ["[?(", "[?!", "[?@", "[?@["] {
        assert!(Path::read(format!("${}", deep.repeat(5000)).as_bytes()).is_err(), "{deep}");
    }
    let parentheses = |n: usize| format!("$[?{}@{}]", "(".repeat(n), ")".repeat(n));
    assert!(Path::read(parentheses(150).as_bytes()).is_ok());
    assert!(Path::read(parentheses(201).as_bytes()).is_err());
    assert!(Path::read(format!("${}", "..a".repeat(21)).as_bytes()).is_err());
}

#[test]
fn work_is_bounded() {
    let deep = format!("{}{}{}", "[".repeat(128), "1,".repeat(99) + "1", "]".repeat(128));
    let root = parse(deep.as_bytes()).unwrap();
    let all = Path::read(format!("${}", "..*".repeat(20)).as_bytes()).unwrap();
    assert_eq!(all.select(&root).unwrap().len(), 127 + 100 - 19);
    let wide = format!("[{}]", vec!["[1,2,3]"; 20_000].join(","));
    let root = parse(wide.as_bytes()).unwrap();
    let square = Path::read(b"$[?$..[0]==5]").unwrap();
    assert!(square.select(&root).is_err());
}

#[test]
fn repeats_are_repeated_in_reads_and_once_in_writes() {
    assert_eq!(select("[1,2]", "$[0,0,*]"), ["1", "1", "1", "2"]);
    let root = parse(b"[1,2]").unwrap();
    assert_eq!(Path::read(b"$[0,0,*]").unwrap().matches(&root).unwrap().len(), 2);
}

#[test]
fn the_paths_of_a_command_share_one_bound() {
    let root = parse(format!("[{}]", "[1,\"a\",null],".repeat(2000).trim_end_matches(',')).as_bytes()).unwrap();
    let path = Path::read(b"$..[?(@.a)]").unwrap();
    let mut done = 0;
    {
        let _shared = Shared::begin();
        while path.select(&root).is_ok() {
            done += 1;
        }
        assert!((10..3000).contains(&done), "{done}");
        Shared::next_document();
        assert!(path.select(&root).is_ok(), "another document may be looked at");
    }
    (0..2 * done).for_each(|_| assert!(path.select(&root).is_ok(), "commands of their own"));
}

/// A document of objects with few names, to some depth.
fn document(random: &mut SmallRng, depth: usize) -> String {
    let kids = |random: &mut SmallRng| random.random_range(0..5);
    match random.random_range(0..if depth > 0 { 4 } else { 2 }) {
        0 => random.random_range(0..9).to_string(),
        1 => "[1,2,3]".into(),
        2 => {
            let items: Vec<String> = (0..kids(random)).map(|_| document(random, depth - 1)).collect();
            format!("[{}]", items.join(","))
        }
        _ => {
            let first = random.random_range(0..5);
            let names = (0..kids(random)).map(|at| ["a", "b", "c", "d", "e"][(first + at) % 5]);
            let members: Vec<String> =
                names.map(|name| format!("\"{name}\":{}", document(random, depth - 1))).collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

#[test]
fn several_paths_lead_to_what_each_alone_does() {
    let mut random = crate::testing::rng();
    let texts = [
        "$..a",
        "$..b",
        "$..a.b",
        "$..a..b",
        "$..c[*]",
        "$.a",
        "$",
        "$..['a','b']",
        "$..*",
        "$..d[?(@.a)].a",
        "b",
        "..e",
    ];
    let paths: Vec<Path> = texts.iter().map(|text| Path::read(text.as_bytes()).expect("a path")).collect();
    for _ in 0..500 {
        let root = parse(document(&mut random, 6).as_bytes()).unwrap();
        let some: Vec<&Path> = paths.iter().filter(|_| random.random_bool(0.7)).collect();
        let show = |nodes: Vec<Node>| nodes.into_iter().map(|node| to_text(node)).collect::<Vec<_>>();
        for (path, nodes) in some.iter().zip(Path::select_each(&some, &root)) {
            assert_eq!(show(nodes.unwrap()), show(path.select(&root).unwrap()), "{} in {root:?}", path.text());
        }
    }
}

#[test]
fn names_anywhere_share_one_walk() {
    let objects: Vec<String> = (0..2000).map(|n| format!("{{\"x{}\":[{n},{{}}]}}", n % 700)).collect();
    let root = parse(format!("[{}]", objects.join(",")).as_bytes()).unwrap();
    let paths = |text: &str| -> Vec<Path> {
        (0..700).map(|n| Path::read(text.replace('#', &n.to_string()).as_bytes()).expect("a path")).collect()
    };
    let named = paths("$..x#");
    let _shared = Shared::begin();
    let found = Path::select_each(&named.iter().collect::<Vec<_>>(), &root);
    assert_eq!(found.into_iter().map(|nodes| nodes.unwrap().len()).sum::<usize>(), 2000);
    assert!(Shared::done() <= 2 * root.count(usize::MAX), "{} units", Shared::done());
    // Other paths have the bound of one command together; those with names are found before.
    let others = paths("$..[?(@.x# || @.y#)]");
    let found = Path::select_each(&others.iter().chain(&named).collect::<Vec<_>>(), &root);
    assert!(found[..700].iter().any(|nodes| nodes.is_err()));
    assert!(found[700..].iter().all(|nodes| nodes.is_ok()));
}

#[test]
fn large_regular_expressions_are_work() {
    let root = parse(br#"[{"a":"text"}]"#).unwrap();
    let path = |count: usize| {
        let terms: Vec<String> = (0..count).map(|n| format!("@.a=~'^\\w{{{}}}$'", 20 + n)).collect();
        Path::read(format!("$[?({})]", terms.join("||")).as_bytes()).unwrap()
    };
    assert!(path(2).select(&root).is_ok());
    assert!(path(100).select(&root).is_err());
}
