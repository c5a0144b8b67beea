//! The language beyond the recorded cases: what is ours, where errors are, bounds, printing.

use super::fuzz_corpora::checks;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use vset::attributes::{Fields, RecordRef, encode};
use vset::filter::{ErrorKind, MAX_DEPTH, MAX_TEXT, parse};

const MOVIE: &str = r#"{"movie":{"year":1999,"the title":"The Matrix","cast":["Reeves","Moss"],"nil":null,
    "loc":{"point":[15.087269,37.502669]}},"a.b":{"c":1},"name":"The Matrix","nil":null,"n":5,
    "here":[13.361389,38.115556],"bad":[200,10],"three":[1,2,3],"words":["1","2"],"mixed":[1,{"a":2}]}"#;

fn matches(expression: &str) -> bool {
    let mut fields = Fields::new();
    let record = encode(MOVIE.as_bytes(), &mut fields);
    let parsed = parse(expression.as_bytes()).unwrap_or_else(|e| panic!("{expression}: {e}"));
    parsed.compile(&fields).matches(RecordRef::new(&record))
}

#[test]
fn extensions() {
    for yes in [
        ".movie.year == 1999 and .movie.'the title' == \"The Matrix\"",
        ".\"a.b\".c == 1",
        "'Moss' in .movie.cast",
        ".movie.nil == null",
        "exists(.name) and exists ( .movie.year )",
        "exists(.nil) and exists(.movie.nil)",
        "not exists(.nothing) and !exists(.movie.nothing)",
        "exists(.nothing) or .n == 5",
        "not exists(.movie) and not exists(.mixed)",
        "exists(.nothing) + 1 == 1",
        "contains(.name, 'Mat') and not contains(.name, 'mat')",
        "startswith(.name, 'The') and endswith(.name, \"rix\")",
        "contains('', '') and startswith('a', '') and endswith('a', '')",
        "contains(.n, '5') == 0 and contains(.words, '1') == 0 and not startswith(.n, 5)",
        "contains(.name, contains(.name, 'x') + 1) == 0",
        "geodist(.here, 15.087269, 37.502669) > 166274 and geodist(.here, 15.087269, 37.502669) < 166275",
        "geodist(.movie.loc.point, 13.361389, 38.115556) < 166.3e+3",
        "geodist(.here, 13.361389, 38.115556) == 0",
        "geodist([0, 0], -180, -0) > 2e7 and geodist([0,90], 12, -90) > 2e7",
        "1 orexists(.n)",
        "!!5 and not not .n and not!1",
        "2e-1 == 0.2 and 1E+2 == 100 and 0.005 in [5e-3] and 5 -3 == 2",
        "(null) == null and null==(.nil)",
        "(null)!= 1",
        // The quirks of Redis 8 stay.
        "5 not in [0]",
        "!1 in [0]",
    ] {
        assert!(matches(yes), "{yes}");
    }
    for no in [
        ".movie == null",
        "exists(.nothing) and 1",
        "1 or .movie.nothing",
        "not contains(.nothing, 'a')",
        "geodist(.nothing, 1, 2) >= 0",
        "geodist(.bad, 1, 2) >= 0 or 1",
        "geodist(.three, 1, 2) >= 0 or 1",
        "geodist(.words, 1, 2) >= 0 or 1",
        "geodist(.n, 1, 2) >= 0 or 1",
        "geodist(.here, 181, 2) >= 0 or 1",
        "geodist(.here, 'nan', 2) >= 0 or 1",
        ".a.b.c == 1",
        "5 not in [5]",
        "1 and .",
    ] {
        assert!(!matches(no), "{no}");
    }
}

