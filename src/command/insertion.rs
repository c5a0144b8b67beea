//! What VADD and VMADD have in common: how elements are stored, and under which condition.

use super::args::{Args, integer, is_word};
use super::expiry::{Expiry, is_expiry};
use super::{Arguments, CommandError};
use crate::set::{DEFAULT_EF_ADD, DEFAULT_M, MAX_EF, MAX_M, MIN_M, Params};
use crate::vector::{Encoding, MAX_NEW_MATRIX, Metric};

/// When an element is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Always,
    /// If it is new (NX).
    New,
    /// If it is there (XX).
    There,
}

impl Condition {
    /// Whether it holds of an element.
    pub fn holds(self, is_there: bool) -> bool {
        match self {
            Condition::Always => true,
            Condition::New => !is_there,
            Condition::There => is_there,
        }
    }
}

/// How elements are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Insertion {
    /// Dimension to which vectors are projected.
    pub reduce: Option<usize>,
    pub encoding: Encoding,
    /// The metric, if one was named.
    pub metric: Option<Metric>,
    pub ef: usize,
    pub m: usize,
    pub condition: Condition,
    pub expiry: Expiry,
}

impl Insertion {
    /// The defaults, with this EF.
    pub fn new(reduce: Option<usize>, ef: usize) -> Insertion {
        Insertion {
            reduce,
            encoding: Encoding::Int8,
            metric: None,
            ef,
            m: DEFAULT_M,
            condition: Condition::Always,
            expiry: Expiry::None,
        }
    }

