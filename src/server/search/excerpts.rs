//! HIGHLIGHT and SUMMARIZE, applied to the fields of a row.

use std::collections::BTreeSet;

use crate::reply::Reply;
use crate::search::command::search::SearchRequest;
use crate::search::reply::Fields;
use crate::search::schema::{Definition, Kind};
use crate::search::text::{Hits, highlight, summarize};

/// Whether a request has HIGHLIGHT or SUMMARIZE.
pub fn are_asked(request: &SearchRequest) -> bool {
    request.summarize.is_some() || request.highlight.is_some()
}

/// Summarises and highlights the texts of a row; `hits` are the words that match the query.
pub fn apply(request: &SearchRequest, definition: &Definition, hits: &Hits, fields: &mut Fields) {
    let texts = definition.fields.iter().filter(|field| matches!(field.kind, Kind::Text { .. }));
    let texts: BTreeSet<&[u8]> = texts.flat_map(|field| [&field.name[..], &field.path[..]]).collect();
    for (name, value) in fields {
        let Reply::Bulk(text) = value else { continue };
        let is_text = texts.contains(&name[..]);
        let concerns = |named: &Option<BTreeSet<Vec<u8>>>| named.as_ref().map_or(is_text, |named| named.contains(name));
        if let Some(options) = request.summarize.as_ref().filter(|options| concerns(&options.fields)) {
            *text = summarize(text, hits, options.fragments, options.length, &options.separator);
        }
        if let Some(options) = request.highlight.as_ref().filter(|options| concerns(&options.fields)) {
            *text = highlight(text, hits, &options.open, &options.close);
        }
    }
}
