//! FT.PROFILE.

use super::aggregate::AggregateRequest;
use super::args::{Args, MISSING, OptionArgs, bad, upper};
use super::hybrid::HybridRequest;
use super::search::SearchRequest;
use super::settings::Settings;
use crate::search::error::Error;

/// A command to be run and profiled.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileRequest<'a> {
    pub limited: bool,
    pub command: Profiled,
    /// The words of the command without FT.PROFILE's own.
    pub query: Vec<&'a [u8]>,
}

/// What is profiled.
#[derive(Clone, Debug, PartialEq)]
pub enum Profiled {
    Search(Box<SearchRequest>),
    Aggregate(Box<AggregateRequest>),
    Hybrid(Box<HybridRequest>),
}

impl<'a> ProfileRequest<'a> {
    /// Reads `index SEARCH|AGGREGATE|HYBRID [LIMITED] QUERY query option…`.
    pub fn parse(words: &'a [&'a [u8]], settings: &Settings) -> Result<ProfileRequest<'a>, Error> {
        let mut args = Args::new(words);
        let index = args.value("FT.PROFILE")?;
        let kind = args.next().map(upper).unwrap_or_default();
        if !matches!(&kind[..], b"SEARCH" | b"AGGREGATE" | b"HYBRID") {
            return Err(Error::new("", "No `SEARCH`, `AGGREGATE`, or `HYBRID` provided"));
        }
        let limited = args.take_word("LIMITED");
        if !args.take_word("QUERY") {
            return Err(Error::new("", "The QUERY keyword is expected"));
        }
        if args.is_empty() {
            return Err(bad("QUERY", MISSING));
        }
        let mut query = vec![index];
        query.extend_from_slice(args.take(args.len()).expect("all of them"));
        let words = &query[..];
        let command = match &kind[..] {
            b"SEARCH" => Profiled::Search(Box::new(SearchRequest::parse(words, settings)?)),
            b"AGGREGATE" => Profiled::Aggregate(Box::new(AggregateRequest::parse(words, settings)?)),
            _ => Profiled::Hybrid(Box::new(HybridRequest::parse(words, settings)?)),
        };
        let has_cursor = match &command {
            Profiled::Search(_) => false,
            Profiled::Aggregate(request) => request.cursor.is_some(),
            Profiled::Hybrid(request) => request.cursor.is_some(),
        };
        if has_cursor {
            return Err(Error::new("", "FT.PROFILE does not support cursor"));
        }
        Ok(ProfileRequest { limited, command, query })
    }
}