    /// Parses an option; false if it is another one, or lacks its value.
    ///
    /// # Errors
    /// If its value is wrong, or it contradicts another one.
    pub fn take(&mut self, option: &[u8], args: &mut Args) -> Result<bool, CommandError> {
        if is_word(option, "NOQUANT") {
            self.encoding = Encoding::F32;
        } else if is_word(option, "F16") {
            self.encoding = Encoding::F16;
        } else if is_word(option, "Q8") {
            self.encoding = Encoding::Int8;
        } else if is_word(option, "BIN") {
            self.encoding = Encoding::Binary;
        } else if is_word(option, "NX") {
            self.restrict(Condition::New)?;
        } else if is_word(option, "XX") {
            self.restrict(Condition::There)?;
        } else if is_word(option, "KEEPTTL") {
            self.expiry.choose(Expiry::Keep)?;
        } else if args.is_empty() {
            return Ok(false);
        } else if is_word(option, "EF") {
            self.ef = within(args.next(), 1, MAX_EF).ok_or(CommandError::InvalidEf)?;
        } else if is_word(option, "M") {
            self.m = within(args.next(), MIN_M, MAX_M).ok_or(CommandError::InvalidM)?;
        } else if is_word(option, "METRIC") || is_word(option, "XDISTANCE_METRIC") {
            let metric = args.next().and_then(Metric::from_word);
            self.metric = Some(metric.ok_or(CommandError::InvalidMetric)?);
        } else if is_expiry(option) {
            self.expiry.choose(Expiry::parse(option, args.next())?)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn restrict(&mut self, condition: Condition) -> Result<(), CommandError> {
        if self.condition != Condition::Always && self.condition != condition {
            return Err(CommandError::BothConditions);
        }
        self.condition = condition;
        Ok(())
    }

    /// Whether the options go together.
    ///
    /// # Errors
    /// If they do not.
    pub fn check_options(&self) -> Result<(), CommandError> {
        let needs_length = self.metric.is_some_and(|metric| metric != Metric::Cosine);
        if needs_length && self.encoding == Encoding::Binary { Err(CommandError::SignsOnly) } else { Ok(()) }
    }

    /// Parameters of the set that vectors of this dimension would create.
    pub fn params(&self, dim: usize) -> Params {
        Params {
            dim: self.reduce.unwrap_or(dim),
            input_dim: self.reduce.map(|_| dim),
            encoding: self.encoding,
            metric: self.metric.unwrap_or_default(),
            m: self.m,
        }
    }

    /// Whether vectors of this dimension may create a set.
    ///
    /// # Errors
    /// If nothing could save that set.
    pub fn check_new(&self, dim: usize) -> Result<(), CommandError> {
        let Some(output) = self.reduce else { return Ok(()) };
        let matrix = size_of::<f32>() as u64 * output as u64 * dim as u64;
        if matrix > MAX_NEW_MATRIX { Err(CommandError::ProjectionTooLarge) } else { Ok(()) }
    }

    /// Whether vectors of this dimension fit a set that exists.
    ///
    /// # Errors
    /// The first thing in which they do not.
    pub fn check(&self, got: usize, set: &Params) -> Result<(), CommandError> {
        if self.encoding != set.encoding {
            return Err(CommandError::QuantizationMismatch);
        }
        if self.m != set.m {
            return Err(CommandError::MMismatch);
        }
        if self.metric.is_some_and(|metric| metric != set.metric) {
            return Err(CommandError::MetricMismatch);
        }
        match set.input_dim {
            None if got != set.dim => Err(CommandError::DimensionMismatch { got, has: set.dim }),
            None if self.reduce.is_some() => Err(CommandError::NoProjection),
            None => Ok(()),
            Some(_) if self.reduce != Some(set.dim) => Err(CommandError::DimensionMismatch { got, has: set.dim }),
            Some(expects) if got != expects => Err(CommandError::ProjectionMismatch { got, expects }),
            Some(_) => Ok(()),
        }
    }

    /// The options in a form that has the same effect on any server, whatever its settings and its clock: no defaults, no
    /// conditions, times as they are. `now` is in milliseconds since 1970.
    pub fn write_options(&self, now: i64, args: &mut Vec<Vec<u8>>) {
        let mut add = |words: &[&[u8]]| args.extend(words.iter().map(|word| word.to_vec()));
        match self.encoding {
            Encoding::F32 => add(&[b"NOQUANT"]),
            Encoding::F16 => add(&[b"F16"]),
            Encoding::Int8 => {}
            Encoding::Binary => add(&[b"BIN"]),
        }
        if let Some(metric) = self.metric.filter(|&metric| metric != Metric::Cosine) {
            add(&[b"METRIC", metric.word().as_bytes()]);
        }
        if self.ef != DEFAULT_EF_ADD {
            add(&[b"EF", self.ef.to_string().as_bytes()]);
        }
        if self.m != DEFAULT_M {
            add(&[b"M", self.m.to_string().as_bytes()]);
        }
        match self.expiry {
            Expiry::None => {}
            Expiry::Keep => add(&[b"KEEPTTL"]),
            expiry => add(&[b"PXAT", expiry.at(now).unwrap_or(i64::MAX).to_string().as_bytes()]),
        }
    }
}

/// `REDUCE dim`, if present.
///
/// # Errors
/// If the dimension is none.
pub fn parse_reduce(args: &mut Args) -> Result<Option<usize>, CommandError> {
    if !args.take_word("REDUCE") {
        return Ok(None);
    }
    let dim = args.next().and_then(integer).filter(|&dim| dim > 0).ok_or(CommandError::InvalidVector)?;
    usize::try_from(dim).map(Some).map_err(|_| CommandError::InvalidVector)
}

fn within(arg: Option<&[u8]>, least: usize, most: usize) -> Option<usize> {
    let value = usize::try_from(integer(arg?)?).ok()?;
    (least..=most).contains(&value).then_some(value)
}

/// The arguments behind the key.
///
/// # Errors
/// If there are fewer than `least` with it.
pub fn behind_key<'a>(arguments: Arguments<'a>, least: usize) -> Result<Args<'a>, CommandError> {
    if arguments.len() < least {
        return Err(CommandError::Arity);
    }
    Ok(Args::new(&arguments[1..]))
}
