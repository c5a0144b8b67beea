//! Kernels for AVX2 with FMA, and with AVX-VNNI for CPUs that have it but no AVX-512. A tail shorter than a
//! register is loaded together with the components before it, which are multiplied by zeros.

use std::arch::x86_64::*;

use super::words::{bit_distance_4, plane_weigh_4};
use super::{Kernels, batch, last, padded};
use crate::vector::codec::SIGN;

/// If this CPU has all that is needed.
pub(super) fn kernels() -> Option<Kernels> {
    let found = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("popcnt");
    found.then_some(Kernels {
        name: "avx2",
        f32_dot,
        f32_squared_l2,
        f16_dot,
        f16_squared_l2,
        int8_dot,
        int8_weigh,
        bit_distance,
        bit_weigh,
        plane_weigh,
        nibble_dot,
    })
}

/// The same with AVX-VNNI for int8, if this CPU has that too.
pub(super) fn kernels_vnni() -> Option<Kernels> {
    let kernels = kernels().filter(|_| is_x86_feature_detected!("avxvnni"))?;
    Some(Kernels { name: "avxvnni", int8_dot: int8_dot_vnni, ..kernels })
}

batch!(#[target_feature(enable = "avx2,fma")] f32_dot, f32_dot_4: f32 => f32);
batch!(#[target_feature(enable = "avx2,fma")] f32_squared_l2, f32_squared_l2_4: f32 => f32);
batch!(#[target_feature(enable = "avx2,fma,f16c")] f16_dot, f16_dot_4: f32 => f32);
batch!(#[target_feature(enable = "avx2,fma,f16c")] f16_squared_l2, f16_squared_l2_4: f32 => f32);
batch!(#[target_feature(enable = "avx2")] int8_dot, int8_dot_4: i8 => i32);
batch!(#[target_feature(enable = "avx2,avxvnni")] int8_dot_vnni, int8_dot_vnni_4: i8 => i32);
batch!(#[target_feature(enable = "avx2,fma")] int8_weigh, int8_weigh_4: f32 => f32);
batch!(#[target_feature(enable = "avx2,popcnt")] bit_distance, bit_distance_4: u8 => u32);
batch!(#[target_feature(enable = "avx2")] bit_weigh, bit_weigh_4: f32 => f32);
batch!(#[target_feature(enable = "avx2,popcnt")] plane_weigh, plane_weigh_4: u8 => i32);
batch!(#[target_feature(enable = "avx2")] nibble_dot, nibble_dot_4: i8 => i32);

/// # Safety
/// Each code has 4 bytes for each component of `query`.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn f32_dot_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    // SAFETY: guaranteed by the caller.
    unsafe { f32_sum_4(query, codes, |sum, q, x| _mm256_fmadd_ps(q, x, sum)) }
}

/// # Safety
/// Each code has 4 bytes for each component of `query`.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn f32_squared_l2_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    let step = |sum, q, x| {
        let difference = _mm256_sub_ps(q, x);
        _mm256_fmadd_ps(difference, difference, sum)
    };
    // SAFETY: guaranteed by the caller.
    unsafe { f32_sum_4(query, codes, step) }
}

/// Sums `step` over 8 components at a time; the tail is padded with zeros.
///
/// # Safety
/// Each code has 4 bytes for each component of `query`.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn f32_sum_4(query: &[f32], codes: [&[u8]; 4], step: impl Fn(__m256, __m256, __m256) -> __m256) -> [f32; 4] {
    let (whole, tail) = query.as_chunks::<8>();
    let mut sums = [_mm256_setzero_ps(); 4];
    for (i, q) in whole.iter().enumerate() {
        // SAFETY: codes are as long as the query, 4 bytes a component.
        unsafe {
            let q = _mm256_loadu_ps(q.as_ptr());
            for n in 0..4 {
                let x = _mm256_loadu_ps(codes[n].as_ptr().cast::<f32>().add(8 * i));
                sums[n] = step(sums[n], q, x);
            }
        }
    }
    if !tail.is_empty() {
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(tail.len() as i32), lanes);
        // SAFETY: the mask ends where query and codes end.
        unsafe {
            let q = _mm256_maskload_ps(tail.as_ptr(), mask);
            for n in 0..4 {
                let x = codes[n].as_ptr().cast::<f32>().add(8 * whole.len());
                sums[n] = step(sums[n], q, _mm256_maskload_ps(x, mask));
            }
        }
    }
    sum_floats(sums)
}

/// # Safety
/// Each code has 2 bytes for each component of `query`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn f16_dot_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    // SAFETY: guaranteed by the caller.
    unsafe { f16_sum_4(query, codes, |sum, q, x| _mm256_fmadd_ps(q, x, sum)) }
}

/// # Safety
/// Each code has 2 bytes for each component of `query`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn f16_squared_l2_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    let step = |sum, q, x| {
        let difference = _mm256_sub_ps(q, x);
        _mm256_fmadd_ps(difference, difference, sum)
    };
    // SAFETY: guaranteed by the caller.
    unsafe { f16_sum_4(query, codes, step) }
}

/// As [`f32_sum_4`]. A tail meets zeros before it.
///
/// # Safety
/// Each code has 2 bytes for each component of `query`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn f16_sum_4(query: &[f32], codes: [&[u8]; 4], step: impl Fn(__m256, __m256, __m256) -> __m256) -> [f32; 4] {
    let (whole, tail) = query.as_chunks::<8>();
    let mut sums = [_mm256_setzero_ps(); 4];
    for (i, q) in whole.iter().enumerate() {
        // SAFETY: codes are as long as the query, 2 bytes a component.
        unsafe {
            let q = _mm256_loadu_ps(q.as_ptr());
            for n in 0..4 {
                let x = _mm_loadu_si128(codes[n].as_ptr().add(16 * i).cast());
                sums[n] = step(sums[n], q, _mm256_cvtph_ps(x));
            }
        }
    }
    if !tail.is_empty() {
        let q: [f32; 8] = padded(tail);
        for n in 0..4 {
            let x: [u8; 16] = padded(&codes[n][16 * whole.len()..]);
            // SAFETY: 8 components and 16 bytes on the stack.
            let (q, x) = unsafe { (_mm256_loadu_ps(q.as_ptr()), _mm_loadu_si128(x.as_ptr().cast())) };
            sums[n] = step(sums[n], q, _mm256_cvtph_ps(x));
        }
    }
    sum_floats(sums)
}

/// # Safety
/// Each code has a byte for each component of `query`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn int8_dot_4(query: &[i8], codes: [&[u8]; 4]) -> [i32; 4] {
    // By 16-bit products in pairs: the instruction that takes bytes saturates its sums.
    let step = |sum, q: &[i8; 16], x: *const u8| {
        // SAFETY: `q` and, by its two callers below, `x` have 16 bytes.
        let (q, x) = unsafe { (_mm_loadu_si128(q.as_ptr().cast()), _mm_loadu_si128(x.cast())) };
        let products = _mm256_madd_epi16(_mm256_cvtepi8_epi16(q), _mm256_cvtepu8_epi16(x));
        _mm256_add_epi32(sum, products)
    };
    let (whole, tail) = query.as_chunks::<16>();
    let mut sums = [_mm256_setzero_si256(); 4];
    for (i, q) in whole.iter().enumerate() {
        for n in 0..4 {
            // SAFETY: codes are as long as the query.
            sums[n] = step(sums[n], q, unsafe { codes[n].as_ptr().add(16 * i) });
        }
    }
    if !tail.is_empty() {
        let q = padded(tail);
        for n in 0..4 {
            let x: [u8; 16] = last(codes[n]);
            sums[n] = step(sums[n], &q, x.as_ptr());
        }
    }
    sum_integers(sums)
}

/// # Safety
/// Each code has a byte for each component of `query`.
#[inline]
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn int8_dot_vnni_4(query: &[i8], codes: [&[u8]; 4]) -> [i32; 4] {
    let step = |sum, q: &[i8; 32], x: *const u8| {
        // SAFETY: `q` and, by its two callers below, `x` have 32 bytes.
        let (q, x) = unsafe { (_mm256_loadu_si256(q.as_ptr().cast()), _mm256_loadu_si256(x.cast())) };
        _mm256_dpbusd_avx_epi32(sum, x, q)
    };
    let (whole, tail) = query.as_chunks::<32>();
    let mut sums = [_mm256_setzero_si256(); 4];
    for (i, q) in whole.iter().enumerate() {
        for n in 0..4 {
            // SAFETY: codes are as long as the query.
            sums[n] = step(sums[n], q, unsafe { codes[n].as_ptr().add(32 * i) });
        }
    }
    if !tail.is_empty() {
        let q = padded(tail);
        for n in 0..4 {
            let x: [u8; 32] = last(codes[n]);
            sums[n] = step(sums[n], &q, x.as_ptr());
        }
    }
    sum_integers(sums)
}

/// # Safety
/// Each code has a byte for each component of `query`.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn int8_weigh_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    let sign = _mm_set1_epi8(SIGN as i8);
    let step = |sum, q: &[f32; 8], x: *const u8| {
        // SAFETY: `q` has 8 components and, by its two callers below, `x` 8 bytes.
        let (q, x) = unsafe { (_mm256_loadu_ps(q.as_ptr()), _mm_loadl_epi64(x.cast())) };
        let x = _mm256_cvtepi8_epi32(_mm_xor_si128(x, sign));
        _mm256_fmadd_ps(q, _mm256_cvtepi32_ps(x), sum)
    };
    let (whole, tail) = query.as_chunks::<8>();
    let mut sums = [_mm256_setzero_ps(); 4];
    for (i, q) in whole.iter().enumerate() {
        for n in 0..4 {
            // SAFETY: codes are as long as the query.
            sums[n] = step(sums[n], q, unsafe { codes[n].as_ptr().add(8 * i) });
        }
    }
    if !tail.is_empty() {
        let q = padded(tail);
        for n in 0..4 {
            let x: [u8; 8] = last(codes[n]);
            sums[n] = step(sums[n], &q, x.as_ptr());
        }
    }
    sum_floats(sums)
}

