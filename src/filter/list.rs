//! A sorted list of constants: the right side of `in`.

use std::collections::HashSet;

use super::expression::Item;
use super::number;
use crate::attributes::{Bits, Value};

/// See the module's text. A value is in the list if it is `==` to one of its items.
#[derive(Clone, Debug)]
pub(super) struct List {
    /// The items that are numbers, ascending.
    numbers: Box<[f64]>,
    /// All items as numbers, ascending.
    as_numbers: Box<[f64]>,
    strings: HashSet<Box<[u8]>>,
    /// The strings as columns hold them.
    bits: HashSet<u64>,
}

impl List {
    pub fn new(items: &[Item]) -> List {
        let number = |item: &Item| match item {
            Item::Number(number) => Some(*number),
            Item::String(text) => Some(number::from_string(text)),
            // What was never bound is nothing.
            Item::Parameter(_) => None,
        };
        let strings: HashSet<Box<[u8]>> = items
            .iter()
            .filter_map(|item| match item {
                Item::String(text) => Some(text.clone()),
                Item::Number(_) | Item::Parameter(_) => None,
            })
            .collect();
        List {
            numbers: ascending(items.iter().filter(|item| matches!(item, Item::Number(_))).filter_map(number)),
            as_numbers: ascending(items.iter().filter_map(number)),
            bits: strings.iter().map(|text| Bits::string(text).to_u64()).collect(),
            strings,
        }
    }

    /// Whether a value is in the list.
    pub fn contains(&self, value: Value) -> bool {
        match value {
            Value::Null => false,
            Value::Number(number) => has(&self.as_numbers, number),
            Value::Array(_) => self.has_zero(),
            Value::String(text) => {
                self.strings.contains(text) || !self.numbers.is_empty() && has(&self.numbers, number::from_string(text))
            }
        }
    }

    /// Whether an array is in the list: it counts as zero.
    pub fn has_zero(&self) -> bool {
        has(&self.as_numbers, 0.0)
    }

    /// Whether a long string with these bits is in the list; None if they do not decide.
    pub fn contains_long(&self, bits: Bits) -> Option<bool> {
        (self.numbers.is_empty() && !self.bits.contains(&bits.to_u64())).then_some(false)
    }

    pub fn is_empty(&self) -> bool {
        self.as_numbers.is_empty() && self.strings.is_empty()
    }
}

/// Sorted, without NaN, which equals nothing. Both zeros are one.
fn ascending(numbers: impl Iterator<Item = f64>) -> Box<[f64]> {
    let mut sorted: Vec<f64> = numbers.filter(|number| !number.is_nan()).map(|number| number + 0.0).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.dedup();
    sorted.into()
}

fn has(sorted: &[f64], number: f64) -> bool {
    sorted.binary_search_by(|item| item.total_cmp(&(number + 0.0))).is_ok()
}
