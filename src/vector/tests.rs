//! Encoding against an independent model and known bytes; distances against those of decoded vectors.

use rand::Rng;
use rand::rngs::SmallRng;

use super::half::{from_half, to_half};
use super::kernel::available;
use super::*;

const ENCODINGS: [Encoding; 4] = [Encoding::F32, Encoding::Int8, Encoding::Binary, Encoding::F16];

pub(super) fn random_vector(random: &mut SmallRng, dim: usize) -> Vec<f32> {
    (0..dim).map(|_| random.random_range(-1.0..1.0)).collect()
}

fn encoded(codec: Codec, vector: &[f32]) -> Vec<u8> {
    let mut row = vec![0; codec.row_len()];
    codec.encode(vector, &mut row);
    row
}

pub(super) fn run<T: Default + Clone>(count: usize, f: impl FnOnce(&mut [T])) -> Vec<T> {
    let mut out = vec![T::default(); count];
    f(&mut out);
    out
}

/// Distances through every kernel, against f64 arithmetic on what `decode` returns.
#[test]
fn distances_agree_with_decoded_vectors() {
    let mut random = crate::testing::rng();
    for encoding in ENCODINGS {
        for dim in [1, 2, 7, 64, 100, 384, 1000] {
            let codec = Codec::new(encoding, dim);
            let vector = random_vector(&mut random, dim);
            let rows: Vec<_> = (0..37).map(|_| encoded(codec, &random_vector(&mut random, dim))).collect();
            let rows: Vec<&[u8]> = rows.iter().map(|row| &row[..]).collect();
            let query = encoded(codec, &vector);
            let unit = |row| -> Vec<f64> {
                let row: Row = codec.row(row);
                // Binary values are ±1: their length is the root of the dimension.
                let l2 = if encoding == Encoding::Binary { (dim as f64).sqrt() } else { row.l2().into() };
                row.decode().iter().map(|&x| f64::from(x) / l2).collect()
            };
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (norm, stored) = (dot64(&vector, &vector).sqrt(), unit(&query));
            let sharp: Vec<f64> = vector.iter().map(|&x| f64::from(x) / norm).collect();
            for kernels in available() {
                let mut probe = Probe::from_row(codec, rows[0]);
                probe.reset_from_row(&query);
                let coarse = run(37, |out| probe.distances_with(kernels, &rows, out));
                let same = run(37, |out| Probe::from_vector(codec, &vector).distances_with(kernels, &rows, out));
                assert_eq!(coarse, same);
                let fine = run(37, |out| ExactQuery::new(codec, &vector).distances_with(kernels, &rows, out));
                for (n, row) in rows.iter().enumerate() {
                    let row = unit(row);
                    let at = format!("{kernels:?} {encoding:?} {dim}: {} {}", coarse[n], fine[n]);
                    let near = |got: f32, want: f64| {
                        assert!((f64::from(got) - want.clamp(0.0, 2.0)).abs() < 2e-6, "{at}, not {want}");
                    };
                    near(coarse[n], 1.0 - dot(&stored, &row));
                    if encoding == Encoding::Binary {
                        let all: f64 = vector.iter().map(|&x| f64::from(x).abs()).sum();
                        let apart = |(x, y): (&f32, &f64)| (*x > 0.0) != (*y > 0.0);
                        let apart: f64 =
                            vector.iter().zip(&row).filter(|&pair| apart(pair)).map(|(&x, _)| f64::from(x).abs()).sum();
                        near(fine[n], 2.0 * apart / all);
                    } else {
                        near(fine[n], 1.0 - dot(&sharp, &row));
                    }
                }
            }
        }
    }
}

