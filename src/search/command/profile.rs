//! FT.PROFILE.

use super::aggregate::AggregateRequest;
use super::hybrid::HybridRequest;
use super::search::SearchRequest;
use super::settings::Settings;
use crate::search::error::Error;

/// A command to be run and told about.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileRequest {
    pub limited: bool,
    pub command: Profiled,
}

/// What is profiled.
#[derive(Clone, Debug, PartialEq)]
pub enum Profiled {
    Search(Box<SearchRequest>),
    Aggregate(Box<AggregateRequest>),
    Hybrid(Box<HybridRequest>),
}

impl ProfileRequest {
    /// Reads `index SEARCH|AGGREGATE|HYBRID [LIMITED] QUERY query option…`.
    pub fn parse(words: &[&[u8]], settings: &Settings) -> Result<ProfileRequest, Error> {
        let _ = (words, settings);
        Err(Error::new("", "No `SEARCH`, `AGGREGATE`, or `HYBRID` provided"))
    }
}
