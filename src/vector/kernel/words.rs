//! Kernels over words of 64 bits in plain Rust, which the compiler vectorizes. They are inlined into their callers
//! and use the instruction set of those.

/// Differing bits.
///
/// # Safety
/// None needed: unsafe like its siblings.
#[inline(always)]
pub(super) unsafe fn bit_distance_4(query: &[u8], codes: [&[u8]; 4]) -> [u32; 4] {
    let query = query.as_chunks::<8>().0;
    let differing = |(q, x): (&[u8; 8], &[u8; 8])| (u64::from_le_bytes(*q) ^ u64::from_le_bytes(*x)).count_ones();
    codes.map(|code| query.iter().zip(code.as_chunks::<8>().0).map(differing).sum())
}

/// The sum of 2u - 15 over set bits is twice that of u, plane by plane, less 15 for each bit.
///
/// # Safety
/// None needed: unsafe like its siblings.
#[inline(always)]
pub(super) unsafe fn plane_weigh_4(query: &[u8], codes: [&[u8]; 4]) -> [i32; 4] {
    let (words, _) = query.as_chunks::<8>();
    let planes: [&[[u8; 8]]; 4] = std::array::from_fn(|p| &words[p * (words.len() / 4)..][..words.len() / 4]);
    codes.map(|code| {
        let (mut weighed, mut ones) = (0, 0);
        for (i, x) in code.as_chunks::<8>().0.iter().enumerate() {
            let x = u64::from_le_bytes(*x);
            ones += x.count_ones();
            for (p, plane) in planes.iter().enumerate() {
                weighed += (x & u64::from_le_bytes(plane[i])).count_ones() << p;
            }
        }
        2 * weighed as i32 - 15 * ones as i32
    })
}
