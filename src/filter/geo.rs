//! Distance on the sphere, as the server's GEODIST computes it.

use crate::attributes::{Array, Value};

/// The radius of the earth in metres that Redis and Valkey use.
const EARTH_RADIUS: f64 = 6_372_797.560_856;

/// Metres between two points in degrees, by the haversine formula
/// `2 R asin(sqrt(sin²(Δlat / 2) + cos lat1 · cos lat2 · sin²(Δlon / 2)))`.
pub(super) fn distance(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (lon1, lat1) = (from.0.to_radians(), from.1.to_radians());
    let (lon2, lat2) = (to.0.to_radians(), to.1.to_radians());
    let u = ((lat2 - lat1) / 2.0).sin();
    let v = ((lon2 - lon1) / 2.0).sin();
    let square = u * u + lat1.cos() * lat2.cos() * v * v;
    // Rounding may pass 1 for points opposite each other.
    2.0 * EARTH_RADIUS * square.sqrt().min(1.0).asin()
}

/// The point that `[lon, lat]` gives; None for anything else than two numbers in range.
pub(super) fn point(array: Array) -> Option<(f64, f64)> {
    let mut items = array.items();
    match (items.next()?, items.next()?, items.next()) {
        (Value::Number(lon), Value::Number(lat), None) => in_range(lon, lat),
        _ => None,
    }
}

/// The point at these degrees, unless they are no place on earth.
pub(super) fn in_range(lon: f64, lat: f64) -> Option<(f64, f64)> {
    (lon.abs() <= 180.0 && lat.abs() <= 90.0).then_some((lon, lat))
}
