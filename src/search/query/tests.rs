//! The recorded cases, printed trees, and random bytes.

use super::*;
use crate::search::command::create::create;
use crate::search::schema::Definition;
use serde_json::Value as Json;

fn definition(words: &[&str]) -> Definition {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    create(&words).expect("a definition")
}

/// The definition of an index of the recorded cases.
fn recorded(set: &Json) -> Definition {
    let strings = |list: &Json| -> Vec<String> {
        list.as_array().into_iter().flatten().map(|word| word.as_str().unwrap().to_string()).collect()
    };
    let mut words = vec!["i".to_string(), "ON".into(), set["on"].as_str().unwrap().into()];
    words.extend(strings(&set["options"]));
    words.push("SCHEMA".into());
    words.extend(strings(&set["schema"]));
    definition(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn params(case: &Json) -> Params {
    let mut params = Params::default();
    for (name, value) in case["params"].as_object().into_iter().flatten() {
        let value = match value {
            Json::String(text) => text.as_bytes().to_vec(),
            Json::Array(numbers) => {
                numbers.iter().flat_map(|number| (number.as_f64().unwrap() as f32).to_le_bytes()).collect()
            }
            other => other.to_string().into_bytes(),
        };
        params.insert(name.as_bytes(), &value);
    }
    params
}

fn context<'a>(definition: &'a Definition, params: &'a Params) -> Context<'a> {
    Context { definition, params, dialect: 2, verbatim: false, in_fields: None, no_stop_words: false, ordered: false }
}

#[test]
fn recorded_queries_parse_or_fail_as_recorded() {
    let cases: Json = serde_json::from_str(include_str!("../../../tests/data/search-cases.json")).unwrap();
    let mut wrong = Vec::new();
    for case in cases["cases"].as_array().unwrap() {
        let query = case["query"].as_str().unwrap();
        let dialect = case["dialect"].as_u64().unwrap() as u8;
        if !(1..=4).contains(&dialect) {
            continue; // The options' tests have these.
        }
        let definition = recorded(&cases["sets"][case["set"].as_str().unwrap()]);
        let params = params(case);
        let args = case["args"].to_string();
        let ordered = args.contains("SLOP") || args.contains("INORDER");
        let context = Context { dialect, ordered, ..context(&definition, &params) };
        let got = parse(query.as_bytes(), &context);
        let fine = match (&got, case["expect"]["error"].as_str()) {
            (Ok(_), None) => true,
            (Err(error), Some(text)) => error.to_string().contains(text),
            _ => false,
        };
        if !fine {
            wrong.push(format!("{query}: {:?}, not {}", got.map(|_| "parsed"), case["expect"]));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn books() -> Definition {
    definition(&[
        "i",
        "SCHEMA",
        "t",
        "TEXT",
        "u",
        "TEXT",
        "e",
        "TEXT",
        "INDEXEMPTY",
        "INDEXMISSING",
        "x",
        "TAG",
        "ci",
        "TAG",
        "n",
        "NUMERIC",
        "g",
        "GEO",
        "v",
        "VECTOR",
        "HNSW",
        "6",
        "TYPE",
        "FLOAT32",
        "DIM",
        "2",
        "DISTANCE_METRIC",
        "L2",
    ])
}

fn printed(query: &str, dialect: u8) -> String {
    let definition = books();
    let mut params = Params::default();
    for (name, value) in [("w", "Running"), ("num", "5"), ("neg", "-3"), ("two", "a b"), ("vec", "\0\0\0\0\0\0\0\0")] {
        params.insert(name.as_bytes(), value.as_bytes());
    }
    let context = Context { dialect, ..context(&definition, &params) };
    match parse(query.as_bytes(), &context) {
        Ok(query) => {
            let text = explain::explain_with(&query, &definition, &|_| Vec::new());
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn trees_are_as_the_language_says() {
    for (query, tree) in [
        ("a1 b1|c1 d1", "UNION { INTERSECT { a1 b1 } INTERSECT { c1 d1 } }"),
        ("a1 (b1|c1) d1", "INTERSECT { a1 UNION { b1 c1 } d1 }"),
        ("-a1 b1", "INTERSECT { NOT{ a1 } b1 }"),
        ("-(a1 b1)", "NOT{ INTERSECT { a1 b1 } }"),
        ("-a1|b1", "UNION { NOT{ a1 } b1 }"),
        ("--a1", "a1"),
        ("~-a1", "OPTIONAL{ NOT{ a1 } }"),
        ("@t:a1 b1", "INTERSECT { @t:a1 b1 }"),
        ("@t:a1|b1", "UNION { @t:a1 b1 }"),
        ("@t:(a1 b1)|c1", "UNION { INTERSECT { @t:a1 @t:b1 } c1 }"),
        ("@t|u:(a1 b1)", "INTERSECT { @t|u:a1 @t|u:b1 }"),
        ("-@t:a1", "NOT{ @t:a1 }"),
        ("@t:-a1", "NOT{ @t:a1 }"),
        ("@t:(a1 -b1)", "INTERSECT { @t:a1 NOT{ @t:b1 } }"),
        ("a1 b1=>{$weight:2}", "INTERSECT { a1 b1 => { $weight: 2; } }"),
        ("(a1 b1)=>{$slop:1; $inorder: TRUE}", "INTERSECT { a1 b1 } => { $slop: 1; $inorder: true; }"),
        ("-a1=>{$weight:2}", "NOT{ a1 => { $weight: 2; } }"),
        ("@x:{p} @n:[1 2] z", "INTERSECT { TAG:@x { p } NUMERIC {1.000000 <= @n <= 2.000000} z }"),
        ("\"a1 b1\" c1", "INTERSECT { EXACT { a1 b1 } c1 }"),
        ("a1 (b1 c1)", "INTERSECT { a1 b1 c1 }"),
        ("a1|(b1|c1)", "UNION { a1 b1 c1 }"),
        ("a1 @t:(b1 c1)", "INTERSECT { a1 INTERSECT { @t:b1 @t:c1 } }"),
        ("a1|the", "a1"),
        ("-the", "<empty>"),
        ("the", "<empty>"),
        ("", "<empty>"),
        (" ,. ", "<empty>"),
        (
            "(the)=>[KNN 3 @v $vec]",
            "VECTOR { <WILDCARD> } => {K=3 nearest vectors to `$vec` in vector index associated with field @v, yields distance as `__v_score`}",
        ),
        ("((*))", "<WILDCARD>"),
        ("\"king of spain\"", "EXACT { king spain }"),
        ("\"The END\"", "end"),
        ("\"...\"", "<empty>"),
        ("$w $two", "INTERSECT { running a b }"),
        ("@x:{red   wine | \"a-b\" | $two | foo* | w'b?r'}", "TAG:@x { red wine a-b a b PREFIX{foo*} WILDCARD{b?r} }"),
        ("@x:{a,b} @x:{10.0.0.1}", "INTERSECT { TAG:@x { a b } TAG:@x { 10.0 .0 .1 } }"),
        ("@n>=5", "NUMERIC {5.000000 <= @n <= inf}"),
        ("@n!=5", "NOT{ NUMERIC {5.000000 <= @n <= 5.000000} }"),
        ("@n:[-$num (+$num]", "NUMERIC {-5.000000 <= @n < 5.000000}"),
        ("@n:[$num]", "NUMERIC {5.000000 <= @n <= 5.000000}"),
        ("@n<-$neg", "NUMERIC {-inf <= @n < 3.000000}"),
        ("@g:[1 2 3 KM]", "GEO g:{1.000000,2.000000 --> 3.000000 km}"),
        ("ismissing(@e)", "ISMISSING{e}"),
        ("''", "\"\""),
        ("%%helo%% *x* *lo he*", "INTERSECT { FUZZY{helo} INFIX{*x*} SUFFIX{*lo} PREFIX{he*} }"),
        ("hello\\-World", "hello-world"),
        ("hello AND world", "INTERSECT { hello world }"),
        (
            "@v:[VECTOR_RANGE 1.5 $vec]=>{$yield_distance_as: d}",
            "VECTOR {Vectors that are within 1.5 distance radius from `$vec` in vector index associated with field @v, yields distance as `d`}",
        ),
    ] {
        assert_eq!(printed(query, 2), tree, "{query}");
    }
}

#[test]
fn dialect_1_takes_runs_of_words() {
    for (query, tree) in [
        ("@t:a1 b1", "INTERSECT { @t:a1 @t:b1 }"),
        ("-a1 b1", "NOT{ INTERSECT { a1 b1 } }"),
        ("@nope:a1 b1", "INTERSECT { <empty> <empty> }"),
        ("@t:(a1) b1", "INTERSECT { @t:a1 b1 }"),
        ("@x:{red}}}", "TAG:@x { red }"),
    ] {
        assert_eq!(printed(query, 1), tree, "{query}");
    }
}

#[test]
fn errors_tell_where() {
    for (query, text) in [
        ("(hello", "Syntax error at offset 1 near hello"),
        ("hello)", "Syntax error at offset 5 near hello"),
        ("(", "Syntax error at offset 0 near "),
        ("@n:[1", "Syntax error at offset 4 near 1"),
        ("@zz:hello", "Unknown field at offset 0 near zz"),
        ("hello @zz:hello", "Unknown field at offset 6 near zz"),
        ("@t:{a}", "Expected a TAG field at offset 0 near t"),
        ("@g:(@t:a)", "Syntax error at offset 4 near t"),
        ("@t:[1 2 3 km]", "Expected a GEO field at offset 0 near t"),
        ("ismissing(@t)", "'ismissing' requires defining the field with 'INDEXMISSING' at offset 10 near t"),
        ("*=>[KNN -1 @v $vec]", "Syntax error at offset 8 near -1"),
        ("*=>[KNN 3 @v blob]", "Syntax error at offset 13 near blob"),
        ("*=>[KNN 3 v $vec]", "Syntax error at offset 10 near v"),
        ("*=>[KNN 3 @t $vec]", "Expected a VECTOR field at offset 10 near t"),
        ("hello world=>[KNN 3 @v $vec]", "Syntax error at offset 13 near >["),
        ("-hello=>[KNN 3 @v $vec]", "Syntax error at offset 8 near >["),
        ("(hello=>[KNN 3 @v $vec])", "Syntax error at offset 8 near >["),
        ("*=>[KNN 3 @v $vec]=>[KNN 3 @v $vec]", "Syntax error at offset 20 near >["),
        ("@v:[VECTOR_RANGE x $vec]", "Syntax error at offset 17 near x"),
        ("@v:[VECTOR_RANGE 2 blob]", "Syntax error at offset 19 near blob"),
        ("*=>[KNN $neg @v $vec]", "Invalid numeric value (-3) for parameter `neg`"),
        ("@n:[5 2]", "Invalid numeric range (min > max): @n:[5.000000 2.000000]"),
        ("@n:[$w 2]", "Bad lower range: Running"),
        ("@n:[2 $w]", "Bad upper range: Running"),
        ("*=>[KNN 3 @v $vec]=>{$FOO: d}", "Invalid attribute FOO"),
        (
            "*=>[KNN 3 @v $vec AS a]=>{$YIELD_DISTANCE_AS: d}",
            "Distance field was specified twice for vector query: a and d",
        ),
        ("*=>[KNN 3 @v $vec AS t]", "Property `t` already exists in schema"),
    ] {
        assert_eq!(printed(query, 2), text, "{query}");
    }
}

#[test]
fn nesting_is_bounded_and_lists_are_not() {
    let nested = |n: usize| format!("{}a1{}", "(".repeat(n), ")".repeat(n));
    let right = |n: usize| format!("{}b1{}", "(a1 ".repeat(n), ")".repeat(n));
    assert_eq!(printed(&nested(100), 2), "a1");
    assert!(printed(&right(100), 2).starts_with("INTERSECT { a1"));
    let left = |n: usize, between: &str| format!("{}a1{}", "(".repeat(n), format!(" b1{between})").repeat(n));
    assert!(printed(&left(50_000, ""), 2).starts_with("INTERSECT { a1 b1"));
    assert_eq!(printed(&nested(90_000), 2), "a1");
    assert_eq!(printed(&nested(200_000), 2), "Query string is too complex");
    for deep in [right(200), left(1000, "|c1"), "(-~".repeat(50_000), "-~".repeat(50_000), "@t:(".repeat(9)] {
        let error: String = printed(&deep, 2).chars().take(80).collect();
        assert!(error.starts_with("Parser stack overflow") || error.starts_with("Syntax error"), "{error}");
    }
    let flat: String = (0..20_000).map(|i| format!("w{i}|")).collect();
    assert_eq!(printed(&format!("{flat}end"), 2).split(' ').count(), 20_004);
    let tags: String = (0..20_000).map(|i| format!("t{i}|")).collect();
    assert_eq!(printed(&format!("@x:{{{tags}end}}"), 2).split(' ').count(), 20_004);
    let groups = "(a1 b1) ".repeat(20_000);
    assert_eq!(printed(&groups, 2).split(' ').count(), 40_003);
}

#[test]
fn no_bytes_break_the_parser() {
    use rand::Rng;
    let mut random = crate::testing::rng();
    let pieces: Vec<&[u8]> = vec![
        b"(",
        b")",
        b"|",
        b"-",
        b"~",
        b"@t:",
        b"@x:{",
        b"}",
        b"@n:[",
        b"]",
        b"=>",
        b"{",
        b"$weight:",
        b"2",
        b";",
        b"*",
        b"%",
        b"\"",
        b"'",
        b"\\",
        b" ",
        b"$w",
        b"w'",
        b"word",
        b"inf",
        b"@n>=",
        b"@v:[VECTOR_RANGE ",
        b"$vec",
        b"[KNN ",
        b" @v ",
        b"AS",
        b"ismissing(@e)",
        b"\xff",
        b"\xc3\xa9",
        b"\0",
        b"1.5",
        b"-3",
        b"km",
        b"the",
        b":",
        b"@t|u:(",
    ];
    let definition = books();
    let mut params = Params::default();
    params.insert(b"w", b"x");
    params.insert(b"vec", &[0; 8]);
    for _ in 0..30_000 {
        let length = random.random_range(0..24);
        let query: Vec<u8> = (0..length)
            .flat_map(|_| match random.random_range(0..12) {
                0 => vec![random.random()],
                _ => pieces[random.random_range(0..pieces.len())].to_vec(),
            })
            .collect();
        let context = Context { dialect: random.random_range(1..=4), ..context(&definition, &params) };
        if let Ok(query) = parse(&query, &context) {
            explain::explain_with(&query, &definition, &|_| Vec::new());
        }
    }
}

#[test]
fn what_a_query_names_again_and_again_is_bounded() {
    let definition = books();
    let mut params = Params::default();
    params.insert(b"long", &vec![b'a'; 100_000]);
    params.insert(b"vec", &[0; 8]);
    let parsed =
        |query: String| parse(query.as_bytes(), &context(&definition, &params)).map_err(|error| error.to_string());
    let complex = |query: String| matches!(parsed(query), Err(text) if text.contains("too complex"));
    for (clause, around) in [("$long ", ("", "")), ("$long|", ("@x:{", "a}")), ("%$long% ", ("", ""))] {
        let query = |times: usize| format!("{}{}{}", around.0, clause.repeat(times), around.1);
        assert!(parsed(query(10)).is_ok(), "{clause}");
        assert!(complex(query(100)), "{clause}");
    }
    let ranges = |times: usize| "@v:[VECTOR_RANGE 1 $vec] ".repeat(times);
    assert!(parsed(ranges(128)).is_ok() && complex(ranges(129)));
    let mut params = Params::default();
    params.insert(b"shape", format!("POINT(1 {}2)", " ".repeat(100_000)).as_bytes());
    let shapes = |times: usize| {
        let definition = self::definition(&["i", "SCHEMA", "s", "GEOSHAPE", "FLAT"]);
        let query = "@s:[WITHIN $shape] ".repeat(times);
        parse(query.as_bytes(), &context(&definition, &params)).map(|_| ()).map_err(|error| error.to_string())
    };
    assert!(shapes(10).is_ok() && shapes(20).is_err_and(|text| text.contains("too complex")));
    // Clauses that move from list to list: as many as there are, for each parenthesis around them.
    let nested = |words: usize| format!("{}{}{}", "(w1 ".repeat(100), "w2 ".repeat(words), ")".repeat(100));
    assert!(parsed(nested(1000)).is_ok() && complex(nested(60_000)));
}

#[test]
fn fields_named_again_are_one() {
    assert_eq!(printed("@t|u|t|t:a1", 2), "@t|u:a1");
    assert_eq!(printed(&format!("@{}t:(a1 b1)", "t|".repeat(1000)), 2), "INTERSECT { @t:a1 @t:b1 }");
}

#[test]
fn what_parts_ask_reaches_all_that_is_in_them() {
    let deep = |attribute: &str| format!("{}@t:a1{}", "(".repeat(300), format!(" b1)=>{{{attribute}}}").repeat(300));
    assert!(printed(&deep("$phonetic:true"), 2).contains("`t` does not support phonetics"));
    assert!(!printed(&deep("$phonetic:false"), 2).contains("does not support"));
    let json = definition(&["i", "ON", "JSON", "SCHEMA", "$..a", "AS", "a", "TEXT", "$.b", "AS", "b", "TEXT"]);
    let params = Params::default();
    for (query, refused) in [
        ("(a1 b1)=>{$slop:1}", true),
        ("@b:(a1 b1)=>{$slop:1}", false),
        ("(@b:(a1 b1) (@b:c1 | (@b:d1 -@a:e1)))=>{$inorder:true}", true),
        ("@a:(a1 b1) @b:(a1 b1)=>{$slop:1}", false),
    ] {
        let result = parse(query.as_bytes(), &context(&json, &params));
        assert_eq!(result.is_err_and(|error| error.to_string().contains("undefined ordering")), refused, "{query}");
    }
}
