//! The interior of a polygon by the even-odd rule: holes are rings within rings, and rings that cross, which
//! well-formed polygons do not have, enclose something too.

use super::edge::Edge;
use super::{Bounds, Point};

/// Rings with their first vertex at the end once more, the outer one first.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    rings: Box<[Box<[Point]>]>,
    bounds: Bounds,
}

/// Where a point is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Position {
    Inside,
    Border,
    Outside,
}

impl Polygon {
    /// A polygon of closed rings; None without any vertex.
    pub fn new(rings: Vec<Vec<Point>>) -> Option<Polygon> {
        let first = *rings.first()?.first()?;
        let bounds = rings.iter().flatten().fold(Bounds::around(first, first), |bounds, point| bounds.with(*point));
        Some(Polygon { rings: rings.into_iter().map(Vec::into_boxed_slice).collect(), bounds })
    }

    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub fn vertices(&self) -> usize {
        self.rings.iter().map(|ring| ring.len()).sum()
    }

    /// Bytes of the rings.
    pub fn bytes(&self) -> usize {
        self.rings.iter().map(|ring| 32 + size_of_val(&ring[..])).sum()
    }

    /// The edges of each ring.
    pub fn rings(&self) -> impl Iterator<Item = impl Iterator<Item = Edge>> {
        self.rings.iter().map(|ring| ring.windows(2).map(|ends| Edge { a: ends[0], b: ends[1] }))
    }

    pub fn edges(&self) -> impl Iterator<Item = Edge> {
        self.rings().flatten()
    }

    /// A vertex of each ring.
    pub fn corners(&self) -> impl Iterator<Item = Point> {
        self.rings.iter().filter_map(|ring| ring.first().copied())
    }

    /// Counts the edges that a ray to the right crosses.
    pub fn position(&self, point: Point) -> Position {
        if !self.bounds.holds(point) {
            return Position::Outside;
        }
        let mut inside = false;
        for edge in self.edges() {
            let Edge { a, b } = edge;
            if a.y.min(b.y) > point.y || a.y.max(b.y) < point.y || a.x.max(b.x) < point.x {
                continue;
            }
            let side = edge.side(point);
            if side == 0.0 && a.x.min(b.x) <= point.x {
                return Position::Border;
            }
            // An edge has its lower end and not its upper one: what ends at the height of the ray counts once.
            let crosses = (a.y > point.y) != (b.y > point.y);
            inside ^= crosses && (side > 0.0) == (b.y > a.y);
        }
        if inside { Position::Inside } else { Position::Outside }
    }

    /// A point inside, far from the border as far as that is cheap to find: the middle of the widest part of a line between
    /// vertices. None where nothing is enclosed.
    pub fn inner(&self) -> Option<Point> {
        let mut heights: Vec<f64> = self.rings.iter().flatten().map(|point| point.y).collect();
        heights.sort_unstable_by(f64::total_cmp);
        let gap = heights.windows(2).max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])))?;
        let y = gap[0] / 2.0 + gap[1] / 2.0;
        let crossing = |Edge { a, b }: Edge| {
            let share = (y - a.y) / (b.y - a.y);
            ((a.y > y) != (b.y > y)).then_some(a.x + (b.x - a.x) * share)
        };
        let mut crossings: Vec<f64> = self.edges().filter_map(crossing).collect();
        crossings.sort_unstable_by(f64::total_cmp);
        let parts = crossings.as_chunks::<2>().0.iter();
        let [from, to] = parts.max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])))?;
        (from < to).then(|| Point { x: from / 2.0 + to / 2.0, y })
    }
}
