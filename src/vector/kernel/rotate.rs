//! A random rotation in n log n additions: random signs and Hadamard transforms, applied twice, to the first and to
//! the last components of the largest power of two (as Ailon and Chazelle's fast Johnson-Lindenstrauss transform).

/// The fewest components that are rotated.
pub const FEWEST_ROTATED: usize = 64;

/// Rotates a vector at random, always in the same way.
///
/// # Panics
/// If it has less than [`FEWEST_ROTATED`] components.
pub fn rotate(vector: &mut [f32]) {
    assert!(vector.len() >= FEWEST_ROTATED, "{} components", vector.len());
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn with_avx2(vector: &mut [f32]) {
            blockwise(vector);
        }
        // SAFETY: this CPU has AVX2.
        return unsafe { with_avx2(vector) };
    }
    blockwise(vector);
}

#[inline(always)]
fn blockwise(vector: &mut [f32]) {
    let block = 1 << vector.len().ilog2();
    let scale = 1.0 / (block as f32).sqrt();
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..2 {
        flip(&mut vector[..block], scale, &mut seed);
        hadamard(&mut vector[..block]);
        let rest = vector.len() - block;
        if rest > 0 {
            flip(&mut vector[rest..], scale, &mut seed);
            hadamard(&mut vector[rest..]);
        }
    }
}

/// Scales components and flips the signs of about a half.
#[inline(always)]
fn flip(block: &mut [f32], scale: f32, seed: &mut u64) {
    for xs in block.as_chunks_mut::<64>().0 {
        // Splitmix64.
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = *seed;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        for (j, xs) in xs.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            let bits = (bits >> (32 * j)) as u32;
            for (i, x) in xs.iter_mut().enumerate() {
                *x = f32::from_bits(x.to_bits() ^ (bits << i & 1 << 31)) * scale;
            }
        }
    }
}

/// The Hadamard transform, not scaled, of a power of two of components, 8 at least.
#[inline(always)]
fn hadamard(block: &mut [f32]) {
    for x in block.as_chunks_mut::<8>().0 {
        for h in [1, 2, 4] {
            let before = *x;
            for i in 0..8 {
                x[i] = if i & h == 0 { before[i] + before[i ^ h] } else { before[i ^ h] - before[i] };
            }
        }
    }
    let mut half = 8;
    while half < block.len() {
        for both in block.chunks_exact_mut(2 * half) {
            let (low, high) = both.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    use super::*;

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    }

    #[test]
    fn lengths_and_angles_stay() {
        let mut random = SmallRng::seed_from_u64(5);
        for len in [64, 65, 100, 127, 128, 192, 256, 300, 448, 768, 1536, 3072, 65536] {
            let mut vector = || -> Vec<f32> { (0..len).map(|_| random.random_range(-1.0..1.0)).collect() };
            let (mut a, mut b) = (vector(), vector());
            let before = [dot(&a, &a), dot(&b, &b), dot(&a, &b)];
            rotate(&mut a);
            rotate(&mut b);
            let after = [dot(&a, &a), dot(&b, &b), dot(&a, &b)];
            for (before, after) in before.iter().zip(after) {
                assert!((before - after).abs() < 1e-5 * len as f64, "{len}: {before} {after}");
            }
        }
    }

    #[test]
    fn one_component_goes_to_all() {
        for len in [100, 127, 256, 768, 1536] {
            for i in [0, 1, len / 2, len - 1] {
                let mut vector = vec![0.0; len];
                vector[i] = 1.0;
                rotate(&mut vector);
                let most = vector.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
                assert!(most < 8.0 / (len as f32).sqrt(), "{len}, {i}: {most}");
            }
        }
    }
}