#[test]
fn errors_say_where() {
    let cases: &[(&str, ErrorKind, &str)] = &[
        ("", ErrorKind::Empty, ""),
        ("  ", ErrorKind::Empty, "  "),
        ("1 AND 1", ErrorKind::Word, "AND 1"),
        ("1 = 1", ErrorKind::Word, "= 1"),
        ("5 == 1.2.3 + 1", ErrorKind::Number, "1.2.3 + 1"),
        ("@.year", ErrorKind::Character(b'@'), "@.year"),
        ("1 ? 2", ErrorKind::Character(b'?'), "? 2"),
        ("1\0((", ErrorKind::Character(0), "\0(("),
        ("5 in [,5]", ErrorKind::Array, ",5]"),
        ("5 in [1 2]", ErrorKind::Array, "2]"),
        ("1 == 'abc", ErrorKind::Unterminated, "'abc"),
        (".a. == 1", ErrorKind::Key, ". == 1"),
        (". a", ErrorKind::Key, ". a"),
        ("1 + * 2", ErrorKind::Operand, "* 2"),
        ("1 +", ErrorKind::Operand, "1 +"),
        ("(1 + ) * 2", ErrorKind::Operand, ") * 2"),
        ("1 2 +", ErrorKind::Operator, "2 +"),
        ("1 not == 2", ErrorKind::Operator, "not == 2"),
        ("5 + ((1)", ErrorKind::Unclosed, "((1)"),
        ("5) + 1", ErrorKind::Unopened, ") + 1"),
        ("1, 2", ErrorKind::Unopened, ", 2"),
        ("contains(1, (2, 3))", ErrorKind::Unopened, ", 3))"),
        ("exists(1)", ErrorKind::Field, "1)"),
        ("exists(.a == 1)", ErrorKind::Field, "== 1)"),
        ("exists .a", ErrorKind::Word, "exists .a"),
        ("contain(1, 2)", ErrorKind::Word, "contain(1, 2)"),
        ("0 or contains(.a)", ErrorKind::Arguments { function: "contains", takes: 2 }, "contains(.a)"),
    ];
    for (text, kind, near) in cases {
        let error = parse(text.as_bytes()).expect_err(text);
        assert_eq!((&error.kind, error.near(text.as_bytes())), (kind, near.as_bytes()), "{text}");
    }
    let error = parse(b"1 AND 1").unwrap_err();
    assert_eq!(error.to_string(), "unknown operator at byte 2");
}

#[test]
fn bounds() {
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    let error = parse(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooDeep);
    let waiting = format!("{}1", "1 ** ".repeat(MAX_DEPTH - 1));
    checks::filter_language(waiting.as_bytes());
    let error = parse(format!("1 ** {waiting}").as_bytes()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooDeep);
    assert!(matches(&format!("{}1", "!".repeat(60_000))));
    assert!(matches(&format!("{}1", "1+".repeat(MAX_TEXT / 2 - 1))));
    assert!(matches(&format!("{}1", "1 and ".repeat(10_000))));
    assert!(!matches(&format!("{}1 and 0{}", "1 and(".repeat(4_000), ")".repeat(4_000))));
    let error = parse(&vec![b' '; MAX_TEXT + 1]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLong);
}

#[test]
fn printing_is_canonical() {
    for (text, printed) in [
        ("((1+2))*3==.a.b", "(1 + 2) * 3 == .a.b"),
        ("1-(2-3)-4", "1 - (2 - 3) - 4"),
        ("(2**3)**2**1", "(2 ** 3) ** 2 ** 1"),
        ("not(.a==1)&&.b not in[1.0,'x',]||null", "!(.a == 1) and !.b in [1, \"x\"] or null"),
        ("1 or (0 or 1)", "1 or (0 or 1)"),
        ("contains( .a,( 'it\"s' ) )", "contains(.a, 'it\"s')"),
        ("geodist(.a,-1,2+3)<1e400", "geodist(.a, -1, 2 + 3) < 1e999"),
        ("exists(.'a'.\"b c\") and .", "exists(.a.\"b c\") and ."),
        ("-0==1e-10", "-0 == 1e-10"),
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap().to_string(), printed);
        checks::filter_language(text.as_bytes());
    }
}

