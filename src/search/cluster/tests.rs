//! Messages survive a round trip and damaged ones are refused; merged parts equal the result over the whole.

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::aggregate::{Content, Part as RowPart, Sharing};
use super::catalog::{Definition, Kind, State};
use super::message::{Answer, Ask, Assembly, Message, Outcome, Question, is_too_long, pieces};
use super::search::{Merging, Part, merge, ranked};
use super::slots::Slots;
use super::{hybrid, info, profile, spelling, tags};
use crate::reply::Reply;
use crate::search::aggregate::{Clock, Direction, Grouping, Pipeline, Reducer, Sorting, Step, Table, TooLarge};
use crate::search::reply::Warnings;
use crate::search::spell::Suggestion;
use crate::search::value::Value;

fn reply(random: &mut SmallRng, depth: usize) -> Reply {
    let bytes = |random: &mut SmallRng| (0..random.random_range(0..9)).map(|_| random.random()).collect::<Vec<u8>>();
    let many = |random: &mut SmallRng| random.random_range(0..4);
    match random.random_range(0..if depth == 0 { 7 } else { 10 }) {
        0 => Reply::Nil,
        1 => Reply::NilArray,
        2 => Reply::Bool(random.random()),
        3 => Reply::Int(random.random()),
        4 => Reply::Double(random.random()),
        5 => Reply::Bulk(bytes(random)),
        6 => Reply::Error(bytes(random)),
        7 => Reply::Array((0..many(random)).map(|_| reply(random, depth - 1)).collect()),
        8 => Reply::Set((0..many(random)).map(|_| reply(random, depth - 1)).collect()),
        _ => Reply::Map((0..many(random)).map(|_| (reply(random, depth - 1), reply(random, depth - 1))).collect()),
    }
}

fn message(random: &mut SmallRng) -> Message {
    let id = random.random();
    let words = |random: &mut SmallRng| -> Vec<Vec<u8>> {
        (0..random.random_range(0..5))
            .map(|_| (0..random.random_range(0..20)).map(|_| random.random()).collect())
            .collect()
    };
    match random.random_range(0..5) {
        0 => {
            let question = [Question::Search, Question::Hybrid, Question::TagValues][random.random_range(0..3)];
            let (keyed, profiled, milliseconds) = (random.random(), random.random(), random.random());
            Message::Ask { id, ask: Ask { question, keyed, profiled, milliseconds, words: words(random) } }
        }
        1 => {
            let mut slots = Slots::default();
            (0..100).for_each(|_| slots.insert(random.random_range(0..20_000)));
            let outcome = match random.random_range(0..3) {
                0 => Outcome::Part(reply(random, 5)),
                1 => Outcome::NoIndex,
                _ => Outcome::Failed(b"ERR".to_vec()),
            };
            Message::Answer {
                id,
                answer: Answer { slots, importing: random.random(), migrating: random.random(), outcome },
            }
        }
        2 => Message::Digest(id),
        3 => {
            let content = random.random::<bool>().then(|| vec![words(random), words(random)]);
            let state = State { version: id, content, with_documents: random.random() };
            let definition = Definition { kind: Kind::Alias, name: b"name".to_vec(), state };
            Message::Definitions { id, asks: random.random(), definitions: vec![definition; random.random_range(0..3)] }
        }
        _ => Message::Acknowledged(id),
    }
}

/// Reads what a damaged message may hold as every kind of part.
fn read_all(bytes: &[u8]) {
    let Ok(Message::Answer { answer: Answer { outcome: Outcome::Part(reply), .. }, .. }) = Message::read(bytes) else {
        return;
    };
    let _ = Part::read(reply.clone());
    let _ = hybrid::Part::read(reply.clone(), 2);
    let _ = info::Part::read(reply.clone());
    let _ = spelling::Part::read(reply.clone());
    let _ = tags::merge(vec![reply.clone()]);
    let _ = profile::read(reply.clone());
    for steps in steps() {
        let _ = RowPart::read(reply.clone(), 4, &steps);
    }
}

