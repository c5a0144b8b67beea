//! `VSIM key (ELE element | FP32 blob | … | VALUES n v…) [AND [WEIGHT w] …]… [WITHSCORES] [WITHATTRIBS] [COUNT n]
//! [EPSILON x] [MINSCORE s] [EXCLUDE] [EF n] [FILTER expression] [PARAMS n name value …] [FILTER-EF n] [TRUTH]
//! [NOTHREAD]`

use std::collections::HashMap;

use super::args::{Args, double, integer, is_word};
use super::insertion::behind_key;
use super::near::Question;
use super::{Arguments, CommandError};
use crate::filter;
use crate::set::{MAX_EF, Params, SearchOptions};
use crate::vector::Metric;

/// Bytes of a filter that are quoted in an error.
const MAX_NEAR: usize = 1024;

/// The options of VSIM and VMSIM: of the search, of the reply, and where it runs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub search: SearchOptions,
    pub with_scores: bool,
    pub with_attributes: bool,
    pub no_thread: bool,
    /// Leaves out the elements that the query names.
    pub exclude: bool,
}

/// The arguments behind the key.
///
/// # Errors
/// If there are too few.
pub fn arguments<'a>(arguments: Arguments<'a>) -> Result<Args<'a>, CommandError> {
    behind_key(arguments, 3)
}

/// Reads the options; `defaults` stand for those that are not given.
///
/// # Errors
/// The first that is wrong, from left to right; a parameter that a filter lacks comes last.
pub fn parse_options(args: &mut Args, defaults: SearchOptions) -> Result<Options, CommandError> {
    let mut options = Options { search: defaults, ..Options::default() };
    let mut parameters = Parameters::new();
    while let Some(option) = args.next() {
        if is_word(option, "WITHSCORES") {
            options.with_scores = true;
        } else if is_word(option, "WITHATTRIBS") {
            options.with_attributes = true;
        } else if is_word(option, "TRUTH") {
            options.search.truth = true;
        } else if is_word(option, "NOTHREAD") {
            options.no_thread = true;
        } else if is_word(option, "EXCLUDE") {
            options.exclude = true;
        } else {
            let value = args.next().ok_or(CommandError::VsimSyntax)?;
            if is_word(option, "COUNT") {
                options.search.count = positive(value).ok_or(CommandError::InvalidCount)?;
            } else if is_word(option, "EPSILON") {
                let epsilon = double(value).filter(|&x| x > 0.0).ok_or(CommandError::InvalidEpsilon)?;
                options.search.epsilon = Some(epsilon);
            } else if is_word(option, "MINSCORE") {
                options.search.min_score = Some(double(value).ok_or(CommandError::InvalidMinScore)?);
            } else if is_word(option, "EF") {
                let ef = positive(value).filter(|&ef| ef <= MAX_EF).ok_or(CommandError::InvalidEf)?;
                options.search.ef = Some(ef);
            } else if is_word(option, "FILTER-EF") {
                options.search.filter_ef = Some(positive(value).ok_or(CommandError::InvalidFilterEf)?);
            } else if is_word(option, "FILTER") {
                options.search.filter = Some(parse_filter(value)?);
            } else if is_word(option, "PARAMS") {
                parameters = parse_parameters(value, args)?;
            } else {
                return Err(CommandError::VsimSyntax);
            }
        }
    }
    options.search.filter = options.search.filter.map(|filter| bind(filter, &parameters)).transpose()?;
    Ok(options)
}

impl Options {
    /// Whether the options are meaningful for a metric.
    ///
    /// # Errors
    /// If one does not.
    pub fn check(&self, set: &Params) -> Result<(), CommandError> {
        match self.search.epsilon {
            Some(_) if set.metric == Metric::InnerProduct => Err(CommandError::NoEpsilon),
            _ => Ok(()),
        }
    }

    /// Adds to the options what depends on the query's vectors.
    pub fn complete(&mut self, question: &Question) {
        if self.exclude {
            self.search.excluded = question.elements();
        }
    }
}

/// Values for the names behind `$` in a filter.
pub type Parameters<'a> = HashMap<&'a [u8], &'a [u8]>;

/// `n name value …` behind PARAMS, n counting words; of a name that stands twice the last value counts.
///
/// # Errors
/// If there are fewer, or an odd number.
pub fn parse_parameters<'a>(count: &[u8], args: &mut Args<'a>) -> Result<Parameters<'a>, CommandError> {
    let count = integer(count).and_then(|n| usize::try_from(n).ok()).filter(|n| n % 2 == 0);
    let words = count.and_then(|count| args.take(count)).ok_or(CommandError::InvalidParams)?;
    Ok(words.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}

/// Puts values in the places of a filter's parameters.
///
/// # Errors
/// If one has no value, or they are too long.
pub fn bind(filter: filter::Expression, parameters: &Parameters) -> Result<filter::Expression, CommandError> {
    let value = |name: &[u8]| parameters.get(name).copied();
    filter.bind(value).map_err(|bad| match bad {
        filter::BadParameter::Unknown(name) => {
            CommandError::UnknownParameter(name[..name.len().min(MAX_NEAR)].to_vec())
        }
        filter::BadParameter::TooLong => CommandError::InvalidParams,
    })
}

/// `expression [PARAMS n name value …]`, the end of VCOUNT and VREMBYFILTER.
///
/// # Errors
/// The first that is wrong.
pub fn parse_whole_filter(arguments: Arguments) -> Result<filter::Expression, CommandError> {
    let mut args = Args::new(arguments);
    let filter = parse_filter(args.next().ok_or(CommandError::Arity)?)?;
    let parameters = match args.next() {
        None => Parameters::new(),
        Some(word) if is_word(word, "PARAMS") && !args.is_empty() => {
            parse_parameters(args.next().unwrap_or_default(), &mut args)?
        }
        Some(_) => return Err(CommandError::InvalidOption),
    };
    if !args.is_empty() {
        return Err(CommandError::InvalidOption);
    }
    bind(filter, &parameters)
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
            ("MINSCORE|x", InvalidMinScore),
            ("PARAMS|3|a|b|c", InvalidParams),
            ("PARAMS|2|a", InvalidParams),
            ("PARAMS|-2|a|b", InvalidParams),
            ("FILTER|.x == $y|PARAMS|2|x|y", UnknownParameter(b"y".to_vec())),
            ("FILTER|.x == $y", UnknownParameter(b"y".to_vec())),
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
