//! Every reply is judged: held against what was true at some moment between question and answer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use rand::{Rng, SeedableRng, rngs::SmallRng};
use vset::filter;
use vset::set::{AttributeChange, Hits, Query, SearchOptions, Target, VectorSet};
use vset::vector::Encoding;

use super::{DIM, NEVER, new_set, random_vector, scaled};

/// Sets of fewer names lose as many elements as they gain.
const FEW: usize = 30;

/// What an element was, from a step on.
#[derive(Clone)]
struct State {
    vector: Vec<f32>,
    n: i64,
}

/// All states of all elements since the oldest question that is not answered yet.
#[derive(Default)]
struct History {
    now: BTreeMap<String, State>,
    /// The states that ended, with the step at which they did; None where the element began to be.
    ended: HashMap<String, Vec<(usize, Option<State>)>>,
}

impl History {
    fn change(&mut self, step: usize, name: &str, state: Option<State>) {
        let old = match state {
            Some(state) => self.now.insert(name.into(), state),
            None => self.now.remove(name),
        };
        self.ended.entry(name.into()).or_default().push((step, old));
    }

    /// What an element was since a step; None where it was not.
    fn since(&self, step: usize, name: &str) -> Vec<Option<&State>> {
        let ended = self.ended.get(name).into_iter().flatten();
        let ended = ended.filter(|(at, _)| *at > step).map(|(_, state)| state.as_ref());
        ended.chain([self.now.get(name)]).collect()
    }
}

/// A question, and when it was asked.
struct Question {
    step: usize,
    vector: Vec<f32>,
    /// Matches are those with an n below.
    below: Option<i64>,
    count: usize,
    truth: bool,
}

impl Question {
    fn matches(&self, state: &State) -> bool {
        self.below.is_none_or(|below| state.n < below)
    }

    fn score(&self, state: &State) -> f64 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let cosine = dot(&self.vector, &state.vector)
            / (dot(&self.vector, &self.vector) * dot(&state.vector, &state.vector)).sqrt();
        (1.0 + cosine) / 2.0
    }

    fn judge(&self, hits: &Hits, history: &History) {
        const EPS: f64 = 1e-5;
        let found = hits;
        let hits = found.resolve();
        assert!(hits.len() <= self.count);
        let mut seen = HashSet::new();
        for hit in &hits {
            let name = std::str::from_utf8(hit.name).expect("our names");
            assert!(seen.insert(name), "{name} twice");
            assert!(history.now.contains_key(name), "{name} is gone");
            let states = history.since(self.step, name);
            let fits = |state: &State| (self.score(state) - hit.score).abs() < EPS;
            assert!(states.iter().flatten().any(|state| fits(state)), "{name} never had the score {}", hit.score);
            assert!(states.iter().flatten().any(|state| self.matches(state)), "{name} never matched");
        }
        // Those that were there and matched all the time, by the least score that they had.
        let mut throughout: Vec<(f64, &str)> = Vec::new();
        for name in history.now.keys() {
            let states = history.since(self.step, name);
            if states.iter().all(|state| state.is_some_and(|state| self.matches(state))) {
                let worst = states.iter().flatten().map(|state| self.score(state)).fold(f64::MAX, f64::min);
                throughout.push((worst, name));
            }
        }
        let least = self.count.min(throughout.len());
        // Where too many were removed before the reply is read, that is known, and one would ask again.
        let is_complete = hits.len() >= least || found.is_short(hits.len());
        assert!(is_complete, "{} hits where {least} were there all the time", hits.len());
        if self.truth && hits.len() == self.count {
            let worst = hits.last().map_or(0.0, |hit| hit.score);
            for (score, name) in throughout {
                assert!(score <= worst + EPS || seen.contains(name), "{name} is missing: {score}, worst {worst}");
            }
        }
    }
}

