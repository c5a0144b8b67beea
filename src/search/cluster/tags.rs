//! FT.TAGVALS: the union of the shards' values.

use std::collections::BTreeSet;

use super::values::{bytes, list};
use super::wire::Malformed;
use crate::reply::Reply;

/// The values of all parts, each once.
///
/// # Errors
/// If a part is not what a shard sends.
pub fn merge(parts: Vec<Reply>) -> Result<Reply, Malformed> {
    let mut values = BTreeSet::new();
    for part in parts {
        for value in list(part)? {
            values.insert(bytes(value)?);
        }
    }
    Ok(Reply::Set(values.into_iter().map(Reply::Bulk).collect()))
}