#[test]
fn columns_decide_what_they_can() {
    fn shared<T: Send + Sync>(_: &T) {}
    let mut fields = Fields::new();
    let record = encode(MOVIE.as_bytes(), &mut fields);
    for (expression, expected) in [
        (".n == 5 and .movie.year > 1990", Some(true)),
        (".nothing == 1 or .n == 5", Some(false)),
        ("exists(.nothing) or exists(.nil)", Some(true)),
        (".name == 'The Matriy' or .n + 1 == 6", Some(true)),
        (".name == 'The Matriy'", Some(false)),
        (".name == 'The Matrix'", None),
        (".name == 'The Matrix' and .n == 6", Some(false)),
        (".name in ['one of many', 'two of many']", Some(false)),
        (".name in ['one of many', 0]", None),
        (".words == 0 and .words and not (.words == null)", Some(true)),
        ("'1' in .words", None),
        ("'1' in .words or 1", Some(true)),
        ("1 or geodist(.bad, 1, 2) > 5", None),
    ] {
        let program = parse(expression.as_bytes()).unwrap().compile(&fields);
        shared(&program);
        let decided = checks::columns(&program, RecordRef::new(&record));
        assert_eq!(decided, expected, "{expression}");
    }
}

/// Random text made of the language's own pieces: mostly broken, sometimes not.
#[test]
fn random_pieces() {
    const PIECES: &[&str] = &[
        "1",
        "-2.5",
        "1e-3",
        "'a'",
        "\"b\\\"\"",
        "[1,'x']",
        "[]",
        ".a",
        ".a.b",
        ".'k \\' y'",
        ".",
        "null",
        "(",
        ")",
        "(",
        ")",
        "!",
        "not ",
        " not in ",
        "**",
        "*",
        "/",
        "%",
        "+",
        "-",
        "<",
        "<=",
        "==",
        "!=",
        " in ",
        " and ",
        " or ",
        "||",
        "&&",
        "exists(.a)",
        "contains(",
        "startswith(",
        "geodist(",
        ",",
        " ",
    ];
    let mut random = SmallRng::seed_from_u64(13);
    let mut parsed = 0;
    for _ in 0..200_000 {
        let pieces = random.random_range(1..10);
        let text: String = (0..pieces).map(|_| *PIECES.choose(&mut random).unwrap()).collect();
        checks::filter_language(text.as_bytes());
        parsed += usize::from(parse(text.as_bytes()).is_ok());
    }
    assert!(parsed > 2000, "{parsed}");
}

/// `in` a list of constants is `==` to one of its items, by records and by columns, whatever the types.
#[test]
fn lists_hold_what_equals_an_item() {
    let seed = 12;
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let values = [
        "0",
        "1",
        "-1",
        "2.5",
        "1e3",
        "true",
        "false",
        "null",
        "[]",
        "[1]",
        "\"\"",
        "\"1\"",
        "\"2.5\"",
        "\"abc\"",
        "\"long enough\"",
    ];
    let items = ["0", "1", "-1", "2.5", "1000", "'1'", "'2.5'", "''", "'abc'", "'long enough'", "'nan'", "'else'"];
    let mut decided = 0;
    for _ in 0..3000 {
        let chosen: Vec<&str> = (0..rng.random_range(1..6)).map(|_| *items.choose(&mut rng).expect("some")).collect();
        let list = parse(format!(".x in [{}]", chosen.join(",")).as_bytes()).expect("it parses");
        let each: Vec<String> = chosen.iter().map(|item| format!(".x == {item}")).collect();
        let each = parse(each.join(" or ").as_bytes()).expect("it parses");
        let value = values.choose(&mut rng).expect("some");
        let mut fields = Fields::new();
        let record = encode(format!("{{\"x\":{value}}}").as_bytes(), &mut fields);
        let record = RecordRef::new(&record);
        let (list, each) = (list.compile(&fields), each.compile(&fields));
        let expected = each.matches(record);
        assert_eq!(list.matches(record), expected, "{value} in {chosen:?}");
        let bits: Vec<_> = list.fields().iter().map(|field| record.bits(field)).collect();
        if let Some(by_columns) = list.matches_columns(&bits) {
            assert_eq!(by_columns, expected, "{value} in {chosen:?} by columns");
            decided += 1;
        }
    }
    assert!(decided > 2500, "{decided}");
}

/// A long list costs no more than a few comparisons.
#[test]
fn a_long_list_is_looked_up() {
    let fields = Fields::new();
    let program = |items: usize| {
        let items: Vec<String> = (0..items).map(|i| i.to_string()).collect();
        parse(format!(".x in [{}]", items.join(",")).as_bytes()).expect("it parses").compile(&fields)
    };
    assert!(program(8000).record_nanos() < 100.0);
    assert_eq!(program(8000).record_nanos(), program(2).record_nanos());
}
