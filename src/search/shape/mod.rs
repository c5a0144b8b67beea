//! Points and polygons on a plane: parsers for well-known text and GeoJSON, and spatial relations.
//!
//! Longitudes and latitudes are treated as plane coordinates, as in GeoJSON: edges are straight on a map with these axes.

mod edge;
mod geojson;
#[cfg(test)]
pub mod naive;
mod polygon;
mod relate;
#[cfg(test)]
mod tests;
mod vertices;
mod wkt;

pub use polygon::Polygon;
pub use relate::{Late, Predicate, Watch};
#[cfg(test)]
pub use tests::random_text;
pub use vertices::Coordinates;

/// Vertices of a shape, at most.
pub const MAX_VERTICES: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// A point, or a polygon with its interior and border.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Point(Point),
    Polygon(Polygon),
}

/// A rectangle with its border.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    pub min: Point,
    pub max: Point,
}

impl Bounds {
    /// The smallest rectangle around two points.
    pub fn around(a: Point, b: Point) -> Bounds {
        let min = Point { x: a.x.min(b.x), y: a.y.min(b.y) };
        Bounds { min, max: Point { x: a.x.max(b.x), y: a.y.max(b.y) } }
    }

    /// The smallest rectangle around this one and a point.
    fn with(self, point: Point) -> Bounds {
        let (low, high) = (Bounds::around(self.min, point), Bounds::around(self.max, point));
        Bounds { min: low.min, max: high.max }
    }

    /// Whether the two have a point in common.
    pub fn meets(&self, other: &Bounds) -> bool {
        let Bounds { min, max } = other;
        self.min.x <= max.x && min.x <= self.max.x && self.min.y <= max.y && min.y <= self.max.y
    }

    /// Whether all of the other is in this one.
    pub fn covers(&self, other: &Bounds) -> bool {
        self.holds(other.min) && self.holds(other.max)
    }

    pub fn holds(&self, point: Point) -> bool {
        let Bounds { min, max } = self;
        min.x <= point.x && point.x <= max.x && min.y <= point.y && point.y <= max.y
    }
}

impl Shape {
    pub fn bounds(&self) -> Bounds {
        match self {
            Shape::Point(point) => Bounds::around(*point, *point),
            Shape::Polygon(polygon) => polygon.bounds(),
        }
    }

    /// Vertices, of which a polygon's rings have their first twice.
    pub fn vertices(&self) -> usize {
        match self {
            Shape::Point(_) => 1,
            Shape::Polygon(polygon) => polygon.vertices(),
        }
    }

    /// Bytes of memory, about.
    pub fn bytes(&self) -> usize {
        let rings = if let Shape::Polygon(polygon) = self { polygon.bytes() } else { 0 };
        size_of::<Shape>() + rings
    }
}
