//! Vectors as clients give them: `VALUES n v…`, or a blob of components of a named type.

use super::CommandError;
use super::args::{Args, double, integer, is_word};
use crate::vector::{Component, Input, MAX_DIM, is_finite};

/// The words for types of components.
const WORDS: [(&str, Component); 8] = [
    ("FP32", Component::Float32),
    ("FP64", Component::Float64),
    ("FP16", Component::Float16),
    ("BF16", Component::Bfloat16),
    ("INT8", Component::Int8),
    ("UINT8", Component::Uint8),
    ("XU8", Component::Uint8),
    ("XB8", Component::Uint8),
];

/// The type of components that a word names.
pub fn component(word: &[u8]) -> Option<Component> {
    WORDS.iter().find(|(name, _)| is_word(word, name)).map(|&(_, component)| component)
}

/// The first word for a type of components.
fn word(component: Component) -> &'static str {
    WORDS.iter().find(|(_, known)| *known == component).map_or("FP32", |(word, _)| word)
}

/// A vector that a client gave.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorArgument<'a> {
    /// Its components.
    pub values: Vec<f32>,
    /// The original blob, if it is smaller than the values and equivalent.
    small: Option<(Component, &'a [u8])>,
}

impl<'a> VectorArgument<'a> {
    /// Reads the format word and what follows.
    ///
    /// # Errors
    /// If it is malformed, has no component or too many, or one that is not finite as a 32-bit float.
    pub fn parse(args: &mut Args<'a>) -> Result<VectorArgument<'a>, CommandError> {
        let format = args.next().ok_or(CommandError::InvalidVector)?;
        VectorArgument::parse_format(format, args)
    }

    /// Reads what follows this format word.
    ///
    /// # Errors
    /// As for [`VectorArgument::parse`].
    pub fn parse_format(format: &[u8], args: &mut Args<'a>) -> Result<VectorArgument<'a>, CommandError> {
        if let Some(component) = component(format) {
            return args
                .next()
                .and_then(|blob| VectorArgument::from_blob(component, blob))
                .ok_or(CommandError::InvalidVector);
        }
        let values = if is_word(format, "VALUES") { from_values(args) } else { None };
        let values = values.filter(|values| is_finite(values)).ok_or(CommandError::InvalidVector)?;
        Ok(VectorArgument { values, small: None })
    }

    /// From a blob; None if it is malformed.
    pub fn from_blob(component: Component, blob: &'a [u8]) -> Option<VectorArgument<'a>> {
        let small = (component.size() < Component::Float32.size()).then_some((component, blob));
        Some(VectorArgument { values: component.decode(blob)?, small })
    }

    /// The same for the engine.
    pub fn input(&self) -> Input<'_> {
        match self.small {
            Some((Component::Int8, blob)) => Input::Bytes(blob),
            _ => Input::Floats(&self.values),
        }
    }

    /// The type of components in which it is sent on.
    pub fn sent_as(&self) -> Component {
        self.small.map_or(Component::Float32, |(component, _)| component)
    }

    /// The blob that is sent on.
    pub fn blob(&self) -> Vec<u8> {
        match self.small {
            Some((_, blob)) => blob.to_vec(),
            None => self.values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    /// Its format word and blob.
    pub fn sent(&self) -> [Vec<u8>; 2] {
        [word(self.sent_as()).as_bytes().to_vec(), self.blob()]
    }
}

/// A count, then this many doubles.
fn from_values(args: &mut Args) -> Option<Vec<f32>> {
    let count = usize::try_from(integer(args.next()?)?).ok().filter(|n| (1..=MAX_DIM).contains(n))?;
    args.take(count)?.iter().map(|arg| double(arg).map(|x| x as f32)).collect()
}
