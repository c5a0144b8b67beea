//! The engine in-process: build speed, memory, and recall against latency.
//!
//! `cargo bench --no-default-features --target-dir target/core --bench core -- [VECTORS.f32 DIM [COUNT [-]]]`:
//! little-endian float32, row after row; the 20,000 words of `examples/data` without arguments. Queries
//! are the last 500 vectors, which are not part of the set. VSET_BENCH_ENCODING=int8|f32|bin,
//! VSET_BENCH_THREADS=n links with n threads in the background.
//!
//! With `-` it is led by `core.py`, line by line: it says when it is ready, builds on the first line, and
//! searches with each EF that it reads. It answers in JSON.

use std::io::BufRead;
use std::time::Instant;

use vset::set::{AttributeChange, DEFAULT_EF_ADD, Params, SearchOptions, Target, VectorSet};
use vset::vector::{Encoding, Metric};

#[path = "../tests/core/words.rs"]
mod words;

const QUERIES: usize = 500;
const EFS: [usize; 6] = [10, 20, 50, 100, 200, 400];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let (mut vectors, dim) = match &args[..] {
        [path, dim, ..] => read(path, dim.parse().expect("a dimension")),
        _ => (words::load().into_iter().map(|(_, v)| v).collect(), 100),
    };
    if let Some(count) = args.get(2) {
        vectors.truncate(count.parse::<usize>().expect("a count") + QUERIES);
    }
    let queries = vectors.split_off(vectors.len() - QUERIES);
    let encoding = match std::env::var("VSET_BENCH_ENCODING").as_deref() {
        Ok("f32") => Encoding::F32,
        Ok("bin") => Encoding::Binary,
        _ => Encoding::Int8,
    };
    let threads = std::env::var("VSET_BENCH_THREADS").map_or(0, |n| n.parse::<usize>().expect("a number"));
    if threads > 0 {
        vset::set::start_linkers(vset::workers::Pool::start("linker", threads, || ()));
    }
    let set = VectorSet::new(Params { dim, input_dim: None, encoding, metric: Metric::Cosine, m: 16 });
    match args.get(3) {
        Some(_) => led(set, &vectors, &queries),
        None => {
            println!("{} vectors of {dim}, {}, {threads} linkers", vectors.len(), encoding.name());
            alone(set, &vectors, &queries);
        }
    }
}

fn read(path: &str, dim: usize) -> (Vec<Vec<f32>>, usize) {
    let bytes = std::fs::read(path).expect("the vectors");
    let floats: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("4 bytes"))).collect();
    (floats.chunks_exact(dim).map(<[f32]>::to_vec).collect(), dim)
}

/// Seconds until all vectors are linked. The element at `i` has the name `e{i}`.
fn build(set: &mut VectorSet, vectors: &[Vec<f32>], mut added: impl FnMut(usize)) -> f64 {
    let began = Instant::now();
    for (i, vector) in vectors.iter().enumerate() {
        set.add(format!("e{i}").as_bytes(), vector, DEFAULT_EF_ADD, AttributeChange::Keep).expect("room");
        if set.is_over_bound() {
            while set.info().pending > 64 {
                std::thread::yield_now();
            }
        }
        added(i + 1);
    }
    while set.info().pending > 0 {
        std::thread::yield_now();
    }
    began.elapsed().as_secs_f64()
}

/// What the queries found with one EF, and what that took.
struct Answers {
    found: Vec<Vec<usize>>,
    /// Microseconds, in ascending order.
    times: Vec<f64>,
    /// Vectors compared with the query, on average.
    evaluated: f64,
}

impl Answers {
    fn of(set: &VectorSet, queries: &[Vec<f32>], ef: usize) -> Answers {
        let options = SearchOptions { count: 10, ef: Some(ef), ..Default::default() };
        let mut answers = Answers { found: Vec::new(), times: Vec::new(), evaluated: 0.0 };
        for query in queries {
            let began = Instant::now();
            let hits = set.query(Target::Vector(query), &options).expect("finite").run();
            let found = hits.resolve();
            answers.times.push(began.elapsed().as_nanos() as f64 / 1000.0);
            answers.evaluated += hits.work().evaluated as f64 / queries.len() as f64;
            let index = |name: &[u8]| std::str::from_utf8(&name[1..]).expect("ours").parse().expect("ours");
            answers.found.push(found.iter().map(|hit| index(hit.name)).collect());
        }
        answers.times.sort_by(f64::total_cmp);
        answers
    }

