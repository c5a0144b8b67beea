//! The recorded expressions, dates against a calendar, random bytes.

use super::*;
use crate::search::number::format_number;
use serde_json::Value as Json;

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Number(number) => format_number(*number),
        Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Array(values) => format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(",")),
    }
}

fn evaluated(text: &str, row: &dyn Row) -> String {
    let value = Expression::parse(text.as_bytes()).and_then(|expression| expression.evaluate(row));
    value.map_or_else(|error| error.to_string(), |value| shown(&value))
}

#[test]
fn recorded_expressions_have_the_recorded_values() {
    let cases: Json = serde_json::from_str(include_str!("../../../tests/data/search-cases.json")).unwrap();
    for case in cases["expressions"].as_array().unwrap() {
        let row = |name: &[u8]| {
            let value = case["row"].get(std::str::from_utf8(name).unwrap())?.as_str()?;
            Some(Value::Text(value.as_bytes().into()))
        };
        let expression = case["expr"].as_str().unwrap();
        let got = evaluated(expression, &row);
        match case["expect"]["error"].as_str() {
            Some(error) => assert!(got.contains(error), "{expression}: {got}, not {error}"),
            None => assert_eq!(got, case["expect"].as_str().unwrap(), "{expression}"),
        }
    }
}

/// A row of t, n, geo, and a list.
fn row(name: &[u8]) -> Option<Value> {
    match name {
        b"t" => Some(Value::Text((*b"Hello World").into())),
        b"n" => Some(Value::Number(3.0)),
        b"geo" => Some(Value::Text((*b"1.0,2.0").into())),
        b"none" => Some(Value::Null),
        b"a b" => Some(Value::Number(7.0)),
        b"list" => Some(Value::Array([Value::Number(1.0), Value::Text((*b"x").into())].into())),
        _ => None,
    }
}

#[test]
fn expressions_have_the_values_of_the_language() {
    for (expression, value) in [
        ("1 -2", "-1"),
        ("@n-1", "2"),
        ("-2^2", "4"),
        (".5*4", "2"),
        ("1e20", "1e+20"),
        ("0.1+0.2", "0.3"),
        ("5 / 0", "inf"),
        ("0/0", "nan"),
        ("5 % 0", "nan"),
        ("NULL < 1", "1"),
        ("'a'!=1", "1"),
        ("!!5", "1"),
        ("!!!5", "0"),
        ("@a\\ b", "7"),
        ("exists(@zz) || @n", "1"),
        ("@zz || 0", "0"),
        ("@zz && 1", "0"),
        ("exists(@none)", "1"),
        ("@none + 1", "Invalid numeric value"),
        ("!@zz", "Could not find the value for a parameter name, consider using EXISTS if applicable for zz"),
        ("substr(@t,0,-2)", "Hello World"),
        ("substr(@t,-20,2)", ""),
        ("substr(@t,20,2)", ""),
        ("upper('é')", "é"),
        ("upper(1)", "null"),
        ("format('%s',NULL)", "(null)"),
        ("format('%d',1)", "Unknown format specifier passed"),
        ("format('%s')", "Not enough arguments for format"),
        ("split('a-b_c, ,d','-_,')", "[a,b,c,d]"),
        ("strlen(1)", "Invalid type (1) for argument 0 in function 'strlen'. VALIDATE_ARG__STRING(v, 0) was false."),
        ("to_number('x')", "to_number: cannot convert string 'x'"),
        ("'a\\nb' == \"a\\nb\"", "1"),
        ("'it\\'s'", "it's"),
        ("timefmt(1517417144)", "2018-01-31T16:45:44Z"),
        ("timefmt('x')", "null"),
        ("timefmt(0,'%a %b %e %j %I%p %U %W %V %G %s %Q')", "Thu Jan  1 001 12AM 00 00 01 1970 0 %Q"),
        ("parsetime('x','%Y')", "null"),
        ("parsetime('Wed, 31 Jan 2018 16:45:44 +0100','%a, %d %b %Y %T %z')", "1517413544"),
        ("geodistance(@geo,'1.1,2.0')", "11115.85"),
        ("geodistance(@geo,1.1,2.0)", "11115.85"),
        ("geodistance('x','y')", "Invalid geo string: missing separator"),
        ("geodistance(1)", "Function 'geodistance' expects between 2 and 4 arguments, but got 1"),
        ("matched_terms()", "null"),
        ("format()", "Function 'format' expects between 1 and 65535 arguments, but got 0"),
        ("@t*2", "Invalid numeric value"),
        ("null", "Unknown symbol 'null'"),
        ("concat('a','b')", "Unknown function name 'concat'"),
        ("", "Syntax error at offset 0 near ''"),
        ("(", "Syntax error at offset 0 near ''"),
        ("(1", "Syntax error at offset 1 near '1'"),
        ("1)", "Syntax error at offset 1 near '1'"),
        ("@a==", "Syntax error at offset 2 near 'a'"),
        ("@n @m", "Syntax error at offset 3 near 'm'"),
        ("-@n", "Syntax error at offset 0 near ''"),
        ("1<2<3", "Syntax error at offset 3 near '2'"),
    ] {
        assert_eq!(evaluated(expression, &row), value, "{expression}");
    }
}

#[test]
fn filters_of_indexes_take_what_is_missing_as_false() {
    for (filter, admitted) in [
        ("@zz == 'y'", false),
        ("@zz != 'y'", false),
        ("!(@zz == 'y')", true),
        ("@zz > 1 || @n > 1", true),
        ("@n", true),
        ("@zz", false),
        ("upper(@zz) == 'A' || 1", true),
        ("@t > 1", false),
    ] {
        assert_eq!(Expression::parse(filter.as_bytes()).unwrap().admits(&row), admitted, "{filter}");
    }
    let zero = |_: &[u8]| Some(Value::Text((*b"0").into()));
    assert!(Expression::parse(b"@n").unwrap().admits(&zero), "a text that is not empty is true");
}

