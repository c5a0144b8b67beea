//! The inner loops of all distances, in one form per instruction set, chosen at run time.
//!
//! A kernel takes one query and a batch of rows, so one indirect call serves all. It processes four rows at a time,
//! which share the loads of the query and are summed together. `scalar` is the reference definition that
//! every other form is tested against: integers exactly, floats up to the order of summation.
#![allow(unsafe_code)]

use std::fmt;
use std::sync::LazyLock;

use super::codec::HEADER;
pub(super) use rotate::{FEWEST_ROTATED, rotate};

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod rotate;
mod scalar;
#[cfg(test)]
mod tests;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod words;

/// A kernel: one result per row for a query of `Q`s.
///
/// # Safety
/// The CPU has the instructions; `rows` and `out` have equal lengths; each row has the length that its
/// wrapper in [`Kernels`] checks.
type Batch<Q, T> = unsafe fn(query: &[Q], rows: &[&[u8]], out: &mut [T]);

/// The kernels for one instruction set, of which this CPU has all.
pub struct Kernels {
    name: &'static str,
    /// Sum of query * component.
    f32_dot: Batch<f32, f32>,
    /// Sum of (query - component)².
    f32_squared_l2: Batch<f32, f32>,
    /// The same of components of 2 bytes.
    f16_dot: Batch<f32, f32>,
    f16_squared_l2: Batch<f32, f32>,
    /// Sum of query * (stored byte, unsigned), modulo 2^32.
    int8_dot: Batch<i8, i32>,
    /// Sum of query * (stored byte as signed value).
    int8_weigh: Batch<f32, f32>,
    /// Number of differing bits.
    bit_distance: Batch<u8, u32>,
    /// Sum of the query components whose stored bit is set.
    bit_weigh: Batch<f32, f32>,
    /// The same of components of 4 bits, each from -15 to 15 in steps of 2.
    plane_weigh: Batch<u8, i32>,
    /// Sum of query * (4 stored bits, unsigned): first the lower halves of all bytes, then the upper ones.
    nibble_dot: Batch<i8, i32>,
}

impl Kernels {
    /// How [`select`] calls them.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Dot products of a query with F32 rows.
    pub(super) fn f32_dot(&self, query: &[f32], rows: &[&[u8]], out: &mut [f32]) {
        check(4 * query.len(), rows, out);
        // SAFETY: selected for this CPU; lengths checked.
        unsafe { (self.f32_dot)(query, rows, out) }
    }

    /// Squared Euclidean distances of a query from F32 rows.
    pub(super) fn f32_squared_l2(&self, query: &[f32], rows: &[&[u8]], out: &mut [f32]) {
        check(4 * query.len(), rows, out);
        // SAFETY: selected for this CPU; lengths checked.
        unsafe { (self.f32_squared_l2)(query, rows, out) }
    }

    /// Dot products of a query with F16 rows.
    pub(super) fn f16_dot(&self, query: &[f32], rows: &[&[u8]], out: &mut [f32]) {
        check(2 * query.len(), rows, out);
        // SAFETY: selected for this CPU; lengths checked.
        unsafe { (self.f16_dot)(query, rows, out) }
    }

    /// Squared Euclidean distances of a query from F16 rows.
    pub(super) fn f16_squared_l2(&self, query: &[f32], rows: &[&[u8]], out: &mut [f32]) {
        check(2 * query.len(), rows, out);
        // SAFETY: selected for this CPU; lengths checked.
        unsafe { (self.f16_squared_l2)(query, rows, out) }
    }

    /// Dot products, modulo 2^32, of a signed query with the unsigned bytes of Int8 rows.
    pub(super) fn int8_dot(&self, query: &[i8], rows: &[&[u8]], out: &mut [i32]) {
        check(query.len(), rows, out);
        // SAFETY: selected for this CPU; lengths checked.
        unsafe { (self.int8_dot)(query, rows, out) }
    }

    /// Dot products of a query with the signed values of Int8 rows.
    pub(super) fn int8_weigh(&self, query: &[f32], rows: &[&[u8]], out: &mut [f32]) {
        check(query.len(), rows, out);
        // SAFETY: selected for this CPU; lengths checked.
        unsafe { (self.int8_weigh)(query, rows, out) }
    }

    /// Numbers of bits in which a Binary code differs from those of rows.
    pub(super) fn bit_distance(&self, query: &[u8], rows: &[&[u8]], out: &mut [u32]) {
        assert_eq!(query.len() % 8, 0, "whole words");
        check(query.len(), rows, out);
        // SAFETY: selected for this CPU; lengths checked, whole words.
        unsafe { (self.bit_distance)(query, rows, out) }
    }

    /// Sums of the query components whose bit is set in a Binary row. The query covers padding bits too.
    pub(super) fn bit_weigh(&self, query: &[f32], rows: &[&[u8]], out: &mut [f32]) {
        assert_eq!(query.len() % 64, 0, "whole words");
        check(query.len() / 8, rows, out);
        // SAFETY: selected for this CPU; lengths checked, whole words.
        unsafe { (self.bit_weigh)(query, rows, out) }
    }