    fn quantile(&self, share: f64) -> f64 {
        self.times[(self.times.len() as f64 * share) as usize]
    }
}

fn led(mut set: VectorSet, vectors: &[Vec<f32>], queries: &[Vec<f32>]) {
    println!(r#"{{"ready": {}}}"#, vectors.len());
    let mut lines = std::io::stdin().lock().lines().map(|line| line.expect("a line"));
    lines.next();
    let tick = (vectors.len() / 50).max(1);
    let seconds = build(&mut set, vectors, |done| {
        if done % tick == 0 {
            println!(r#"{{"done": {done}}}"#);
        }
    });
    println!(r#"{{"seconds": {seconds}, "allocated": {}}}"#, set.memory());
    for line in lines {
        let answers = Answers::of(&set, queries, line.parse().expect("an EF"));
        let mean = answers.times.iter().sum::<f64>() / queries.len() as f64;
        let (median, p99) = (answers.quantile(0.5), answers.quantile(0.99));
        print!(r#"{{"mean": {mean}, "median": {median}, "p99": {p99}, "#);
        println!(r#""evaluated": {}, "found": {:?}}}"#, answers.evaluated, answers.found);
    }
}

fn alone(mut set: VectorSet, vectors: &[Vec<f32>], queries: &[Vec<f32>]) {
    let cpu = cpu_seconds();
    let seconds = build(&mut set, vectors, |_| ());
    let cpu = cpu_seconds() - cpu;
    let n = vectors.len() as f64;
    println!("build: {seconds:.2} s, {:.0} inserts/s; {cpu:.2} s of processors, {:.0}/s", n / seconds, n / cpu);
    println!("memory: {:.1} bytes/element", set.memory() as f64 / set.len() as f64);
    println!("{}", set.anatomy());
    let truth = nearest(vectors, queries);
    println!("{:>5} {:>9} {:>10} {:>10} {:>10}", "EF", "recall@10", "median µs", "p99 µs", "evaluated");
    for ef in EFS {
        let answers = Answers::of(&set, queries, ef);
        let hits =
            answers.found.iter().zip(&truth).flat_map(|(found, truth)| found.iter().filter(|i| truth.contains(i)));
        let recall = hits.count() as f64 / (10 * queries.len()) as f64;
        let (median, p99) = (answers.quantile(0.5), answers.quantile(0.99));
        println!("{ef:>5} {recall:>9.4} {median:>10.1} {p99:>10.1} {:>10.0}", answers.evaluated);
    }
}

/// The ten most similar vectors of each query.
fn nearest(vectors: &[Vec<f32>], queries: &[Vec<f32>]) -> Vec<Vec<usize>> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let lengths: Vec<f32> = vectors.iter().map(|v| dot(v, v).sqrt()).collect();
    let of = |query: &Vec<f32>| {
        let mut all: Vec<(f32, usize)> =
            vectors.iter().enumerate().map(|(i, v)| (dot(v, query) / lengths[i], i)).collect();
        all.select_nth_unstable_by(10, |a, b| b.0.total_cmp(&a.0));
        all[..10].iter().map(|&(_, i)| i).collect()
    };
    queries.iter().map(of).collect()
}

/// Seconds that this process has had of all processors.
fn cpu_seconds() -> f64 {
    let ticks = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = ticks.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = behind_name.split_whitespace().filter_map(|f| f.parse().ok()).collect();
    // The state is a letter and is gone, so utime and stime (14 and 15) are the 11th and 12th.
    fields.get(10..12).map_or(0.0, |times| times.iter().sum::<f64>() / 100.0)
}
