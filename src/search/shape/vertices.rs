//! Validation of vertices and rings, shared by all text formats.

use super::{MAX_VERTICES, Point};

/// Determinants of greater coordinates would overflow.
const MAX_COORDINATE: f64 = 1e100;

/// The parsed value, or an error.
pub type Read<T> = Result<T, &'static str>;

/// What coordinates mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinates {
    Plane,
    /// Longitude and latitude, in degrees.
    Earth,
}

impl Coordinates {
    /// The word of FT.CREATE.
    pub fn name(self) -> &'static str {
        match self {
            Coordinates::Plane => "FLAT",
            Coordinates::Earth => "SPHERICAL",
        }
    }
}

/// Checks and counts the vertices of a shape.
pub struct Vertices {
    coordinates: Coordinates,
    count: usize,
}

impl Vertices {
    pub fn new(coordinates: Coordinates) -> Vertices {
        Vertices { coordinates, count: 0 }
    }

    pub fn next(&mut self, x: f64, y: f64) -> Read<Point> {
        self.count += 1;
        if self.count > MAX_VERTICES {
            return Err("more than 10000 vertices");
        }
        let is_there = match self.coordinates {
            Coordinates::Plane => x.abs() <= MAX_COORDINATE && y.abs() <= MAX_COORDINATE,
            Coordinates::Earth => x.abs() <= 180.0 && y.abs() <= 90.0,
        };
        match (is_there, self.coordinates) {
            // There is one zero.
            (true, _) => Ok(Point { x: x + 0.0, y: y + 0.0 }),
            (false, Coordinates::Plane) => Err("a coordinate is beyond 1e100"),
            (false, Coordinates::Earth) => Err("a longitude is beyond 180 or a latitude beyond 90 degrees"),
        }
    }
}

/// A ring that is closed and has three corners at least; a vertex that is there twice in a row counts once.
pub fn closed(mut ring: Vec<Point>) -> Read<Vec<Point>> {
    if ring.first() != ring.last() {
        return Err("a ring does not end where it begins");
    }
    ring.dedup();
    ring.shrink_to_fit();
    if ring.len() < 4 { Err("a ring has fewer than three corners") } else { Ok(ring) }
}
