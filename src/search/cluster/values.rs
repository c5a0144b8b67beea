//! Values and rows as replies, the form in which nodes exchange them, and back. Input from other nodes is untrusted:
//! what does not have the expected form is [`Malformed`].

use super::wire::Malformed;
use crate::reply::Reply;
use crate::search::evaluate::Explanation;
use crate::search::value::Value;

type Read<T> = Result<T, Malformed>;

pub fn bulk(bytes: &[u8]) -> Reply {
    Reply::Bulk(bytes.to_vec())
}

/// A value; one that is absent differs from one that is null.
pub fn value(value: Option<&Value>) -> Reply {
    match value {
        None => Reply::NilArray,
        Some(Value::Null) => Reply::Nil,
        Some(Value::Number(number)) => Reply::Double(*number),
        Some(Value::Text(text)) => bulk(text),
        Some(Value::Array(values)) => Reply::Array(values.iter().map(|item| self::value(Some(item))).collect()),
    }
}

pub fn read_value(reply: Reply) -> Read<Option<Value>> {
    Ok(Some(match reply {
        Reply::NilArray => return Ok(None),
        Reply::Nil => Value::Null,
        Reply::Double(number) => Value::Number(number),
        Reply::Bulk(text) => Value::Text(text.into()),
        // Replies have a bounded depth.
        Reply::Array(items) => {
            let values: Read<Vec<Value>> = items.into_iter().map(|item| present(read_value(item)?)).collect();
            Value::Array(values?.into())
        }
        _ => return Err(Malformed),
    }))
}

/// What has to be there.
pub fn present<T>(value: Option<T>) -> Read<T> {
    value.ok_or(Malformed)
}

pub fn explanation(explanation: &Explanation) -> Reply {
    let parts = explanation.parts.iter().map(self::explanation).collect();
    Reply::Array(vec![bulk(explanation.text.as_bytes()), Reply::Array(parts)])
}

pub fn read_explanation(reply: Reply) -> Read<Explanation> {
    let [text, parts] = items(reply)?;
    let parts = list(parts)?.into_iter().map(read_explanation).collect::<Read<_>>()?;
    Ok(Explanation { text: String::from_utf8_lossy(&bytes(text)?).into_owned(), parts })
}

/// An array of exactly this many items.
pub fn items<const N: usize>(reply: Reply) -> Read<[Reply; N]> {
    list(reply)?.try_into().map_err(|_| Malformed)
}

pub fn list(reply: Reply) -> Read<Vec<Reply>> {
    if let Reply::Array(items) = reply { Ok(items) } else { Err(Malformed) }
}

pub fn bytes(reply: Reply) -> Read<Vec<u8>> {
    if let Reply::Bulk(bytes) = reply { Ok(bytes) } else { Err(Malformed) }
}

pub fn count(reply: Reply) -> Read<usize> {
    if let Reply::Int(number) = reply { usize::try_from(number).map_err(|_| Malformed) } else { Err(Malformed) }
}

pub fn double(reply: Reply) -> Read<f64> {
    if let Reply::Double(number) = reply { Ok(number) } else { Err(Malformed) }
}

pub fn flag(reply: Reply) -> Read<bool> {
    if let Reply::Bool(flag) = reply { Ok(flag) } else { Err(Malformed) }
}

/// Something that may be absent.
pub fn optional<T>(reply: Reply, read: impl FnOnce(Reply) -> Read<T>) -> Read<Option<T>> {
    if reply == Reply::Nil { Ok(None) } else { read(reply).map(Some) }
}