fn dot64(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

#[test]
fn weighted_hamming_is_hamming_if_all_weigh_the_same() {
    let codec = Codec::new(Encoding::Binary, 70);
    let signs = |seed: usize| (0..70).map(|j| if j * seed % 7 < 3 { 0.5 } else { -0.5 }).collect::<Vec<_>>();
    let row = encoded(codec, &signs(3));
    for kernels in available() {
        let coarse = run(1, |out| Probe::from_vector(codec, &signs(2)).distances_with(kernels, &[&row], out));
        let fine = run(1, |out| ExactQuery::new(codec, &signs(2)).distances_with(kernels, &[&row], out));
        assert!((coarse[0] - fine[0]).abs() < 1e-6 && coarse[0] > 0.1);
        // A zero vector counts as all bits clear.
        let ones = row[HEADER..].iter().map(|byte| byte.count_ones()).sum::<u32>();
        let zero = run(1, |out| ExactQuery::new(codec, &[0.0; 70]).distances_with(kernels, &[&row], out));
        assert_eq!(zero, [ones as f32 * 2.0 / 70.0]);
    }
}

#[test]
fn zero_vectors_are_at_distance_one() {
    for encoding in [Encoding::F32, Encoding::Int8, Encoding::F16] {
        let codec = Codec::new(encoding, 3);
        let (zero, other) = (encoded(codec, &[0.0; 3]), encoded(codec, &[1.0, 2.0, 3.0]));
        assert_eq!((codec.row(&zero).l2(), codec.row(&zero).range()), (1.0, 0.0));
        assert_eq!(codec.row(&zero).wire_code(), vec![0; codec.code_len()]);
        for vector in [[0.0; 3], [1.0, -1.0, 0.5]] {
            let (coarse, fine) = (Probe::from_vector(codec, &vector), ExactQuery::new(codec, &vector));
            let rows: &[&[u8]] = if vector == [0.0; 3] { &[&zero, &other] } else { &[&zero, &zero] };
            assert_eq!(run(2, |out| coarse.distances(rows, out)), [1.0; 2]);
            assert_eq!(run(2, |out| fine.distances(rows, out)), [1.0; 2]);
        }
    }
}

fn in_f64(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let apart = || a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>();
    match metric {
        Metric::Cosine => 1.0 - dot64(a, b) / (dot64(a, a) * dot64(b, b)).sqrt(),
        Metric::L2 => apart(),
        Metric::InnerProduct => -dot64(a, b),
    }
}

/// L2 and inner product through every kernel, against f64 arithmetic on what `decode` returns; vectors of
/// lengths from 0.1 to 100, some nearly the same.
#[test]
fn whole_vectors_keep_their_distances() {
    let mut random = crate::testing::rng();
    for (encoding, metric) in [Encoding::F32, Encoding::Int8, Encoding::F16]
        .into_iter()
        .flat_map(|encoding| [Metric::L2, Metric::InnerProduct].map(|metric| (encoding, metric)))
    {
        for dim in [1, 2, 7, 64, 100, 384, 1000] {
            let codec = Codec::new(encoding, dim).with_metric(metric);
            let vector = random_vector(&mut random, dim);
            let rows: Vec<_> = (0..37)
                .map(|n| {
                    let scale = 10f32.powi(n % 4 - 1);
                    let other: Vec<f32> = match n % 5 {
                        0 => vector.iter().map(|x| x * random.random_range(0.9999..1.0001)).collect(),
                        _ => random_vector(&mut random, dim).iter().map(|x| x * scale).collect(),
                    };
                    encoded(codec, &other)
                })
                .collect();
            let rows: Vec<&[u8]> = rows.iter().map(|row| &row[..]).collect();
            let (row, query) = (encoded(codec, &vector), ExactQuery::new(codec, &vector));
            let stored = codec.row(&row).decode();
            for kernels in available() {
                let coarse = run(37, |out| Probe::from_row(codec, &row).distances_with(kernels, &rows, out));
                let linking = run(37, |out| Probe::for_linking(codec, &row).distances_with(kernels, &rows, out));
                let fine = run(37, |out| query.distances_with(kernels, &rows, out));
                let precise = run(37, |out| query.precise(&rows, out));
                for (n, row) in rows.iter().enumerate() {
                    let other = codec.row(row).decode();
                    let lengths = dot64(&other, &other).sqrt().max(dot64(&stored, &stored).sqrt()).powi(2);
                    let near = |got: f32, metric, a: &[f32], allowed: f64| {
                        let want = in_f64(metric, a, &other);
                        assert!(
                            (f64::from(got) - want).abs() <= allowed,
                            "{kernels:?} {encoding:?} {metric:?} {dim}, row {n}: {got}, not {want}"
                        );
                    };
                    near(coarse[n], metric, &stored, 4e-6 * lengths);
                    near(fine[n], metric, &vector, 4e-6 * lengths);
                    near(precise[n], metric, &vector, 1e-7 * in_f64(metric, &vector, &other).abs());
                    near(
                        linking[n],
                        metric.linking(),
                        &stored,
                        4e-6 * if metric == Metric::L2 { lengths } else { 1.0 },
                    );
                    if (encoding, metric) == (Encoding::F32, Metric::L2) {
                        let apart = in_f64(metric, &vector, &other);
                        near(fine[n], metric, &vector, 4e-6 * apart);
                    }
                }
                if metric == Metric::L2 {
                    assert_eq!(run(1, |out| ExactQuery::new(codec, &stored).precise(&[&row], out)), [0.0]);
                }
            }
        }
    }
}

#[test]
fn whole_rows_come_back_from_their_saved_parts() {
    let mut random = crate::testing::rng();
    let forms = [(Encoding::F32, Metric::L2), (Encoding::Int8, Metric::InnerProduct), (Encoding::F16, Metric::L2)];
    for (encoding, metric) in forms {
        for scale in [0.0, 1e-40, 1e-30, 1.0, 1e30] {
            let codec = Codec::new(encoding, 9).with_metric(metric);
            let vector: Vec<f32> = random_vector(&mut random, 9).iter().map(|x| x * scale).collect();
            let bytes = encoded(codec, &vector);
            let row = codec.row(&bytes);
            let length = dot64(&row.decode(), &row.decode()).sqrt();
            assert!((f64::from(row.l2()) - length).abs() <= 1e-6 * length + 1e-44, "{} {length}", row.l2());
            if encoding == Encoding::F32 {
                assert_eq!(row.decode(), vector);
            }
            let mut again = vec![0xff; codec.row_len()];
            // The length is computed again, whatever is said.
            codec.encode_wire(&row.wire_code(), 17.0, row.range(), &mut again).unwrap();
            assert_eq!(again, bytes);
            for other in [[0.0; 9], [1e38; 9], [-1e38; 9], [1e-40; 9]] {
                let other = encoded(codec, &other);
                let (coarse, fine) = (Probe::from_row(codec, &bytes), ExactQuery::new(codec, &vector));
                let linking = Probe::for_linking(codec, &bytes);
                for found in [
                    run(1, |out| coarse.distances(&[&other], out)),
                    run(1, |out| fine.distances(&[&other], out)),
                    run(1, |out| fine.precise(&[&other], out)),
                    run(1, |out| linking.distances(&[&other], out)),
                ] {
                    assert!(found[0].is_finite(), "{found:?}");
                }
            }
        }
    }
}

#[test]
fn bytes_are_kept_as_they_come() {
    let bytes: Vec<u8> = (0..=255).collect();
    let vector = Input::Bytes(&bytes).floats().into_owned();
    for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
        let codec = Codec::new(Encoding::Int8, bytes.len()).with_metric(metric);
        let mut row = vec![0; codec.row_len()];
        codec.encode_bytes(&bytes, &mut row);
        assert_eq!(*codec.row(&row).wire_code(), bytes);
        let decoded = codec.row(&row).decode();
        match metric {
            Metric::Cosine => decoded.iter().zip(&vector).for_each(|(a, b)| assert!((a - b).abs() < 1e-4)),
            _ => assert_eq!(decoded, vector),
        }
        let near = run(1, |out| ExactQuery::new(codec, &vector).precise(&[&row], out))[0];
        let want = in_f64(metric, &vector, &vector) as f32;
        assert!((near - want).abs() <= 1e-6 * want.abs().max(1.0), "{near} {want}");
        codec.encode_bytes(&vec![0; bytes.len()], &mut row);
        assert_eq!(codec.row(&row).decode(), vec![0.0; bytes.len()]);
    }
}