#[test]
fn messages_come_back_from_their_bytes() {
    for seed in 0..500 {
        let mut random = SmallRng::seed_from_u64(seed);
        let message = message(&mut random);
        let bytes = message.write();
        let answered = if let Message::Answer { id, .. } = &message { Some(*id) } else { None };
        assert_eq!((Message::answered(&bytes), Message::answered(&bytes[..8])), (answered, None), "seed {seed}");
        assert_eq!(Message::read(&bytes), Ok(message), "seed {seed}");
    }
}

#[test]
fn damaged_messages_do_no_harm() {
    let mut random = crate::testing::rng();
    for _ in 0..20_000 {
        let mut bytes = message(&mut random).write();
        match random.random_range(0..4) {
            0 => bytes.truncate(random.random_range(0..=bytes.len())),
            1 => bytes.push(random.random()),
            2 => bytes = (0..random.random_range(0..200)).map(|_| random.random()).collect(),
            _ => {}
        }
        for _ in 0..random.random_range(0..4) {
            if let Some(len) = std::num::NonZero::new(bytes.len()) {
                bytes[random.random_range(0..len.get())] = [0, 1, 0xff, random.random()][random.random_range(0..4)];
            }
        }
        read_all(&bytes);
    }
}

/// Parts of real answers with bytes changed: past the form of the message, into the readers of parts.
#[test]
fn damaged_parts_do_no_harm() {
    let mut random = crate::testing::rng();
    let clock = || Clock::until(None);
    let mut parts: Vec<Reply> = vec![
        Part { total: 2, warnings: Warnings::default(), rows: vec![ranked(b"a", 1.0, Some(2.0), None); 2] }.write(),
        spelling::Part { documents: 3, words: vec![(b"a".to_vec(), None), (b"b".to_vec(), near(&[(b"c", 1)]))] }
            .write(),
        info::Part { failures: vec![Default::default(); 2], scanned: Some(0.5), ..info::Part::default() }.write(),
    ];
    for steps in steps() {
        let table = table(&mut SmallRng::seed_from_u64(1), 20, 0);
        let (content, total) = Content::begin(&steps, table, Sharing::default(), &mut clock()).unwrap();
        parts.push(RowPart { total, warnings: Warnings::default(), content }.write());
    }
    for _ in 0..20_000 {
        let outcome = Outcome::Part(parts[random.random_range(0..parts.len())].clone());
        let answer = Answer { slots: Slots::default(), importing: false, migrating: false, outcome };
        let mut bytes = Message::Answer { id: 7, answer }.write();
        for _ in 0..random.random_range(0..3) {
            let at = random.random_range(0..bytes.len());
            bytes[at] = [b'$', b':', b'*', b'_', b'~', 0, 1, 0xff, random.random()][random.random_range(0..9)];
        }
        read_all(&bytes);
    }
}

#[test]
fn pieces_make_messages() {
    let now = Instant::now();
    let mut assembly = Assembly::default();
    let long: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
    let (mut a, mut b) = (pieces(1, &long), pieces(2, &long[7..]));
    let mut done = Vec::new();
    while let (Some(one), Some(other)) = (a.next(), b.next()) {
        done.extend(assembly.take(b"n", &one, now).unwrap());
        done.extend(assembly.take(b"n", &other, now).unwrap());
    }
    assert!(done == [long.clone(), long[7..].to_vec()]);
    // One that breaks off is forgotten.
    assembly.take(b"n", &pieces(3, &long).next().unwrap(), now).unwrap();
    assert!(!assembly.is_empty());
    let later = now + Duration::from_secs(60);
    assembly.take(b"n", &pieces(4, &long).next().unwrap(), later).unwrap();
    for piece in pieces(4, &long).skip(1) {
        assembly.take(b"n", &piece, later).unwrap();
    }
    assert!(assembly.is_empty());
}

/// What one node leaves unfinished takes no room from others, nor more than its share.
#[test]
fn nodes_have_room_beside_each_other() {
    let now = Instant::now();
    let mut assembly = Assembly::default();
    let long = vec![7; super::message::LONGEST];
    let mut taken = 0;
    for transfer in 0..6 {
        for piece in pieces(transfer, &long).take(1023) {
            taken += assembly.take(b"bad", &piece, now).map_or(0, |_| piece.len());
        }
    }
    assert!((100 << 20..130 << 20).contains(&taken), "{taken} bytes");
    for transfer in 0..2000 {
        let _ = assembly.take(b"other", &pieces(transfer, &long[..100_000]).next().unwrap(), now);
    }
    let whole = pieces(9, &long[..1_000_000]).filter_map(|piece| assembly.take(b"good", &piece, now).unwrap());
    assert_eq!(whole.map(|message| message.len()).collect::<Vec<_>>(), [1_000_000]);
}

