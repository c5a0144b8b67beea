//! Kernels for AVX-512 with VNNI and VPOPCNTDQ. Tails are masked loads, which read nothing beyond.

use std::arch::x86_64::*;

use super::{Kernels, batch};
use crate::vector::codec::SIGN;

/// If this CPU has all that is needed.
pub(super) fn kernels() -> Option<Kernels> {
    let found = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni")
        && is_x86_feature_detected!("avx512vpopcntdq");
    found.then_some(Kernels {
        name: "avx512",
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

batch!(#[target_feature(enable = "avx512f")] f32_dot, f32_dot_4: f32 => f32);
batch!(#[target_feature(enable = "avx512f")] f32_squared_l2, f32_squared_l2_4: f32 => f32);
batch!(#[target_feature(enable = "avx512f,avx512bw,avx512vl")] f16_dot, f16_dot_4: f32 => f32);
batch!(#[target_feature(enable = "avx512f,avx512bw,avx512vl")] f16_squared_l2, f16_squared_l2_4: f32 => f32);
batch!(#[target_feature(enable = "avx512f,avx512bw,avx512vnni")] int8_dot, int8_dot_4: i8 => i32);
batch!(#[target_feature(enable = "avx512f,avx512bw,avx512vl")] int8_weigh, int8_weigh_4: f32 => f32);
batch!(#[target_feature(enable = "avx512f,avx512vpopcntdq")] bit_distance, bit_distance_4: u8 => u32);
batch!(#[target_feature(enable = "avx512f")] bit_weigh, bit_weigh_4: f32 => f32);
batch!(#[target_feature(enable = "avx512f,avx512vpopcntdq")] plane_weigh, plane_weigh_4: u8 => i32);
batch!(#[target_feature(enable = "avx512f,avx512bw,avx512vnni")] nibble_dot, nibble_dot_4: i8 => i32);

/// A mask of the lowest lanes: as many as are left, at most `lanes`.
#[inline]
fn mask(left: usize, lanes: usize) -> u64 {
    u64::MAX >> (64 - left.min(lanes))
}

/// # Safety
/// Each code has 4 bytes for each component of `query`.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn f32_dot_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    // SAFETY: the mask ends where codes end.
    let load = |code: &[u8], i, mask| unsafe { _mm512_maskz_loadu_ps(mask, code.as_ptr().cast::<f32>().add(i)) };
    // SAFETY: guaranteed by the caller.
    unsafe { sum_4(query, codes, load, |sum, q, x| _mm512_fmadd_ps(q, x, sum)) }
}

/// # Safety
/// Each code has 4 bytes for each component of `query`.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn f32_squared_l2_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    // SAFETY: the mask ends where codes end.
    let load = |code: &[u8], i, mask| unsafe { _mm512_maskz_loadu_ps(mask, code.as_ptr().cast::<f32>().add(i)) };
    // SAFETY: guaranteed by the caller.
    unsafe { sum_4(query, codes, load, |sum, q, x| add_squared_difference(sum, q, x)) }
}

/// # Safety
/// Each code has 2 bytes for each component of `query`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn f16_dot_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    // SAFETY: the mask ends where codes end.
    let load = |code: &[u8], i, mask| unsafe { _mm256_maskz_loadu_epi16(mask, code.as_ptr().cast::<i16>().add(i)) };
    // SAFETY: guaranteed by the caller.
    unsafe { sum_4(query, codes, |c, i, m| _mm512_cvtph_ps(load(c, i, m)), |sum, q, x| _mm512_fmadd_ps(q, x, sum)) }
}

/// # Safety
/// Each code has 2 bytes for each component of `query`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn f16_squared_l2_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    // SAFETY: the mask ends where codes end.
    let load = |code: &[u8], i, mask| unsafe { _mm256_maskz_loadu_epi16(mask, code.as_ptr().cast::<i16>().add(i)) };
    // SAFETY: guaranteed by the caller.
    unsafe {
        sum_4(query, codes, |c, i, m| _mm512_cvtph_ps(load(c, i, m)), |sum, q, x| add_squared_difference(sum, q, x))
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add_squared_difference(sum: __m512, q: __m512, x: __m512) -> __m512 {
    let difference = _mm512_sub_ps(q, x);
    _mm512_fmadd_ps(difference, difference, sum)
}

/// Sums `step` over 16 components at a time; the tail is padded with zeros. `load` gets a code, the
/// first component and a mask of those that there are.
///
/// # Safety
/// Each code has as many components as `query`.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn sum_4(
    query: &[f32],
    codes: [&[u8]; 4],
    load: impl Fn(&[u8], usize, __mmask16) -> __m512,
    step: impl Fn(__m512, __m512, __m512) -> __m512,
) -> [f32; 4] {
    let mut sums = [_mm512_setzero_ps(); 4];
    for i in (0..query.len()).step_by(16) {
        let mask = mask(query.len() - i, 16) as __mmask16;
        // SAFETY: the mask ends where the query ends.
        let q = unsafe { _mm512_maskz_loadu_ps(mask, query.as_ptr().add(i)) };
        for n in 0..4 {
            sums[n] = step(sums[n], q, load(codes[n], i, mask));
        }
    }
    sum_floats(sums)
}

/// # Safety
/// Each code has a byte for each component of `query`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn int8_dot_4(query: &[i8], codes: [&[u8]; 4]) -> [i32; 4] {
    let mut sums = [_mm512_setzero_si512(); 4];
    for i in (0..query.len()).step_by(64) {
        let mask = mask(query.len() - i, 64);
        // SAFETY: the mask ends where query and codes end.
        unsafe {
            let q = _mm512_maskz_loadu_epi8(mask, query.as_ptr().add(i));
            for n in 0..4 {
                let x = _mm512_maskz_loadu_epi8(mask, codes[n].as_ptr().cast::<i8>().add(i));
                sums[n] = _mm512_dpbusd_epi32(sums[n], x, q);
            }
        }
    }
    sum_integers(sums)
}

/// # Safety
/// Each code has a byte for each component of `query`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn int8_weigh_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    let sign = _mm_set1_epi8(SIGN as i8);
    let mut sums = [_mm512_setzero_ps(); 4];
    for i in (0..query.len()).step_by(16) {
        let mask = mask(query.len() - i, 16) as __mmask16;
        // SAFETY: the mask ends where query and codes end.
        unsafe {
            let q = _mm512_maskz_loadu_ps(mask, query.as_ptr().add(i));
            for n in 0..4 {
                let x = _mm_maskz_loadu_epi8(mask, codes[n].as_ptr().cast::<i8>().add(i));
                let x = _mm512_cvtepi8_epi32(_mm_xor_si128(x, sign));
                sums[n] = _mm512_fmadd_ps(q, _mm512_cvtepi32_ps(x), sums[n]);
            }
        }
    }
    sum_floats(sums)
}

/// # Safety
/// Each code is as long as `query`: whole words of 8 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
unsafe fn bit_distance_4(query: &[u8], codes: [&[u8]; 4]) -> [u32; 4] {
    let words = query.len() / 8;
    let mut sums = [_mm512_setzero_si512(); 4];
    for i in (0..words).step_by(8) {
        let mask = mask(words - i, 8) as __mmask8;
        // SAFETY: the mask ends where query and codes end.
        unsafe {
            let q = _mm512_maskz_loadu_epi64(mask, query.as_ptr().cast::<i64>().add(i));
            for n in 0..4 {
                let x = _mm512_maskz_loadu_epi64(mask, codes[n].as_ptr().cast::<i64>().add(i));
                let ones = _mm512_popcnt_epi64(_mm512_xor_si512(q, x));
                sums[n] = _mm512_add_epi64(sums[n], ones);
            }
        }
    }
    // Counts of at most 65536: the upper halves of the 64-bit lanes are zero.
    sum_integers(sums).map(|sum| sum as u32)
}

/// # Safety
/// Each code has a bit for each component of `query`: whole words of 64.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn bit_weigh_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    let mut sums = [_mm512_setzero_ps(); 4];
    for i in (0..query.len()).step_by(16) {
        // SAFETY: 16 components and 2 bytes are left in query and codes.
        unsafe {
            let q = _mm512_loadu_ps(query.as_ptr().add(i));
            for n in 0..4 {
                let bits = codes[n].as_ptr().add(i / 8).cast::<u16>().read_unaligned();
                sums[n] = _mm512_mask_add_ps(sums[n], bits, sums[n], q);
            }
        }
    }
    sum_floats(sums)
}

/// # Safety
/// `query` is four codes, each as long as those of `codes`: whole words of 8 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
unsafe fn plane_weigh_4(query: &[u8], codes: [&[u8]; 4]) -> [i32; 4] {
    let words = query.len() / 32;
    let (mut weighed, mut ones) = ([_mm512_setzero_si512(); 4], [_mm512_setzero_si512(); 4]);
    for i in (0..words).step_by(8) {
        let mask = mask(words - i, 8) as __mmask8;
        // SAFETY: the mask ends where each plane and the codes end.
        unsafe {
            let plane = |p: usize| _mm512_maskz_loadu_epi64(mask, query.as_ptr().cast::<i64>().add(p * words + i));
            let planes = [plane(0), plane(1), plane(2), plane(3)];
            for n in 0..4 {
                let x = _mm512_maskz_loadu_epi64(mask, codes[n].as_ptr().cast::<i64>().add(i));
                let count = |p: usize| _mm512_popcnt_epi64(_mm512_and_si512(x, planes[p]));
                let low = _mm512_add_epi64(count(0), _mm512_slli_epi64::<1>(count(1)));
                let high = _mm512_add_epi64(count(2), _mm512_slli_epi64::<1>(count(3)));
                let sum = _mm512_add_epi64(low, _mm512_slli_epi64::<2>(high));
                weighed[n] = _mm512_add_epi64(weighed[n], sum);
                ones[n] = _mm512_add_epi64(ones[n], _mm512_popcnt_epi64(x));
            }
        }
    }
    // At most 15 for each of 65536 components: the upper halves of the 64-bit lanes are zero.
    let (weighed, ones) = (sum_integers(weighed), sum_integers(ones));
    std::array::from_fn(|n| 2 * weighed[n] - 15 * ones[n])
}

/// # Safety
/// Each code has a byte for two components of `query`, which has two halves.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn nibble_dot_4(query: &[i8], codes: [&[u8]; 4]) -> [i32; 4] {
    let half = query.len() / 2;
    let lower = _mm512_set1_epi8(15);
    let mut sums = [_mm512_setzero_si512(); 4];
    for i in (0..half).step_by(64) {
        let mask = mask(half - i, 64);
        // SAFETY: the mask ends where each half and the codes end.
        unsafe {
            let low = _mm512_maskz_loadu_epi8(mask, query.as_ptr().add(i));
            let high = _mm512_maskz_loadu_epi8(mask, query.as_ptr().add(half + i));
            for n in 0..4 {
                let x = _mm512_maskz_loadu_epi8(mask, codes[n].as_ptr().cast::<i8>().add(i));
                let sum = _mm512_dpbusd_epi32(sums[n], _mm512_and_si512(x, lower), low);
                let x = _mm512_and_si512(_mm512_srli_epi16::<4>(x), lower);
                sums[n] = _mm512_dpbusd_epi32(sum, x, high);
            }
        }
    }
    sum_integers(sums)
}

/// The sum of each register's lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn sum_integers(sums: [__m512i; 4]) -> [i32; 4] {
    let [a, b, c, d] = sums.map(|sum| {
        let half = _mm256_add_epi32(_mm512_castsi512_si256(sum), _mm512_extracti64x4_epi64::<1>(sum));
        _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half))
    });
    let sum = _mm_hadd_epi32(_mm_hadd_epi32(a, b), _mm_hadd_epi32(c, d));
    // SAFETY: same size, any bits are valid.
    unsafe { std::mem::transmute(sum) }
}

/// The sum of each register's lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn sum_floats(sums: [__m512; 4]) -> [f32; 4] {
    let [a, b, c, d] = sums.map(|sum| {
        let upper = _mm512_extractf64x4_pd::<1>(_mm512_castps_pd(sum));
        let half = _mm256_add_ps(_mm512_castps512_ps256(sum), _mm256_castpd_ps(upper));
        _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps::<1>(half))
    });
    let sum = _mm_hadd_ps(_mm_hadd_ps(a, b), _mm_hadd_ps(c, d));
    // SAFETY: same size, any bits are valid.
    unsafe { std::mem::transmute(sum) }
}
