//! String functions, and conversions between strings and numbers.

use crate::search::error::{Error, PARSE_ARGS};
use crate::search::number::{format_number, parse_number};
use crate::search::value::Value;

/// Parts that `split` makes at most.
const MAX_PARTS: usize = 1024;
/// Bytes that `format` makes at most.
const MAX_FORMATTED: usize = 1 << 20;

fn wrong(text: String) -> Error {
    Error::new(PARSE_ARGS, text)
}

fn text_value(bytes: impl AsRef<[u8]>) -> Value {
    Value::Text(bytes.as_ref().into())
}

/// The argument as a string; otherwise an error that names the function.
pub(super) fn string<'a>(arguments: &'a [Value], at: usize, function: &str) -> Result<&'a [u8], Error> {
    let kind = match &arguments[at] {
        Value::Text(text) => return Ok(text),
        Value::Number(_) => 1,
        Value::Null => 5,
        Value::Array(_) => 6,
    };
    Err(wrong(format!(
        "Invalid type ({kind}) for argument {at} in function '{function}'. VALIDATE_ARG__STRING(v, {at}) was false."
    )))
}

fn whole(arguments: &[Value], at: usize, function: &str) -> Result<i64, Error> {
    match super::evaluate::number(&arguments[at]) {
        Ok(number) => Ok(number as i64),
        Err(_) => Err(wrong(format!("Invalid type for argument {at} in function '{function}'"))),
    }
}

fn mapped(arguments: &[Value], map: fn(&[u8]) -> Vec<u8>) -> Result<Value, Error> {
    Ok(match &arguments[0] {
        Value::Text(text) => text_value(map(text)),
        _ => Value::Null,
    })
}

pub(super) fn upper(arguments: &[Value]) -> Result<Value, Error> {
    mapped(arguments, <[u8]>::to_ascii_uppercase)
}

pub(super) fn lower(arguments: &[Value]) -> Result<Value, Error> {
    mapped(arguments, <[u8]>::to_ascii_lowercase)
}

pub(super) fn startswith(arguments: &[Value]) -> Result<Value, Error> {
    let text = string(arguments, 0, "startswith")?;
    let found = text.starts_with(string(arguments, 1, "startswith")?);
    Ok(Value::Number(f64::from(u8::from(found))))
}

/// How often the second occurs in the first, overlaps included: by Knuth, Morris and Pratt, so that no pair of texts costs
/// more than their lengths.
pub(super) fn contains(arguments: &[Value]) -> Result<Value, Error> {
    let (text, part) = (string(arguments, 0, "contains")?, string(arguments, 1, "contains")?);
    if part.is_empty() {
        return Ok(Value::Number((text.len() + 1) as f64));
    }
    // At each place of the part: the length of the longest border that ends there.
    let mut borders = vec![0; part.len()];
    let extended = |borders: &[usize], mut matched: usize, byte: u8| {
        while matched > 0 && (matched == part.len() || part[matched] != byte) {
            matched = borders[matched - 1];
        }
        if part[matched] == byte { matched + 1 } else { 0 }
    };
    for at in 1..part.len() {
        borders[at] = extended(&borders, borders[at - 1], part[at]);
    }
    let mut matched = 0;
    let mut count = 0usize;
    for byte in text {
        matched = extended(&borders, matched, *byte);
        count += usize::from(matched == part.len());
    }
    Ok(Value::Number(count as f64))
}

pub(super) fn strlen(arguments: &[Value]) -> Result<Value, Error> {
    Ok(Value::Number(string(arguments, 0, "strlen")?.len() as f64))
}

/// From an offset, from the end if negative; `count` bytes, all if negative.
pub(super) fn substr(arguments: &[Value]) -> Result<Value, Error> {
    let text = string(arguments, 0, "substr")?;
    let (offset, count) = (whole(arguments, 1, "substr")?, whole(arguments, 2, "substr")?);
    let length = text.len() as i64;
    let from = if offset < 0 { offset.saturating_add(length) } else { offset };
    if !(0..=length).contains(&from) {
        return Ok(text_value(b""));
    }
    let rest = &text[from as usize..];
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    Ok(text_value(&rest[..count.min(rest.len())]))
}