    /// Sums of 2u - 15 over the query components u, of 4 bits, whose bit is set in a Binary row. The query is four
    /// Binary codes, one after the other: of the lowest bits of all components to the highest.
    pub(super) fn plane_weigh(&self, query: &[u8], rows: &[&[u8]], out: &mut [i32]) {
        assert_eq!(query.len() % 32, 0, "whole words in four planes");
        check(query.len() / 4, rows, out);
        // SAFETY: selected for this CPU; lengths checked, whole words.
        unsafe { (self.plane_weigh)(query, rows, out) }
    }

    /// Dot products of a signed query with rows of unsigned components of 4 bits: those in the lower halves of all bytes,
    /// followed by those in the upper halves.
    pub(super) fn nibble_dot(&self, query: &[i8], rows: &[&[u8]], out: &mut [i32]) {
        assert_eq!(query.len() % 16, 0, "whole words in two halves");
        check(query.len() / 2, rows, out);
        // SAFETY: selected for this CPU; lengths checked, two halves.
        unsafe { (self.nibble_dot)(query, rows, out) }
    }
}

impl fmt::Debug for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What makes the kernels safe: each row is a header and `code_len` bytes, and has a place in `out`.
fn check<T>(code_len: usize, rows: &[&[u8]], out: &[T]) {
    assert_eq!(rows.len(), out.len(), "rows and results");
    assert!(rows.iter().all(|row| row.len() == HEADER + code_len), "row length");
}

/// Defines a kernel from a function that does four rows. The last rows of a batch, when fewer, are filled up
/// with repetitions: four rows take hardly longer than one, whose additions would wait for each other.
macro_rules! batch {
    ($(#[$attribute:meta])* $name:ident, $four:ident: $query:ty => $result:ty) => {
        $(#[$attribute])*
        pub(super) unsafe fn $name(query: &[$query], rows: &[&[u8]], out: &mut [$result]) {
            for (rows, out) in rows.chunks(4).zip(out.chunks_mut(4)) {
                let code = |n: usize| &rows[n.min(rows.len() - 1)][crate::vector::HEADER..];
                // SAFETY: as promised by the caller.
                let results = unsafe { $four(query, [code(0), code(1), code(2), code(3)]) };
                out.copy_from_slice(&results[..out.len()]);
            }
        }
    };
}
use batch;

/// What is left of a query when it fills no register, behind zeros.
#[allow(dead_code, reason = "not every architecture needs it")]
#[inline]
fn padded<T: Copy + Default, const N: usize>(tail: &[T]) -> [T; N] {
    let mut full = [T::default(); N];
    full[N - tail.len()..].copy_from_slice(tail);
    full
}

/// The end of a code that belongs to a [`padded`] tail of the query. What stands before the tail meets zeros.
#[allow(dead_code, reason = "not every architecture needs it")]
#[inline]
fn last<const N: usize>(code: &[u8]) -> [u8; N] {
    code.last_chunk().copied().unwrap_or_else(|| padded(code))
}

/// Why [`select`] failed: no kernels of that name are known, or this CPU cannot run them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable(String);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = available().iter().map(|kernels| kernels.name).collect();
        write!(f, "no kernels '{}' here, only: {}", self.0, names.join(", "))
    }
}

impl std::error::Error for Unavailable {}

/// The environment variable that names the kernels to use.
pub const VARIABLE: &str = "VSET_KERNEL";

/// All kernels this CPU can run, the best first.
pub fn available() -> &'static [Kernels] {
    static AVAILABLE: LazyLock<Vec<Kernels>> = LazyLock::new(|| {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(avx512::kernels());
            all.extend(avx2::kernels_vnni());
            all.extend(avx2::kernels());
        }
        #[cfg(target_arch = "aarch64")]
        {
            all.extend(neon::kernels_dot());
            all.extend(neon::kernels());
        }
        all.push(scalar::KERNELS);
        all
    });
    &AVAILABLE
}

/// The kernels called `name`: "avx512", "avxvnni", "avx2", "neondot", "neon" or "scalar".
pub fn select(name: &str) -> Result<&'static Kernels, Unavailable> {
    available().iter().find(|kernels| kernels.name == name).ok_or_else(|| Unavailable(name.into()))
}

/// The kernels that [`VARIABLE`] names, or else the best ones. A module may report the error when it loads; it then
/// runs with the best.
pub fn configured() -> Result<&'static Kernels, Unavailable> {
    match std::env::var_os(VARIABLE) {
        Some(name) => select(&name.to_string_lossy()),
        None => Ok(&available()[0]),
    }
}

/// The kernels in use: the [`configured`] ones, or the best if those cannot be had. Fixed at the first call.
pub fn active() -> &'static Kernels {
    static ACTIVE: LazyLock<&Kernels> = LazyLock::new(|| match configured() {
        Ok(kernels) => kernels,
        // A test that measures other kernels than it was told to must not pass; a server must not stop.
        Err(error) if cfg!(test) => panic!("{VARIABLE}: {error}"),
        Err(_) => &available()[0],
    });
    &ACTIVE
}

/// The name of the kernels in use.
pub fn kernel_name() -> &'static str {
    active().name
}
