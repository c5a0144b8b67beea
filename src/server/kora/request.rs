//! Arguments of Kora's commands.

use super::settings::{self, MAX_EF};
use crate::command::args::{double, integer, is_word};
use crate::search::glob::Glob;
use crate::server::commands::Failure;

/// Maximum number of components of a vector.
const MAX_DIM: i64 = 32_768;
/// Maximum k of a query.
const MAX_K: i64 = 1_000_000;

/// `VECSET key dim v1 … vdim`
pub struct VecSet {
    /// As 32-bit floats, little-endian.
    pub vector: Vec<u8>,
}

/// `VECQUERY key k v1 … [EF n]`
pub struct VecQuery {
    pub vector: Vec<u8>,
    pub k: i64,
    pub ef: i64,
    /// Only keys that match.
    pub pattern: Option<Glob>,
}

fn refuse<T>(text: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Text(text.into().into_bytes()))
}

/// Components of a vector of 32-bit floats.
pub fn dimension(vector: &[u8]) -> usize {
    vector.len() / size_of::<f32>()
}

fn vector(components: &[&[u8]]) -> Result<Vec<u8>, Failure> {
    let mut vector = Vec::with_capacity(components.len() * size_of::<f32>());
    for component in components {
        let Some(number) = double(component).map(|number| number as f32).filter(|number| number.is_finite()) else {
            return refuse("ERR invalid vector component: a finite number is expected");
        };
        vector.extend_from_slice(&number.to_le_bytes());
    }
    Ok(vector)
}

fn within(arg: &[u8], name: &str, most: i64) -> Result<i64, Failure> {
    match integer(arg).filter(|number| (1..=most).contains(number)) {
        Some(number) => Ok(number),
        None => refuse(format!("ERR {name} must be an integer from 1 to {most}")),
    }
}

impl VecSet {
    pub fn parse(args: &[&[u8]]) -> Result<VecSet, Failure> {
        let [_, dim, components @ ..] = args else { return Err(Failure::Arity) };
        let dim = within(dim, "dim", MAX_DIM)?;
        if components.len() as i64 != dim {
            return refuse(format!("ERR expected {dim} vector components, got {}", components.len()));
        }
        Ok(VecSet { vector: vector(components)? })
    }
}

impl VecQuery {
    pub fn parse(args: &[&[u8]]) -> Result<VecQuery, Failure> {
        let [key, k, rest @ ..] = args else { return Err(Failure::Arity) };
        let k = within(k, "k", MAX_K)?;
        let (components, ef) = match rest {
            [components @ .., word, ef] if is_word(word, "EF") => (components, within(ef, "EF", MAX_EF)?),
            components => (components, settings::ef_search()),
        };
        if components.is_empty() {
            return Err(Failure::Arity);
        }
        if components.len() as i64 > MAX_DIM {
            return refuse(format!("ERR a vector has at most {MAX_DIM} components"));
        }
        let pattern = match Glob::is_pattern(key) {
            false => None,
            true => match Glob::new(key) {
                None => return refuse("ERR the pattern is longer than 1000 bytes"),
                pattern => pattern,
            },
        };
        Ok(VecQuery { vector: vector(components)?, k, ef, pattern })
    }
}
