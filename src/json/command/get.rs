//! GET, MGET and RESP.

use super::{Call, Keys, Reply, check_size, is_word};
use crate::json::number::Number;
use crate::json::parse::parse_to_depth;
use crate::json::path::{Path, Shared, compiled};
use crate::json::text::Text;
use crate::json::value::{Node, Value, View};
use crate::json::write::{Layout, Writer};
use crate::json::{Error, MAX_DEPTH_SAVED, MAX_TEXT, to_text};

/// How values look in a reply.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Format {
    /// One string of JSON.
    Text,
    /// Containers as JSON text, scalars as types of the protocol.
    Expand1,
    /// Everything as types of the protocol.
    Expand,
}

impl Format {
    /// The format of a name; `plain` is the usual one's.
    pub fn of(word: &[u8], plain: &str, resp3: bool) -> Result<Format, Error> {
        let format = match word {
            _ if is_word(word, plain) => return Ok(Format::Text),
            _ if is_word(word, "EXPAND1") => Format::Expand1,
            _ if is_word(word, "EXPAND") => Format::Expand,
            _ => return Err(Error::new("wrong reply format")),
        };
        if resp3 { Ok(format) } else { Err(Error::new("this reply format is not supported on RESP2")) }
    }

    /// A value in this format.
    pub fn reply(self, node: Node) -> Reply {
        let is_container = matches!(node.view(), View::Array(_) | View::Object(_));
        match node.view() {
            _ if self == Format::Text || (self == Format::Expand1 && is_container) => Reply::Bulk(to_text(node)),
            View::Null => Reply::Nil,
            View::Bool(value) => Reply::Bool(value),
            View::Number(number) => number_reply(number, true),
            View::String(text) => Reply::Bulk(text.bytes().to_vec()),
            View::Array(items) => Reply::Array(items.iter().map(|item| self.reply(item)).collect()),
            View::Object(members) => {
                let pair =
                    |(name, value): (&Text, &Value)| (Reply::Bulk(name.bytes().to_vec()), self.reply(value.node()));
                Reply::Map(members.iter().map(pair).collect())
            }
        }
    }
}

/// The value of a text as what the protocol has for it; None if it is none.
pub fn expanded(text: &[u8]) -> Option<Reply> {
    let value = parse_to_depth(text, MAX_DEPTH_SAVED).ok()?;
    Some(Format::Expand.reply(value.node()))
}

/// A number as the protocol has it.
pub(super) fn number_reply(number: Number, resp3: bool) -> Reply {
    match number {
        Number::Int(value) => Reply::Int(value),
        Number::Uint(value) if resp3 => Reply::Big(value),
        Number::Double(value) if resp3 => Reply::Double(value),
        _ => {
            let mut text = Vec::new();
            number.write(&mut text);
            Reply::Bulk(text)
        }
    }
}

/// `JSON.GET key [INDENT s] [NEWLINE s] [SPACE s] [NOESCAPE] [FORMAT f] [path …]`
pub(super) fn get(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    let mut layout = Layout::default();
    let mut format = Format::Text;
    let mut rest = &call.args[1..];
    while let Some((&word, after)) = rest.split_first() {
        if is_word(word, "NOESCAPE") {
            rest = after;
            continue;
        }
        let known = ["INDENT", "NEWLINE", "SPACE", "FORMAT"].iter().position(|option| is_word(word, option));
        let Some(option) = known else { break };
        let (&value, after) = after.split_first().ok_or(Error::Arity)?;
        match option {
            0 => layout.indent = value,
            1 => layout.newline = value,
            2 => layout.space = value,
            _ => format = Format::of(value, "STRING", call.resp3)?,
        }
        rest = after;
    }
    let whole: &[&[u8]] = if format == Format::Text { &[b"."] } else { &[b"$"] };
    let texts = if rest.is_empty() { whole } else { rest };
    let root = keys.document(0)?;
    let mut paths = Vec::with_capacity(texts.len());
    for text in texts {
        paths.push(compiled(text)?);
    }
    if format != Format::Text && paths.iter().any(|path| path.is_legacy()) {
        return Err(Error::new("this reply format is not supported with legacy paths"));
    }
    let Some(root) = root else { return Ok(Reply::Nil) };
    if format != Format::Text {
        let mut nodes = Vec::with_capacity(paths.len());
        for path in &paths {
            nodes.push(path.select(root)?);
        }
        check_size(&nodes.concat())?;
        let matches = |nodes: Vec<Node>| Reply::Array(nodes.into_iter().map(|node| format.reply(node)).collect());
        return Ok(Reply::Array(nodes.into_iter().map(matches).collect()));
    }
    let mut writer = Writer::new(layout, MAX_TEXT);
    if let [path] = &paths[..] {
        write(&mut writer, path, path.is_legacy(), root)?;
    } else {
        let plain = paths.iter().all(|path| path.is_legacy());
        let mut seen = std::collections::HashSet::new();
        let different = paths.iter().filter(|path| seen.insert(path.text()));
        writer.members(different, |writer, path| {
            writer.name(&Text::from(path.text()))?;
            write(writer, path, plain, root)
        })?;
    }
    Ok(Reply::Bulk(writer.out))
}

