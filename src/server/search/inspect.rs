//! FT.INFO, FT.TAGVALS, FT.EXPLAIN and FT.CHECK.

use super::access::target;
use super::{Missing, binding, check, cursors, follow, protocol, refuse, registry};
use crate::reply::Reply;
use crate::search::command::search::SearchRequest;
use crate::search::error::Error;
use crate::search::query;
use crate::search::reply::{self, Info};
use crate::server::commands::{Call, Failure, Outcome};

/// FT.INFO
pub fn ft_info(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    let settings = binding::settings();
    let cursors = cursors::counts(target.id);
    let protocol = protocol(call.ctx);
    let reply = registry::with(|registry| {
        let (_, entry) = registry.by_id(target.id)?;
        let stats = entry.index.stats();
        Some(reply::info(
            &Info {
                definition: &entry.definition,
                stats: &stats,
                failures: (0..entry.definition.fields.len()).map(|field| entry.index.failures(field)).collect(),
                scanned: entry.scan.as_ref().map(super::scan::Scan::share),
                uses: entry.uses,
                indexing_milliseconds: entry.indexing.as_secs_f64() * 1000.0,
                cursors,
                cursor_limit: settings.index_cursor_limit,
                dialects: entry.dialects,
            },
            protocol,
        ))
    });
    Ok(reply)
}

/// FT.TAGVALS
pub fn ft_tagvals(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    let bad = |text: &str| refuse(Error::new("SEARCH_ATTR_BAD", text));
    let field = target.definition.field(call.args[1]).ok_or_else(|| bad("No such field"))?;
    let values =
        registry::with(|registry| registry.by_id(target.id).and_then(|(_, entry)| entry.index.tag_values(field)));
    let values = values.ok_or_else(|| bad("Not a tag field"))?;
    Ok(Some(Reply::Set(values.iter().map(|value| Reply::Bulk(value.to_vec())).collect())))
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