/// A byte of a message may become many of memory, but not without a bound.
#[test]
fn items_have_a_bound() {
    let answer =
        |part| Answer { slots: Slots::default(), importing: false, migrating: false, outcome: Outcome::Part(part) };
    for (items, is_read) in [(1 << 24, true), ((1 << 24) + 1, false)] {
        let answer = answer(Reply::Array(vec![Reply::Nil; items]));
        let bytes = Message::write_answer(1, &answer);
        assert_eq!(Message::read(&bytes).is_ok(), is_read);
        assert_eq!(is_too_long(&answer, bytes.len()), !is_read);
    }
}

fn near(words: &[(&[u8], usize)]) -> Option<Vec<Suggestion>> {
    Some(words.iter().map(|(word, documents)| Suggestion { word: word.to_vec(), documents: *documents }).collect())
}

#[test]
fn words_are_known_that_one_shard_knows() {
    let part = |documents, helo, wrld| {
        let part = spelling::Part { documents, words: vec![(b"helo".to_vec(), helo), (b"wrld".to_vec(), wrld)] };
        spelling::Part::read(part.write()).unwrap()
    };
    let parts = vec![
        part(3, near(&[(b"hello", 2), (b"help", 1)]), near(&[])),
        part(4, near(&[(b"hello", 1)]), None),
        part(0, near(&[]), near(&[(b"world", 9)])),
    ];
    let merged = spelling::merge(parts);
    assert_eq!(merged, part(7, near(&[(b"hello", 3), (b"help", 1)]), None));
}

#[test]
fn damaged_pieces_do_no_harm() {
    let mut random = crate::testing::rng();
    let mut assembly = Assembly::default();
    let long = vec![7; 200_000];
    for transfer in 0..2000 {
        for mut piece in pieces(transfer % 50, &long) {
            match random.random_range(0..6) {
                0 => continue,
                1 => piece[random.random_range(0..13)] = random.random(),
                2 => piece.truncate(random.random_range(0..piece.len())),
                _ => {}
            }
            if let Ok(Some(message)) = assembly.take(b"n", &piece, Instant::now()) {
                let _ = Message::read(&message);
            }
        }
    }
}

/// Pages of what shards send are pages of what one index would.
#[test]
fn merged_rows_are_those_of_one_index() {
    for seed in 0..500 {
        let mut random = SmallRng::seed_from_u64(seed);
        let sorted = [None, Some(false), Some(true)][random.random_range(0..3)];
        let k = random.random_bool(0.3).then(|| random.random_range(1..20));
        let (offset, limit) = (random.random_range(0..20), random.random_range(0..20));
        let how = Merging { k, sorted, normalised: false, offset, limit };
        let mut shards = vec![Vec::new(); 3];
        let mut all = Vec::new();
        for number in 0..random.random_range(0..60u32) {
            let by = random.random_bool(0.8).then(|| Value::Number(f64::from(random.random_range(0..100_000))));
            let near = k.map(|_| random.random());
            let row = ranked(&number.to_le_bytes(), if k.is_some() { 0.0 } else { random.random() }, near, by);
            shards[random.random_range(0..3)].push(row.clone());
            all.push(row);
        }
        let part = |rows: Vec<_>, all: usize| {
            let total = k.map_or(rows.len(), |k| rows.len().min(k));
            // A shard's own rows, in order, as it would send them.
            let how = Merging { offset: 0, limit: if k.is_some() { usize::MAX } else { all }, ..how };
            let keys: Vec<Vec<u8>> = {
                let whole = Part { total, warnings: Warnings::default(), rows: rows.clone() };
                merge(vec![whole], how).2.into_iter().map(|row| row.key).collect()
            };
            let find = |key: &Vec<u8>| rows.iter().find(|row| row.row.key == *key).cloned();
            Part { total, warnings: Warnings::default(), rows: keys.iter().filter_map(find).collect() }
        };
        let expected = merge(vec![part(all, usize::MAX)], how);
        let parts = shards.into_iter().map(|rows| Part::read(part(rows, offset + limit).write()).unwrap()).collect();
        let found = merge(parts, how);
        // Documents without a value are in no order.
        let key = |row: &crate::search::reply::SearchRow| row.sort.as_ref().map(|_| row.key.clone());
        let keys = |rows: &[crate::search::reply::SearchRow]| rows.iter().map(key).collect::<Vec<_>>();
        assert_eq!((found.0, keys(&found.2)), (expected.0, keys(&expected.2)), "seed {seed}");
    }
}

