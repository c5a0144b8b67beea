//! Against the recorded replies of RediSearch, and a naive twin of sorting.

use std::time::{Duration, Instant};

use super::*;
use crate::search::schema::Metric;
use crate::search::value::Value;

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.as_bytes().into()))
}

fn number(number: f64) -> Option<Value> {
    Some(Value::Number(number))
}

/// t, g, n, m of the documents of the recordings.
fn documents() -> Table {
    let mut table = Table::new(4);
    for row in [
        [text("hello world"), text("red,blue"), number(3.0), number(30.0)],
        [text("hello there"), text("red"), number(1.0), number(10.0)],
        [text("other"), text("blue"), number(2.0), None],
        [text("nothing"), text("green apple"), None, number(20.0)],
        [None, None, number(2.0), None],
    ] {
        table.push(row);
    }
    table
}

fn never() -> Clock {
    Clock::until(None)
}

fn rows(table: &Table) -> Vec<Vec<Option<Value>>> {
    table.rows().map(<[_]>::to_vec).collect()
}

fn reduced(by: Vec<usize>, reducer: Reducer) -> Vec<Vec<Option<Value>>> {
    rows(&Grouping { by, reducers: vec![reducer] }.apply(&documents(), &mut never()))
}

fn all(reducer: Reducer) -> Option<Value> {
    reduced(Vec::new(), reducer)[0][0].clone()
}

#[test]
fn reducers_are_those_of_the_recordings() {
    use Direction::*;
    let (t, n) = (0, 2);
    let is_nan = |value| matches!(value, Some(Value::Number(number)) if f64::is_nan(number));
    assert_eq!(all(Reducer::Count), number(5.0));
    assert_eq!(all(Reducer::Sum(n)), number(8.0));
    assert_eq!(all(Reducer::Average(n)), number(2.0));
    assert_eq!((all(Reducer::Minimum(n)), all(Reducer::Maximum(n))), (number(1.0), number(3.0)));
    assert_eq!(all(Reducer::CountDistinct(n)), number(3.0));
    let Some(Value::Number(deviation)) = all(Reducer::Deviation(n)) else { panic!("a number") };
    assert!((deviation - 0.816496580928).abs() < 1e-9);
    for (share, value) in [(0.5, 2.0), (0.0, 1.0), (1.0, 3.0)] {
        assert_eq!(all(Reducer::Quantile(n, share)), number(value));
    }
    assert!(is_nan(all(Reducer::Sum(t))) && is_nan(all(Reducer::Average(t))) && is_nan(all(Reducer::Quantile(t, 0.5))));
    assert_eq!(all(Reducer::Minimum(t)), number(f64::INFINITY));
    assert_eq!(all(Reducer::Maximum(t)), number(f64::NEG_INFINITY));
    assert_eq!((all(Reducer::Deviation(t)), all(Reducer::CountDistinct(t))), (number(0.0), number(4.0)));
    assert_eq!(all(Reducer::FirstValue(t, None)), text("hello world"));
    assert_eq!(all(Reducer::FirstValue(t, Some((n, Ascending)))), text("hello there"));
    assert_eq!(all(Reducer::FirstValue(t, Some((n, Descending)))), text("hello world"));
    assert_eq!(all(Reducer::RandomSample(n, 0)), Some(Value::Array([].into())));
    let Some(Value::Array(sample)) = all(Reducer::RandomSample(n, 3)) else { panic!("an array") };
    assert_eq!(sample.len(), 3);
    let Some(Value::Array(list)) = all(Reducer::ToList(n)) else { panic!("an array") };
    assert_eq!(list.len(), 3);
}

#[test]
fn a_quantile_of_a_hundred() {
    let mut table = Table::new(1);
    (0..=100).rev().for_each(|i| table.push([number(i as f64)]));
    let grouping = Grouping { by: vec![], reducers: vec![Reducer::Quantile(0, 0.95)] };
    assert_eq!(rows(&grouping.apply(&table, &mut never())), [[number(95.0)]]);
}

#[test]
fn rows_without_the_property_are_the_group_of_null() {
    let groups = reduced(vec![2], Reducer::FirstValue(0, Some((3, Direction::Descending))));
    let null = Some(Value::Null);
    let expected =
        [(number(3.0), "hello world"), (number(1.0), "hello there"), (number(2.0), "other"), (null, "nothing")];
    assert_eq!(groups, expected.map(|(n, first)| vec![n, text(first)]));
    assert!(Grouping { by: vec![], reducers: vec![] }.apply(&Table::new(3), &mut never()).is_empty());
}

#[test]
fn a_row_is_in_the_group_of_each_value_of_an_array() {
    let mut table = Table::new(2);
    let array = |values: &[f64]| Some(Value::Array(values.iter().map(|&v| Value::Number(v)).collect()));
    table.push([array(&[1.0, 2.0]), array(&[7.0, 8.0])]);
    table.push([array(&[]), number(7.0)]);
    let groups = rows(&Grouping { by: vec![0, 1], reducers: vec![Reducer::Count] }.apply(&table, &mut never()));
    let keys: Vec<_> = groups.iter().map(|group| (group[0].clone(), group[1].clone())).collect();
    let pair = |a, b| (number(a), number(b));
    let null = (Some(Value::Null), number(7.0));
    assert_eq!(keys, [pair(1.0, 7.0), pair(1.0, 8.0), pair(2.0, 7.0), pair(2.0, 8.0), null]);
}

