//! Nanoseconds per row of every kernel: batches of 32 rows from random places of a pool larger than the L2
//! cache, beside simsimd.
//!
//! `cargo bench --no-default-features --target-dir target/core --bench kernels`

use std::hint::black_box;
use std::time::Instant;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use simsimd::{BinarySimilarity, SpatialSimilarity};
use vset::vector::{Codec, Encoding, ExactQuery, HEADER, Probe, kernel};

const BATCH: usize = 32;
const BATCHES: usize = 2000;
const POOL_BYTES: usize = 12 << 20;
const ROUNDS: usize = 9;

/// The fastest round, per row.
fn time(batches: &[Vec<&[u8]>], mut f: impl FnMut(&[&[u8]], &mut [f32])) -> f64 {
    let mut out = [0.0; BATCH];
    let mut round = || {
        let start = Instant::now();
        for rows in batches {
            f(black_box(rows), &mut out);
            black_box(&out);
        }
        start.elapsed().as_secs_f64() * 1e9 / (BATCH * batches.len()) as f64
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// simsimd, one call per row, its result scaled as ours is.
fn simsimd(codec: Codec, query: &[u8], batches: &[Vec<&[u8]>]) -> f64 {
    let code = &query[HEADER..];
    match codec.encoding() {
        Encoding::F32 => {
            let query: Vec<f32> = floats(code).collect();
            // It wants aligned floats: rows here start at multiples of 4.
            time(batches, |rows, out| {
                for (row, d) in rows.iter().zip(out) {
                    let code = &row[HEADER..];
                    assert!(code.as_ptr().cast::<f32>().is_aligned());
                    // SAFETY: aligned, initialised, any bits are floats.
                    let row = unsafe { std::slice::from_raw_parts(code.as_ptr().cast::<f32>(), code.len() / 4) };
                    *d = 1.0 - f32::dot(&query, row).unwrap() as f32;
                }
            })
        }
        Encoding::Int8 => {
            let query: Vec<i8> = code.iter().map(|byte| (byte ^ 0x80) as i8).collect();
            time(batches, |rows, out| {
                for (row, d) in rows.iter().zip(out) {
                    let range = f32::from_le_bytes(row[4..8].try_into().unwrap());
                    let code = &row[HEADER..];
                    // SAFETY: same size.
                    let row = unsafe { std::slice::from_raw_parts(code.as_ptr().cast::<i8>(), code.len()) };
                    *d = 1.0 - i8::dot(&query, row).unwrap() as f32 * range;
                }
            })
        }
        // Not compared: its table has three columns.
        Encoding::F16 => f64::NAN,
        Encoding::Binary => time(batches, |rows, out| {
            for (row, d) in rows.iter().zip(out) {
                *d = <u8 as BinarySimilarity>::hamming(code, &row[HEADER..]).unwrap() as f32;
            }
        }),
    }
}

fn floats(code: &[u8]) -> impl Iterator<Item = f32> + '_ {
    code.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
}

fn main() {
    let mut random = SmallRng::seed_from_u64(1);
    println!("ns per row; in brackets: simsimd's time divided by ours");
    for encoding in [Encoding::F32, Encoding::Int8, Encoding::Binary] {
        for dim in [100, 384, 768, 1536] {
            let codec = Codec::new(encoding, dim);
            let len = codec.row_len();
            let vector: Vec<f32> = (0..dim).map(|_| random.random_range(-1.0..1.0)).collect();
            let mut query = vec![0; len];
            codec.encode(&vector, &mut query);
            let count = POOL_BYTES / len;
            let mut pool = vec![0; count * len];
            for row in pool.chunks_exact_mut(len) {
                row.copy_from_slice(&query);
                row[HEADER] ^= random.random::<u8>() & 1;
            }
            let batches: Vec<Vec<&[u8]>> = (0..BATCHES)
                .map(|_| (0..BATCH).map(|_| &pool[random.random_range(0..count) * len..][..len]).collect())
                .collect();
            let theirs = simsimd(codec, &query, &batches);
            print!("{:5} {dim:5}: simsimd {theirs:6.1}", encoding.name());
            let (probe, exact) = (Probe::from_row(codec, &query), ExactQuery::new(codec, &vector));
            for kernels in kernel::available() {
                let ours = time(&batches, |rows, out| probe.distances_with(kernels, rows, out));
                print!(" | {} {ours:6.1} ({:4.2})", kernels.name(), theirs / ours);
            }
            let ours = time(&batches, |rows, out| exact.distances(rows, out));
            println!(" | exact {ours:6.1}");
        }
    }
}
