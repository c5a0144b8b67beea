//! Commands with few arguments.

use super::args::{Args, MISSING, OptionArgs, bad, integer_within, unknown, upper};
use super::options::dialect;
use super::settings::Settings;
use crate::search::error::{Error, PARSE_ARGS};
use crate::search::number::parse_number;

/// `FT.SPELLCHECK index query …`.
#[derive(Clone, Debug, PartialEq)]
pub struct SpellcheckRequest {
    pub index: Vec<u8>,
    pub query: Vec<u8>,
    /// 1 to 4.
    pub distance: u8,
    pub include: Vec<Vec<u8>>,
    pub exclude: Vec<Vec<u8>>,
    pub dialect: u8,
    pub full_score_info: bool,
}

/// `FT.SUGADD key string score [INCR] [PAYLOAD p]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SugaddRequest {
    pub key: Vec<u8>,
    pub string: Vec<u8>,
    pub score: f64,
    pub increment: bool,
    pub payload: Option<Vec<u8>>,
}

/// `FT.SUGGET key prefix [FUZZY] [WITHSCORES] [WITHPAYLOADS] [MAX n]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SuggetRequest {
    pub key: Vec<u8>,
    pub prefix: Vec<u8>,
    pub fuzzy: bool,
    pub with_scores: bool,
    pub with_payloads: bool,
    pub max: usize,
}

impl SpellcheckRequest {
    /// Reads `index query …`.
    pub fn parse(words: &[&[u8]], settings: &Settings) -> Result<SpellcheckRequest, Error> {
        let mut args = Args::new(words);
        let mut request = SpellcheckRequest {
            index: args.value("FT.SPELLCHECK")?.to_vec(),
            query: args.value("FT.SPELLCHECK")?.to_vec(),
            distance: 1,
            include: Vec::new(),
            exclude: Vec::new(),
            dialect: settings.default_dialect,
            full_score_info: false,
        };
        while let Some(word) = args.next() {
            match &upper(word)[..] {
                b"DISTANCE" => request.distance = distance(&mut args)?,
                b"TERMS" => request.terms(&mut args)?,
                b"DIALECT" => request.dialect = dialect(&mut args)?,
                b"FULLSCOREINFO" => request.full_score_info = true,
                // The reference lets a stray last word pass.
                _ if args.is_empty() => {}
                _ => return Err(unknown(word)),
            }
        }
        Ok(request)
    }

    /// `INCLUDE|EXCLUDE dictionary`, and any more words up to the next option that RediSearch takes for dictionaries.
    fn terms(&mut self, args: &mut Args) -> Result<(), Error> {
        let (Some(operation), Some(dictionary)) = (args.next(), args.next()) else {
            return Err(Error::new("", "TERM arg is given but no TERM params comes after"));
        };
        let list = match &upper(operation)[..] {
            b"INCLUDE" => &mut self.include,
            b"EXCLUDE" => &mut self.exclude,
            _ => return Err(Error::new("", "bad format, exclude/include operation was not given")),
        };
        list.push(dictionary.to_vec());
        let is_option =
            |word: &[u8]| matches!(&upper(word)[..], b"TERMS" | b"DISTANCE" | b"DIALECT" | b"FULLSCOREINFO");
        while let Some(word) = args.peek().filter(|word| !is_option(word)) {
            list.push(word.to_vec());
            args.next();
        }
        Ok(())
    }
}

fn distance(args: &mut Args) -> Result<u8, Error> {
    let word = args.next().ok_or_else(|| Error::new("", "DISTANCE arg is given but no DISTANCE comes after"))?;
    match integer_within(word, 1, 4) {
        Ok(distance) => Ok(distance as u8),
        Err(_) => Err(Error::new("", "bad distance given, distance must be a natural number between 1 to 4")),
    }
}

impl SugaddRequest {
    /// Reads `key string score …`.
    pub fn parse(words: &[&[u8]]) -> Result<SugaddRequest, Error> {
        let mut args = Args::new(words);
        let (key, string, score) = (args.value("FT.SUGADD")?, args.value("FT.SUGADD")?, args.value("FT.SUGADD")?);
        let score = parse_number(score).ok_or_else(|| Error::new("", "ERR invalid score"))?;
        let mut request =
            SugaddRequest { key: key.to_vec(), string: string.to_vec(), score, increment: false, payload: None };
        while let Some(word) = args.next() {
            match &upper(word)[..] {
                b"INCR" => request.increment = true,
                b"PAYLOAD" => {
                    let payload = args.next().ok_or_else(|| Error::new("", format!("Invalid payload: {MISSING}")))?;
                    request.payload = Some(payload.to_vec());
                }
                _ => return Err(Error::quoting("", "Unknown argument `%`", &[word])),
            }
        }
        Ok(request)
    }
}

impl SuggetRequest {
    /// Reads `key prefix …`.
    pub fn parse(words: &[&[u8]]) -> Result<SuggetRequest, Error> {
        let mut args = Args::new(words);
        let mut request = SuggetRequest {
            key: args.value("FT.SUGGET")?.to_vec(),
            prefix: args.value("FT.SUGGET")?.to_vec(),
            fuzzy: false,
            with_scores: false,
            with_payloads: false,
            max: 5,
        };
        while let Some(word) = args.next() {
            match &upper(word)[..] {
                b"FUZZY" => request.fuzzy = true,
                b"WITHSCORES" => request.with_scores = true,
                b"WITHPAYLOADS" => request.with_payloads = true,
                b"MAX" => {
                    let value = args.next().ok_or(MISSING);
                    let max = value.and_then(|value| integer_within(value, 1, 1 << 31));
                    request.max = max.map_err(|reason| Error::new(PARSE_ARGS, format!("MAX: {reason}")))? as usize;
                }
                _ => return Err(Error::quoting(PARSE_ARGS, "Unrecognized argument: %", &[word])),
            }
        }
        Ok(request)
    }
}

/// `FT.SYNUPDATE index group [SKIPINITIALSCAN] term…`.
#[derive(Clone, Debug, PartialEq)]
pub struct SynupdateRequest {
    pub index: Vec<u8>,
    pub group: Vec<u8>,
    pub skip_initial_scan: bool,
    /// Lower case.
    pub terms: Vec<Vec<u8>>,
}

impl SynupdateRequest {
    /// Reads `index group …`.
    pub fn parse(words: &[&[u8]]) -> Result<SynupdateRequest, Error> {
        let mut args = Args::new(words);
        let (index, group) = (args.value("FT.SYNUPDATE")?, args.value("FT.SYNUPDATE")?);
        let skip_initial_scan = args.take_word("SKIPINITIALSCAN");
        let terms = args.take(args.len()).expect("all of them");
        if terms.is_empty() {
            return Err(bad("FT.SYNUPDATE", MISSING));
        }
        let terms = terms.iter().map(|term| crate::search::text::fold(term).into_owned()).collect();
        Ok(SynupdateRequest { index: index.to_vec(), group: group.to_vec(), skip_initial_scan, terms })
    }
}