#[test]
fn sorting_is_that_of_a_naive_twin() {
    use Direction::*;
    use rand::Rng;
    let mut random = crate::testing::rng();
    for _ in 0..200 {
        let mut table = Table::new(2);
        for _ in 0..random.random_range(0..30) {
            let mut cell = || match random.random_range(0..5) {
                0 => None,
                1 => Some(Value::Null),
                2 => text(["10", "9", "a"][random.random_range(0..3)]),
                _ => number(random.random_range(0..3) as f64),
            };
            table.push([cell(), cell()]);
        }
        let directions = [0, 1].map(|_| if random.random() { Ascending } else { Descending });
        let keep = random.random_bool(0.5).then(|| random.random_range(1..20));
        let mut naive = rows(&table);
        if directions[0] == Descending {
            naive.reverse();
        }
        let in_direction = |a: &Option<Value>, b: &Option<Value>, direction| match (a, b) {
            (Some(a), Some(b)) if direction == Ascending => compare(a, b),
            (Some(a), Some(b)) => compare(b, a),
            _ => a.is_none().cmp(&b.is_none()),
        };
        naive.sort_by(|a, b| in_direction(&a[0], &b[0], directions[0]).then(in_direction(&a[1], &b[1], directions[1])));
        naive.truncate(keep.unwrap_or(usize::MAX));
        Sorting { keys: vec![(0, directions[0]), (1, directions[1])], keep }.apply(&mut table);
        assert_eq!(rows(&table), naive);
    }
}

#[test]
fn equal_rows_come_in_the_direction_of_the_first_key() {
    let mut table = documents();
    Sorting { keys: vec![(2, Direction::Descending)], keep: None }.apply(&mut table);
    let order: Vec<_> = table.rows().map(|row| (row[2].clone(), row[0].clone())).collect();
    assert_eq!(order[1..3], [(number(2.0), None), (number(2.0), text("other"))]);
    assert_eq!(order[4], (None, text("nothing")));
}

#[test]
fn a_filter_behind_a_cut_lessens_the_total_by_what_it_removes() {
    let mut table = Table::new(1);
    (10..25).for_each(|n| table.push([number(n as f64)]));
    let below = |limit: f64| -> Keeps<TooLarge> {
        Box::new(move |row| Ok(matches!(row[0], Some(Value::Number(n)) if n < limit)))
    };
    let steps =
        vec![Step::Sort(Sorting { keys: vec![(0, Direction::Descending)], keep: Some(4) }), Step::Filter(below(23.0))];
    let (table, total) = Pipeline { steps }.run(table, &mut never()).expect("no errors");
    assert_eq!((rows(&table), total), (vec![vec![number(22.0)], vec![number(21.0)]], 13));
}

impl From<TooLarge> for &'static str {
    fn from(_: TooLarge) -> &'static str {
        "too large"
    }
}

#[test]
fn a_pipeline_stops_at_an_error_and_when_its_time_is_over() {
    let mut table = Table::new(1);
    (0..10_000).for_each(|n| table.push([number(n as f64)]));
    let formula = |failing: f64| -> Formula<&'static str> {
        Box::new(move |row| if row[0] == number(failing) { Err("no") } else { Ok(number(1.0)) })
    };
    let failing = Pipeline { steps: vec![Step::Apply(formula(9_999.0), 0)] };
    assert_eq!(failing.run(table.clone(), &mut never()).err(), Some("no"));
    let mut clock = Clock::until(Some(Instant::now() - Duration::from_secs(1)));
    let steps = vec![Step::Apply(formula(-1.0), 0), Step::Limit { offset: 0, count: 7 }];
    let (rows, _) = Pipeline { steps }.run(table, &mut clock).expect("no error before the end");
    assert!(clock.was_over() && rows.len() == 7);
}

#[test]
fn sides_are_fused_as_in_the_recordings() {
    let text = [(3, 0.414047098216), (5, 0.390335149278), (2, 0.279514442491), (1, 0.217705351169)];
    let vector: Vec<(u32, f64)> = [(2, 1.0), (1, 2.0), (3, 2.0), (4, 8.0)]
        .map(|(document, distance)| (document, vector_score(Metric::L2, distance)))
        .into();
    let scores = |fusion| fuse(&text, &vector, fusion).into_iter().map(|f| (f.document, f.score)).collect::<Vec<_>>();
    let near = |got: Vec<(u32, f64)>, want: [(u32, f64); 5]| {
        assert_eq!(got.len(), 5);
        assert!(got.iter().zip(&want).all(|(g, w)| g.0 == w.0 && (g.1 - w.1).abs() < 1e-9), "{got:?}");
    };
    let by_ranks =
        [(2, 0.032266458496), (3, 0.032266458496), (1, 0.0317540322581), (5, 0.0161290322581), (4, 0.015625)];
    near(scores(Fusion::Ranks { constant: 60.0 }), by_ranks);
    let by_scores =
        [(2, 0.433854332747), (3, 0.357547462798), (1, 0.298644938684), (5, 0.117100544784), (4, 0.0777777777778)];
    near(scores(Fusion::Scores { alpha: 0.3, beta: 0.7 }), by_scores);
    assert_eq!(vector_score(Metric::InnerProduct, 0.0), 1.0);
}

