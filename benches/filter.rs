//! What it costs to read attributes when they are set, and to test an element.
//!
//! `cargo bench --no-default-features --target-dir target/core --bench filter`: for each expression,
//! nanoseconds by record, by columns one by one, and by columns in blocks; how many elements match, and
//! how many the columns leave undecided.

use std::hint::black_box;
use std::time::Instant;
use vset::attributes::{Bits, Fields, RecordRef, encode};
use vset::filter::{BLOCK, parse};

const ELEMENTS: usize = 1000;

const EXPRESSIONS: &[&str] = &[
    ".year >= 1980",
    "1984 < .year",
    ".genre == 'drama'",
    ".name == 'The Matrix 17'",
    ".year >= 1980 and .genre == 'action'",
    ".rating > 5 and .year < 2000 and .ok == 1",
    ".year >= 1980 or .rating > 8.5",
    "'a' in .tags",
    ".genre in ['drama', 'comedy', 'horror']",
    "contains(.name, 'Matrix')",
    ".movie.lang == 'en'",
    ".nothing == 1",
    "geodist(.loc, 12.5, 41.9) < 20000",
    "(.year - 1900) * 2 + .rating ** 2 > 100",
    ".year > 1960 and (.genre == 'drama' or .genre == 'comedy') and 'b' in .tags and not (.rating < 3)",
];

fn main() {
    let mut fields = Fields::new();
    let texts: Vec<String> = (0..ELEMENTS).map(attributes).collect();
    let start = Instant::now();
    let records: Vec<Vec<u8>> = texts.iter().map(|text| encode(text.as_bytes(), &mut fields)).collect();
    let encoded = start.elapsed().as_nanos() / ELEMENTS as u128;
    let bytes = |all: usize| all / ELEMENTS;
    println!(
        "set: {encoded} ns, {} bytes for a text of {}",
        bytes(records.iter().map(Vec::len).sum()),
        bytes(texts.iter().map(String::len).sum()),
    );
    for expression in EXPRESSIONS {
        let program = parse(expression.as_bytes()).unwrap().compile(&fields);
        let record = |at: usize| RecordRef::new(&records[at]);
        let width = program.fields().len();
        let columns: Vec<Bits> = (0..ELEMENTS)
            .flat_map(|at| program.fields().iter().map(move |f| (at, f)))
            .map(|(at, field)| record(at).bits(field))
            .collect();
        let by_column = |at: usize| program.matches_columns(&columns[at * width..][..width]);
        let block: Vec<[Bits; BLOCK]> =
            program.fields().iter().map(|field| std::array::from_fn(|at| record(at).bits(field))).collect();
        let matched = (0..ELEMENTS).filter(|&at| program.matches(record(at))).count();
        let open = (0..ELEMENTS).filter(|&at| by_column(at).is_none()).count();
        println!(
            "{:6.1} {:6.1} {:6.1} {:5.1} % {:5.1} %  {expression}",
            nanoseconds(|at| program.matches(record(at))),
            nanoseconds(|at| by_column(at) == Some(true)),
            nanoseconds(|_| program.matches_block(black_box(&block)).matching != 0) / BLOCK as f64,
            matched as f64 * 100.0 / ELEMENTS as f64,
            open as f64 * 100.0 / ELEMENTS as f64,
        );
    }
}

fn attributes(at: usize) -> String {
    format!(
        r#"{{"year":{},"name":"The Matrix {at}","rating":{}.{},"genre":"{}","ok":true,"tags":["a","b",{at}],"loc":[12.{at:04},41.89],"movie":{{"lang":"en"}}}}"#,
        1950 + at % 70,
        at % 10,
        at % 7,
        ["action", "drama", "comedy"][at % 3],
    )
}

/// The best of some rounds, for one element.
fn nanoseconds(mut test: impl FnMut(usize) -> bool) -> f64 {
    let mut round = || {
        let start = Instant::now();
        for _ in 0..100 {
            for at in 0..ELEMENTS {
                black_box(test(black_box(at)));
            }
        }
        start.elapsed().as_nanos() as f64 / (100 * ELEMENTS) as f64
    };
    std::iter::repeat_with(&mut round).take(7).fold(f64::MAX, f64::min)
}