#[test]
fn metrics_have_numbers_words_and_scores() {
    for (id, word, name) in [(0, "COSINE", "cosine"), (1, "l2", "l2"), (2, "Ip", "ip")] {
        let metric = Metric::from_id(id).unwrap();
        assert_eq!((u64::from(metric.id()), metric.name()), (id, name));
        assert_eq!(Metric::from_word(word.as_bytes()), Some(metric));
    }
    assert_eq!((Metric::from_id(3), Metric::from_word(b"L1")), (None, None));
    assert_eq!(Metric::Cosine.score(0.5), 0.75);
    assert_eq!(Metric::L2.score(9.0), 0.25);
    assert_eq!(Metric::InnerProduct.score(-9.0), 9.0);
    assert!(Metric::InnerProduct.score(0.0).is_sign_positive());
    assert_eq!(Metric::InnerProduct.reported(-9.0), -8.0);
    assert_eq!((Metric::L2.farthest(3.0), Metric::Cosine.farthest(0.25)), (9.0, 0.5));
}

/// The encodings written down once more, as plainly as can be.
#[test]
fn encoding_agrees_with_the_model_bit_for_bit() {
    let mut random = crate::testing::rng();
    for dim in (1..=130).chain([384, 768, MAX_DIM]) {
        let vector = random_vector(&mut random, dim);
        let mut s = 0f32;
        let mut i = 0;
        while i + 4 <= dim {
            let x = &vector[i..];
            s += ((x[0] * x[0] + x[1] * x[1]) + x[2] * x[2]) + x[3] * x[3];
            i += 4;
        }
        while i < dim {
            s += vector[i] * vector[i];
            i += 1;
        }
        let l2 = s.sqrt();
        let unit: Vec<f32> = vector.iter().map(|x| x / l2).collect();
        let mut range = 0f32;
        for x in &unit {
            if x.abs() > range {
                range = x.abs();
            }
        }
        let scale = 127.0 / range;
        let bytes: Vec<i8> = unit.iter().map(|x| (x * scale).round() as i8).collect();
        let mut words = vec![0u64; dim.div_ceil(64)];
        for j in 0..dim {
            if unit[j] > 0.0 {
                words[j / 64] |= 1 << (j % 64);
            }
        }
        let half: Vec<u16> = unit.iter().map(|&x| to_half(x)).collect();
        let wire: [Vec<u8>; 4] = [
            unit.iter().flat_map(|x| x.to_le_bytes()).collect(),
            bytes.iter().map(|&q| q as u8).collect(),
            words.iter().flat_map(|word| word.to_le_bytes()).collect(),
            half.iter().flat_map(|bits| bits.to_le_bytes()).collect(),
        ];
        let decoded: [Vec<f32>; 4] = [
            unit.iter().map(|x| x * l2).collect(),
            bytes.iter().map(|&q| ((f32::from(q) * range) / 127.0) * l2).collect(),
            unit.iter().map(|&x| if x > 0.0 { 1.0 } else { -1.0 }).collect(),
            half.iter().map(|&bits| from_half(bits) * l2).collect(),
        ];
        for encoding in ENCODINGS {
            let codec = Codec::new(encoding, dim);
            let bytes = encoded(codec, &vector);
            let row = codec.row(&bytes);
            let range = if encoding == Encoding::Int8 { range } else { 0.0 };
            assert_eq!((row.l2().to_bits(), row.range().to_bits()), (l2.to_bits(), range.to_bits()));
            assert_eq!(row.wire_code(), wire[encoding as usize]);
            assert_eq!(row.decode(), decoded[encoding as usize]);
            let mut again = vec![0xff; codec.row_len()];
            codec.encode_wire(&row.wire_code(), row.l2(), row.range(), &mut again).unwrap();
            assert_eq!(again, bytes);
        }
    }
}

