//! `VSIM key (ELE element | FP32 blob | VALUES n v…) [WITHSCORES] [WITHATTRIBS] [COUNT n]
//! [EPSILON x] [EF n] [FILTER expression] [FILTER-EF n] [TRUTH] [NOTHREAD]`

use super::args::{Args, double, integer, is_word};
use super::{Arguments, CommandError, VectorArgument};
use crate::filter;
use crate::set::{MAX_EF, Params, SearchOptions, Target, VectorSet};

/// Bytes of a filter that an error repeats.
const MAX_NEAR: usize = 1024;

/// What to look near to.
#[derive(Clone, Debug, PartialEq)]
pub enum Near<'a> {
    Element(&'a [u8]),
    Vector(Vec<f32>),
}

/// How the answer looks, and where it is found.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub search: SearchOptions,
    pub with_scores: bool,
    pub with_attributes: bool,
    pub no_thread: bool,
}

/// Reads what to look near to; the options are what is left of `args`.
///
/// # Errors
/// If it is malformed.
pub fn parse_near<'a>(args: &mut Args<'a>) -> Result<Near<'a>, CommandError> {
    let format = args.next().ok_or(CommandError::Arity)?;
    if is_word(format, "ELE") {
        return args.next().map(Near::Element).ok_or(CommandError::InvalidVector);
    }
    VectorArgument::parse_format(format, args).map(|VectorArgument(vector)| Near::Vector(vector))
}

/// The arguments behind the key.
///
/// # Errors
/// If there are too few.
pub fn arguments<'a>(arguments: Arguments<'a>) -> Result<Args<'a>, CommandError> {
    if arguments.len() < 3 {
        return Err(CommandError::Arity);
    }
    Ok(Args::new(&arguments[1..]))
}

impl Near<'_> {
    /// Whether this can be looked for in a set.
    ///
    /// # Errors
    /// If the element is not there or the dimension is another.
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

/// Reads the options; `defaults` stand for those that are not given.
///
/// # Errors
/// The first that is wrong, from left to right.
pub fn parse_options(args: &mut Args, defaults: SearchOptions) -> Result<Options, CommandError> {
    let mut options = Options { search: defaults, ..Options::default() };
    while let Some(option) = args.next() {
        if is_word(option, "WITHSCORES") {
            options.with_scores = true;
        } else if is_word(option, "WITHATTRIBS") {
            options.with_attributes = true;
        } else if is_word(option, "TRUTH") {
            options.search.truth = true;
        } else if is_word(option, "NOTHREAD") {
            options.no_thread = true;
        } else {
            let value = args.next().ok_or(CommandError::VsimSyntax)?;
            if is_word(option, "COUNT") {
                options.search.count = positive(value).ok_or(CommandError::InvalidCount)?;
            } else if is_word(option, "EPSILON") {
                let epsilon = double(value).filter(|&x| x > 0.0).ok_or(CommandError::InvalidEpsilon)?;
                options.search.epsilon = Some(epsilon);
            } else if is_word(option, "EF") {
                let ef = positive(value).filter(|&ef| ef <= MAX_EF).ok_or(CommandError::InvalidEf)?;
                options.search.ef = Some(ef);
            } else if is_word(option, "FILTER-EF") {
                options.search.filter_ef = Some(positive(value).ok_or(CommandError::InvalidFilterEf)?);
            } else if is_word(option, "FILTER") {
                options.search.filter = Some(parse_filter(value)?);
            } else {
                return Err(CommandError::VsimSyntax);
            }
        }
    }
    Ok(options)
}

/// Reads a filter expression.
///
/// # Errors
/// With the text from where it goes wrong.
pub fn parse_filter(text: &[u8]) -> Result<filter::Expression, CommandError> {
    filter::parse(text).map_err(|error| {
        let near = error.near(text);
        CommandError::InvalidFilter(near[..near.len().min(MAX_NEAR)].to_vec())
    })
}

fn positive(arg: &[u8]) -> Option<usize> {
    integer(arg).filter(|&n| n > 0).map(|n| usize::try_from(n).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Result<Options, CommandError> {
        let words: Vec<&[u8]> = text.split('|').map(str::as_bytes).collect();
        parse_options(&mut Args::new(&words), SearchOptions::default())
    }

    #[test]
    fn errors_in_order() {
        use CommandError::*;
        for (text, error) in [
            ("COUNT|0", InvalidCount),
            ("COUNT|-1", InvalidCount),
            ("COUNT", VsimSyntax),
            ("EPSILON|0", InvalidEpsilon),
            ("EPSILON|nan", InvalidEpsilon),
            ("EF|1000001", InvalidEf),
            ("FILTER-EF|0", InvalidFilterEf),
            ("NONSENSE", VsimSyntax),
            ("EF|x|COUNT|0", InvalidEf),
            ("FILTER|1 +", InvalidFilter(b"1 +".to_vec())),
        ] {
            assert_eq!(options(text).err(), Some(error), "{text}");
        }
    }

    #[test]
    fn the_last_of_an_option_wins() {
        let options = options("count|3|WithScores|COUNT|5|epsilon|inf|EF|7|truth|FILTER|1").unwrap();
        assert_eq!(options.search.count, 5);
        assert_eq!(options.search.ef, Some(7));
        assert_eq!(options.search.epsilon, Some(f64::INFINITY));
        assert!(options.search.truth && options.with_scores && !options.with_attributes);
        assert!(options.search.filter.is_some());
    }
}
