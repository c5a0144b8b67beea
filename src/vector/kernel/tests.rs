//! All kernels against the scalar definition.

use rand::Rng;
use rand::rngs::SmallRng;

use super::{Kernels, available, kernel_name, select};
use crate::vector::half::{halves, put_halves};
use crate::vector::tests::{random_vector, run};
use crate::vector::{Codec, Encoding, HEADER, MAX_DIM, Probe};

fn dims() -> impl Iterator<Item = usize> {
    (1..=300).chain([384, 768, 1536, MAX_DIM])
}

/// `count` rows of `len` bytes at all offsets from 0 to 7, each with nothing behind it in its allocation.
fn misaligned(random: &mut SmallRng, len: usize, count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| (0..n % 8 + len).map(|_| random.random()).collect()).collect()
}

fn slices(buffers: &[Vec<u8>]) -> Vec<&[u8]> {
    buffers.iter().enumerate().map(|(n, buffer)| &buffer[n % 8..]).collect()
}

/// Integers must agree exactly, floats within the error bound of any order of summation.
fn check_all(kernels: &Kernels, random: &mut SmallRng, dim: usize, count: usize) {
    let scalar = select("scalar").unwrap();
    let at = format!("{kernels:?}, dim {dim}, {count} rows");
    let query = random_vector(random, dim);

    let buffers = misaligned(random, HEADER + dim, count);
    let rows = slices(&buffers);
    let codes: Vec<i8> = (0..dim).map(|_| random.random()).collect();
    assert_eq!(
        run(count, |out| kernels.int8_dot(&codes, &rows, out)),
        run(count, |out| scalar.int8_dot(&codes, &rows, out)),
        "int8_dot, {at}"
    );
    let got = run(count, |out| kernels.int8_weigh(&query, &rows, out));
    for (got, row) in got.iter().zip(&rows) {
        let values = row[HEADER..].iter().map(|&byte| f64::from(byte) - 128.0);
        check_sum(*got, query.iter().map(|&q| f64::from(q)).zip(values), &format!("int8_weigh, {at}"));
    }

    let vectors: Vec<_> = (0..count).map(|_| random_vector(random, dim)).collect();
    let mut buffers = misaligned(random, HEADER + 4 * dim, count);
    for (n, (buffer, vector)) in buffers.iter_mut().zip(&vectors).enumerate() {
        for (bytes, x) in buffer[n % 8 + HEADER..].chunks_exact_mut(4).zip(vector) {
            bytes.copy_from_slice(&x.to_le_bytes());
        }
    }
    let got = run(count, |out| kernels.f32_dot(&query, &slices(&buffers), out));
    for (got, vector) in got.iter().zip(&vectors) {
        let pairs = query.iter().zip(vector).map(|(&q, &x)| (q.into(), x.into()));
        check_sum(*got, pairs, &format!("f32_dot, {at}"));
    }
    let got = run(count, |out| kernels.f32_squared_l2(&query, &slices(&buffers), out));
    for (got, vector) in got.iter().zip(&vectors) {
        // The differences are rounded before they are multiplied.
        let pairs = query.iter().zip(vector).map(|(&q, &x)| (f64::from(q - x), f64::from(q - x)));
        check_sum(*got, pairs, &format!("f32_squared_l2, {at}"));
    }

    let mut buffers = misaligned(random, HEADER + 2 * dim, count);
    for (n, (buffer, vector)) in buffers.iter_mut().zip(&vectors).enumerate() {
        put_halves(vector, &mut buffer[n % 8 + HEADER..]);
    }
    let dots = run(count, |out| kernels.f16_dot(&query, &slices(&buffers), out));
    let difference = run(count, |out| kernels.f16_squared_l2(&query, &slices(&buffers), out));
    for (n, row) in slices(&buffers).into_iter().enumerate() {
        let stored = || query.iter().copied().zip(halves(&row[HEADER..]));
        check_sum(dots[n], stored().map(|(q, x)| (q.into(), x.into())), &format!("f16_dot, {at}"));
        let pairs = stored().map(|(q, x)| (f64::from(q - x), f64::from(q - x)));
        check_sum(difference[n], pairs, &format!("f16_squared_l2, {at}"));
    }

    let half = dim.next_multiple_of(8);
    let buffers = misaligned(random, HEADER + half, count);
    let rows = slices(&buffers);
    let halves: Vec<i8> = (0..2 * half).map(|_| random.random()).collect();
    assert_eq!(
        run(count, |out| kernels.nibble_dot(&halves, &rows, out)),
        run(count, |out| scalar.nibble_dot(&halves, &rows, out)),
        "nibble_dot, {at}"
    );

    let words = dim.div_ceil(64);
    let buffers = misaligned(random, HEADER + 8 * words, count);
    let rows = slices(&buffers);
    let code: Vec<u8> = (0..8 * words).map(|_| random.random()).collect();
    assert_eq!(
        run(count, |out| kernels.bit_distance(&code, &rows, out)),
        run(count, |out| scalar.bit_distance(&code, &rows, out)),
        "bit_distance, {at}"
    );
    let planes: Vec<u8> = (0..32 * words).map(|_| random.random()).collect();
    assert_eq!(
        run(count, |out| kernels.plane_weigh(&planes, &rows, out)),
        run(count, |out| scalar.plane_weigh(&planes, &rows, out)),
        "plane_weigh, {at}"
    );
    let query = random_vector(random, 64 * words);
    let got = run(count, |out| kernels.bit_weigh(&query, &rows, out));
    for (got, row) in got.iter().zip(&rows) {
        let set = |j: usize| f64::from(row[HEADER + j / 8] >> (j % 8) & 1);
        let pairs = query.iter().enumerate().map(|(j, &q)| (q.into(), set(j)));
        check_sum(*got, pairs, &format!("bit_weigh, {at}"));
    }
}

