//! HIGHLIGHT and SUMMARIZE.

use crate::search::command::search::{Returned, SearchRequest};
use crate::search::evaluate::{BoundQuery, Hit};
use crate::search::reply::Fields;
use crate::search::schema::Definition;

/// The fields that HIGHLIGHT and SUMMARIZE name, where there is no RETURN to say which are shown.
pub fn asked(request: &SearchRequest) -> Option<Vec<Returned>> {
    if request.returned.is_some() {
        return None;
    }
    let named = [
        request.summarize.as_ref().and_then(|summarize| summarize.fields.as_ref()),
        request.highlight.as_ref().and_then(|highlight| highlight.fields.as_ref()),
    ];
    let named: Vec<&Vec<u8>> = named.into_iter().flatten().flatten().collect();
    if named.is_empty() {
        return None;
    }
    Some(named.into_iter().map(|name| Returned { field: name.clone(), name: name.clone() }).collect())
}

/// Marks or cuts the texts of a row.
pub fn apply(
    _request: &SearchRequest,
    _definition: &Definition,
    _query: &BoundQuery,
    _hit: &Hit,
    _fields: &mut Fields,
) {
}
