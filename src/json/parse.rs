//! JSON text to values. serde_json reads the text, so that its language and its errors are the usual ones; the tree is
//! built here, with a bound on its depth.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::text::Text;
use super::value::Value;
use super::{Error, MAX_DEPTH};

/// Reads an argument or a part of one.
pub fn parse(text: &[u8]) -> Result<Value, Error> {
    parse_to_depth(text, MAX_DEPTH)
}

/// Reads a text whose containers may nest this deep.
pub fn parse_to_depth(text: &[u8], depth: usize) -> Result<Value, Error> {
    let text = std::str::from_utf8(text).map_err(|_| Error::new("Couldn't parse as UTF-8 string"))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    let value = Builder { depth }.deserialize(&mut reader);
    let value = value.and_then(|value| reader.end().map(|()| value));
    value.map_err(|why| Error::new(why.to_string()))
}

/// Reads a value at the beginning of a text; says where it ends.
pub(super) fn parse_prefix(text: &str) -> Result<(Value, usize), Error> {
    struct Alone(Value);
    impl<'de> Deserialize<'de> for Alone {
        fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Alone, D::Error> {
            Builder { depth: MAX_DEPTH }.deserialize(reader).map(Alone)
        }
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    let mut stream = reader.into_iter::<Alone>();
    let value = stream.next().unwrap_or_else(|| Err(serde_json::Error::custom("a value is missing")));
    value.map(|Alone(value)| (value, stream.byte_offset())).map_err(|why| Error::new(why.to_string()))
}

/// Builds a value in which containers may nest `depth` deep.
struct Builder {
    depth: usize,
}

impl Builder {
    fn inner<E: serde::de::Error>(&self) -> Result<usize, E> {
        self.depth.checked_sub(1).ok_or_else(|| E::custom("recursion limit exceeded"))
    }
}

impl<'de> DeserializeSeed<'de> for Builder {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Builder {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Uint(value), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Double(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(Text::from(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let depth = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(Builder { depth })? {
            values.push(value);
        }
        Ok(Value::array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let depth = self.inner()?;
        let mut object = Value::object();
        while let Some(name) = members.next_key_seed(Name)? {
            object.set_member(name, members.next_value_seed(Builder { depth })?);
        }
        object.shrink();
        Ok(object)
    }
}

struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Text;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Text, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Text;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, value: &str) -> Result<Text, E> {
        Ok(Text::from(value))
    }
}
