//! The commands on objects, types and memory.

use super::{Call, Keys, Measure, Reply, Wrong, check_size, is_word};
use crate::json::Error;
use crate::json::path::compiled;
use crate::json::value::{Members, Node, View};

fn members(node: Node) -> Option<Members> {
    if let View::Object(members) = node.view() { Some(members) } else { None }
}

/// `JSON.OBJKEYS key [path]`
pub(super) fn keys(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    let measure = Measure { missing: None, absent_is_nil: true, wrong: Wrong::Not("not an object"), grows: true };
    measure.reply(call, keys, |node| {
        let names = members(node)?.iter().map(|(name, _)| Reply::Bulk(name.bytes().to_vec()));
        Some(Reply::Array(names.collect()))
    })
}

/// `JSON.OBJLEN key [path]`
pub(super) fn len(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    let measure = Measure { missing: None, absent_is_nil: true, wrong: Wrong::Expected("object"), grows: false };
    measure.reply(call, keys, |node| Some(members(node)?.len().into()))
}

/// `JSON.TYPE key [path]`. RESP3 has an array more around it.
pub(super) fn kind(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    let path = call.path(1)?;
    let reply = match keys.document(0)? {
        None => Reply::Nil,
        Some(root) => {
            let mut kinds = path.select(root)?.into_iter().map(|node| Reply::Bulk(node.kind().into()));
            match path.is_legacy() {
                true => kinds.next().into(),
                false => Reply::Array(kinds.collect()),
            }
        }
    };
    Ok(if call.resp3 { Reply::Array(vec![reply]) } else { reply })
}

/// `JSON.DEBUG MEMORY key [path]`, `JSON.DEBUG HELP`
pub(super) fn debug(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    match call.args {
        [word] if is_word(word, "HELP") => {
            let lines = ["MEMORY <key> [path] - reports memory usage in bytes", "HELP                - this message"];
            Ok(Reply::Array(lines.into_iter().map(|line| Reply::Bulk(line.into())).collect()))
        }
        [word, _, path @ ..] if is_word(word, "MEMORY") => {
            let path = compiled(path.first().unwrap_or(&&b"."[..]))?;
            let memory = |node: Node| Reply::from(node.memory());
            match (keys.document(1)?, path.is_legacy()) {
                (None, true) => Ok(Reply::Int(0)),
                (None, false) => Ok(Reply::Array(Vec::new())),
                (Some(root), false) => {
                    let nodes = path.select(root)?;
                    check_size(&nodes)?;
                    Ok(Reply::Array(nodes.into_iter().map(memory).collect()))
                }
                (Some(root), true) => {
                    let found = path.select(root)?.first().map(|&node| memory(node));
                    found.ok_or_else(|| Error::no_path(path.text()))
                }
            }
        }
        [word] if is_word(word, "MEMORY") => Err(Error::Arity),
        _ => Err(Error::new("unknown subcommand; try JSON.DEBUG HELP")),
    }
}
