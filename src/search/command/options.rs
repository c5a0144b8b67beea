//! Options that FT.SEARCH, FT.AGGREGATE and FT.EXPLAIN share, and how they become a query.

use super::args::{Args, MISSING, OUTSIDE, OptionArgs, UNCONVERTIBLE, bad, integer, integer_within, owned, upper};
use super::create::language;
use super::settings::Settings;
use crate::search::error::{ADD_ARGS, Error, LIMIT_OVER, PARSE_ARGS, QUERY_BAD, VALUE_BAD};
use crate::search::glob::Glob;
use crate::search::number::parse_number;
use crate::search::query::{Bound, GeoUnit, Params};
use crate::search::schema::{Definition, Source};

/// How relevance is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scorer {
    Tfidf,
    TfidfDocNorm,
    Bm25,
    Bm25Std,
    Bm25StdNorm,
    Bm25StdTanh,
    DisMax,
    DocScore,
    Hamming,
}

impl Scorer {
    const NAMES: [(&str, Scorer); 9] = [
        ("TFIDF", Scorer::Tfidf),
        ("TFIDF.DOCNORM", Scorer::TfidfDocNorm),
        ("BM25", Scorer::Bm25),
        ("BM25STD", Scorer::Bm25Std),
        ("BM25STD.NORM", Scorer::Bm25StdNorm),
        ("BM25STD.TANH", Scorer::Bm25StdTanh),
        ("DISMAX", Scorer::DisMax),
        ("DOCSCORE", Scorer::DocScore),
        ("HAMMING", Scorer::Hamming),
    ];

    /// The scorer of that name, in capitals.
    pub fn named(name: &[u8]) -> Option<Scorer> {
        Scorer::NAMES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, scorer)| *scorer)
    }

    pub fn name(self) -> &'static str {
        Scorer::NAMES.iter().find(|(_, scorer)| *scorer == self).expect("all have names").0
    }
}

/// How values are replied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    String,
    /// Values of JSON documents are no texts.
    Expand,
}

impl Format {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Format::String => "STRING",
            Format::Expand => "EXPAND",
        }
    }
}

/// The query of a command and the options that change its meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryOptions {
    pub query: Vec<u8>,
    pub params: Params,
    /// 1 to 4.
    pub dialect: u8,
    pub verbatim: bool,
    pub no_stop_words: bool,
    /// Names of fields; None is all.
    pub in_fields: Option<Vec<Vec<u8>>>,
    /// None or negative: unlimited.
    pub slop: Option<i64>,
    pub in_order: bool,
    /// Lower case, one of the known languages.
    pub language: Option<Vec<u8>>,
    pub expander: Option<Vec<u8>>,
    pub scorer: Option<Scorer>,
    /// 1 to 10000.
    pub tanh_factor: u32,
    pub payload: Option<Vec<u8>>,
    pub filters: Vec<NumericFilter>,
    pub geo_filters: Vec<GeoFilter>,
    /// Only these keys.
    pub in_keys: Option<Vec<Vec<u8>>>,
    /// Only keys that match.
    pub key_pattern: Option<Glob>,
    /// Milliseconds, 0 for none; None is the setting.
    pub timeout: Option<u64>,
    pub format: Format,
    /// PARTIAL: if some shards of a cluster do not answer, the results of the others.
    pub partial: bool,
    /// PARAMS was there.
    pub(super) has_params: bool,
}

/// `FILTER field min max`.
#[derive(Clone, Debug, PartialEq)]
pub struct NumericFilter {
    pub field: Vec<u8>,
    pub min: Bound,
    pub max: Bound,
}

/// `GEOFILTER field lon lat radius unit`.
#[derive(Clone, Debug, PartialEq)]
pub struct GeoFilter {
    pub field: Vec<u8>,
    pub lon: f64,
    pub lat: f64,
    /// In `unit`s.
    pub radius: f64,
    pub unit: GeoUnit,
}

impl QueryOptions {
    /// A query without options.
    pub fn new(query: &[u8], settings: &Settings) -> QueryOptions {
        QueryOptions {
            query: query.to_vec(),
            params: Params::default(),
            dialect: settings.default_dialect,
            verbatim: false,
            no_stop_words: false,
            in_fields: None,
            slop: None,
            in_order: false,
            language: None,
            expander: None,
            scorer: None,
            tanh_factor: 4,
            payload: None,
            filters: Vec::new(),
            geo_filters: Vec::new(),
            in_keys: None,
            key_pattern: None,
            timeout: None,
            format: Format::String,
            partial: false,
            has_params: false,
        }
    }

