//! FT.AGGREGATE.

use super::args::{Args, MISSING, OptionArgs, UNCONVERTIBLE, bad, integer, integer_within, unknown, upper};
use super::options::{Limit, QueryOptions, cursor, limit};
use super::reduce::reducer;
use super::search::{Returned, SortBy, returned, several_sorts};
use super::settings::Settings;
use crate::search::error::{Error, FIELD_DUP, LIMIT_OVER, PARSE_ARGS, QUERY_BAD};
use crate::search::expression::Expression;

/// The largest LIMIT.
const MAX_ROWS: u64 = 1 << 31;
/// Properties that a SORTBY may have.
const MAX_KEYS: usize = 8;
/// Rows that a SORTBY keeps where neither MAX nor LIMIT says otherwise.
const SORTED: u64 = 10;

/// A query with a pipeline of steps.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateRequest {
    pub index: Vec<u8>,
    pub options: QueryOptions,
    /// Rows have `__score`.
    pub add_scores: bool,
    pub steps: Vec<Step>,
    /// WITHCURSOR.
    pub cursor: Option<CursorOptions>,
}

/// WITHCURSOR, resolved against the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorOptions {
    /// Rows of a reply, at least 1.
    pub count: u64,
    /// Milliseconds.
    pub max_idle: u64,
}

/// What happens to rows, in the order given. Names are without `@`.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Load(Load),
    GroupBy {
        properties: Vec<Vec<u8>>,
        reducers: Vec<Reducer>,
    },
    SortBy {
        keys: Vec<SortBy>,
        /// MAX, or 10 where no LIMIT follows; None keeps all.
        max: Option<u64>,
    },
    Apply {
        expression: Expression,
        name: Vec<u8>,
    },
    Filter(Expression),
    Limit(Limit),
}

/// What is read from documents.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    All,
    Fields(Vec<Returned>),
}

/// `REDUCE function n argument… [AS name]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reducer {
    pub function: Reduction,
    pub name: Vec<u8>,
}

/// What becomes of a group. Properties are without `@`.
#[derive(Clone, Debug, PartialEq)]
pub enum Reduction {
    Count,
    CountDistinct(Vec<u8>),
    CountDistinctish(Vec<u8>),
    Sum(Vec<u8>),
    Avg(Vec<u8>),
    Min(Vec<u8>),
    Max(Vec<u8>),
    StdDev(Vec<u8>),
    Quantile {
        property: Vec<u8>,
        /// 0 to 1.
        quantile: f64,
    },
    ToList(Vec<u8>),
    FirstValue {
        property: Vec<u8>,
        by: Option<SortBy>,
    },
    RandomSample {
        property: Vec<u8>,
        size: usize,
    },
}

impl AggregateRequest {
    /// Reads `index query option… step…`.
    pub fn parse(words: &[&[u8]], settings: &Settings) -> Result<AggregateRequest, Error> {
        let mut args = Args::new(words);
        let (Some(index), Some(query)) = (args.next(), args.next()) else { return Err(bad("FT.AGGREGATE", MISSING)) };
        let mut options = QueryOptions::new(query, settings);
        let mut steps = Steps::new(settings, false);
        let mut add_scores = false;
        let mut cursor_options = None;
        while let Some(word) = args.next() {
            let option = upper(word);
            match &option[..] {
                b"ADDSCORES" => add_scores = true,
                b"WITHCURSOR" => cursor_options = Some(cursor(&mut args, settings)?),
                b"RETURN" | b"SUMMARIZE" | b"HIGHLIGHT" => {
                    return Err(Error::quoting(PARSE_ARGS, "% is not supported on FT.AGGREGATE", &[&option]));
                }
                // Accepted as RediSearch does; rows have neither.
                b"NOCONTENT" | b"WITHSCORES" => {}
                _ if steps.read(&option, &mut args)? || options.read(&option, &mut args)? => {}
                _ => return Err(unknown(word)),
            }
        }
        Ok(AggregateRequest {
            index: index.to_vec(),
            options,
            add_scores,
            steps: steps.finish(),
            cursor: cursor_options,
        })
    }
}

/// Steps as they are read.
pub(super) struct Steps {
    steps: Vec<Step>,
    max_rows: u64,
    /// Names must be prefixed with `@` or `$`: FT.HYBRID.
    prefixed: bool,
    grouped: bool,
    /// A SORTBY since the last GROUPBY.
    sorted: bool,
}

impl Steps {
    pub fn new(settings: &Settings, prefixed: bool) -> Steps {
        let max_rows = settings.max_aggregate_results.min(MAX_ROWS);
        Steps { steps: Vec::new(), max_rows, prefixed, grouped: false, sorted: false }
    }

    /// Parses a step; false if this is another option. `word` is in upper case.
    pub fn read(&mut self, word: &[u8], args: &mut Args) -> Result<bool, Error> {
        let step = match word {
            b"LOAD" => Step::Load(self.load(args)?),
            b"GROUPBY" => self.group_by(args)?,
            b"SORTBY" => self.sort_by(args)?,
            b"APPLY" => apply(args)?,
            b"FILTER" => Step::Filter(Expression::parse(args.value("APPLY/FILTER")?)?),
            b"LIMIT" => Step::Limit(limit(args, self.max_rows)?),
            _ => return Ok(false),
        };
        self.steps.push(step);
        Ok(true)
    }