/// The bound for n products added in any order in f32: (n + 1) u / (1 - (n + 1) u) times the sum of their
/// absolute values, u = 2^-24.
fn check_sum(got: f32, pairs: impl Iterator<Item = (f64, f64)>, at: &str) {
    let (mut n, mut sum, mut magnitude) = (1.0, 0.0, 0.0);
    for (a, b) in pairs {
        n += 1.0;
        sum += a * b;
        magnitude += (a * b).abs();
    }
    let nu = n * 2f64.powi(-24);
    assert!((f64::from(got) - sum).abs() <= nu / (1.0 - nu) * magnitude, "{at}: {got}, not {sum}");
}

#[test]
fn kernels_agree_with_their_definition() {
    let mut random = crate::testing::rng();
    for kernels in available() {
        println!("{kernels:?}");
        for dim in dims() {
            // Eight rows cover all offsets; fewer and more cover incomplete groups.
            for count in if dim < 140 { 0..10 } else { 8..10 } {
                check_all(kernels, &mut random, dim, count);
            }
        }
    }
}

#[test]
fn extremes_are_exact() {
    for kernels in available() {
        for dim in dims() {
            for (q, x) in [(127, 127), (-128, -128), (-128, 127), (127, -128), (-127, 127)] {
                let row: Vec<u8> = [0; HEADER].into_iter().chain(vec![x as i8 as u8 ^ 0x80; dim]).collect();
                let codes = vec![q as i8; dim];
                let rows = [&row[..]; 5];
                let offset = 128 * q * dim as i32;
                let dots = run(5, |out| kernels.int8_dot(&codes, &rows, out));
                for dot in dots {
                    assert_eq!(dot.wrapping_sub(offset), q * x * dim as i32, "{kernels:?} {dim} {q} {x}");
                }
                let unit = vec![1.0; dim];
                let sums = run(5, |out| kernels.int8_weigh(&unit, &rows, out));
                assert_eq!(sums, [(x * dim as i32) as f32; 5], "{kernels:?} {dim} {x}");
            }
            let len = dim.next_multiple_of(8);
            let row: Vec<u8> = [0; HEADER].into_iter().chain(vec![255; len]).collect();
            let sums = run(5, |out| kernels.nibble_dot(&vec![-128; 2 * len], &[&row[..]; 5], out));
            assert_eq!(sums, [-128 * 15 * 2 * len as i32; 5]);
            let len = 8 * dim.div_ceil(64);
            let row: Vec<u8> = [0; HEADER].into_iter().chain(vec![255; len]).collect();
            let counts = run(5, |out| kernels.bit_distance(&vec![0; len], &[&row[..]; 5], out));
            assert_eq!(counts, [8 * len as u32; 5]);
        }
    }
}

#[test]
fn each_kernel_can_be_selected() {
    for kernels in available() {
        assert_eq!(select(kernels.name()).unwrap().name(), kernels.name());
    }
    assert!(select("scalar").is_ok());
    let error = select("abacus").unwrap_err().to_string();
    assert!(error.contains("abacus") && error.contains("scalar"), "{error}");
    println!("in use: {}", kernel_name());
}

#[test]
#[should_panic = "row length"]
fn short_rows_are_refused() {
    let codec = Codec::new(Encoding::Int8, 9);
    Probe::from_vector(codec, &[1.0; 9]).distances(&[&[0; 16]], &mut [0.0]);
}