/// Writes the matches of a path: the first if `plain`, an array of all otherwise.
fn write(writer: &mut Writer, path: &Path, plain: bool, root: &Value) -> Result<(), Error> {
    let nodes = path.select(root)?;
    match (plain, nodes.first()) {
        (false, _) => writer.list(nodes.into_iter()),
        (true, Some(&first)) => writer.node(first),
        (true, None) => Err(Error::no_path(path.text())),
    }
}

/// `JSON.MGET key [key …] path`
pub(super) fn mget(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    let path = call.path(call.args.len() - 1)?;
    let mut left = MAX_TEXT;
    let mut texts = Vec::new();
    for key in 0..call.args.len() - 1 {
        Shared::next_document();
        let reply = match keys.document(key) {
            Ok(Some(root)) => {
                let mut writer = Writer::new(Layout::default(), left);
                match path.is_legacy() && path.select(root)?.is_empty() {
                    true => Reply::Nil,
                    false => {
                        write(&mut writer, &path, path.is_legacy(), root)?;
                        left = left.saturating_sub(writer.out.len());
                        Reply::Bulk(writer.out)
                    }
                }
            }
            _ => Reply::Nil,
        };
        texts.push(reply);
    }
    Ok(Reply::Array(texts))
}

/// `JSON.RESP key [path]`
pub(super) fn resp(call: &Call, keys: &mut dyn Keys) -> Result<Reply, Error> {
    let path = call.path(1)?;
    let Some(root) = keys.document(0)? else { return Ok(Reply::Nil) };
    let nodes = path.select(root)?;
    if !path.is_legacy() {
        check_size(&nodes)?;
        return Ok(Reply::Array(nodes.into_iter().map(|node| as_resp(node, call.resp3)).collect()));
    }
    nodes.first().map(|&node| as_resp(node, call.resp3)).ok_or_else(|| Error::no_path(path.text()))
}

/// A value as arrays that begin with a bracket. Recursion is as deep as the value, which is bounded.
fn as_resp(node: Node, resp3: bool) -> Reply {
    match node.view() {
        View::Null => Reply::Nil,
        View::Bool(true) => Reply::Simple("true"),
        View::Bool(false) => Reply::Simple("false"),
        View::Number(number) => number_reply(number, resp3),
        View::String(text) => Reply::Bulk(text.bytes().to_vec()),
        View::Array(items) => {
            let mut parts = vec![Reply::Simple("[")];
            parts.extend(items.iter().map(|item| as_resp(item, resp3)));
            Reply::Array(parts)
        }
        View::Object(members) => {
            let mut parts = vec![Reply::Simple("{")];
            for (name, value) in members.iter() {
                parts.push(Reply::Bulk(name.bytes().to_vec()));
                parts.push(as_resp(value.node(), resp3));
            }
            Reply::Array(parts)
        }
    }
}
