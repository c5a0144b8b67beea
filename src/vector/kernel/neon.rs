//! Kernels for aarch64, where NEON is part of the baseline, and for the byte dot product that most have.

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

use super::scalar::{f16_dot, f16_squared_l2, nibble_dot};
use super::words::{bit_distance_4, plane_weigh_4};
use super::{Kernels, batch, last, padded};
use crate::vector::codec::SIGN;

/// If this CPU has all that is needed: always so in practice.
pub(super) fn kernels() -> Option<Kernels> {
    let found = is_aarch64_feature_detected!("neon");
    found.then_some(Kernels {
        name: "neon",
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

/// The same with `sdot` for int8, if this CPU has that.
pub(super) fn kernels_dot() -> Option<Kernels> {
    let kernels = kernels().filter(|_| is_aarch64_feature_detected!("dotprod"))?;
    Some(Kernels { name: "neondot", int8_dot: int8_dot_sdot, ..kernels })
}

batch!(#[target_feature(enable = "neon")] f32_dot, f32_dot_4: f32 => f32);
batch!(#[target_feature(enable = "neon")] f32_squared_l2, f32_squared_l2_4: f32 => f32);
batch!(#[target_feature(enable = "neon")] int8_dot, int8_dot_4: i8 => i32);
batch!(#[target_feature(enable = "neon,dotprod")] int8_dot_sdot, int8_dot_sdot_4: i8 => i32);
batch!(#[target_feature(enable = "neon")] int8_weigh, int8_weigh_4: f32 => f32);
batch!(#[target_feature(enable = "neon")] bit_distance, bit_distance_4: u8 => u32);
batch!(#[target_feature(enable = "neon")] bit_weigh, bit_weigh_4: f32 => f32);
batch!(#[target_feature(enable = "neon")] plane_weigh, plane_weigh_4: u8 => i32);

/// # Safety
/// Each code has 4 bytes for each component of `query`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn f32_dot_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    // SAFETY: guaranteed by the caller.
    unsafe { f32_sum_4(query, codes, |sum, q, x| vfmaq_f32(sum, q, x)) }
}

/// # Safety
/// Each code has 4 bytes for each component of `query`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn f32_squared_l2_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    let step = |sum, q, x| {
        let difference = vsubq_f32(q, x);
        vfmaq_f32(sum, difference, difference)
    };
    // SAFETY: guaranteed by the caller.
    unsafe { f32_sum_4(query, codes, step) }
}

/// Sums `step` over 4 components at a time; the tail is padded with zeros.
///
/// # Safety
/// Each code has 4 bytes for each component of `query`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn f32_sum_4(
    query: &[f32],
    codes: [&[u8]; 4],
    step: impl Fn(float32x4_t, float32x4_t, float32x4_t) -> float32x4_t,
) -> [f32; 4] {
    let (whole, tail) = query.as_chunks::<4>();
    let mut sums = [vdupq_n_f32(0.0); 4];
    for (i, q) in whole.iter().enumerate() {
        // SAFETY: codes are as long as the query, 4 bytes a component.
        unsafe {
            let q = vld1q_f32(q.as_ptr());
            for n in 0..4 {
                let x = vreinterpretq_f32_u8(vld1q_u8(codes[n].as_ptr().add(16 * i)));
                sums[n] = step(sums[n], q, x);
            }
        }
    }
    if !tail.is_empty() {
        let q: [f32; 4] = padded(tail);
        for n in 0..4 {
            let x: [u8; 16] = padded(&codes[n][16 * whole.len()..]);
            // SAFETY: 4 components and 16 bytes on the stack.
            let (q, x) = unsafe { (vld1q_f32(q.as_ptr()), vld1q_u8(x.as_ptr())) };
            sums[n] = step(sums[n], q, vreinterpretq_f32_u8(x));
        }
    }
    sums.map(|sum| vaddvq_f32(sum))
}

/// Both forms of the int8 dot product: signed values are multiplied, and what flipping the sign bit of the
/// row changed is added. `$step` takes a sum, 16 query bytes and 16 row bytes.
macro_rules! int8_dot_4 {
    ($query:ident, $codes:ident, $step:ident) => {{
        let sign = vdupq_n_u8(SIGN);
        let (whole, tail) = $query.as_chunks::<16>();
        let mut sums = [vdupq_n_s32(0); 4];
        for (i, q) in whole.iter().enumerate() {
            for n in 0..4 {
                // SAFETY: codes are as long as the query.
                let (q, x) = unsafe { (vld1q_s8(q.as_ptr()), vld1q_u8($codes[n].as_ptr().add(16 * i))) };
                sums[n] = $step(sums[n], q, vreinterpretq_s8_u8(veorq_u8(x, sign)));
            }
        }
        if !tail.is_empty() {
            let q: [i8; 16] = padded(tail);
            for n in 0..4 {
                let x: [u8; 16] = last($codes[n]);
                // SAFETY: 16 bytes each on the stack.
                let (q, x) = unsafe { (vld1q_s8(q.as_ptr()), vld1q_u8(x.as_ptr())) };
                sums[n] = $step(sums[n], q, vreinterpretq_s8_u8(veorq_u8(x, sign)));
            }
        }
        let offset = $query.iter().map(|&q| i32::from(q)).sum::<i32>() * i32::from(SIGN);
        sums.map(|sum| vaddvq_s32(sum).wrapping_add(offset))
    }};
}

/// # Safety
/// Each code has a byte for each component of `query`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn int8_dot_4(query: &[i8], codes: [&[u8]; 4]) -> [i32; 4] {
    int8_dot_4!(query, codes, add_products)
}

/// # Safety
/// Each code has a byte for each component of `query`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn int8_dot_sdot_4(query: &[i8], codes: [&[u8]; 4]) -> [i32; 4] {
    int8_dot_4!(query, codes, sdot)
}

/// By 16-bit products, of which no two are added in 16 bits: (-128)² twice is too much.
#[inline]
#[target_feature(enable = "neon")]
fn add_products(sum: int32x4_t, q: int8x16_t, x: int8x16_t) -> int32x4_t {
    let low = vmull_s8(vget_low_s8(q), vget_low_s8(x));
    vpadalq_s16(vpadalq_s16(sum, low), vmull_high_s8(q, x))
}

/// The instruction; its intrinsic is not stable yet.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot(mut sum: int32x4_t, q: int8x16_t, x: int8x16_t) -> int32x4_t {
    // SAFETY: registers only.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {q:v}.16b, {x:v}.16b",
            sum = inout(vreg) sum,
            q = in(vreg) q,
            x = in(vreg) x,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// # Safety
/// Each code has a byte for each component of `query`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn int8_weigh_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    let sign = vdup_n_u8(SIGN);
    let step = |sum, q: &[f32; 8], x: *const u8| {
        // SAFETY: `q` has 8 components and, by its two callers below, `x` 8 bytes.
        let (q0, q1, x) = unsafe { (vld1q_f32(q.as_ptr()), vld1q_f32(q[4..].as_ptr()), vld1_u8(x)) };
        let x = vmovl_s8(vreinterpret_s8_u8(veor_u8(x, sign)));
        let sum = vfmaq_f32(sum, q0, vcvtq_f32_s32(vmovl_s16(vget_low_s16(x))));
        vfmaq_f32(sum, q1, vcvtq_f32_s32(vmovl_high_s16(x)))
    };
    let (whole, tail) = query.as_chunks::<8>();
    let mut sums = [vdupq_n_f32(0.0); 4];
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
    sums.map(|sum| vaddvq_f32(sum))
}

/// # Safety
/// Each code has a bit for each component of `query`: whole words of 64.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn bit_weigh_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    // SAFETY: 4 numbers each.
    let lanes = unsafe { [vld1q_u32([1, 2, 4, 8].as_ptr()), vld1q_u32([16, 32, 64, 128].as_ptr())] };
    let mut sums = [vdupq_n_f32(0.0); 4];
    for (i, q) in query.as_chunks::<4>().0.iter().enumerate() {
        // SAFETY: 4 components.
        let q = unsafe { vreinterpretq_u32_f32(vld1q_f32(q.as_ptr())) };
        for n in 0..4 {
            let set = vtstq_u32(vdupq_n_u32(codes[n][i / 2].into()), lanes[i % 2]);
            sums[n] = vaddq_f32(sums[n], vreinterpretq_f32_u32(vandq_u32(q, set)));
        }
    }
    sums.map(|sum| vaddvq_f32(sum))
}
