//! The reference definition of every kernel, for any CPU.

use super::{Kernels, batch};
use crate::vector::codec::{bit, floats, signed};
use crate::vector::half::halves;

pub(super) const KERNELS: Kernels = Kernels {
    name: "scalar",
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
};

batch!(f32_dot, f32_dot_4: f32 => f32);
batch!(f32_squared_l2, f32_squared_l2_4: f32 => f32);
batch!(f16_dot, f16_dot_4: f32 => f32);
batch!(f16_squared_l2, f16_squared_l2_4: f32 => f32);
batch!(int8_dot, int8_dot_4: i8 => i32);
batch!(int8_weigh, int8_weigh_4: f32 => f32);
batch!(bit_distance, bit_distance_4: u8 => u32);
batch!(bit_weigh, bit_weigh_4: f32 => f32);
batch!(plane_weigh, plane_weigh_4: u8 => i32);
batch!(nibble_dot, nibble_dot_4: i8 => i32);

/// # Safety
/// None needed: unsafe like its siblings.
unsafe fn f32_dot_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    codes.map(|code| query.iter().zip(floats(code)).map(|(q, x)| q * x).sum())
}

/// # Safety
/// None needed: unsafe like its siblings.
unsafe fn f32_squared_l2_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    codes.map(|code| query.iter().zip(floats(code)).map(|(q, x)| (q - x) * (q - x)).sum())
}

/// # Safety
/// None needed: unsafe like its siblings.
unsafe fn f16_dot_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    codes.map(|code| query.iter().zip(halves(code)).map(|(q, x)| q * x).sum())
}

/// # Safety
/// None needed: unsafe like its siblings.
unsafe fn f16_squared_l2_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    codes.map(|code| query.iter().zip(halves(code)).map(|(q, x)| (q - x) * (q - x)).sum())
}

/// # Safety
/// None needed: unsafe like its siblings.
unsafe fn int8_dot_4(query: &[i8], codes: [&[u8]; 4]) -> [i32; 4] {
    let product = |(&q, &x): (&i8, &u8)| i32::from(q) * i32::from(x);
    codes.map(|code| query.iter().zip(code).map(product).fold(0, i32::wrapping_add))
}

/// # Safety
/// None needed: unsafe like its siblings.
unsafe fn int8_weigh_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    codes.map(|code| query.iter().zip(signed(code)).map(|(q, x)| q * f32::from(x)).sum())
}

/// # Safety
/// None needed: unsafe like its siblings.
unsafe fn bit_distance_4(query: &[u8], codes: [&[u8]; 4]) -> [u32; 4] {
    codes.map(|code| query.iter().zip(code).map(|(q, x)| (q ^ x).count_ones()).sum())
}

/// # Safety
/// None needed: unsafe like its siblings.
unsafe fn bit_weigh_4(query: &[f32], codes: [&[u8]; 4]) -> [f32; 4] {
    codes.map(|code| (0..query.len()).filter(|&j| bit(code, j)).map(|j| query[j]).sum())
}

/// # Safety
/// None needed: unsafe like its siblings.
unsafe fn plane_weigh_4(query: &[u8], codes: [&[u8]; 4]) -> [i32; 4] {
    let len = query.len() / 4;
    let component = |j: usize| (0..4).map(|p| i32::from(bit(&query[p * len..], j)) << p).sum::<i32>();
    codes.map(|code| (0..8 * len).filter(|&j| bit(code, j)).map(|j| 2 * component(j) - 15).sum())
}

/// # Safety
/// None needed: unsafe like its siblings.
unsafe fn nibble_dot_4(query: &[i8], codes: [&[u8]; 4]) -> [i32; 4] {
    let (low, high) = query.split_at(query.len() / 2);
    let product = |q: i8, x: u8| i32::from(i16::from(q) * i16::from(x));
    let sum =
        |code: &[u8]| code.iter().zip(low).zip(high).map(|((x, &l), &h)| product(l, x & 15) + product(h, x >> 4)).sum();
    codes.map(sum)
}
