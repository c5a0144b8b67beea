//! Runs programs over blocks of columns: comparisons become branch-free loops, and logical operators work on one bit
//! per element.

use super::MAX_BLOCK_DEPTH;
use super::expression::{Binary, Comparison};
use super::program::{Program, Step};
use super::stack::Stack;
use crate::attributes::Bits;

/// Elements of a block.
pub const BLOCK: usize = 64;

/// What is known of a block's elements, a bit each.
#[derive(Clone, Copy, Default)]
pub struct Verdict {
    /// Those that match.
    pub matching: u64,
    /// Those whose records must be read. None of them is among `matching`.
    pub unknown: u64,
}

impl Program {
    /// [`Program::matches_columns`] for a block of elements: `columns[f][i]` is the value that
    /// element i has for field f of [`Program::fields`].
    pub fn matches_block(&self, columns: &[[Bits; BLOCK]]) -> Verdict {
        self.by_masks(columns).unwrap_or_else(|| self.one_by_one(columns))
    }

    fn one_by_one(&self, columns: &[[Bits; BLOCK]]) -> Verdict {
        let mut verdict = Verdict::default();
        let mut values = vec![Bits::MISSING; columns.len()];
        for i in 0..BLOCK {
            for (value, column) in values.iter_mut().zip(columns) {
                *value = column[i];
            }
            match self.matches_columns(&values) {
                Some(matches) => verdict.matching |= u64::from(matches) << i,
                None => verdict.unknown |= 1 << i,
            }
        }
        verdict
    }

    /// For programs of comparisons and logical operators; None for others.
    fn by_masks(&self, columns: &[[Bits; BLOCK]]) -> Option<Verdict> {
        if self.depth > MAX_BLOCK_DEPTH {
            return None;
        }
        let mut stack = Stack::<Verdict, MAX_BLOCK_DEPTH>::new();
        // Whatever is required, and no field missing: what is left of it at the end matches.
        let mut all = Verdict { matching: !0, unknown: 0 };
        for step in &self.steps {
            let next = match *step {
                Step::CompareNumber(comparison, at, number) => {
                    let column = &columns[usize::from(at)];
                    let verdict = compare_numbers(comparison, column, number);
                    all = and(all, present_beside(verdict, column));
                    verdict
                }
                Step::CompareString(comparison, at, string) => {
                    let column = &columns[usize::from(at)];
                    let verdict = compare_strings(comparison, column, Bits::string(&self.strings[string as usize]));
                    all = and(all, present_beside(verdict, column));
                    verdict
                }
                Step::Exists(at) => present(&columns[usize::from(at)]),
                Step::Not => {
                    let operand = stack.pop();
                    Verdict { matching: !operand.matching & !operand.unknown, unknown: operand.unknown }
                }
                Step::Binary(Binary::And) => and(stack.pop(), stack.pop()),
                Step::Binary(Binary::Or) => or(stack.pop(), stack.pop()),
                Step::Require => {
                    all = and(all, stack.pop());
                    continue;
                }
                _ => return None,
            };
            stack.push(next);
        }
        Some(all)
    }
}

fn and(a: Verdict, b: Verdict) -> Verdict {
    let matching = a.matching & b.matching;
    let possible = (a.matching | a.unknown) & (b.matching | b.unknown);
    Verdict { matching, unknown: possible & !matching }
}

fn or(a: Verdict, b: Verdict) -> Verdict {
    let matching = a.matching | b.matching;
    Verdict { matching, unknown: (a.unknown | b.unknown) & !matching }
}

/// Elements that have the field at all.
fn present(column: &[Bits; BLOCK]) -> Verdict {
    Verdict { matching: bits(column, |value| value != Bits::MISSING), unknown: 0 }
}

/// The same, where a comparison looked at the column: it knows nothing of missing fields, so where it knows
/// all, all are there.
fn present_beside(comparison: Verdict, column: &[Bits; BLOCK]) -> Verdict {
    if comparison.unknown == 0 { Verdict { matching: !0, unknown: 0 } } else { present(column) }
}

/// Anything but numbers is left to the records.
fn compare_numbers(comparison: Comparison, column: &[Bits; BLOCK], number: f64) -> Verdict {
    let known = bits(column, |value| value.number().is_some());
    let test = |test: fn(f64, f64) -> bool| bits(column, |value| test(f64::from_bits(value.to_u64()), number));
    let matching = match comparison {
        Comparison::Equal => test(|a, b| a == b),
        Comparison::NotEqual => test(|a, b| a != b),
        Comparison::Less => test(|a, b| a < b),
        Comparison::LessOrEqual => test(|a, b| a <= b),
        Comparison::Greater => test(|a, b| a > b),
        Comparison::GreaterOrEqual => test(|a, b| a >= b),
    };
    Verdict { matching: matching & known, unknown: !known }
}

/// Whether strings are equal; the rest, and equal hashes, are left to the records.
fn compare_strings(comparison: Comparison, column: &[Bits; BLOCK], string: Bits) -> Verdict {
    let negated = match comparison {
        Comparison::Equal => false,
        Comparison::NotEqual => true,
        _ => return Verdict { matching: 0, unknown: !0 },
    };
    let equal = bits(column, |value| value == string);
    let strings = bits(column, Bits::is_string);
    let known = if string.is_exact() { strings } else { strings & !equal };
    Verdict { matching: known & if negated { !equal } else { equal }, unknown: !known }
}

/// A bit for each value: whether the test holds.
#[inline(always)]
fn bits(column: &[Bits; BLOCK], test: impl Fn(Bits) -> bool) -> u64 {
    let mut bytes = [0u8; BLOCK];
    for (byte, &value) in bytes.iter_mut().zip(column) {
        *byte = u8::from(test(value));
    }
    bytes.as_chunks::<8>().0.iter().rev().fold(0, |mask, &eight| {
        // The product's highest byte has the lowest bits of the eight bytes, in order.
        mask << 8 | u64::from_le_bytes(eight).wrapping_mul(0x0102_0408_1020_4080) >> 56
    })
}
