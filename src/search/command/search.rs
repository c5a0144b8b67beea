//! FT.SEARCH; FT.EXPLAIN and FT.EXPLAINCLI take the same arguments.

use std::collections::BTreeSet;

use super::args::{Args, MISSING, OptionArgs, bad, integer, is_word, unknown, upper};
use super::options::{Limit, QueryOptions, cursor, limit};
use super::settings::Settings;
use crate::search::error::{Error, PARSE_ARGS, PROP_NOT_FOUND, QUERY_BAD};
use crate::search::schema::Definition;

/// A search.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRequest {
    pub index: Vec<u8>,
    pub options: QueryOptions,
    /// NOCONTENT or RETURN 0.
    pub no_content: bool,
    pub with_scores: bool,
    pub explain_score: bool,
    pub with_payloads: bool,
    pub with_sort_keys: bool,
    /// None: everything that the document has.
    pub returned: Option<Vec<Returned>>,
    pub summarize: Option<Summarize>,
    pub highlight: Option<Highlight>,
    pub sort_by: Option<SortBy>,
    pub limit: Limit,
}

/// A field of RETURN or LOAD.
#[derive(Clone, Debug, PartialEq)]
pub struct Returned {
    /// An attribute, an identifier, a hash field, a JSONPath, `__key`, a distance name.
    pub field: Vec<u8>,
    /// Its name in the reply.
    pub name: Vec<u8>,
}

/// `SORTBY name [ASC|DESC]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SortBy {
    pub name: Vec<u8>,
    pub descending: bool,
}

/// Fragments around hits.
#[derive(Clone, Debug, PartialEq)]
pub struct Summarize {
    /// None: every returned text field.
    pub fields: Option<BTreeSet<Vec<u8>>>,
    pub fragments: usize,
    /// Words of a fragment.
    pub length: usize,
    pub separator: Vec<u8>,
}

/// Hits between tags.
#[derive(Clone, Debug, PartialEq)]
pub struct Highlight {
    /// None: every returned text field.
    pub fields: Option<BTreeSet<Vec<u8>>>,
    pub open: Vec<u8>,
    pub close: Vec<u8>,
}

impl SearchRequest {
    /// Reads `index query option…`.
    pub fn parse(words: &[&[u8]], settings: &Settings) -> Result<SearchRequest, Error> {
        let mut args = Args::new(words);
        let (Some(index), Some(query)) = (args.next(), args.next()) else { return Err(bad("FT.SEARCH", MISSING)) };
        let mut request = SearchRequest {
            index: index.to_vec(),
            options: QueryOptions::new(query, settings),
            no_content: false,
            with_scores: false,
            explain_score: false,
            with_payloads: false,
            with_sort_keys: false,
            returned: None,
            summarize: None,
            highlight: None,
            sort_by: None,
            limit: Limit { offset: 0, count: 10 },
        };
        while let Some(word) = args.next() {
            let option = upper(word);
            if !request.options.read(&option, &mut args)? && !request.read(&option, &mut args, settings)? {
                return Err(unknown(word));
            }
        }
        request.no_content |= request.returned.as_ref().is_some_and(Vec::is_empty);
        if request.explain_score && !request.with_scores {
            return Err(Error::new(PARSE_ARGS, "EXPLAINSCORE must be accompanied with WITHSCORES"));
        }
        Ok(request)
    }

