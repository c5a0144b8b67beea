//! Random projection to fewer dimensions, bit for bit as Redis 8 does it.

use std::fmt;

use super::{MAX_DIM, is_finite};

/// Output components computed together.
const LANES: usize = 16;

/// A matrix of `output` rows by `input` columns that vectors are multiplied by before they are encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    output: usize,
    input: usize,
    matrix: Matrix,
}

#[derive(Clone, Debug, PartialEq)]
enum Matrix {
    /// Entry (i, j) is `scale`, negated if `i & j` has an odd number of bits. Not stored: clients may ask for
    /// 65536 by 65536.
    Generated { scale: f32 },
    /// Row by row; from a file that holds something else.
    Loaded(Vec<f32>),
}

/// Why a saved matrix was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadMatrix {
    /// A dimension is not from 1 to [`MAX_DIM`], or there are more rows than columns.
    Dimensions,
    /// The bytes are not 4 for each entry.
    Length,
    /// An entry is infinite or not a number.
    Entry,
}

impl fmt::Display for BadMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadMatrix::Dimensions => "projection of bad dimensions",
            BadMatrix::Length => "projection matrix of a wrong length",
            BadMatrix::Entry => "projection matrix with an entry that is not finite",
        })
    }
}

impl std::error::Error for BadMatrix {}

impl Projection {
    /// The default matrix for these dimensions.
    ///
    /// # Panics
    /// Unless `1 <= output <= input <= MAX_DIM`.
    pub fn generate(output: usize, input: usize) -> Projection {
        assert!(sound(output, input), "projection of {input} to {output}");
        let scale = (1.0 / (input as f64).sqrt()) as f32;
        Projection { output, input, matrix: Matrix::Generated { scale } }
    }

    /// A saved matrix: f32, little-endian, row by row.
    pub fn from_wire(output: usize, input: usize, wire: &[u8]) -> Result<Projection, BadMatrix> {
        if !sound(output, input) {
            return Err(BadMatrix::Dimensions);
        }
        let generated = Projection::generate(output, input);
        if wire.len() as u64 != generated.wire_len() {
            return Err(BadMatrix::Length);
        }
        let mut row = Vec::with_capacity(4 * input);
        let mut same = |(i, saved): (usize, &[u8])| {
            row.clear();
            generated.write_row(i, &mut row);
            saved == row
        };
        if wire.chunks(4 * input).enumerate().all(&mut same) {
            return Ok(generated);
        }
        let entries: Vec<f32> = super::codec::floats(wire).collect();
        if !is_finite(&entries) {
            return Err(BadMatrix::Entry);
        }
        Ok(Projection { output, input, matrix: Matrix::Loaded(entries) })
    }

    /// Components of a projected vector.
    pub fn output(&self) -> usize {
        self.output
    }

    /// Components of a vector to project.
    pub fn input(&self) -> usize {
        self.input
    }

    /// Bytes of memory that the matrix takes.
    pub fn heap_size(&self) -> usize {
        match &self.matrix {
            Matrix::Generated { .. } => 0,
            Matrix::Loaded(entries) => 4 * entries.capacity(),
        }
    }

    /// Bytes of the saved form.
    pub fn wire_len(&self) -> u64 {
        4 * self.output as u64 * self.input as u64
    }

    /// Appends row `i` of the saved form; all rows in turn make up the whole.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn write_row(&self, i: usize, wire: &mut Vec<u8>) {
        assert!(i < self.output, "row {i} of {}", self.output);
        let mut put = |x: f32| wire.extend_from_slice(&x.to_le_bytes());
        match &self.matrix {
            Matrix::Generated { scale } => (0..self.input).for_each(|j| put(negated_if(odd(i & j), *scale))),
            Matrix::Loaded(entries) => entries[i * self.input..][..self.input].iter().for_each(|&x| put(x)),
        }
    }

    /// The whole saved form. It may be huge: prefer [`Projection::write_row`] where it can be streamed.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut wire = Vec::with_capacity(self.wire_len() as usize);
        (0..self.output).for_each(|i| self.write_row(i, &mut wire));
        wire
    }

    /// The projection of `vector`. Each component is summed up in f32 from the first column to the last.
    /// Sums of huge components may leave the range of f32: check the result with [`is_finite`].
    ///
    /// # Panics
    /// If `vector` has not `input` components.
    pub fn apply(&self, vector: &[f32]) -> Vec<f32> {
        assert_eq!(vector.len(), self.input, "vector length");
        let mut out = vec![0.0; self.output];
        match &self.matrix {
            Matrix::Generated { scale } => apply_generated(*scale, vector, &mut out),
            Matrix::Loaded(entries) => apply_loaded(entries, vector, &mut out),
        }
        out
    }
}

fn sound(output: usize, input: usize) -> bool {
    1 <= output && output <= input && input <= MAX_DIM
}

fn odd(bits: usize) -> bool {
    bits.count_ones() % 2 == 1
}

