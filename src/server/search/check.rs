//! FT.CHECK: an index is compared with a fresh one of the same definition over the same documents.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::access::Target;
use super::{documents, registry};
use crate::reply::Reply;
use crate::search::evaluate::{BoundQuery, Limits, Order, SearchOptions};
use crate::search::index::SearchIndex;
use crate::search::query::{Node, NodeKind, Query};
use crate::search::schema::{Definition, Kind};
use crate::search::value::Value;
use crate::server::api::{Context, Cursor, Text, string_bytes};
use crate::server::commands::{Failure, Outcome};

/// Compares keys, sort values and tags; replies the number of documents.
pub fn check(ctx: &Context, target: &Target) -> Outcome {
    if registry::with(|registry| registry.by_id(target.id).is_some_and(|(_, entry)| entry.scan.is_some())) {
        return Err(Failure::Text(b"ERR the index is being filled".to_vec()));
    }
    let mut fresh = SearchIndex::new((*target.definition).clone());
    let wanted = documents::Wanted::of(&target.definition);
    let mut names = Vec::new();
    let cursor = Cursor::new();
    while cursor.step(ctx, |_, name, _| {
        // SAFETY: the server's string lives during the visit.
        names.push(unsafe { string_bytes(name) }.to_vec());
    }) {}
    for name in names {
        if target.definition.prefixes.iter().any(|prefix| name.starts_with(prefix))
            && let Some(found) = documents::read(ctx, &Text::new(&name), &[&wanted])
            && found.source == target.definition.source
        {
            fresh.put(&name, &found.document);
        }
    }
    let expected = contents(&fresh);
    let got = registry::with(|registry| registry.by_id(target.id).map(|(_, entry)| contents(&entry.index)));
    let got = got.unwrap_or_default();
    match first_difference(&expected, &got, &target.definition) {
        Some(text) => Err(Failure::Text(format!("ERR the index is damaged: {text}").into_bytes())),
        None => Ok(Some(Reply::from(expected.documents.len()))),
    }
}

#[derive(Default)]
struct Contents {
    documents: BTreeMap<Vec<u8>, Vec<Option<Value>>>,
    tags: Vec<Option<Vec<Arc<[u8]>>>>,
}

fn contents(index: &SearchIndex) -> Contents {
    let fields = index.definition().fields.len();
    let all = Query { root: Node::new(NodeKind::All), knn: None };
    let options = SearchOptions { order: Order::Document, limit: usize::MAX, ..SearchOptions::default() };
    let bound = index.bind(all, options);
    let of = |bound: &BoundQuery| {
        let hits = bound.run(&Limits::default()).hits.into_iter();
        hits.map(|hit| (hit.key.to_vec(), (0..fields).map(|field| bound.sort_value(hit.document, field)).collect()))
            .collect()
    };
    Contents {
        documents: bound.map(|bound| of(&bound)).unwrap_or_default(),
        tags: (0..fields).map(|field| index.tag_values(field)).collect(),
    }
}

fn first_difference(expected: &Contents, got: &Contents, definition: &Definition) -> Option<String> {
    for (key, values) in &expected.documents {
        match got.documents.get(key) {
            None => return Some(format!("{} is missing", key.escape_ascii())),
            Some(found) if found != values => return Some(format!("{} has other values", key.escape_ascii())),
            Some(_) => {}
        }
    }
    if let Some(key) = got.documents.keys().find(|key| !expected.documents.contains_key(*key)) {
        return Some(format!("{} is no document", key.escape_ascii()));
    }
    let differs = |field: &usize| expected.tags[*field] != got.tags[*field];
    let is_tag = |field: &usize| matches!(definition.fields[*field].kind, Kind::Tag { .. });
    let field = (0..definition.fields.len()).filter(is_tag).find(differs)?;
    Some(format!("the tags of {} differ", definition.fields[field].name.escape_ascii()))
}