/// `%s` is the next argument, `%%` a percent sign.
pub(super) fn format(arguments: &[Value]) -> Result<Value, Error> {
    let pattern = string(arguments, 0, "format")?;
    let mut values = arguments[1..].iter();
    let mut formatted = Vec::with_capacity(pattern.len());
    let mut bytes = pattern.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => match bytes.next() {
                Some(b'%') => formatted.push(b'%'),
                Some(b's') => {
                    let value = values.next().ok_or_else(|| wrong("Not enough arguments for format".into()))?;
                    append(&mut formatted, value)?;
                }
                _ => return Err(wrong("Unknown format specifier passed".into())),
            },
            byte => formatted.push(*byte),
        }
        if formatted.len() > MAX_FORMATTED {
            return Err(too_long());
        }
    }
    Ok(text_value(formatted))
}

fn too_long() -> Error {
    wrong("Result of format is too long".into())
}

/// Adds a value's text, unless that is too long: the values of arrays may be one long text again and again.
fn append(formatted: &mut Vec<u8>, value: &Value) -> Result<(), Error> {
    let length = if let Value::Text(text) = value { text.len() } else { 0 };
    if formatted.len() + length > MAX_FORMATTED {
        return Err(too_long());
    }
    match value {
        Value::Null => formatted.extend_from_slice(b"(null)"),
        Value::Number(number) => formatted.extend_from_slice(format_number(*number).as_bytes()),
        Value::Text(text) => formatted.extend_from_slice(text),
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    formatted.push(b',');
                }
                append(formatted, value)?;
            }
        }
    }
    Ok(())
}

/// Parts between any of the separators, without the bytes to strip at their ends; empty ones are dropped.
pub(super) fn split(arguments: &[Value]) -> Result<Value, Error> {
    let text = string(arguments, 0, "split")?;
    let option = |at: usize, default: &'static [u8]| match arguments.len() > at {
        true => string(arguments, at, "split"),
        false => Ok(default),
    };
    let (separators, strip) = (bytes(option(1, b",")?), bytes(option(2, b" ")?));
    let parts = text.split(|byte| separators[usize::from(*byte)]).map(|part| trim(part, &strip));
    let parts: Vec<Value> = parts.filter(|part| !part.is_empty()).take(MAX_PARTS).map(text_value).collect();
    Ok(Value::Array(parts.into()))
}

/// Which bytes are in a text: the text may be as long as the one that they are looked for in.
fn bytes(text: &[u8]) -> [bool; 256] {
    let mut there = [false; 256];
    text.iter().for_each(|byte| there[usize::from(*byte)] = true);
    there
}

fn trim<'a>(part: &'a [u8], strip: &[bool; 256]) -> &'a [u8] {
    let stays = |byte: &u8| !strip[usize::from(*byte)];
    match (part.iter().position(stays), part.iter().rposition(stays)) {
        (Some(first), Some(last)) => &part[first..=last],
        _ => b"",
    }
}

pub(super) fn to_number(arguments: &[Value]) -> Result<Value, Error> {
    match &arguments[0] {
        Value::Number(number) => Ok(Value::Number(*number)),
        Value::Text(text) => match parse_number(text) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(Error::quoting(PARSE_ARGS, "to_number: cannot convert string '%'", &[text])),
        },
        _ => Err(wrong("to_number: cannot convert a value that is neither a string nor a number".into())),
    }
}

pub(super) fn to_str(arguments: &[Value]) -> Result<Value, Error> {
    Ok(match &arguments[0] {
        Value::Number(number) => text_value(format_number(*number)),
        Value::Array(_) => {
            let mut text = Vec::new();
            append(&mut text, &arguments[0])?;
            text_value(text)
        }
        other => other.clone(),
    })
}