/// Exact: flips the sign bit.
fn negated_if(negate: bool, x: f32) -> f32 {
    f32::from_bits(x.to_bits() ^ (u32::from(negate) << 31))
}

/// Lanes are outputs, so each still adds its terms in order. Of output i = `first + lane`, the low bits choose
/// a sign by lane and column alone, and the high bits one that all lanes share.
fn apply_generated(scale: f32, vector: &[f32], out: &mut [f32]) {
    let signs: [[u32; LANES]; LANES] =
        std::array::from_fn(|column| std::array::from_fn(|lane| u32::from(odd(lane & column)) << 31));
    // Negating a factor negates the product and nothing else.
    let scaled: Vec<f32> = vector.iter().map(|x| scale * x).collect();
    for (block, out) in out.chunks_mut(LANES).enumerate() {
        let first = block * LANES;
        let mut sums = [0.0f32; LANES];
        for (j, &x) in scaled.iter().enumerate() {
            let bits = negated_if(odd(first & j), x).to_bits();
            for (sum, sign) in sums.iter_mut().zip(&signs[j % LANES]) {
                *sum += f32::from_bits(bits ^ sign);
            }
        }
        out.copy_from_slice(&sums[..out.len()]);
    }
}

/// Eight rows at a time, so that their additions need not wait for each other.
fn apply_loaded(entries: &[f32], vector: &[f32], out: &mut [f32]) {
    const ROWS: usize = 8;
    let input = vector.len();
    for (rows, out) in entries.chunks(ROWS * input).zip(out.chunks_mut(ROWS)) {
        // The last rows, when fewer, are filled up with repetitions.
        let row = |n: usize| &rows[n.min(out.len() - 1) * input..][..input];
        let rows: [&[f32]; ROWS] = std::array::from_fn(row);
        let mut sums = [0.0f32; ROWS];
        for (j, x) in vector.iter().enumerate() {
            for (sum, row) in sums.iter_mut().zip(&rows) {
                *sum += row[j] * x;
            }
        }
        out.copy_from_slice(&sums[..out.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    fn bits(xs: &[f32]) -> Vec<u32> {
        xs.iter().map(|x| x.to_bits()).collect()
    }

    /// The projection by its definition.
    fn model(output: usize, entry: impl Fn(usize, usize) -> f32, vector: &[f32]) -> Vec<f32> {
        (0..output).map(|i| vector.iter().enumerate().fold(0.0, |sum, (j, x)| sum + entry(i, j) * x)).collect()
    }

    #[test]
    fn agrees_with_the_model_bit_for_bit() {
        let mut random = SmallRng::seed_from_u64(8);
        for (output, input) in [(1, 1), (2, 4), (3, 6), (16, 16), (17, 33), (63, 100), (300, 768), (384, 385)] {
            let s = (1.0 / (input as f64).sqrt()) as f32;
            let parity = |i: usize, j: usize| if odd(i & j) { -s } else { s };
            let vector: Vec<f32> = (0..input).map(|_| random.random_range(-1.0..1.0)).collect();
            let projection = Projection::generate(output, input);
            assert_eq!(bits(&projection.apply(&vector)), bits(&model(output, parity, &vector)));

            let wire = projection.to_wire();
            assert_eq!(Projection::from_wire(output, input, &wire), Ok(projection));
            let foreign: Vec<f32> = (0..output * input).map(|_| random.random_range(-1.0..1.0)).collect();
            let wire: Vec<u8> = foreign.iter().flat_map(|x| x.to_le_bytes()).collect();
            let loaded = Projection::from_wire(output, input, &wire).unwrap();
            assert!(loaded.heap_size() > 0);
            assert_eq!(loaded.to_wire(), wire);
            let entry = |i: usize, j: usize| foreign[i * input + j];
            assert_eq!(bits(&loaded.apply(&vector)), bits(&model(output, entry, &vector)));
        }
    }

    #[test]
    fn refuses_bad_matrices() {
        assert_eq!(Projection::from_wire(0, 1, &[]), Err(BadMatrix::Dimensions));
        assert_eq!(Projection::from_wire(2, 1, &[0; 8]), Err(BadMatrix::Dimensions));
        assert_eq!(Projection::from_wire(1, MAX_DIM + 1, &[]), Err(BadMatrix::Dimensions));
        assert_eq!(Projection::from_wire(1, 1, &[0; 5]), Err(BadMatrix::Length));
        assert_eq!(Projection::from_wire(1, 1, &f32::NAN.to_le_bytes()), Err(BadMatrix::Entry));
    }

    #[test]
    fn the_largest_takes_no_memory() {
        let projection = Projection::generate(MAX_DIM, MAX_DIM);
        assert_eq!((projection.heap_size(), projection.wire_len()), (0, 1 << 34));
        let mut row = Vec::new();
        projection.write_row(MAX_DIM - 1, &mut row);
        assert_eq!(row.len(), 4 * MAX_DIM);
    }
}
