//! `REDUCE function n argument… [AS name]`.

use super::aggregate::{Reducer, Reduction};
use super::args::{Args, MISSING, OptionArgs, UNCONVERTIBLE, bad, integer_within, unknown, upper};
use super::search::SortBy;
use crate::search::error::{Error, PARSE_ARGS};
use crate::search::number::parse_number;

/// The largest RANDOM_SAMPLE.
const MAX_SAMPLE: i64 = 1000;

/// Reads a reducer behind its first word.
pub(super) fn reducer(args: &mut Args) -> Result<Reducer, Error> {
    let name = args.value("REDUCE")?;
    let shown = String::from_utf8_lossy(&upper(name)).into_owned();
    if !FUNCTIONS.contains(&&shown[..]) {
        return Err(Error::quoting("SEARCH_REDUCER_NOT_FOUND", "No such reducer: %", &[name]));
    }
    let words = args.counted(&shown)?;
    let function = reduction(&shown, words)?;
    let name = match args.take_word("AS") {
        true => args.value("AS")?.to_vec(),
        false => generated(name, words),
    };
    Ok(Reducer { function, name })
}

const FUNCTIONS: [&str; 12] = [
    "COUNT",
    "COUNT_DISTINCT",
    "COUNT_DISTINCTISH",
    "SUM",
    "AVG",
    "MIN",
    "MAX",
    "STDDEV",
    "QUANTILE",
    "TOLIST",
    "FIRST_VALUE",
    "RANDOM_SAMPLE",
];

/// The name of a result that was given none.
fn generated(function: &[u8], words: &[&[u8]]) -> Vec<u8> {
    let plain: Vec<&[u8]> = words.iter().map(|word| word.strip_prefix(b"@").unwrap_or(word)).collect();
    let mut name = b"__generated_alias".to_vec();
    name.extend(function.to_ascii_lowercase());
    name.extend(plain.join(&b","[..]).to_ascii_lowercase());
    name
}

fn reduction(function: &str, words: &[&[u8]]) -> Result<Reduction, Error> {
    if function == "COUNT" {
        return match words.is_empty() {
            true => Ok(Reduction::Count),
            false => Err(Error::new("SEARCH_ATTR_BAD", "Count accepts 0 values only")),
        };
    }
    let mut args = Args::new(words);
    let missing = || Error::new(PARSE_ARGS, format!("Missing arguments for {function}"));
    let property = plain(args.next().ok_or_else(missing)?);
    Ok(match function {
        "COUNT_DISTINCT" => Reduction::CountDistinct(property),
        "COUNT_DISTINCTISH" => Reduction::CountDistinctish(property),
        "SUM" => Reduction::Sum(property),
        "AVG" => Reduction::Avg(property),
        "MIN" => Reduction::Min(property),
        "MAX" => Reduction::Max(property),
        "STDDEV" => Reduction::StdDev(property),
        "TOLIST" => Reduction::ToList(property),
        "QUANTILE" => {
            let quantile = parse_number(args.value(function)?).ok_or_else(|| bad(function, UNCONVERTIBLE))?;
            if !(0.0..=1.0).contains(&quantile) {
                return Err(Error::new(PARSE_ARGS, "Percentage must be between 0.0 and 1.0"));
            }
            Reduction::Quantile { property, quantile }
        }
        "FIRST_VALUE" => Reduction::FirstValue { property, by: by(&mut args)? },
        _ => {
            let word = args.next().ok_or_else(|| bad("<sample size>", MISSING))?;
            let size = integer_within(word, 0, i64::MAX).map_err(|reason| bad("<sample size>", reason))?;
            if size > MAX_SAMPLE {
                return Err(Error::new(PARSE_ARGS, "Sample size too large"));
            }
            Reduction::RandomSample { property, size: size as usize }
        }
    })
}

fn plain(property: &[u8]) -> Vec<u8> {
    property.strip_prefix(b"@").unwrap_or(property).to_vec()
}

/// `[BY property [ASC|DESC]]`
fn by(args: &mut Args) -> Result<Option<SortBy>, Error> {
    let Some(word) = args.next() else { return Ok(None) };
    if !super::args::is_word(word, "BY") {
        return Err(unknown(word));
    }
    let name = args.next().ok_or_else(|| Error::new(PARSE_ARGS, "Missing arguments for FIRST_VALUE"))?;
    let descending = args.take_word("DESC");
    if !descending {
        args.take_word("ASC");
    }
    match args.next() {
        Some(word) => Err(unknown(word)),
        None => Ok(Some(SortBy { name: plain(name), descending })),
    }
}
