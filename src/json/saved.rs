//! The saved form of a document, in files and payloads.
//!
//! Version 3 is written: one string with the compact text, which every implementation of this type reads and writes.
//! Version 0 (a tree of tagged nodes) and version 2 (a text and strings that are not needed) can be read too.

use std::fmt;

use super::parse::parse_to_depth;
use super::text::Text;
use super::value::Value;
use super::{MAX_DEPTH, MAX_DEPTH_SAVED};

/// The version that is written.
pub const VERSION: i32 = 3;

/// Elements for which room is made because a count promises them.
const MAX_RESERVED: usize = 1024;

/// The input of a saved value, part by part.
pub trait Source {
    fn unsigned(&mut self) -> Result<u64, LoadError>;
    fn signed(&mut self) -> Result<i64, LoadError>;
    fn double(&mut self) -> Result<f64, LoadError>;
    fn bytes(&mut self) -> Result<Vec<u8>, LoadError>;
}

/// Why a saved value is refused.
#[derive(Debug, PartialEq)]
pub struct LoadError(pub String);

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn refuse<T>(why: impl Into<String>) -> Result<T, LoadError> {
    Err(LoadError(why.into()))
}

/// Reads a value that was saved in this version.
pub fn load(version: i32, source: &mut dyn Source) -> Result<Value, LoadError> {
    match version {
        0 => node(source, MAX_DEPTH),
        2 => {
            let value = text(source)?;
            if source.unsigned()? > 0 {
                source.bytes()?;
                source.bytes()?;
            }
            Ok(value)
        }
        VERSION => text(source),
        _ => refuse(format!("version {version} of the saved form is not known")),
    }
}

fn text(source: &mut dyn Source) -> Result<Value, LoadError> {
    let text = source.bytes()?;
    parse_to_depth(&text, MAX_DEPTH_SAVED).map_err(|why| LoadError(why.to_string()))
}

/// A node of version 0: a tag and what belongs to it. Containers may nest `depth` deep.
fn node(source: &mut dyn Source, depth: usize) -> Result<Value, LoadError> {
    Ok(match source.unsigned()? {
        0x01 => Value::Null,
        0x02 => Value::String(string(source)?),
        0x04 => match source.double()? {
            number if number.is_finite() => Value::Double(number),
            number => return refuse(format!("{number} is no JSON number")),
        },
        0x08 => Value::Int(source.signed()?),
        0x10 => match &source.bytes()?[..] {
            b"1" => Value::Bool(true),
            b"0" => Value::Bool(false),
            _ => return refuse("a boolean that is neither 0 nor 1"),
        },
        tag @ (0x20 | 0x40) => {
            let Some(depth) = depth.checked_sub(1) else { return refuse("recursion limit exceeded") };
            let count = source.unsigned()?;
            match tag {
                0x20 => members(source, count, depth)?,
                _ => items(source, count, depth)?,
            }
        }
        tag => return refuse(format!("unknown tag {tag}")),
    })
}

fn members(source: &mut dyn Source, count: u64, depth: usize) -> Result<Value, LoadError> {
    let mut object = Value::object();
    for _ in 0..count {
        if source.unsigned()? != 0x80 {
            return refuse("a member without its tag");
        }
        let name = string(source)?;
        object.set_member(name, node(source, depth)?);
    }
    object.shrink();
    Ok(object)
}

fn items(source: &mut dyn Source, count: u64, depth: usize) -> Result<Value, LoadError> {
    let mut values = Vec::with_capacity(MAX_RESERVED.min(count as usize));
    for _ in 0..count {
        values.push(node(source, depth)?);
    }
    Ok(Value::array(values))
}

fn string(source: &mut dyn Source) -> Result<Text, LoadError> {
    match std::str::from_utf8(&source.bytes()?) {
        Ok(text) => Ok(Text::from(text)),
        Err(_) => refuse("a string that is not UTF-8"),
    }
}
