//! The fields of a schema: `name [AS alias] TYPE option…`.

use super::args::{Args, OptionArgs, UNCONVERTIBLE, bad, is_word, upper};
use super::vector;
use crate::search::error::{Error, PARSE_ARGS, QUERY_BAD};
use crate::search::number::parse_number;
use crate::search::schema::{Definition, Field, Kind, Source};
use crate::search::shape::Coordinates;

/// Reads fields to the end; their names must be new to the definition and among each other.
pub(super) fn fields(args: &mut Args, definition: &Definition) -> Result<Vec<Field>, Error> {
    let mut fields: Vec<Field> = Vec::new();
    let mut names: std::collections::HashSet<Vec<u8>> =
        definition.fields.iter().map(|field| field.name.clone()).collect();
    while !args.is_empty() {
        let field = field(args, definition)?;
        if !names.insert(field.name.clone()) {
            return Err(Error::quoting(QUERY_BAD, "Duplicate field in schema - %", &[&field.name]));
        }
        fields.push(field);
    }
    Ok(fields)
}

fn field(args: &mut Args, definition: &Definition) -> Result<Field, Error> {
    let path = args.next().expect("there is a word");
    let mut name = path;
    if args.take_word("AS") {
        name = args.next().ok_or_else(|| Error::new(PARSE_ARGS, "AS requires an argument"))?;
    }
    let Some(word) = args.next() else {
        return Err(Error::quoting(PARSE_ARGS, "Field `%` does not have a type", &[name]));
    };
    let kind = kind(word, args, definition)?
        .ok_or_else(|| Error::quoting(PARSE_ARGS, "Invalid field type for field `%`", &[name]))?;
    check_name(path, name)?;
    let mut field = Field {
        path: path.to_vec(),
        name: name.to_vec(),
        kind,
        sortable: false,
        unnormalized: false,
        no_index: false,
        index_missing: false,
        index_empty: false,
    };
    if let Kind::Vector(options) = &mut field.kind {
        // A flag that some clients count among the vector's attributes.
        let given = options.given.len();
        options.given.retain(|(name, _)| name != b"INDEXMISSING");
        field.index_missing = options.given.len() < given;
    }
    while option(&mut field, args)? {}
    check_json_path(&field, definition)?;
    settle(&mut field, definition.source)?;
    Ok(field)
}

fn check_name(path: &[u8], name: &[u8]) -> Result<(), Error> {
    let wrong = if name.is_empty() || path.is_empty() {
        "Field name cannot be empty"
    } else if name.contains(&0) {
        "Field name cannot contain null bytes"
    } else if path.contains(&0) {
        "Field path cannot contain null bytes"
    } else {
        return Ok(());
    };
    Err(Error::new(QUERY_BAD, wrong))
}

fn kind(word: &[u8], args: &mut Args, definition: &Definition) -> Result<Option<Kind>, Error> {
    Ok(Some(match &upper(word)[..] {
        b"TEXT" => Kind::Text { weight: 1.0, no_stem: false, phonetic: None, suffix_trie: false },
        b"TAG" => Kind::Tag { separator: None, case_sensitive: false, suffix_trie: false },
        b"NUMERIC" => Kind::Numeric,
        b"GEO" => Kind::Geo,
        b"GEOSHAPE" => {
            args.take_word("COORD_SYSTEM");
            let flat = args.take_word("FLAT");
            if !flat {
                args.take_word("SPHERICAL");
            }
            Kind::GeoShape { coordinates: if flat { Coordinates::Plane } else { Coordinates::Earth } }
        }
        b"VECTOR" => Kind::Vector(vector::options(args, definition)?),
        _ => return Ok(None),
    }))
}

/// Parses an option of the field, if there is one: those of its type and the common ones, in any order.
fn option(field: &mut Field, args: &mut Args) -> Result<bool, Error> {
    let Some(word) = args.peek() else { return Ok(false) };
    let word = upper(word);
    let is_vector = matches!(field.kind, Kind::Vector(_));
    let takes_empty = matches!(field.kind, Kind::Text { .. } | Kind::Tag { .. });
    match &word[..] {
        b"SORTABLE" if !is_vector => {
            args.next();
            field.sortable = true;
            field.unnormalized |= args.take_word("UNF");
            return Ok(true);
        }
        b"NOINDEX" if !is_vector => field.no_index = true,
        b"INDEXMISSING" => field.index_missing = true,
        b"INDEXEMPTY" if takes_empty => field.index_empty = true,
        _ => return kind_option(&mut field.kind, &word, args),
    }
    args.next();
    Ok(true)
}

