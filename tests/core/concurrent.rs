//! One owner, linkers and queries at work on the same set; then the check.

mod judged;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, Once};
use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::SmallRng};
use vset::filter;
use vset::set::{AttributeChange, Hits, Params, Query, SearchOptions, Target, VectorSet, start_linkers};
use vset::vector::{Encoding, Metric};
use vset::workers::Pool;

const DIM: usize = 8;
/// Far above what anything takes: for what would never end.
const NEVER: Duration = Duration::from_secs(300);

fn linkers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| start_linkers(Pool::start("linker", 2, || ())));
}

/// What a channel says once its waiter was dropped.
const GONE: Result<(), RecvTimeoutError> = Err(RecvTimeoutError::Disconnected);

/// Sanitizers make everything about ten times slower.
fn scaled(steps: usize) -> usize {
    std::env::var("VSET_STEPS_DIVISOR").map_or(steps, |by| steps / by.parse::<usize>().expect("a number"))
}

fn new_set(encoding: Encoding) -> VectorSet {
    linkers();
    VectorSet::new(Params { dim: DIM, input_dim: None, encoding, metric: Metric::Cosine, m: 6 })
}

fn random_vector(rng: &mut SmallRng) -> Vec<f32> {
    (0..DIM).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// A random query; some with a filter, some that compare all.
fn ask(set: &VectorSet, rng: &mut SmallRng) -> Query {
    let mut options = SearchOptions { count: 20, truth: rng.random_bool(0.1), ..Default::default() };
    if rng.random_bool(0.5) {
        let text = [".n > 500", ".s == 'a' and .n < 300", "not .n"][rng.random_range(0..3)];
        options.filter = Some(filter::parse(text.as_bytes()).expect("it parses"));
    }
    set.query(Target::Vector(&random_vector(rng)), &options).expect("finite")
}

fn read(hits: &Hits) {
    let hits = hits.resolve();
    assert!(hits.windows(2).all(|w| w[0].score >= w[1].score));
    for (i, hit) in hits.iter().enumerate() {
        assert!((-1e-6..=1.0 + 1e-6).contains(&hit.score));
        assert!(hits[..i].iter().all(|other| other.name != hit.name), "an element twice");
    }
}

/// As in a server: one thread changes the set, prepares queries and reads their hits; others run them.
fn stress(seed: u64, encoding: Encoding, names: usize) {
    println!("seed {seed} {encoding:?} {names} names");
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut set = new_set(encoding);
    let mut model: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
    let (questions, queue) = channel::<Query>();
    let queue = Mutex::new(queue);
    std::thread::scope(|scope| {
        let questions = questions;
        let queue = &queue;
        let (answers, answered): (Sender<Hits>, Receiver<Hits>) = channel();
        for _ in 0..3 {
            let answers = answers.clone();
            scope.spawn(move || {
                loop {
                    let next = queue.lock().expect("no thread panics with it").recv();
                    let Ok(query) = next else { break };
                    answers.send(query.run()).expect("the owner waits");
                }
            });
        }
        let mut asked = 0;
        for step in 0..scaled(30_000) {
            let name = format!("e{}", rng.random_range(0..names)).into_bytes();
            let text = format!("{{\"n\":{},\"s\":\"a\"}}", step % 1000).into_bytes();
            match rng.random_range(0..10) {
                0..=4 => {
                    let with = rng.random_bool(0.5);
                    let change = if with { AttributeChange::Set(&text) } else { AttributeChange::Keep };
                    let old = model.get(&name).cloned();
                    let is_new = set.add(&name, &random_vector(&mut rng), 40, change).expect("room");
                    assert_eq!(is_new, old.is_none());
                    model.insert(name, if with { Some(text) } else { old.flatten() });
                }
                5 | 6 => assert_eq!(set.remove(&name), model.remove(&name).is_some()),
                7 => {
                    let element = model.get_mut(&name);
                    assert_eq!(set.set_attributes(&name, &text), element.is_some());
                    element.into_iter().for_each(|e| *e = Some(text.clone()));
                }
                8 => assert_eq!(set.links(&name).is_some(), model.contains_key(&name)),
                _ => {
                    questions.send(ask(&set, &mut rng)).expect("threads wait");
                    asked += 1;
                }
            }
            while let Ok(hits) = answered.try_recv() {
                read(&hits);
                asked -= 1;
            }
            if step % 5000 == 4999 {
                set.check().expect("a sound set");
            }
        }
        drop(questions);
        for _ in 0..asked {
            read(&answered.recv_timeout(NEVER).expect("an answer to each question"));
        }
    });
    set.check().expect("a sound set");
    assert_eq!(set.len(), model.len());
    for (name, attributes) in &model {
        assert_eq!(set.attributes(name), attributes.as_deref());
    }
}

#[test]
fn an_owner_linkers_and_queries() {
    stress(1, Encoding::Int8, 3000);
    stress(2, Encoding::F32, 300);
    stress(3, Encoding::Binary, 1000);
}

fn fill(set: &mut VectorSet, n: usize, rng: &mut SmallRng) {
    for i in 0..n {
        set.add(format!("e{i}").as_bytes(), &random_vector(rng), 40, AttributeChange::Keep).expect("room");
    }
}

/// The thread that does the last piece of work tells those who wait for it, also where that is the owner.
#[test]
fn waiters_are_served_by_whoever_ends_the_work() {
    let mut rng = SmallRng::seed_from_u64(4);
    for round in 0..scaled(20).max(2) {
        let mut set = new_set(Encoding::Int8);
        fill(&mut set, 1500, &mut rng);
        let (linked, wait) = channel::<()>();
        set.wait_for_links(Box::new(linked.clone()));
        set.wait_for_room(Box::new(linked));
        set.check().expect("a sound set");
        assert_eq!(wait.recv_timeout(NEVER), GONE, "round {round}");
    }
}

/// A waiter that is parked in the moment in which the last piece of work is done.
#[test]
fn no_waiter_is_forgotten() {
    let mut rng = SmallRng::seed_from_u64(5);
    let mut set = new_set(Encoding::Int8);
    fill(&mut set, 300, &mut rng);
    for round in 0..scaled(20_000) {
        let name = format!("e{}", rng.random_range(0..300));
        set.add(name.as_bytes(), &random_vector(&mut rng), 10, AttributeChange::Keep).expect("room");
        for _ in 0..rng.random_range(0..2000) {
            std::hint::spin_loop();
        }
        let (linked, wait) = channel::<()>();
        set.wait_for_links(Box::new(linked));
        assert_eq!(wait.recv_timeout(NEVER), GONE, "round {round}");
    }
}

/// The owner may go while its set is worked on and searched.
#[test]
fn sets_may_go_at_any_time() {
    let mut rng = SmallRng::seed_from_u64(6);
    for _ in 0..scaled(100).max(5) {
        let mut set = new_set(Encoding::F32);
        fill(&mut set, 600, &mut rng);
        let query = ask(&set, &mut rng);
        let (gone, wait) = channel::<()>();
        set.wait_for_links(Box::new(gone));
        drop(set);
        assert!(query.run().resolve().len() <= 20);
        assert_eq!(wait.recv_timeout(NEVER), GONE);
    }
}
