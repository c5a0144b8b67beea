//! Distances on the earth.

use super::text::string;
use crate::search::error::{Error, PARSE_ARGS};
use crate::search::number::parse_number;
use crate::search::value::Value;

/// Metres; the sphere of the server's own GEO commands.
const EARTH_RADIUS: f64 = 6_372_797.560_856;

/// Metres between two points, by haversine.
fn distance((lon1, lat1): (f64, f64), (lon2, lat2): (f64, f64)) -> f64 {
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin();
    let (u, v) = (half(lat1, lat2), half(lon1, lon2));
    let a = u * u + lat1.to_radians().cos() * lat2.to_radians().cos() * v * v;
    2.0 * EARTH_RADIUS * a.sqrt().min(1.0).asin()
}

/// Metres between two points, each `"lon,lat"` or two numbers, to two decimals; null where one is not on the earth.
pub(super) fn geodistance(arguments: &[Value]) -> Result<Value, Error> {
    let mut rest = arguments;
    let (from, to) = (point(&mut rest)?, point(&mut rest)?);
    if !rest.is_empty() {
        return Err(invalid("too many arguments"));
    }
    let on_earth = |(lon, lat): (f64, f64)| (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat);
    if !on_earth(from) || !on_earth(to) {
        return Ok(Value::Null);
    }
    Ok(Value::Number((distance(from, to) * 100.0).round() / 100.0))
}

fn invalid(why: &str) -> Error {
    Error::new(PARSE_ARGS, format!("Invalid geo string: {why}"))
}

/// Takes a point off the arguments.
fn point(rest: &mut &[Value]) -> Result<(f64, f64), Error> {
    let Some((first, behind)) = rest.split_first() else { return Err(invalid("missing separator")) };
    *rest = behind;
    let number = |value: &Value| match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) => parse_number(text),
        _ => None,
    };
    if let Some(lon) = number(first) {
        let Some((second, behind)) = rest.split_first() else { return Err(invalid("missing separator")) };
        *rest = behind;
        let lat = number(second).ok_or_else(|| invalid("latitude is no number"))?;
        return Ok((lon, lat));
    }
    let text = string(std::slice::from_ref(first), 0, "geodistance")?;
    let at = text.iter().position(|byte| matches!(byte, b',' | b' ')).ok_or_else(|| invalid("missing separator"))?;
    let part = |part: &[u8]| parse_number(part.trim_ascii()).ok_or_else(|| invalid("coordinates are no numbers"));
    Ok((part(&text[..at])?, part(&text[at + 1..])?))
}