    fn read(&mut self, option: &[u8], args: &mut Args, settings: &Settings) -> Result<bool, Error> {
        match option {
            b"NOCONTENT" => self.no_content = true,
            b"WITHSCORES" => self.with_scores = true,
            b"EXPLAINSCORE" => self.explain_score = true,
            b"WITHPAYLOADS" => self.with_payloads = true,
            b"WITHSORTKEYS" => self.with_sort_keys = true,
            b"FILTER" => self.options.read_filter(args)?,
            b"LIMIT" => self.limit = limit(args, settings.max_search_results)?,
            b"RETURN" => {
                self.returned = Some(returned("RETURN", args.counted("RETURN")?)?);
            }
            b"SORTBY" => self.sort_by = Some(sort_by(args, self.sort_by.is_some())?),
            b"SUMMARIZE" => self.summarize = Some(summarize(args).ok_or_else(|| malformed("SUMMARIZE"))?),
            b"HIGHLIGHT" => self.highlight = Some(highlight(args).ok_or_else(|| malformed("HIGHLIGHT"))?),
            // Accepted as RediSearch does; replies are the same.
            b"LOAD" => {
                args.counted("LOAD")?;
            }
            b"WITHCURSOR" => {
                cursor(args, settings)?;
            }
            b"ADDSCORES" => return Err(Error::new(PARSE_ARGS, "ADDSCORES is not supported on FT.SEARCH")),
            b"GROUPBY" | b"APPLY" => {
                let text = "option `%` is mutually exclusive with simple (i.e. search) options";
                return Err(Error::quoting(QUERY_BAD, text, &[option]));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether the fields to be highlighted exist, and the index has the positions of words.
    pub fn check_excerpts(&self, definition: &Definition) -> Result<(), Error> {
        if self.summarize.is_none() && self.highlight.is_none() {
            return Ok(());
        }
        if definition.no_highlight || definition.no_offsets {
            let text = "Cannot use HIGHLIGHT/SUMMARIZE because NOOFSETS was specified at index level";
            return Err(Error::new(QUERY_BAD, text));
        }
        let summarized = self.summarize.iter().filter_map(|options| options.fields.as_ref());
        let highlighted = self.highlight.iter().filter_map(|options| options.fields.as_ref());
        for field in summarized.chain(highlighted).flatten() {
            let known = definition.fields.iter().any(|known| known.name == *field || known.path == *field);
            if !known {
                return Err(Error::quoting(PROP_NOT_FOUND, "No such property `%`", &[field]));
            }
        }
        Ok(())
    }
}

fn malformed(option: &str) -> Error {
    Error::new(PARSE_ARGS, format!("Bad arguments for {option}"))
}

/// `field [AS name] …`; a field named twice under one name is returned once.
pub(super) fn returned(option: &str, words: &[&[u8]]) -> Result<Vec<Returned>, Error> {
    let mut args = Args::new(words);
    let mut fields: Vec<Returned> = Vec::new();
    let mut names = std::collections::HashSet::new();
    while let Some(field) = args.next() {
        let field = field.strip_prefix(b"@").filter(|_| option == "LOAD").unwrap_or(field);
        let mut name = field;
        if args.take_word("AS") {
            let text = format!("{option} path AS name - must be accompanied with NAME");
            name = args.next().ok_or_else(|| Error::new(PARSE_ARGS, text))?;
            if is_word(name, "AS") {
                return Err(Error::new(PARSE_ARGS, format!("Alias for {option} cannot be `AS`")));
            }
        }
        if names.insert(name.to_vec()) {
            fields.push(Returned { field: field.to_vec(), name: name.to_vec() });
        }
    }
    Ok(fields)
}

pub(super) fn several_sorts() -> Error {
    let text = "Multiple SORTBY steps are not allowed. Sort multiple fields in a single step";
    Error::new(PARSE_ARGS, text)
}

fn sort_by(args: &mut Args, again: bool) -> Result<SortBy, Error> {
    if again {
        return Err(several_sorts());
    }
    let name = args.next().ok_or_else(|| Error::new(PARSE_ARGS, "Bad SORTBY arguments"))?.to_vec();
    let descending = args.take_word("DESC");
    if !descending {
        args.take_word("ASC");
    }
    Ok(SortBy { name, descending })
}

/// `[FIELDS n field…]`
fn excerpt_fields(args: &mut Args) -> Option<Option<BTreeSet<Vec<u8>>>> {
    if !args.take_word("FIELDS") {
        return Some(None);
    }
    let count = args.next().and_then(integer).and_then(|count| usize::try_from(count).ok())?;
    Some(Some(args.take(count)?.iter().map(|name| name.to_vec()).collect()))
}

fn summarize(args: &mut Args) -> Option<Summarize> {
    let mut options =
        Summarize { fields: excerpt_fields(args)?, fragments: 3, length: 20, separator: b"... ".to_vec() };
    let number = |args: &mut Args| args.next().and_then(integer).filter(|number| (1..=1_000_000).contains(number));
    loop {
        if args.take_word("FRAGS") {
            options.fragments = number(args)? as usize;
        } else if args.take_word("LEN") {
            options.length = number(args)? as usize;
        } else if args.take_word("SEPARATOR") {
            options.separator = args.next()?.to_vec();
        } else {
            return Some(options);
        }
    }
}

fn highlight(args: &mut Args) -> Option<Highlight> {
    let fields = excerpt_fields(args)?;
    let tags: (&[u8], &[u8]) = match args.take_word("TAGS") {
        true => (args.next()?, args.next()?),
        false => (b"<b>", b"</b>"),
    };
    Some(Highlight { fields, open: tags.0.to_vec(), close: tags.1.to_vec() })
}