/// # Safety
/// Each code has a bit for each component of `query`: whole words of 64.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn bit_weigh_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    let lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    let mut sums = [_mm256_setzero_ps(); 4];
    for (i, q) in query.as_chunks::<8>().0.iter().enumerate() {
        // SAFETY: 8 components.
        let q = unsafe { _mm256_loadu_ps(q.as_ptr()) };
        for n in 0..4 {
            let bits = _mm256_and_si256(_mm256_set1_epi32(codes[n][i].into()), lanes);
            let set = _mm256_castsi256_ps(_mm256_cmpeq_epi32(bits, lanes));
            sums[n] = _mm256_add_ps(sums[n], _mm256_and_ps(q, set));
        }
    }
    sum_floats(sums)
}

/// # Safety
/// Each code has a byte for two components of `query`, which has two halves.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn nibble_dot_4(query: &[i8], codes: [&[u8]; 4]) -> [i32; 4] {
    let (lower, ones) = (_mm256_set1_epi8(15), _mm256_set1_epi16(1));
    let step = |sum, low: &[i8; 32], high: &[i8; 32], x: *const u8| {
        // SAFETY: the halves and, by its two callers below, `x` have 32 bytes.
        let (low, high, x) = unsafe {
            let load = |at: *const i8| _mm256_loadu_si256(at.cast());
            (load(low.as_ptr()), load(high.as_ptr()), load(x.cast()))
        };
        // Four products of at most 15 * 128 fit in 16 bits.
        let low = _mm256_maddubs_epi16(_mm256_and_si256(x, lower), low);
        let high = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16::<4>(x), lower), high);
        _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_add_epi16(low, high), ones))
    };
    let (low, high) = query.split_at(query.len() / 2);
    let ((low, low_tail), (high, high_tail)) = (low.as_chunks::<32>(), high.as_chunks::<32>());
    let mut sums = [_mm256_setzero_si256(); 4];
    for (i, (low, high)) in low.iter().zip(high).enumerate() {
        for n in 0..4 {
            // SAFETY: codes are as long as each half.
            sums[n] = step(sums[n], low, high, unsafe { codes[n].as_ptr().add(32 * i) });
        }
    }
    if !low_tail.is_empty() {
        let (low, high) = (padded(low_tail), padded(high_tail));
        for n in 0..4 {
            let x: [u8; 32] = last(codes[n]);
            sums[n] = step(sums[n], &low, &high, x.as_ptr());
        }
    }
    sum_integers(sums)
}

/// The sum of each register's lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn sum_integers(sums: [__m256i; 4]) -> [i32; 4] {
    let [a, b, c, d] = sums.map(|sum| _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum)));
    let sum = _mm_hadd_epi32(_mm_hadd_epi32(a, b), _mm_hadd_epi32(c, d));
    // SAFETY: same size, any bits are valid.
    unsafe { std::mem::transmute(sum) }
}

/// The sum of each register's lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn sum_floats(sums: [__m256; 4]) -> [f32; 4] {
    let [a, b, c, d] = sums.map(|sum| _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps::<1>(sum)));
    let sum = _mm_hadd_ps(_mm_hadd_ps(a, b), _mm_hadd_ps(c, d));
    // SAFETY: same size, any bits are valid.
    unsafe { std::mem::transmute(sum) }
}
