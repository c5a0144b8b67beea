//! FT.CONFIG and the values that it sets.

use super::args::{OUTSIDE, UNCONVERTIBLE, integer_within, upper};
use super::options::Scorer;
use crate::search::error::{Error, OPTION_INVALID, PARSE_ARGS, VALUE_BAD};

/// The behaviour of a query that times out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTimeout {
    /// What was found, with a warning.
    Return,
    Fail,
}

/// The settings of search, of the whole server.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// 1 to 4.
    pub default_dialect: u8,
    /// Milliseconds, 0 for none.
    pub timeout: u64,
    pub max_search_results: u64,
    /// `u64::MAX`: unlimited.
    pub max_aggregate_results: u64,
    pub max_prefix_expansions: u64,
    /// Bytes.
    pub min_prefix: u64,
    /// Bytes.
    pub min_stem_len: u64,
    pub on_timeout: OnTimeout,
    /// Milliseconds.
    pub cursor_max_idle: u64,
    /// Rows.
    pub cursor_read_size: u64,
    pub index_cursor_limit: u64,
    pub multi_text_slop: u64,
    pub default_scorer: Scorer,
    pub workers: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            default_dialect: 2,
            timeout: 500,
            max_search_results: 1_000_000,
            max_aggregate_results: u64::MAX,
            max_prefix_expansions: 200,
            min_prefix: 2,
            min_stem_len: 4,
            on_timeout: OnTimeout::Return,
            cursor_max_idle: 300_000,
            cursor_read_size: 1000,
            index_cursor_limit: 128,
            multi_text_slop: 100,
            default_scorer: Scorer::Bm25Std,
            workers: 0,
        }
    }
}

/// Settings of RediSearch that have no effect here.
const FIXED: [(&str, Option<&str>); 3] = [("EXTLOAD", None), ("FRISOINI", None), ("SAFEMODE", None)];

/// The largest number of results that can be asked for; -1 in commands.
const UNLIMITED: u64 = u64::MAX;

impl Settings {
    /// Names in capitals and values; `*` is all, an unknown name none. A value of None was never set.
    pub fn get(&self, name: &[u8]) -> Vec<(&'static str, Option<String>)> {
        let name = upper(name);
        let name: &[u8] = if name == b"MAXEXPANSIONS" { b"MAXPREFIXEXPANSIONS" } else { &name };
        let mut all = self.all();
        all.retain(|(known, _)| name == b"*" || name == known.as_bytes());
        all
    }

    fn all(&self) -> Vec<(&'static str, Option<String>)> {
        let results = |most: u64| if most == UNLIMITED { "unlimited".into() } else { most.to_string() };
        let on_timeout = if self.on_timeout == OnTimeout::Return { "return" } else { "fail" };
        let set = [
            ("DEFAULT_DIALECT", self.default_dialect.to_string()),
            ("TIMEOUT", self.timeout.to_string()),
            ("MAXSEARCHRESULTS", results(self.max_search_results)),
            ("MAXAGGREGATERESULTS", results(self.max_aggregate_results)),
            ("MAXPREFIXEXPANSIONS", self.max_prefix_expansions.to_string()),
            ("MINPREFIX", self.min_prefix.to_string()),
            ("MINSTEMLEN", self.min_stem_len.to_string()),
            ("ON_TIMEOUT", on_timeout.to_string()),
            ("CURSOR_MAX_IDLE", self.cursor_max_idle.to_string()),
            ("CURSOR_READ_SIZE", self.cursor_read_size.to_string()),
            ("INDEX_CURSOR_LIMIT", self.index_cursor_limit.to_string()),
            ("MULTI_TEXT_SLOP", self.multi_text_slop.to_string()),
            ("DEFAULT_SCORER", self.default_scorer.name().to_string()),
            ("WORKERS", self.workers.to_string()),
        ];
        let fixed = FIXED.iter().map(|(name, value)| (*name, value.map(str::to_string)));
        set.into_iter().map(|(name, value)| (name, Some(value))).chain(fixed).collect()
    }

    /// Sets a value by its name, in any case.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        let number = |min, max| match integer_within(value, min, max) {
            Ok(number) => Ok(number as u64),
            Err(reason) => Err(Error::new(PARSE_ARGS, reason)),
        };
        let name = upper(name);
        match &name[..] {
            b"DEFAULT_DIALECT" => {
                let dialect = number(1, i64::MAX)?;
                if dialect > 4 {
                    return Err(Error::new(VALUE_BAD, "Default dialect version cannot be higher than 4"));
                }
                self.default_dialect = dialect as u8;
            }
            b"TIMEOUT" => self.timeout = number(0, i64::MAX)?,
            b"MAXSEARCHRESULTS" => self.max_search_results = results(value)?,
            b"MAXAGGREGATERESULTS" => self.max_aggregate_results = results(value)?,
            b"MAXPREFIXEXPANSIONS" | b"MAXEXPANSIONS" => self.max_prefix_expansions = number(1, 1 << 24)?,
            b"MINPREFIX" => self.min_prefix = number(1, 1024)?,
            b"MINSTEMLEN" => self.min_stem_len = number(2, 1024)?,
            b"ON_TIMEOUT" => {
                self.on_timeout = match &upper(value)[..] {
                    b"RETURN" => OnTimeout::Return,
                    b"FAIL" => OnTimeout::Fail,
                    _ => return Err(Error::new(VALUE_BAD, "Invalid ON_TIMEOUT value")),
                };
            }
            b"CURSOR_MAX_IDLE" => self.cursor_max_idle = number(1, i64::MAX)?,
            b"CURSOR_READ_SIZE" => self.cursor_read_size = number(1, i64::MAX)?,
            b"INDEX_CURSOR_LIMIT" => self.index_cursor_limit = number(0, i64::MAX)?,
            b"MULTI_TEXT_SLOP" => self.multi_text_slop = number(1, 1 << 20)?,
            b"DEFAULT_SCORER" => {
                let scorer = Scorer::named(value);
                self.default_scorer = scorer.ok_or_else(|| Error::new(VALUE_BAD, "Invalid default scorer value"))?;
            }
            b"WORKERS" => self.workers = number(0, 1024)?,
            _ if FIXED.iter().any(|(fixed, _)| fixed.as_bytes() == name) => {
                return Err(Error::new("SEARCH_OPTION_BAD", "Not modifiable at runtime"));
            }
            _ => return Err(Error::new(OPTION_INVALID, "Invalid option")),
        }
        Ok(())
    }
}

/// A number of results; -1 is unlimited.
fn results(value: &[u8]) -> Result<u64, Error> {
    match super::args::integer(value) {
        Some(-1) => Ok(UNLIMITED),
        Some(number) => u64::try_from(number).map_err(|_| Error::new(PARSE_ARGS, OUTSIDE)),
        None => Err(Error::new(PARSE_ARGS, UNCONVERTIBLE)),
    }
}
