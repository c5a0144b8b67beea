//! The query vectors of VSIM and VMSIM: `(ELE element | FP32 blob | … | VALUES n v…) [AND [WEIGHT w] …]…`

use super::args::{Args, double, is_word};
use super::{CommandError, VectorArgument};
use crate::set::{BadBlend, Params, Target, VectorSet};

/// Maximum number of vectors of one query.
pub const MAX_PARTS: usize = 1024;

/// A query vector: given, or that of an element.
#[derive(Clone, Debug, PartialEq)]
pub enum Near<'a> {
    Element(&'a [u8]),
    Vector(Vec<f32>),
}

/// One of the vectors of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Part<'a> {
    pub near: Near<'a>,
    pub weight: f64,
    /// The set that an element is looked up in (VMSIM's FROM).
    pub from: Option<&'a [u8]>,
}

/// The query vectors: one, or several that are summed. Never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Question<'a>(pub Vec<Part<'a>>);

/// Parses the query vectors; what is left of `args` are options. `from` allows FROM after elements.
///
/// # Errors
/// If it is malformed.
pub fn parse<'a>(args: &mut Args<'a>, from: bool) -> Result<Question<'a>, CommandError> {
    let mut parts = vec![parse_part(args, 1.0, from)?];
    while args.take_word("AND") {
        if parts.len() == MAX_PARTS {
            return Err(CommandError::TooManyVectors);
        }
        let weight = match args.take_word("WEIGHT") {
            false => 1.0,
            true => args.next().and_then(double).filter(|w| w.is_finite()).ok_or(CommandError::InvalidWeight)?,
        };
        parts.push(parse_part(args, weight, from)?);
    }
    Ok(Question(parts))
}

fn parse_part<'a>(args: &mut Args<'a>, weight: f64, from: bool) -> Result<Part<'a>, CommandError> {
    let format = args.next().ok_or(CommandError::Arity)?;
    if !is_word(format, "ELE") {
        let vector = VectorArgument::parse_format(format, args)?;
        return Ok(Part { near: Near::Vector(vector.values), weight, from: None });
    }
    let near = args.next().map(Near::Element).ok_or(CommandError::InvalidVector)?;
    let from = match from && args.take_word("FROM") {
        true => Some(args.next().ok_or(CommandError::InvalidVector)?),
        false => None,
    };
    Ok(Part { near, weight, from })
}

impl Near<'_> {
    /// Checks that it can be searched for in a set.
    ///
    /// # Errors
    /// If the element is missing or the dimension differs.
    pub fn check(&self, set: &VectorSet) -> Result<(), CommandError> {
        let &Params { dim, input_dim, .. } = set.params();
        match self {
            Near::Element(name) if set.contains(name) => Ok(()),
            Near::Element(_) => Err(CommandError::NoSuchElement),
            Near::Vector(vector) if vector.len() == dim || Some(vector.len()) == input_dim => Ok(()),
            Near::Vector(vector) => Err(match input_dim {
                Some(expects) => CommandError::ProjectionMismatch { got: vector.len(), expects },
                None => CommandError::DimensionMismatch { got: vector.len(), has: dim },
            }),
        }
    }

    /// The same for the engine.
    pub fn target(&self) -> Target<'_> {
        match self {
            Near::Element(name) => Target::Element(name),
            Near::Vector(vector) => Target::Vector(vector),
        }
    }
}

impl<'a> Question<'a> {
    /// Checks that all of it can be searched for in a set.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn check(&self, set: &VectorSet) -> Result<(), CommandError> {
        self.0.iter().try_for_each(|part| part.near.check(set))
    }

    /// The elements that it names.
    pub fn elements(&self) -> Vec<Vec<u8>> {
        let name = |part: &Part| match part.near {
            Near::Element(name) => Some(name.to_vec()),
            Near::Vector(_) => None,
        };
        self.0.iter().filter_map(name).collect()
    }

    /// The one vector of the set's dimension that stands for several, made where elements are those of this
    /// set; None if there is only one.
    ///
    /// # Errors
    /// If they cannot be combined.
    pub fn blend(&self, set: &VectorSet) -> Result<Option<Vec<f32>>, CommandError> {
        let [_, _, ..] = &self.0[..] else { return Ok(None) };
        let parts: Vec<(Target, f64)> = self.0.iter().map(|part| (part.near.target(), part.weight)).collect();
        Ok(Some(set.blend(&parts)?))
    }
}

impl From<BadBlend> for CommandError {
    fn from(bad: BadBlend) -> CommandError {
        match bad {
            BadBlend::NoWeight => CommandError::NoWeight,
            BadBlend::Cancelled => CommandError::Cancelled,
            BadBlend::Vector(_) => CommandError::InvalidVector,
        }
    }
}
