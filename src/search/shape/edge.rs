//! Edges between vertices. The side of an edge on which a point lies is computed exactly (robust predicates).

use robust::{Coord, orient2d};

use super::{Bounds, Point};

#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub a: Point,
    pub b: Point,
}

/// What two edges have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Contact {
    Nothing,
    /// One point, which is inside of both.
    Crossing,
    /// A point in which one of them ends, or a part of both.
    Touch,
}

impl Edge {
    pub fn bounds(&self) -> Bounds {
        Bounds::around(self.a, self.b)
    }

    /// Above 0 where a point is on the left, below where it is on the right, 0 on the line through the edge.
    pub fn side(&self, point: Point) -> f64 {
        let coordinates = |point: Point| Coord { x: point.x, y: point.y };
        orient2d(coordinates(self.a), coordinates(self.b), coordinates(point))
    }

    /// Whether a point is on the edge, its ends included.
    pub fn holds(&self, point: Point) -> bool {
        self.bounds().holds(point) && self.side(point) == 0.0
    }

    pub fn contact(&self, other: &Edge) -> Contact {
        if !self.bounds().meets(&other.bounds()) {
            return Contact::Nothing;
        }
        let sides = |edge: &Edge, of: &Edge| (edge.side(of.a), edge.side(of.b));
        let apart = |(a, b): (f64, f64)| a > 0.0 && b > 0.0 || a < 0.0 && b < 0.0;
        let of_other = sides(self, other);
        if apart(of_other) {
            return Contact::Nothing;
        }
        let own = sides(other, self);
        if apart(own) {
            return Contact::Nothing;
        }
        match [own.0, own.1, of_other.0, of_other.1].contains(&0.0) {
            true => Contact::Touch,
            false => Contact::Crossing,
        }
    }

    pub fn middle(&self) -> Point {
        Point { x: self.a.x / 2.0 + self.b.x / 2.0, y: self.a.y / 2.0 + self.b.y / 2.0 }
    }
}
