//! Spatial relations of two shapes, as defined by OGC Simple Features: a shape is within another if none of its points is
//! outside of that one and some interior point of it is in the interior of that one. So a point on the border of a polygon is not
//! within the polygon, but intersects it.
//!
//! Decisions depend only on the signs of exact determinants, except for the midpoints of parts of edges: intersection points of edges, which
//! would have to be rounded, are never computed. A pair of shapes costs at most the product of their numbers of vertices; a [`Watch`] checks
//! the time limit.

use super::edge::{Contact, Edge};
use super::polygon::{Polygon, Position};
use super::{Point, Shape};

/// How a document's shape is to lie to that of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predicate {
    Within,
    Contains,
    Intersects,
    Disjoint,
}

impl Predicate {
    const NAMES: [(&str, Predicate); 4] = [
        ("WITHIN", Predicate::Within),
        ("CONTAINS", Predicate::Contains),
        ("INTERSECTS", Predicate::Intersects),
        ("DISJOINT", Predicate::Disjoint),
    ];

    /// The predicate of that name, in any case.
    pub fn named(name: &[u8]) -> Option<Predicate> {
        let known = Predicate::NAMES.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name));
        known.map(|(_, predicate)| *predicate)
    }

    pub fn name(self) -> &'static str {
        Predicate::NAMES.iter().find(|(_, predicate)| *predicate == self).expect("all have names").0
    }
}

/// The time is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Late;

/// Checks the time limit periodically.
pub struct Watch<'a> {
    is_late: &'a dyn Fn() -> bool,
    left: usize,
}

/// Edges looked at between looks at the clock.
const STRIDE: usize = 1 << 14;

impl<'a> Watch<'a> {
    pub fn new(is_late: &'a dyn Fn() -> bool) -> Watch<'a> {
        Watch { is_late, left: STRIDE }
    }

    /// Accounts for edges that are looked at.
    pub fn spend(&mut self, edges: usize) -> Result<(), Late> {
        match self.left.checked_sub(edges + 1) {
            Some(left) => self.left = left,
            None if (self.is_late)() => return Err(Late),
            None => self.left = STRIDE,
        }
        Ok(())
    }
}

impl Shape {
    /// Whether the two have a point in common.
    pub fn intersects(&self, other: &Shape, watch: &mut Watch) -> Result<bool, Late> {
        match (self, other) {
            (Shape::Point(a), Shape::Point(b)) => Ok(a == b),
            (Shape::Point(point), Shape::Polygon(polygon)) | (Shape::Polygon(polygon), Shape::Point(point)) => {
                Ok(position(polygon, *point, watch)? != Position::Outside)
            }
            (Shape::Polygon(a), Shape::Polygon(b)) => meet(a, b, watch),
        }
    }

    /// Whether the shape is within another.
    pub fn within(&self, other: &Shape, watch: &mut Watch) -> Result<bool, Late> {
        match (self, other) {
            (Shape::Point(a), Shape::Point(b)) => Ok(a == b),
            (Shape::Point(point), Shape::Polygon(polygon)) => Ok(position(polygon, *point, watch)? == Position::Inside),
            (Shape::Polygon(_), Shape::Point(_)) => Ok(false),
            (Shape::Polygon(a), Shape::Polygon(b)) => is_within(a, b, watch),
        }
    }
}

fn position(polygon: &Polygon, point: Point, watch: &mut Watch) -> Result<Position, Late> {
    watch.spend(polygon.vertices())?;
    Ok(polygon.position(point))
}

fn meet(a: &Polygon, b: &Polygon, watch: &mut Watch) -> Result<bool, Late> {
    if !a.bounds().meets(&b.bounds()) {
        return Ok(false);
    }
    for edge in a.edges().filter(|edge| edge.bounds().meets(&b.bounds())) {
        watch.spend(b.vertices())?;
        if b.edges().any(|other| edge.contact(&other) != Contact::Nothing) {
            return Ok(true);
        }
    }
    // No border touches the other: each ring is on one side of the other shape's border.
    for (rings, other) in [(a, b), (b, a)] {
        for corner in rings.corners() {
            if position(other, corner, watch)? != Position::Outside {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// No part of the inner border is outside, no part of the outer border is inside of the inner shape, and where all of the inner
/// border is on the outer one, an interior point shows that it does not just fill a hole.
fn is_within(inner: &Polygon, outer: &Polygon, watch: &mut Watch) -> Result<bool, Late> {
    if !outer.bounds().covers(&inner.bounds()) {
        return Ok(false);
    }
    let Some(is_off) = border(inner, outer, Position::Outside, watch)? else { return Ok(false) };
    if border(outer, inner, Position::Inside, watch)?.is_none() {
        return Ok(false);
    }
    if is_off {
        return Ok(true);
    }
    match inner.inner() {
        Some(point) => Ok(position(outer, point, watch)? == Position::Inside),
        None => Ok(false),
    }
}

/// Follows a border and returns whether some of it is off that of the other polygon. None if a part of it is where it must not be, or
/// the borders cross, so that both sides have parts of it.
fn border(of: &Polygon, other: &Polygon, forbidden: Position, watch: &mut Watch) -> Result<Option<bool>, Late> {
    let mut is_off = false;
    let mut cuts = Vec::new();
    for ring in of.rings() {
        // Whether the edge before has no contact, so that the next one begins where that one is.
        let mut known = false;
        for edge in ring {
            if !edge.bounds().meets(&other.bounds()) {
                if forbidden == Position::Outside {
                    return Ok(None);
                }
                (known, is_off) = (false, true);
                continue;
            }
            watch.spend(other.vertices())?;
            cuts.clear();
            let mut touches = false;
            for across in other.edges() {
                match edge.contact(&across) {
                    Contact::Nothing => continue,
                    Contact::Crossing => return Ok(None),
                    Contact::Touch => touches = true,
                }
                if edge.holds(across.a) {
                    cuts.push(across.a);
                }
            }
            let is_known = std::mem::replace(&mut known, !touches);
            if !touches {
                is_off = true;
                if !is_known && position(other, edge.a, watch)? == forbidden {
                    return Ok(None);
                }
                continue;
            }
            for part in parts(edge, &mut cuts) {
                watch.spend(other.vertices())?;
                if other.edges().any(|across| across.holds(part.a) && across.holds(part.b)) {
                    continue;
                }
                is_off = true;
                if position(other, part.middle(), watch)? == forbidden {
                    return Ok(None);
                }
            }
        }
    }
    Ok(Some(is_off))
}

/// The parts of an edge between points on it, which come in any order.
fn parts(edge: Edge, cuts: &mut Vec<Point>) -> impl Iterator<Item = Edge> {
    cuts.extend([edge.a, edge.b]);
    cuts.sort_unstable_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    cuts.dedup();
    cuts.windows(2).map(|ends| Edge { a: ends[0], b: ends[1] })
}
