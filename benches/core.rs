//! The engine in-process: build speed, memory, and recall against latency.
//!
//! `cargo bench --no-default-features --bench core -- [VECTORS.f32 DIM [COUNT]]`: little-endian
//! float32, row after row; the 20,000 words of `examples/data` without arguments. Queries are the
//! last 500 vectors, which are not part of the set. VSET_BENCH_ENCODING=int8|f32|bin,
//! VSET_BENCH_THREADS=n links with n threads in the background.

use std::time::Instant;

use vset::set::{AttributeChange, DEFAULT_EF_ADD, Params, SearchOptions, Target, VectorSet};
use vset::vector::Encoding;

#[path = "../tests/core/words.rs"]
mod words;

const QUERIES: usize = 500;

/// Seconds that this process has had of all processors.
fn cpu_seconds() -> f64 {
    let ticks = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = ticks.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = behind_name.split_whitespace().filter_map(|f| f.parse().ok()).collect();
    // The state is a letter and is gone, so utime and stime (14 and 15) are the 11th and 12th.
    fields.get(10..12).map_or(0.0, |times| times.iter().sum::<f64>() / 100.0)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let (mut vectors, dim) = match &args[..] {
        [path, dim, ..] => {
            let dim: usize = dim.parse().expect("a dimension");
            let bytes = std::fs::read(path).expect("the vectors");
            let floats: Vec<f32> =
                bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("4 bytes"))).collect();
            (floats.chunks_exact(dim).map(<[f32]>::to_vec).collect::<Vec<_>>(), dim)
        }
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
    println!("{} vectors of {dim}, {}, {threads} linkers", vectors.len(), encoding.name());

    let mut set = VectorSet::new(Params { dim, input_dim: None, encoding, m: 16 });
    let (began, cpu) = (Instant::now(), cpu_seconds());
    for (i, vector) in vectors.iter().enumerate() {
        let added = set.add(format!("e{i}").as_bytes(), vector, DEFAULT_EF_ADD, AttributeChange::Keep).expect("room");
        if added.over_bound {
            while set.info().pending > 64 {
                std::thread::yield_now();
            }
        }
    }
    while set.info().pending > 0 {
        std::thread::yield_now();
    }
    let seconds = began.elapsed().as_secs_f64();
    let cpu = cpu_seconds() - cpu;
    let n = vectors.len() as f64;
    println!("build: {seconds:.2} s, {:.0} inserts/s; {cpu:.2} s of processors, {:.0}/s", n / seconds, n / cpu);
    println!("memory: {:.1} bytes/element", set.memory() as f64 / set.len() as f64);
    println!("{}", set.anatomy());

    let unit = |v: &[f32]| {
        let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt();
        v.iter().map(|x| x / norm).collect::<Vec<f32>>()
    };
    let units: Vec<Vec<f32>> = vectors.iter().map(|v| unit(v)).collect();
    let truth: Vec<Vec<usize>> = queries
        .iter()
        .map(|q| {
            let mut all: Vec<(f32, usize)> =
                units.iter().enumerate().map(|(i, v)| (v.iter().zip(q).map(|(a, b)| a * b).sum::<f32>(), i)).collect();
            all.select_nth_unstable_by(10, |a, b| b.0.total_cmp(&a.0));
            all[..10].iter().map(|&(_, i)| i).collect()
        })
        .collect();
    println!("{:>5} {:>9} {:>10} {:>10}", "EF", "recall@10", "median µs", "p99 µs");
    for ef in [10, 20, 50, 100, 200, 400] {
        let options = SearchOptions { count: 10, ef: Some(ef), ..Default::default() };
        let (mut times, mut hits) = (Vec::new(), 0);
        for (query, truth) in queries.iter().zip(&truth) {
            let began = Instant::now();
            let found = set.query(Target::Vector(query), &options).expect("finite").run();
            let found = found.resolve();
            times.push(began.elapsed().as_nanos() as f64 / 1000.0);
            hits += found
                .iter()
                .filter(|h| {
                    let i: usize = std::str::from_utf8(&h.name[1..]).expect("ours").parse().expect("ours");
                    truth.contains(&i)
                })
                .count();
        }
        times.sort_by(f64::total_cmp);
        let recall = hits as f64 / (10 * queries.len()) as f64;
        println!("{ef:>5} {recall:>9.4} {:>10.1} {:>10.1}", times[times.len() / 2], times[times.len() * 99 / 100]);
    }
}
