//! FT.INFO, FT.TAGVALS, FT.MGET and FT.EXPLAIN.

use super::access::{Target, target};
use super::documents::Open;
use super::execution::Work;
use super::listing::{Listing, bulks};
use super::{Missing, binding, check, cluster, cursors, follow, json, protocol, refuse, registry};
use crate::reply::Reply;
use crate::search::cluster::info::Part;
use crate::search::cluster::message::Question;
use crate::search::command::search::SearchRequest;
use crate::search::error::Error;
use crate::search::index::{Failures, TagValues};
use crate::search::query;
use crate::search::reply::{self, Info};
use crate::search::schema::Source;
use crate::server::api::Text;
use crate::server::commands::{Call, Failure, Outcome};

/// FT.INFO
pub fn ft_info(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    let settings = binding::settings();
    let cursors = cursors::counts(target.id);
    let protocol = protocol(call.ctx);
    let (id, definition) = (target.id, target.definition.clone());
    let used = registry::with(|registry| registry.by_id(id).map(|(_, entry)| (entry.uses, entry.dialects)));
    let (uses, dialects) = used.unwrap_or_default();
    let show = move |mut part: Part| {
        part.failures.resize(definition.fields.len(), Failures::default());
        reply::info(
            &Info {
                definition: &definition,
                stats: &part.stats,
                failures: part.failures,
                scanned: part.scanned,
                uses,
                indexing_milliseconds: part.indexing_milliseconds,
                cursors,
                cursor_limit: settings.index_cursor_limit,
                dialects,
            },
            protocol,
        )
    };
    let asked = cluster::Asked { question: Question::Info, profiled: false, milliseconds: QUICKLY, partial: false };
    if let Some(outcome) = cluster::ask(call, &target, asked, || Ok(Box::new(cluster::Infos(show.clone())))) {
        return outcome;
    }
    Ok(info_part(&target).map(show))
}

/// Milliseconds that other nodes have for what takes no time, but may wait for its turn on a busy one.
const QUICKLY: u64 = 5000;

/// FT.INFO for this node's part of an index.
pub fn info_part(target: &Target) -> Option<Part> {
    registry::with(|registry| {
        let (_, entry) = registry.by_id(target.id)?;
        Some(Part {
            stats: entry.index.stats(),
            failures: (0..entry.definition.fields.len()).map(|field| entry.index.failures(field)).collect(),
            scanned: entry.scan.as_ref().map(super::scan::Scan::share),
            indexing_milliseconds: entry.indexing.as_secs_f64() * 1000.0,
        })
    })
}

/// FT.TAGVALS
pub fn ft_tagvals(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    let values = tag_values(&target, call.args[1])?;
    let asked =
        cluster::Asked { question: Question::TagValues, profiled: false, milliseconds: QUICKLY, partial: false };
    let outcome = cluster::ask(call, &target, asked, || Ok(Box::new(cluster::TagValues)));
    outcome.unwrap_or_else(|| Listing::new(values.len(), move || Reply::Set(bulks(values.iter()))).start(call.ctx))
}

/// The same in this node's part of an index.
pub fn tag_values_part(target: &Target, field: &[u8]) -> Result<Box<dyn Work>, Failure> {
    let values = tag_values(target, field)?;
    Ok(Box::new(Listing::new(values.len(), move || Reply::Array(bulks(values.iter())))))
}

fn tag_values(target: &Target, field: &[u8]) -> Result<TagValues, Failure> {
    let bad = |text: &str| refuse(Error::new("SEARCH_ATTR_BAD", text));
    let field = target.definition.field(field).ok_or_else(|| bad("No such field"))?;
    let values =
        registry::with(|registry| registry.by_id(target.id).and_then(|(_, entry)| entry.index.tag_values(field)));
    values.ok_or_else(|| bad("Not a tag field"))
}

/// FT.MGET: all fields of documents of the index; nil for what is none of them.
pub fn ft_mget(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    let keys = &call.args[1..];
    let document = |key: &[u8]| fields(&Open::to_read(call.ctx, &Text::new(key)));
    let documents = keys.iter().zip(target.documents(keys)).map(|(key, is_in)| is_in.then(|| document(key)).flatten());
    Ok(Some(Reply::Array(documents.map(|document| document.unwrap_or(Reply::Nil)).collect())))
}

/// The fields of a document with their values, in turn.
fn fields(key: &Open) -> Option<Reply> {
    let mut shown = Vec::new();
    match key.source()? {
        Source::Hash => key.for_each_field(|name, value| {
            shown.extend([name, value].map(|bytes| Reply::Bulk(bytes.to_vec())));
        }),
        Source::Json => shown.extend([Reply::Bulk(b"$".to_vec()), Reply::Bulk(json::whole(key)?)]),
    }
    Some(Reply::Array(shown))
}

fn explained(call: &Call) -> Result<String, Failure> {
    let target = target(call.ctx, call.args[0], Missing::Query)?;
    let request = SearchRequest::parse(call.args, &binding::settings()).map_err(refuse)?;
    let query = binding::read(&target, &request.options)?;
    Ok(query::explain(&query, &target.definition))
}

/// FT.EXPLAIN
pub fn ft_explain(call: &Call) -> Outcome {
    explained(call).map(|text| Some(Reply::Bulk(text.into_bytes())))
}

/// FT.EXPLAINCLI
pub fn ft_explaincli(call: &Call) -> Outcome {
    let text = explained(call)?;
    Ok(Some(Reply::Array(text.split('\n').map(|line| Reply::Bulk(line.as_bytes().to_vec())).collect())))
}

/// FT.CHECK: whether the index is what its documents say. Reads every document of the database.
pub fn ft_check(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    follow::expire(call.ctx, target.id);
    check::check(call.ctx, &target)
}
