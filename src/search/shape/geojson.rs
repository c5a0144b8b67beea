//! Shapes as GeoJSON: objects with the members `type`, Point or Polygon, and `coordinates`.

use serde_json::Value as Json;

use super::vertices::{Coordinates, Read, Vertices, closed};
use super::{Point, Polygon, Shape};

impl Shape {
    /// Reads a shape.
    ///
    /// # Errors
    /// What is wrong with the object.
    pub fn from_geojson(value: &Json, coordinates: Coordinates) -> Read<Shape> {
        let mut vertices = Vertices::new(coordinates);
        let places = value.get("coordinates").ok_or("there are no coordinates")?;
        match value.get("type").and_then(Json::as_str) {
            Some("Point") => point(places, &mut vertices).map(Shape::Point),
            Some("Polygon") => {
                let rings = list(places)?.iter().map(|places| ring(places, &mut vertices));
                Polygon::new(rings.collect::<Read<_>>()?).map(Shape::Polygon).ok_or("a polygon has no ring")
            }
            _ => Err("neither Point nor Polygon"),
        }
    }
}

fn list(value: &Json) -> Read<&[Json]> {
    value.as_array().map(Vec::as_slice).ok_or("coordinates are not an array")
}

fn ring(places: &Json, vertices: &mut Vertices) -> Read<Vec<Point>> {
    closed(list(places)?.iter().map(|place| point(place, vertices)).collect::<Read<_>>()?)
}

fn point(place: &Json, vertices: &mut Vertices) -> Read<Point> {
    match list(place)? {
        [x, y] => match (x.as_f64(), y.as_f64()) {
            (Some(x), Some(y)) => vertices.next(x, y),
            _ => Err("a coordinate is not a number"),
        },
        _ => Err("a position is not two numbers"),
    }
}