#[test]
fn combinations_of_arrays_are_bounded_whatever_the_time() {
    let letters = Value::Array((0..1000).map(|n| Value::Number(f64::from(n))).collect());
    let mut table = Table::new(3);
    table.push([Some(letters.clone()), Some(letters.clone()), Some(letters)]);
    let mut clock = never();
    let grouped = Grouping { by: vec![0, 1, 2], reducers: vec![Reducer::Count] }.apply(&table, &mut clock);
    assert_eq!((grouped.len(), clock.was_over()), ((1 << 17) + 64, true));
}

#[test]
fn lists_of_lists_do_not_multiply() {
    fn leaves(value: &Value) -> usize {
        if let Value::Array(values) = value { 1 + values.iter().map(leaves).sum::<usize>() } else { 1 }
    }
    // Two lists that hold both of those before them: twice as many values at each step.
    let mut pair = [0.0, 1.0].map(|number| Value::Array(vec![Value::Number(number)].into()));
    for step in 0..60 {
        pair = [f64::from(step), -1.0].map(|mark| {
            let mut table = Table::new(1);
            let rows = [pair[0].clone(), pair[1].clone(), Value::Number(mark)];
            rows.into_iter().for_each(|value| table.push([Some(value)]));
            let list = Grouping { by: Vec::new(), reducers: vec![Reducer::ToList(0)] }.apply(&table, &mut never());
            list.row(0)[0].clone().expect("a list")
        });
        assert!(leaves(&pair[0]) < 1 << 18, "step {step}");
    }
}

/// A text of a mebibyte, which all rows share.
fn long() -> Value {
    Value::Text(vec![b'x'; 1 << 20].into())
}

#[test]
fn what_steps_compute_has_a_bound_whatever_the_time() {
    let long = long();
    let steps = |columns: usize| {
        let step = |column| {
            let long = long.clone();
            let formula: Formula<TooLarge> = Box::new(move |_| Ok(Some(long.clone())));
            Step::Apply(formula, column)
        };
        Pipeline { steps: (0..8).map(|at| step(at % columns)).collect() }
    };
    let mut table = Table::new(2);
    (0..800).for_each(|_| table.push([None, None]));
    assert_eq!(steps(2).run(table.clone(), &mut never()).err(), Some(TooLarge));
    // What takes the place of something else is no more.
    let (table, _) = steps(1).run(table, &mut never()).expect("there is room");
    assert_eq!((table.len(), table.computed()), (800, 800 << 20));
}

#[test]
fn steps_behind_the_end_share_a_bounded_time() {
    let slow = |_: &[Option<Value>]| {
        std::thread::sleep(Duration::from_millis(10));
        Ok::<_, TooLarge>(number(1.0))
    };
    let mut table = Table::new(1);
    (0..31).for_each(|n| table.push([number(n as f64)]));
    let mut clock = Clock::until(Some(Instant::now()));
    clock.stop();
    let steps = (0..200).map(|_| Step::Apply(Box::new(slow), 0)).collect();
    let (rest, _) = Pipeline { steps }.run(table, &mut clock).expect("no error");
    assert!(rest.len() < 31, "{}", rest.len());
}

#[test]
fn reducers_keep_a_bounded_number_of_values() {
    let mut table = Table::new(1);
    (0..1000).for_each(|n| table.push([number(n as f64)]));
    let mut clock = never();
    let reducers = vec![Reducer::Count; 1 << 12];
    let grouped = Grouping { by: vec![0], reducers: reducers.clone() }.groups(&table, &mut clock);
    assert!(clock.was_over() && grouped.take_apart().len() <= 256);
}

#[test]
fn a_row_is_not_shown_that_would_take_all_memory() {
    use crate::search::reply;
    let list = |of: &Value| Value::Array(vec![of.clone(); 250].into());
    let mut table = Table::new(1);
    table.push([Some(list(&list(&long())))]);
    let shown =
        [Shown { name: b"a".to_vec(), column: 0, exact: false, everything: false, explains: false, whole: None }];
    let mut left = 1 << 30;
    assert_eq!(reply::rows(&table, &shown, &mut left).err(), Some(TooLarge));
    let mut table = Table::new(1);
    table.push([Some(list(&Value::Number(1.0)))]);
    assert_eq!(reply::rows(&table, &shown, &mut left).map(|rows| rows.len()), Ok(1));
    assert!(left < 1 << 30);
}
