//! FT.CREATE and FT.ALTER; the fields themselves are read in [`field`](super::field).

use super::args::{Args, MISSING, OptionArgs, bad, integer_within, owned, unknown, upper};
use super::field::fields;
use crate::search::error::{ADD_ARGS, Error, LIMIT_OVER, PARSE_ARGS, QUERY_BAD};
use crate::search::expression::Expression;
use crate::search::number::parse_number;
use crate::search::schema::{Definition, Field, Kind, Source};
use crate::search::text::{Language, fold};

const MAX_FIELDS: usize = 1024;
const MAX_TEXT_FIELDS: usize = 128;
/// TEXT fields without MAXTEXTFIELDS.
const NARROW: usize = 32;
/// Each of them is held against the user's rights by each query.
const MAX_PREFIXES: usize = 1024;
const MAX_STOP_WORDS: usize = 1024;

/// The name of a known language in lower case.
pub(super) fn language(name: &[u8]) -> Option<Vec<u8>> {
    Language::named(name).map(|language| language.name().as_bytes().to_vec())
}

/// Reads the words of FT.CREATE: `index option… SCHEMA field…`.
pub fn create(words: &[&[u8]]) -> Result<Definition, Error> {
    let mut args = Args::new(words);
    let name = args.next().ok_or_else(|| Error::new(PARSE_ARGS, "No schema found"))?;
    let mut definition = Definition::named(name);
    while !args.take_word("SCHEMA") {
        match args.next() {
            Some(option) => read_option(option, &mut args, &mut definition)?,
            None => return Err(Error::new(PARSE_ARGS, "No schema found")),
        }
    }
    if definition.max_text_fields && definition.no_fields {
        return Err(Error::new(QUERY_BAD, "MAXTEXTFIELDS cannot be used with NOFIELDS"));
    }
    definition.no_highlight |= definition.no_offsets;
    if args.is_empty() {
        return Err(Error::new(PARSE_ARGS, "Fields arguments are missing"));
    }
    let fields = fields(&mut args, &definition)?;
    definition.fields = fields.into();
    check_limits(&definition.fields)?;
    definition.max_text_fields |= text_fields(&definition.fields) > NARROW;
    Ok(definition)
}

fn read_option(option: &[u8], args: &mut Args, definition: &mut Definition) -> Result<(), Error> {
    match &upper(option)[..] {
        b"ON" => definition.source = source(args.value("ON")?)?,
        b"PREFIX" => {
            let prefixes = args.counted("PREFIX")?;
            if prefixes.len() > MAX_PREFIXES {
                return Err(Error::new(LIMIT_OVER, "Number of prefixes exceeds the maximum of 1024"));
            }
            definition.prefixes = if prefixes.is_empty() { vec![Vec::new()] } else { owned(prefixes) };
        }
        b"FILTER" => {
            let filter = args.value("FILTER")?;
            Expression::parse(filter)?;
            definition.filter = Some(filter.to_vec());
        }
        b"LANGUAGE" => {
            let known = language(args.value("LANGUAGE")?);
            definition.language = Some(known.ok_or_else(|| Error::new(ADD_ARGS, "Invalid language"))?);
        }
        b"LANGUAGE_FIELD" => definition.language_field = Some(args.value("LANGUAGE_FIELD")?.to_vec()),
        b"SCORE" => {
            let score = parse_number(args.value("SCORE")?).filter(|score| (0.0..=1.0).contains(score));
            definition.score = score.ok_or_else(|| Error::new(ADD_ARGS, "Invalid score"))?;
        }
        b"SCORE_FIELD" => definition.score_field = Some(args.value("SCORE_FIELD")?.to_vec()),
        b"PAYLOAD_FIELD" => definition.payload_field = Some(args.value("PAYLOAD_FIELD")?.to_vec()),
        b"MAXTEXTFIELDS" => definition.max_text_fields = true,
        b"TEMPORARY" => definition.temporary = Some(args.integer("TEMPORARY", 0)? as u64),
        b"NOOFFSETS" => definition.no_offsets = true,
        b"NOHL" => definition.no_highlight = true,
        b"NOFIELDS" => definition.no_fields = true,
        b"NOFREQS" => definition.no_frequencies = true,
        b"STOPWORDS" => {
            let words = args.counted("STOPWORDS")?;
            if words.len() > MAX_STOP_WORDS {
                return Err(Error::new(LIMIT_OVER, "Number of stop words exceeds the maximum of 1024"));
            }
            definition.stop_words = Some(words.iter().map(|word| fold(word).into_owned()).collect());
        }
        b"SKIPINITIALSCAN" => definition.skip_initial_scan = true,
        b"INDEXALL" => {
            definition.index_all = Some(match &upper(args.value("INDEXALL")?)[..] {
                b"ENABLE" => true,
                b"DISABLE" => false,
                _ => return Err(Error::new(ADD_ARGS, "Invalid argument for `INDEXALL`, use ENABLE/DISABLE")),
            });
        }
        _ => return Err(unknown(option)),
    }
    Ok(())
}

fn source(word: &[u8]) -> Result<Source, Error> {
    match &upper(word)[..] {
        b"HASH" => Ok(Source::Hash),
        b"JSON" => Ok(Source::Json),
        _ => Err(Error::quoting(ADD_ARGS, "Invalid rule type: %", &[word])),
    }
}

fn text_fields(fields: &[Field]) -> usize {
    fields.iter().filter(|field| matches!(field.kind, Kind::Text { .. })).count()
}

fn check_limits(fields: &[Field]) -> Result<(), Error> {
    if fields.len() > MAX_FIELDS {
        return Err(Error::new(LIMIT_OVER, "Schema is limited to 1024 fields"));
    }
    if text_fields(fields) > MAX_TEXT_FIELDS {
        return Err(Error::new(LIMIT_OVER, "Schema is limited to 128 TEXT fields"));
    }
    Ok(())
}

/// `FT.ALTER index [SKIPINITIALSCAN] SCHEMA ADD field…`.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterRequest {
    pub skip_initial_scan: bool,
    /// What the definition gains, checked against it.
    pub fields: Vec<Field>,
}

impl AlterRequest {
    /// Reads the words after the command's name, of an index of this definition.
    pub fn parse(words: &[&[u8]], definition: &Definition) -> Result<AlterRequest, Error> {
        let mut args = Args::new(words);
        args.next();
        let skip_initial_scan = args.take_word("SKIPINITIALSCAN");
        if !args.take_word("SCHEMA") {
            return Err(Error::new("", "ALTER must be followed by SCHEMA"));
        }
        if !args.take_word("ADD") {
            return Err(Error::new("", "Unknown action passed to ALTER SCHEMA"));
        }
        if args.is_empty() {
            return Err(bad("SCHEMA ADD", MISSING));
        }
        let fields = fields(&mut args, definition)?;
        let all: Vec<Field> = definition.fields.iter().chain(&fields).cloned().collect();
        check_limits(&all)?;
        if !definition.max_text_fields && text_fields(&all) > NARROW {
            let text = "Cannot add more fields. Declare index with wide fields to allow adding unlimited fields";
            return Err(Error::new(LIMIT_OVER, text));
        }
        Ok(AlterRequest { skip_initial_scan, fields })
    }
}

/// An integer option of a vector field; see [`vector`](super::vector).
pub(super) fn bounded(value: &[u8], min: i64) -> Result<usize, &'static str> {
    integer_within(value, min, i64::MAX).map(|number| number as usize)
}