#[test]
fn properties_come_once_and_in_order() {
    let expression = Expression::parse(b"@b + @a * @b + exists(@c)").unwrap();
    assert_eq!(expression.properties(), [b"b", b"a", b"c"]);
}

#[test]
fn dates_agree_with_counting_days() {
    // Day by day over four centuries and more.
    let (mut year, mut month, mut day) = (1970, 1, 1);
    for number in 0..180_000i64 {
        let text = evaluated(&format!("timefmt({}, '%F')", number * 86_400 + 86_399), &row);
        assert_eq!(text, format!("{year}-{month:02}-{day:02}"));
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        day += 1;
        if day > length {
            (month, day) = (month + 1, 1);
        }
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
}

#[test]
fn nesting_is_bounded_and_chains_are_not() {
    let nested = |n: usize| format!("{}1{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(evaluated(&nested(90), &row), "1");
    assert_eq!(evaluated(&nested(90_000), &row), "Expression is nested too deeply");
    assert_eq!(evaluated(&"abs(".repeat(100_000), &row), "Expression is nested too deeply");
    assert_eq!(evaluated(&format!("{}1", "1+".repeat(50_000)), &row), "50001");
    assert_eq!(evaluated(&format!("{}1", "1^".repeat(50_000)), &row), "1");
    assert_eq!(evaluated(&format!("{}1", "!".repeat(50_001)), &row), "0");
    assert_eq!(evaluated(&format!("{}1", "0||".repeat(50_000)), &row), "1");
}

#[test]
fn no_bytes_break_expressions() {
    use rand::Rng;
    let mut random = crate::testing::rng();
    let pieces: Vec<&[u8]> = vec![
        b"(",
        b")",
        b"+",
        b"-",
        b"*",
        b"/",
        b"%",
        b"^",
        b"<",
        b"==",
        b"!",
        b"&&",
        b"||",
        b",",
        b"@t",
        b"@n",
        b"@zz",
        b"@list",
        b"@none",
        b"1",
        b"-1",
        b".5",
        b"1e308",
        b"'a,b'",
        b"\"%s\"",
        b"'%Y-%c'",
        b"NULL",
        b"substr(",
        b"format(",
        b"split(",
        b"timefmt(",
        b"parsetime(",
        b"geodistance(",
        b"case(",
        b"exists(",
        b"contains(",
        b"month(",
        b"to_str(",
        b"to_number(",
        b"\xff",
        b"\\",
        b" ",
        b"9e99",
        b"matched_terms(",
    ];
    for _ in 0..30_000 {
        let text: Vec<u8> = (0..random.random_range(0..16))
            .flat_map(|_| match random.random_range(0..15) {
                0 => vec![random.random()],
                _ => pieces[random.random_range(0..pieces.len())].to_vec(),
            })
            .collect();
        if let Ok(expression) = Expression::parse(&text) {
            let _ = expression.evaluate(&row);
            expression.admits(&row);
        }
    }
}

#[test]
fn the_length_of_an_expression_is_bounded() {
    let sum = |count: usize| (0..count).map(|n| format!("@p{n}")).collect::<Vec<_>>().join("+");
    assert_eq!(Expression::parse(sum(40_000).as_bytes()).unwrap().properties().len(), 40_000);
    assert!(Expression::parse(sum(120_000).as_bytes()).unwrap_err().to_string().contains("too long"));
    assert!(Expression::parse(&vec![b' '; 5 << 20]).is_err());
}

/// A text of a row in bytes, long enough that the square of its length would take hours.
const LONG: usize = 4 << 20;

#[test]
fn separators_are_looked_up_whatever_their_number() {
    let row = |name: &[u8]| Some(Value::Text(name.repeat(LONG).into()));
    assert_eq!(evaluated("split(@b, @a, @a)", &row).len(), LONG + 2);
    assert_eq!(evaluated("split(@b, @a, @b)", &row), "[]");
}

#[test]
fn an_expression_looks_at_a_bounded_number_of_bytes() {
    let long = Value::Text(vec![b'x'; LONG].into());
    let list = Value::Array(vec![long.clone(); 1000].into());
    let row = |name: &[u8]| Some(if name == b"list" { list.clone() } else { long.clone() });
    assert_eq!(evaluated("strlen(upper(lower(@t)))", &row), LONG.to_string());
    assert_eq!(evaluated("@t == @t && @t == @t", &row), "1");
    let too_much = "Expression looks at too much text";
    for (operand, operator) in
        [("strlen(upper(lower(@t)))", "+"), ("@t == @t", "&&"), ("log(@t)", "+"), ("strlen(@t)", "+")]
    {
        let expression = [operand; 10].join(operator);
        assert_eq!(evaluated(&expression, &row), too_much, "{operand}");
        let expression = Expression::parse(expression.as_bytes()).unwrap();
        assert!(!expression.admits(&row));
    }
    for expression in ["format('%s', @list)", "to_str(@list)", "@list == @list", "strlen(to_str(@list))"] {
        assert_eq!(evaluated(expression, &row), too_much, "{expression}");
    }
    let list = Value::Array(vec![Value::Text(vec![b'x'; 2000].into()); 1000].into());
    let row = |_: &[u8]| Some(list.clone());
    for expression in ["format('%s', @list)", "to_str(@list)"] {
        assert_eq!(evaluated(expression, &row), "Result of format is too long", "{expression}");
    }
}