/// Pipelines over three columns: a group, a number, a text.
fn steps() -> Vec<Pipeline<TooLarge>> {
    let all = [
        Reducer::Count,
        Reducer::CountDistinct(2),
        Reducer::Sum(1),
        Reducer::Average(1),
        Reducer::Minimum(1),
        Reducer::Maximum(1),
        Reducer::Deviation(1),
        Reducer::Quantile(1, 0.5),
        Reducer::FirstValue(2, Some((1, Direction::Descending))),
    ];
    let by = |column, keep| Step::Sort(Sorting { keys: vec![(column, Direction::Descending)], keep });
    let positive =
        || Step::Filter(Box::new(|row: &[Option<Value>]| Ok(!matches!(row[1], Some(Value::Number(n)) if n < 100.0))));
    let group = || Step::Group(Grouping { by: vec![0], reducers: all.to_vec() }, 11);
    vec![
        Pipeline { steps: vec![group(), by(3, None)] },
        Pipeline { steps: vec![positive(), group(), by(1, Some(3))] },
        Pipeline { steps: vec![positive(), by(1, Some(7))] },
        Pipeline { steps: vec![by(1, Some(12)), Step::Limit { offset: 4, count: 8 }, group()] },
        Pipeline { steps: vec![Step::Limit { offset: 0, count: 1000 }, by(1, None)] },
        Pipeline { steps: vec![positive()] },
    ]
}

/// Rows with their keys in a fourth column; numbers differ.
fn table(random: &mut SmallRng, rows: u32, from: u32) -> Table {
    let mut table = Table::new(4);
    for number in from..from + rows {
        let text = |bytes: &[u8]| Some(Value::Text(bytes.into()));
        let value = f64::from(number.wrapping_mul(2_654_435_761) % 100_000) + f64::from(number) / 1e6;
        table.push([
            text(&[random.random_range(b'a'..b'f')]),
            Some(Value::Number(value)),
            text(&[random.random_range(b'k'..b'z')]),
            text(&number.to_le_bytes()),
        ]);
    }
    table
}

fn rounded(table: &Table) -> Vec<String> {
    let cell = |cell: &Option<Value>| match cell {
        Some(Value::Number(number)) => format!("{number:.6e}"),
        other => format!("{other:?}"),
    };
    table.rows().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" ")).collect()
}

/// Steps over merged parts give the same as over all rows, whatever is sent.
#[test]
fn merged_steps_are_those_of_one_index() {
    for seed in 0..60 {
        for (number, steps) in steps().iter().enumerate() {
            let mut random = SmallRng::seed_from_u64(seed);
            let how = Sharing { keyed: seed % 3 == 0, nearest: None };
            let mut clock = Clock::until(None);
            let tables: Vec<Table> = (0..3).map(|at| table(&mut random, 40 * at + 5, at * 1000)).collect();
            let mut whole = Table::new(4);
            tables.iter().flat_map(Table::rows).for_each(|row| whole.push(row.iter().cloned()));
            let (expected, total) = steps.run(whole, &mut clock).unwrap();
            let parts = tables.into_iter().map(|table| {
                let (content, total) = Content::begin(steps, table, how, &mut clock).unwrap();
                let sent = RowPart { total, warnings: Warnings::default(), content }.write();
                RowPart::read(sent, 4, steps).unwrap()
            });
            let parts: Vec<RowPart> = parts.collect();
            let merged = super::aggregate::merge(parts, 4);
            let (found, found_total) =
                merged.content.finish(steps, how, merged.total, &mut Clock::until(None)).unwrap();
            let (mut a, mut b) = (rounded(&found), rounded(&expected));
            a.sort();
            b.sort();
            assert_eq!((a, found_total), (b, total), "seed {seed}, steps {number}");
        }
    }
}
