//! FT.CONFIG and the values that it sets.

use super::options::Scorer;

/// What happens to a query whose time is over.
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
