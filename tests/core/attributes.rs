//! Records: what they keep, what they cost, their limits.

use vset::attributes::{Field, Fields, Path, RecordRef, Value, encode};
use vset::filter::parse;

fn matches(attributes: &str, expression: &str) -> bool {
    let mut fields = Fields::new();
    let record = encode(attributes.as_bytes(), &mut fields);
    let program = parse(expression.as_bytes()).unwrap().compile(&fields);
    program.matches(RecordRef::new(&record))
}

fn number(text: &str) -> f64 {
    let mut fields = Fields::new();
    let record = encode(format!("{{\"n\":{text}}}").as_bytes(), &mut fields);
    let mut path = Path::new();
    path.push(b"n");
    match RecordRef::new(&record).get(&Field::new(path, &fields)) {
        Some(Value::Number(number)) => number,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn numbers_come_back_exactly() {
    let mut state = 7u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut texts: Vec<String> =
        ["0", "-0", "-0.0", "1e999", "-1e999", "5e-324", "0.1", "1e22"].map(String::from).into();
    for shift in 0..63 {
        for around in [-1i64, 0, 1] {
            texts.push(((1i64 << shift) + around).to_string());
            texts.push((-(1i64 << shift) + around).to_string());
            texts.push(format!("{}e-{}", (1i64 << shift) + around, shift % 10));
        }
    }
    for _ in 0..20_000 {
        let digits = random() >> (random() % 64);
        texts.push(format!("{}e-{}", digits, random() % 12));
        texts.push(format!("{}.{:03}", digits % 1_000_000, random() % 1000));
        let any = f64::from_bits(random());
        if any.is_finite() {
            texts.push(format!("{any:e}"));
        }
    }
    for text in texts {
        let expected: f64 = text.parse().unwrap();
        assert_eq!(number(&text).to_bits(), expected.to_bits(), "{text}");
    }
}

#[test]
fn memory_is_within_a_quarter_of_text_and_pointer() {
    let samples = [
        r#"{"year":1984,"name":"The Matrix","rating":8.7,"ok":true,"no":false,"nil":null,"tags":["a","b",3],"z":0,"e":"","neg":-5,"s":"10","obj":{"k":1}}"#,
        r#"{"year":1984,"genre":"action","rating":8.7}"#,
        r#"{"year": 1999, "title": "The Matrix", "genres": ["action", "sci-fi"], "director": "Wachowski"}"#,
        r#"{"loc":[12.4924,41.8902],"city":"Rome","population":2873000}"#,
        r#"{"price":12.99,"stock":140,"brand":"acme","in_stock":true}"#,
        r#"{"user_id":182736451,"ts":1700000000123,"lang":"en","score":0.731}"#,
        r#"{"category":"books","color":"red","size":"XL"}"#,
        r#"{"a":1,"b":2}"#,
        r#"{"id":"550e8400-e29b-41d4-a716-446655440000","source":"https://example.com/articles/2024/05/some-title","chunk":17}"#,
        "not json at all",
    ];
    let (mut ours, mut peer) = (0, 0);
    for sample in samples {
        let mut fields = Fields::new();
        let record = encode(sample.as_bytes(), &mut fields);
        assert_eq!(record.capacity(), record.len());
        // Redis 8 keeps the text as a heap string with three bytes more; both need a pointer.
        let (one, other) = (record.len() + 8, sample.len() + 3 + 8);
        assert!(one * 4 <= other * 5, "{one} against {other}: {sample}");
        ours += one;
        peer += other;
    }
    println!("{ours} bytes against {peer}");
}

#[test]
fn any_length_of_text() {
    for length in [0, 1, 62, 63, 64, 200, 230, 255, 256, 300, 65_500, 65_535, 65_536, 70_000] {
        let long = "x".repeat(length);
        let text = format!(r#"{{"a":"{long}","b":["{long}",1],"e":"\n{long}","c":5}}"#);
        let mut fields = Fields::new();
        let record = encode(text.as_bytes(), &mut fields);
        assert_eq!(RecordRef::new(&record).text(), text.as_bytes());
        for expression in [".a in .b and .c == 5", ".a in .e and .a != .e", "endswith(.e, .a)"] {
            assert!(matches(&text, expression), "{expression} with {length}");
        }
    }
}

#[test]
fn names_without_end() {
    // Sixty thousand names, more than a set can know: records past the bound carry theirs.
    let mut fields = Fields::new();
    let expression = parse(b".common == 7 and .movie.year == 1999").unwrap();
    for at in 0..60_000 {
        let text = format!(r#"{{"k{at}":{at},"common":7,"movie":{{"year":1999,"k{at}":0}}}}"#);
        let record = encode(text.as_bytes(), &mut fields);
        if at % 500 == 0 {
            let own = parse(format!(".k{at} == {at} and .movie.k{at} == 0").as_bytes()).unwrap();
            let record = RecordRef::new(&record);
            assert_eq!(record.text(), text.as_bytes());
            assert!(expression.compile(&fields).matches(record), "{at}");
            assert!(own.compile(&fields).matches(record), "{at}");
        }
    }
    assert!(fields.len() <= 0x7FFF && fields.memory() < 4 << 20);
}

#[test]
fn one_element_does_not_fill_the_table() {
    let keys: Vec<_> = (0..5000).map(|at| format!("\"k{at}\":{at}")).collect();
    let text = format!("{{{}}}", keys.join(","));
    let mut fields = Fields::new();
    let record = encode(text.as_bytes(), &mut fields);
    assert!(fields.is_empty());
    let program = parse(b".k4999 == 4999 and .k0 == 0").unwrap().compile(&fields);
    assert!(program.matches(RecordRef::new(&record)));
}

#[test]
fn nesting_is_bounded() {
    let nest = |depth: usize| {
        let open = r#"{"a":"#.repeat(depth);
        format!("{open}1{}", "}".repeat(depth))
    };
    assert!(matches(&nest(32), &".a".repeat(32)));
    assert!(!matches(&nest(33), &".a".repeat(33)));
    // Hostile: deep, and long keys around many fields. Neither stack nor memory suffers.
    let mut fields = Fields::new();
    encode(nest(200_000).as_bytes(), &mut fields);
    encode("[".repeat(1_000_000).as_bytes(), &mut fields);
    let inner: Vec<_> = (0..20_000).map(|at| format!("\"{at}\":0")).collect();
    let key = "k".repeat(900);
    let text = format!(r#"{{"{key}":{{{}}},"a":1}}"#, inner.join(","));
    assert!(encode(text.as_bytes(), &mut fields).len() < text.len() + (80 << 10));
    assert!(matches(&text, ".a == 1"));
}

#[test]
fn the_rest_of_a_long_text_is_not_read() {
    const READ: usize = 4 << 20;
    // `n` ends at the comma before or at the last byte that is read, or is cut in two there.
    let text = |length: usize| {
        let head = r#"{"s":"","n":1234"#;
        format!(r#"{{"s":"{}","n":1234,"m":5,"l":"{}"}}"#, "x".repeat(length - head.len()), "y".repeat(READ))
    };
    assert!(matches(&text(READ - 1), ".n == 1234"));
    for cut in 0..5 {
        assert!(!matches(&text(READ + cut), ".n"));
    }
    assert!(!matches(&text(READ - 1), ".m"));
    assert!(matches(&format!(r#"{{"n":1,"s":"{}"}}"#, "x".repeat(READ)), ".n == 1"));
}

#[test]
fn escapes_are_decoded() {
    let text = r#"{"u":"\u0041\u00e9\uD83D\uDE00","half":"\ud83dx\udc00","b":"\b\f\/\q\u12","\u006bey":1,"q\"":2}"#;
    for expression in
        [".u == 'Aé😀'", ".half == '\u{FFFD}x\u{FFFD}'", ".b == '\u{8}\u{c}/qu12'", ".key == 1", r#"."q\"" == 2"#]
    {
        assert!(matches(text, expression), "{expression}");
    }
}
