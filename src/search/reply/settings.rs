//! FT.CONFIG's replies.

use super::{Protocol, bulk};
use crate::reply::Reply;

/// Settings by name; none was never set.
pub type Found = Vec<(&'static str, Option<String>)>;

fn value(value: Option<String>) -> Reply {
    value.map_or(Reply::Nil, bulk)
}

/// FT.CONFIG GET
pub fn settings(found: Found, protocol: Protocol) -> Reply {
    let pairs = found.into_iter().map(|(name, text)| (Reply::Simple(name), value(text)));
    match protocol {
        Protocol::Resp2 => Reply::Array(pairs.map(|(name, value)| Reply::Array(vec![name, value])).collect()),
        Protocol::Resp3 => Reply::Map(pairs.collect()),
    }
}

/// FT.CONFIG HELP
pub fn settings_help(found: Found, protocol: Protocol) -> Reply {
    let described = |name: &str| bulk(format!("The setting {name} of search"));
    let help = found.into_iter().map(|(name, text)| {
        let pairs = vec![(Reply::Simple("Description"), described(name)), (Reply::Simple("Value"), value(text))];
        (Reply::Simple(name), pairs)
    });
    match protocol {
        Protocol::Resp2 => {
            let flat = |(name, pairs): (Reply, Vec<(Reply, Reply)>)| {
                let items = pairs.into_iter().flat_map(|(name, value)| [name, value]);
                Reply::Array(std::iter::once(name).chain(items).collect())
            };
            Reply::Array(help.map(flat).collect())
        }
        Protocol::Resp3 => Reply::Map(help.map(|(name, pairs)| (name, Reply::Map(pairs))).collect()),
    }
}