/// Worked values and replies recorded with real dumps.
#[test]
fn known_vectors() {
    let check = |encoding, vector: &[f32], wire: &[u8], l2: f32, range: f32, decoded: &[f32]| {
        let codec = Codec::new(encoding, vector.len());
        let bytes = encoded(codec, vector);
        let row = codec.row(&bytes);
        assert_eq!(row.wire_code(), wire);
        assert_eq!((row.l2(), row.range()), (l2, range));
        assert_eq!(row.decode(), decoded);
    };
    let (int8, bin, f32) = (Encoding::Int8, Encoding::Binary, Encoding::F32);
    check(int8, &[1., 2., 3.], &[0x2a, 0x55, 0x7f], 3.7416575, 0.8017837, &[0.992_125_9, 2.007_874, 3.]);
    check(int8, &[1., 0., 3.], &[0x2a, 0, 0x7f], 3.1622777, 0.94868326, &[0.992_125_87, 0., 3.]);
    check(f32, &[3., 4.], &[0x9a, 0x99, 0x19, 0x3f, 0xcd, 0xcc, 0x4c, 0x3f], 5., 0., &[3., 4.]);
    check(f32, &[-1., 0.], &[0, 0, 0x80, 0xbf, 0, 0, 0, 0], 1., 0., &[-1., 0.]);
    check(bin, &[1., -1., 0.5, 0., -2.], &[5, 0, 0, 0, 0, 0, 0, 0], 2.5, 0., &[1., -1., 1., -1., -1.]);
    check(bin, &[1., 1., -1., 1., -1.], &[11, 0, 0, 0, 0, 0, 0, 0], 2.236068, 0., &[1., 1., -1., 1., -1.]);
    let item = [-0.144, -0.173, -0.111, 0.702, -0.128, -1.497, 0.332, -0.267];
    let codec = Codec::new(int8, 8);
    let recorded = "-0.14144881069660187 -0.17681100964546204 -0.1060866117477417 0.7072440385818481 \
                    -0.1296614110469818 -1.496999979019165 0.33004724979400635 -0.2711102366447449";
    let decoded: Vec<f32> = recorded.split(' ').map(|x| x.parse().unwrap()).collect();
    assert_eq!(codec.row(&encoded(codec, &item)).decode(), decoded);

    let projected = Projection::generate(2, 4).apply(&[1., 2., 3., 4.]);
    check(int8, &projected, &[0x7f, 0xe7], 5.0990195, 0.9805807, &[5., -0.984252]);
    let projected = Projection::generate(3, 6).apply(&[1., 2., 3., 4., 5., 6.]);
    let wire = [0xae, 0xa9, 0x70, 0x3f, 0x87, 0x85, 0x09, 0xbe, 0x1f, 0x71, 0xa0, 0x3e];
    check(f32, &projected, &wire, 9.119576, 0., &[8.573215, -1.2247448, 2.8577383]);
}