    /// Parses an option that all queries have; false if this is another one. `option` is in upper case.
    pub(super) fn read(&mut self, option: &[u8], args: &mut Args) -> Result<bool, Error> {
        match option {
            b"VERBATIM" => self.verbatim = true,
            b"NOSTOPWORDS" => self.no_stop_words = true,
            b"INORDER" => self.in_order = true,
            b"WITHCOUNT" | b"WITHOUTCOUNT" => {}
            b"PARTIAL" => self.partial = true,
            b"SLOP" => self.slop = Some(integer(args.value("SLOP")?).ok_or_else(|| bad("SLOP", UNCONVERTIBLE))?),
            b"INFIELDS" => {
                let fields = args.counted("INFIELDS")?;
                let mut known = std::collections::HashSet::new();
                let fields = fields.iter().filter(|name| known.insert(**name)).map(|name| name.to_vec());
                self.in_fields = Some(fields.collect::<Vec<_>>()).filter(|fields| !fields.is_empty());
            }
            b"INKEYS" => self.in_keys = Some(owned(args.counted("INKEYS")?)),
            b"KEYPATTERN" => {
                let pattern = Glob::new(args.value("KEYPATTERN")?);
                let too_long = || Error::new(PARSE_ARGS, "KEYPATTERN is longer than 1000 bytes");
                self.key_pattern = Some(pattern.ok_or_else(too_long)?);
            }
            b"LANGUAGE" => {
                let known = language(args.value("LANGUAGE")?);
                self.language = Some(known.ok_or_else(|| Error::new(QUERY_BAD, "No such language"))?);
            }
            b"EXPANDER" => self.expander = Some(args.value("EXPANDER")?.to_vec()),
            b"SCORER" => self.scorer = Some(scorer(args.value("SCORER")?)?),
            b"BM25STD_TANH_FACTOR" => {
                let factor = integer_within(args.value("BM25STD_TANH_FACTOR")?, 1, 10_000)
                    .map_err(|_| Error::new(PARSE_ARGS, "BM25STD_TANH_FACTOR must be between 1 and 10000 inclusive"))?;
                self.tanh_factor = factor as u32;
            }
            b"PAYLOAD" => self.payload = Some(args.value("PAYLOAD")?.to_vec()),
            b"GEOFILTER" => self.geo_filters.push(geo_filter(args)?),
            b"TIMEOUT" => self.timeout = Some(timeout(args)?),
            b"DIALECT" => self.dialect = dialect(args)?,
            b"PARAMS" => self.read_params(args)?,
            b"FORMAT" => self.format = format(args)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// `FILTER field min max`
    pub(super) fn read_filter(&mut self, args: &mut Args) -> Result<(), Error> {
        let Some(&[field, min, max]) = args.take(3) else {
            return Err(Error::new(PARSE_ARGS, "FILTER requires 3 arguments"));
        };
        let min = bound(min).ok_or_else(|| Error::quoting(PARSE_ARGS, "Bad lower range: %", &[min]))?;
        let max = bound(max).ok_or_else(|| Error::quoting(PARSE_ARGS, "Bad upper range: %", &[max]))?;
        self.filters.push(NumericFilter { field: field.to_vec(), min, max });
        Ok(())
    }

    /// `PARAMS n name value…`
    pub(super) fn read_params(&mut self, args: &mut Args) -> Result<(), Error> {
        if self.has_params {
            let text = "Multiple PARAMS are not allowed. Parameters can be defined only once";
            return Err(Error::new(ADD_ARGS, text));
        }
        self.has_params = true;
        let words = args.counted("PARAMS")?;
        if words.is_empty() || words.len() % 2 == 1 {
            return Err(Error::new(ADD_ARGS, "Parameters must be specified in PARAM VALUE pairs"));
        }
        for pair in words.chunks_exact(2) {
            if !self.params.insert(pair[0], pair[1]) {
                return Err(Error::quoting(ADD_ARGS, "Duplicate parameter `%`", &[pair[0]]));
            }
        }
        Ok(())
    }

    /// Whether the reply can have the form that was asked for.
    pub fn check_format(&self, resp3: bool, definition: &Definition) -> Result<(), Error> {
        let text = match self.format {
            Format::String => return Ok(()),
            Format::Expand if !resp3 => "EXPAND format is only supported with RESP3",
            Format::Expand if definition.source != Source::Json => "EXPAND format is only supported with JSON",
            Format::Expand if self.dialect < 3 => "EXPAND format requires dialect 3 or greater",
            Format::Expand => return Ok(()),
        };
        Err(Error::new(VALUE_BAD, text))
    }
}

pub(super) fn scorer(name: &[u8]) -> Result<Scorer, Error> {
    Scorer::named(name).ok_or_else(|| Error::quoting(QUERY_BAD, "No such scorer %", &[name]))
}

/// A number, exclusive behind a parenthesis.
fn bound(text: &[u8]) -> Option<Bound> {
    let number = text.strip_prefix(b"(");
    let value = parse_number(number.unwrap_or(text))?;
    Some(Bound { value, exclusive: number.is_some() })
}

fn geo_filter(args: &mut Args) -> Result<GeoFilter, Error> {
    let Some(&[field, lon, lat, radius, unit]) = args.take(5) else {
        return Err(Error::new(PARSE_ARGS, "GEOFILTER requires 5 arguments"));
    };
    let number = |name: &str, text: &[u8]| parse_number(text).ok_or_else(|| bad(name, UNCONVERTIBLE));
    let (lon, lat, radius) = (number("<lon>", lon)?, number("<lat>", lat)?, number("<radius>", radius)?);
    let known = GeoUnit::named(unit);
    let unit = known.ok_or_else(|| Error::quoting(PARSE_ARGS, "Unknown distance unit %", &[unit]))?;
    Ok(GeoFilter { field: field.to_vec(), lon, lat, radius, unit })
}

pub(super) fn timeout(args: &mut Args) -> Result<u64, Error> {
    let word = args.next().ok_or_else(|| Error::new(PARSE_ARGS, "Need argument for TIMEOUT"))?;
    let value = integer(word).and_then(|value| u64::try_from(value).ok());
    value.ok_or_else(|| Error::new(PARSE_ARGS, "TIMEOUT requires a non negative integer"))
}

pub(super) fn dialect(args: &mut Args) -> Result<u8, Error> {
    let word = args.next().ok_or_else(|| Error::new(PARSE_ARGS, "Need an argument for DIALECT"))?;
    match integer_within(word, 1, 4) {
        Ok(dialect) => Ok(dialect as u8),
        Err(_) => Err(Error::new(PARSE_ARGS, "DIALECT requires a non negative integer >=1 and <= 4")),
    }
}

fn format(args: &mut Args) -> Result<Format, Error> {
    let word = args.next().ok_or_else(|| Error::new(VALUE_BAD, "Need an argument for FORMAT"))?;
    match &upper(word)[..] {
        b"STRING" => Ok(Format::String),
        b"EXPAND" => Ok(Format::Expand),
        _ => Err(Error::quoting(PARSE_ARGS, "FORMAT % is not supported", &[word])),
    }
}

/// `LIMIT offset count`, neither above `most`.
pub(super) fn limit(args: &mut Args, most: u64) -> Result<Limit, Error> {
    let Some(&[offset, count]) = args.take(2) else {
        return Err(Error::new(PARSE_ARGS, "LIMIT requires two arguments"));
    };
    let number = |word: &[u8]| {
        let number = integer(word).and_then(|number| u64::try_from(number).ok());
        number.ok_or_else(|| Error::new(PARSE_ARGS, "LIMIT needs two numeric arguments"))
    };
    let limit = Limit { offset: number(offset)?, count: number(count)? };
    if limit.count > most {
        return Err(Error::new(LIMIT_OVER, format!("LIMIT exceeds maximum of {most}")));
    }
    if limit.offset > most {
        return Err(Error::new(LIMIT_OVER, format!("OFFSET exceeds maximum of {most}")));
    }
    if limit.count == 0 && limit.offset != 0 {
        return Err(Error::new(LIMIT_OVER, "The `offset` of the LIMIT must be 0 when `num` is 0"));
    }
    Ok(limit)
}

/// `WITHCURSOR [COUNT n] [MAXIDLE ms]` behind its first word.
pub(super) fn cursor(args: &mut Args, settings: &Settings) -> Result<super::aggregate::CursorOptions, Error> {
    let mut count = settings.cursor_read_size;
    let mut max_idle = settings.cursor_max_idle;
    loop {
        if args.take_word("COUNT") {
            count = args.integer("COUNT", 1)? as u64;
        } else if args.take_word("MAXIDLE") {
            // Some clients send a float.
            let word = args.next().ok_or_else(|| bad("MAXIDLE", MISSING))?;
            let idle = parse_number(word).ok_or_else(|| bad("MAXIDLE", UNCONVERTIBLE))?;
            if idle.is_nan() || idle < 1.0 {
                return Err(bad("MAXIDLE", OUTSIDE));
            }
            max_idle = (idle as u64).min(settings.cursor_max_idle);
        } else {
            return Ok(super::aggregate::CursorOptions { count, max_idle });
        }
    }
}

/// Rows left out at the beginning, and the most rows then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub offset: u64,
    pub count: u64,
}