fn kind_option(kind: &mut Kind, word: &[u8], args: &mut Args) -> Result<bool, Error> {
    let mut rest = args.clone();
    rest.next();
    match (kind, word) {
        (Kind::Text { no_stem, .. }, b"NOSTEM") => *no_stem = true,
        (Kind::Text { suffix_trie, .. } | Kind::Tag { suffix_trie, .. }, b"WITHSUFFIXTRIE") => *suffix_trie = true,
        (Kind::Text { weight, .. }, b"WEIGHT") => {
            let number = parse_number(rest.value("weight")?).filter(|weight| weight.is_finite());
            *weight = number.ok_or_else(|| bad("weight", UNCONVERTIBLE))?;
        }
        (Kind::Text { phonetic, .. }, b"PHONETIC") => *phonetic = Some(matcher(&mut rest)?),
        (Kind::Tag { case_sensitive, .. }, b"CASESENSITIVE") => *case_sensitive = true,
        (Kind::Tag { separator, .. }, b"SEPARATOR") => *separator = Some(one_byte(&mut rest)?),
        _ => return Ok(false),
    }
    *args = rest;
    Ok(true)
}

fn matcher(args: &mut Args) -> Result<Vec<u8>, Error> {
    let matcher = args.next().ok_or_else(|| Error::new(PARSE_ARGS, "PHONETIC requires an argument"))?;
    if matches!(matcher, b"dm:en" | b"dm:fr" | b"dm:pt" | b"dm:es") {
        return Ok(matcher.to_vec());
    }
    let text = "Matcher Format: <2 chars algorithm>:<2 chars language>. Support algorithms: double metaphone (dm). \
                Supported languages: English (en), French (fr), Portuguese (pt) and Spanish (es)";
    Err(Error::new(QUERY_BAD, text))
}

fn one_byte(args: &mut Args) -> Result<u8, Error> {
    match args.next() {
        Some([byte]) => Ok(*byte),
        Some(other) => {
            let text = "Tag separator must be a single character. Got `%`";
            Err(Error::quoting(PARSE_ARGS, text, &[other]))
        }
        None => Err(Error::new(PARSE_ARGS, "SEPARATOR requires an argument")),
    }
}

/// What options imply, and which do not go together.
fn settle(field: &mut Field, source: Source) -> Result<(), Error> {
    if field.no_index && field.index_missing {
        let text = "'Field cannot be defined with both `NOINDEX` and `INDEXMISSING` `%` '";
        return Err(Error::quoting(PARSE_ARGS, text, &[&field.name]));
    }
    let keeps_case = match field.kind {
        Kind::Numeric => true,
        Kind::Tag { case_sensitive, .. } => case_sensitive || source == Source::Json,
        Kind::GeoShape { .. } | Kind::Geo => false,
        _ => source == Source::Json,
    };
    field.unnormalized |= field.sortable && keeps_case;
    if let (Kind::Tag { separator, .. }, Source::Hash) = (&mut field.kind, source) {
        *separator = separator.filter(|byte| *byte != b',');
    }
    Ok(())
}

/// A path in a JSON document begins at its root. Names without `$` are members of the root.
fn check_json_path(field: &Field, definition: &Definition) -> Result<(), Error> {
    if definition.source == Source::Hash || is_path(&field.path) {
        return Ok(());
    }
    let text = "Invalid JSONPath '%' in attribute '%' in index '%'";
    Err(Error::quoting("SEARCH_PATH_BAD", text, &[&field.path, &field.name, &definition.name]))
}

/// Whether a path is closed: brackets and quotes match. Whether it means anything is for the documents to show.
fn is_path(path: &[u8]) -> bool {
    if !path.starts_with(b"$") {
        return !path.contains(&b'[') && !is_word(path, "");
    }
    let mut open = 0usize;
    let mut quote = None;
    let mut bytes = path.iter();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(_), b'\\') => {
                bytes.next();
            }
            (Some(mark), byte) if mark == *byte => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') if open > 0 => quote = Some(*byte),
            (None, b'[') => open += 1,
            (None, b']') if open == 0 => return false,
            (None, b']') => open -= 1,
            _ => {}
        }
    }
    open == 0 && quote.is_none() && !path.ends_with(b".")
}