    pub fn is_sorted(&self) -> bool {
        self.sorted
    }

    /// The steps; a SORTBY keeps as many rows as the LIMIT behind it needs.
    pub fn finish(mut self) -> Vec<Step> {
        for at in 0..self.steps.len() {
            let behind = match self.steps.get(at + 1) {
                Some(Step::Limit(limit)) => Some(limit.offset.saturating_add(limit.count)),
                _ => None,
            };
            if let Step::SortBy { keys, max } = &mut self.steps[at]
                && !keys.is_empty()
            {
                *max = behind.or(*max).or(Some(SORTED));
            }
        }
        self.steps
    }

    fn load(&self, args: &mut Args) -> Result<Load, Error> {
        if self.grouped {
            return Err(Error::new(QUERY_BAD, "LOAD cannot be applied after projectors or reducers"));
        }
        let word = args.value("LOAD")?;
        if word == b"*" {
            return Ok(Load::All);
        }
        let count = integer(word).ok_or_else(|| bad("LOAD", "Expected number of fields or `*`"))?;
        let count = usize::try_from(count).map_err(|_| bad("LOAD", super::args::OUTSIDE))?;
        let words = args.take(count).ok_or_else(|| bad("LOAD", MISSING))?;
        if self.prefixed {
            let mut names = Args::new(words);
            while let Some(name) = names.next() {
                check_prefix(name, "LOAD")?;
                if names.take_word("AS") {
                    names.next();
                }
            }
        }
        Ok(Load::Fields(returned("LOAD", words)?))
    }

    fn group_by(&mut self, args: &mut Args) -> Result<Step, Error> {
        let mut properties: Vec<Vec<u8>> = Vec::new();
        for word in args.counted("GROUPBY")? {
            let Some(name) = word.strip_prefix(b"@") else {
                let text = "Bad arguments for GROUPBY: Unknown property `%`. Did you mean `@%`?";
                return Err(Error::quoting(PARSE_ARGS, text, &[word, word]));
            };
            properties.push(name.to_vec());
        }
        let mut reducers = Vec::new();
        while args.take_word("REDUCE") {
            reducers.push(reducer(args)?);
        }
        let mut names = std::collections::HashSet::new();
        for name in properties.iter().chain(reducers.iter().map(|reducer| &reducer.name)) {
            if !names.insert(name) {
                return Err(Error::quoting(FIELD_DUP, "Property `%` specified more than once", &[name]));
            }
        }
        self.grouped = true;
        self.sorted = false;
        Ok(Step::GroupBy { properties, reducers })
    }

    fn sort_by(&mut self, args: &mut Args) -> Result<Step, Error> {
        if self.sorted {
            return Err(several_sorts());
        }
        let mut words = Args::new(args.counted("SORTBY")?);
        let mut keys = Vec::new();
        while let Some(word) = words.next() {
            if self.prefixed {
                check_prefix(word, "SORTBY")?;
            }
            let Some(name) = word.strip_prefix(b"@") else {
                let text = "MISSING ASC or DESC after sort field (%)";
                return Err(Error::quoting(PARSE_ARGS, text, &[word]));
            };
            let descending = words.take_word("DESC");
            if !descending {
                words.take_word("ASC");
            }
            keys.push(SortBy { name: name.to_vec(), descending });
        }
        if keys.len() > MAX_KEYS {
            return Err(Error::new(LIMIT_OVER, "Cannot sort by more than 8 fields"));
        }
        let mut max = None;
        loop {
            if args.take_word("MAX") {
                let number = integer_within(args.value("MAX")?, 0, i64::MAX).map_err(|_| bad("MAX", UNCONVERTIBLE))?;
                max = Some(number as u64).filter(|max| *max > 0);
            } else if !args.take_word("WITHCOUNT") && !args.take_word("WITHOUTCOUNT") {
                break;
            }
        }
        self.sorted = true;
        Ok(Step::SortBy { keys, max })
    }
}

fn apply(args: &mut Args) -> Result<Step, Error> {
    let text = args.value("APPLY/FILTER")?;
    let expression = Expression::parse(text)?;
    let name = match args.take_word("AS") {
        true => args.next().ok_or_else(|| Error::new(PARSE_ARGS, "AS needs argument"))?,
        false => text,
    };
    Ok(Step::Apply { expression, name: name.to_vec() })
}

fn check_prefix(name: &[u8], step: &str) -> Result<(), Error> {
    if name.starts_with(b"@") || (name.starts_with(b"$") && step == "LOAD") {
        return Ok(());
    }
    let text = "Missing prefix: name requires '@' prefix, JSON path require '$' prefix, got: % in %";
    Err(Error::quoting(PARSE_ARGS, text, &[name, step.as_bytes()]))
}