/// The owner changes the set, asks and judges; three threads answer, two link. Returns how many answers it judged.
fn judged(seed: u64, names: usize, steps: usize) -> usize {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut set = new_set(Encoding::F32);
    let mut history = History::default();
    let (questions, queue) = channel::<(Question, Query)>();
    let queue = Mutex::new(queue);
    let (mut asked, mut judged) = (Vec::new(), 0);
    std::thread::scope(|scope| {
        let (questions, queue) = (questions, &queue);
        let (answers, answered): (Sender<(Question, Hits)>, Receiver<_>) = channel();
        for _ in 0..3 {
            let answers = answers.clone();
            scope.spawn(move || {
                loop {
                    let next = queue.lock().expect("no panic with it").recv();
                    let Ok((question, query)) = next else { break };
                    answers.send((question, query.run())).expect("the owner waits");
                }
            });
        }
        for step in 1..=steps {
            change(&mut set, &mut history, step, names, &mut rng);
            if rng.random_bool(0.2) {
                let question = Question {
                    step,
                    vector: random_vector(&mut rng),
                    below: rng.random_bool(0.5).then(|| [20, 300, 900][rng.random_range(0..3)]),
                    count: [1, 10, 50][rng.random_range(0..3)],
                    truth: rng.random_bool(0.3),
                };
                let query = ask(&set, &question);
                asked.push(step);
                questions.send((question, query)).expect("threads wait");
            }
            loop {
                // No question waits for so long that its answer says little.
                let is_late = asked.first().is_some_and(|&at| at + 100 < step);
                let next = if is_late { answered.recv_timeout(NEVER).ok() } else { answered.try_recv().ok() };
                let Some((question, hits)) = next else { break };
                question.judge(&hits, &history);
                asked.retain(|&at| at != question.step);
                judged += 1;
            }
            if step % 512 == 0 {
                let oldest = asked.first().copied().unwrap_or(step);
                history.ended.retain(|_, states| {
                    states.retain(|(at, _)| *at > oldest);
                    !states.is_empty()
                });
            }
        }
        drop(questions);
        for _ in 0..asked.len() {
            let (question, hits) = answered.recv_timeout(NEVER).expect("an answer to each question");
            question.judge(&hits, &history);
            judged += 1;
        }
    });
    set.check().expect("a sound set");
    judged
}

/// Adds, updates, removes or changes the attributes of an element.
fn change(set: &mut VectorSet, history: &mut History, step: usize, names: usize, rng: &mut SmallRng) {
    let name = format!("e{}", rng.random_range(0..names));
    let old = history.now.get(&name).cloned();
    match (rng.random_range(0..100), old) {
        (percent, Some(_)) if percent < if names < FEW { 30 } else { 5 } => {
            assert!(set.remove(name.as_bytes()));
            history.change(step, &name, None);
        }
        (30..45, Some(old)) => {
            let n = rng.random_range(0..1000);
            assert!(set.set_attributes(name.as_bytes(), format!("{{\"n\":{n}}}").as_bytes()));
            history.change(step, &name, Some(State { n, ..old }));
        }
        (45..50, Some(old)) => {
            // An equal vector.
            assert_eq!(set.add(name.as_bytes(), &old.vector, 40, AttributeChange::Keep), Ok(false));
        }
        (_, old) => {
            let vector: Vec<f32> = random_vector(rng);
            assert_eq!(vector.len(), DIM);
            let n = rng.random_range(0..1000);
            let text = format!("{{\"n\":{n}}}");
            let keeps = old.is_some() && rng.random_bool(0.5);
            let change = if keeps { AttributeChange::Keep } else { AttributeChange::Set(text.as_bytes()) };
            set.add(name.as_bytes(), &vector, 40, change).expect("room");
            let n = if keeps { old.map_or(n, |old| old.n) } else { n };
            history.change(step, &name, Some(State { vector, n }));
        }
    }
    while set.is_over_bound() {
        std::thread::yield_now();
    }
}

fn ask(set: &VectorSet, question: &Question) -> Query {
    let filter = question.below.map(|below| filter::parse(format!(".n < {below}").as_bytes()).expect("it parses"));
    let options = SearchOptions { count: question.count, truth: question.truth, filter, ..Default::default() };
    set.query(Target::Vector(&question.vector), &options).expect("finite")
}

/// VSET_JUDGED_STEPS sets more.
#[test]
fn every_answer_was_true_at_some_moment() {
    let steps = std::env::var("VSET_JUDGED_STEPS").map_or(scaled(20_000), |steps| steps.parse().expect("a number"));
    let seed = std::env::var("VSET_JUDGED_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    for (seed, names) in [(seed, 2000), (seed + 1, 150)] {
        println!("seed {seed} {names} names {steps} steps");
        let judged = judged(seed, names, steps);
        println!("{judged} answers judged");
        assert!(judged * 10 > steps);
    }
}

/// Sets that grow until they need links, and shrink again: VSET_JUDGED_SETS sets more.
#[test]
fn every_answer_of_a_few_elements_was_true() {
    let sets = std::env::var("VSET_JUDGED_SETS").map_or(scaled(300), |sets| sets.parse().expect("a number"));
    let answers: usize = (0..sets as u64).map(|seed| judged(seed, 6 + seed as usize % 14, 120)).sum();
    println!("{answers} answers judged");
    assert!(answers > 10 * sets);
}