#[test]
fn norms_beyond_f32_are_found_all_the_same() {
    let codec = Codec::new(Encoding::F32, 4);
    for scale in [1e30, 1e20, 6e37, 1e-20, 1e-30, 1e-37] {
        let bytes = encoded(codec, &[1.0, 2.0, -2.0, 4.0].map(|x: f32| x * scale));
        let row = codec.row(&bytes);
        assert!((row.l2() / scale - 5.0).abs() < 1e-5, "{scale}: {}", row.l2());
        let unit: Vec<f32> = row.decode().iter().map(|x| x / scale / 5.0).collect();
        for (x, want) in unit.iter().zip([0.2, 0.4, -0.4, 0.8]) {
            assert!((x - want).abs() < 1e-5, "{scale}: {unit:?}");
        }
    }
    // The norm itself does not fit, the smallest number is one.
    let bytes = encoded(codec, &[f32::MAX; 4]);
    assert_eq!(codec.row(&bytes).l2(), f32::MAX);
    assert_eq!(codec.row(&bytes).wire_code(), [0.5f32.to_le_bytes(); 4].concat());
    let bytes = encoded(codec, &[f32::from_bits(1), 0.0, 0.0, 0.0]);
    assert_eq!(codec.row(&bytes).l2(), f32::from_bits(1));
}

#[test]
fn saved_parts_are_checked() {
    let write = |encoding, dim, code: &[u8], l2, range| {
        let codec = Codec::new(encoding, dim);
        let mut row = vec![0xff; codec.row_len()];
        codec.encode_wire(code, l2, range, &mut row).map(|()| row)
    };
    let (nan, infinity) = (f32::NAN, f32::INFINITY);
    assert_eq!(write(Encoding::Int8, 2, &[0; 3], 1.0, 1.0), Err(BadVector::Length));
    for bad in [nan, infinity, -1.0] {
        assert_eq!(write(Encoding::Int8, 1, &[0], bad, 1.0), Err(BadVector::Norm));
        assert_eq!(write(Encoding::Int8, 1, &[0], 1.0, bad), Err(BadVector::Range));
        // Where it means nothing, files hold leftovers of memory there.
        let row = write(Encoding::F32, 1, &1.0f32.to_le_bytes(), 1.0, bad).unwrap();
        assert_eq!(row[4..8], [0; 4]);
    }
    assert_eq!(write(Encoding::F32, 1, &nan.to_le_bytes(), 1.0, 0.0), Err(BadVector::Component));
    for dim in 1..=130 {
        let row = write(Encoding::Binary, dim, &vec![255; 8 * dim.div_ceil(64)], 1.0, nan).unwrap();
        assert_eq!(row[HEADER..].iter().map(|byte| byte.count_ones() as usize).sum::<usize>(), dim);
        let full: Vec<f32> = vec![1.0; dim];
        assert_eq!(row[HEADER..], encoded(Codec::new(Encoding::Binary, dim), &full)[HEADER..]);
    }
    // Hostile numbers still give distances in bounds.
    let huge = [f32::MAX.to_le_bytes(), (-f32::MAX).to_le_bytes()].concat();
    let row = write(Encoding::F32, 2, &huge, 1.0, 0.0).unwrap();
    let far = write(Encoding::Int8, 2, &[0x80, 0x7f], 1.0, f32::MAX).unwrap();
    for (encoding, row) in [(Encoding::F32, row), (Encoding::Int8, far)] {
        let probe = Probe::from_row(Codec::new(encoding, 2), &row);
        let d = run(1, |out| probe.distances(&[&row], out))[0];
        assert!((0.0..=2.0).contains(&d), "{d}");
    }
}

#[test]
fn finiteness() {
    assert!(is_finite(&[]) && is_finite(&[f32::MAX; 100]));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(!is_finite(&[1.0, bad, 1.0]));
    }
}

#[test]
fn encodings_have_numbers_and_names() {
    for (id, name) in [(0, "f32"), (1, "int8"), (2, "bin"), (3, "f16")] {
        let encoding = Encoding::from_id(id).unwrap();
        assert_eq!((encoding.id() as u64, encoding.name()), (id, name));
    }
    assert_eq!(Encoding::from_id(4), None);
}
