//! A spatial index of the documents' shapes.
//!
//! The index has a grid for each cell size, a power of two. A shape is stored in the grid with the smallest cells of which two
//! are as wide and as high as its bounding box: so it overlaps at most the cell of its lower left corner and the three cells to the right and
//! above, and is stored under the former. A rectangle of a grid is a few ranges of cell codes, as with points. Coordinates are
//! unbounded, so they are quantized with a relative precision of two millionths.

use std::sync::Arc;

use super::docset::DocSet;
use super::geo::blocks;
use super::pages::Pages;
use super::ranges::Ranges;
use crate::search::shape::{Bounds, Shape};

/// The shapes of a document.
pub type Outline = Arc<[Shape]>;

/// A field's shapes.
#[derive(Clone, Default)]
pub struct Shapes {
    /// The squares of shapes.
    squares: Ranges,
    outlines: Pages<Option<Outline>>,
    /// Documents that have shapes.
    pub documents: DocSet,
    /// Of all shapes.
    pub vertices: usize,
    bytes: usize,
}

/// Bits of a position on an axis of the finest grid.
const BITS: u32 = 29;
/// Below it steps are of one size.
const SMALL: f64 = 1.0 / 256.0;

/// A coordinate's position on the finest grid: below 1 << [`BITS`], and not lower for a greater coordinate. Coordinates are at most
/// 1e100.
fn position(coordinate: f64) -> u64 {
    // The bits of a double are ordered as the numbers are, in steps relative to their size.
    let distance = (coordinate.abs() + SMALL).to_bits() - SMALL.to_bits();
    let middle = 1u64 << 61;
    let place = if coordinate < 0.0 { middle - distance } else { middle + distance };
    place >> (62 - BITS)
}

/// The code of a square: the size of its grid, and its place there.
fn code(size: u32, place: u64) -> u64 {
    u64::from(size) << (2 * BITS) | place
}

/// The square in which a shape of these bounds is looked for.
fn square(bounds: &Bounds) -> u64 {
    let (x, y) = (position(bounds.min.x), position(bounds.min.y));
    let widest = (position(bounds.max.x) - x).max(position(bounds.max.y) - y);
    let size = u64::BITS - widest.leading_zeros();
    let (column, row) = (x >> size, y >> size);
    code(size, blocks((column, column), (row, row))[0].0)
}

impl Shapes {
    pub fn get(&self, document: u32) -> Option<&Outline> {
        self.outlines.get(document)?.as_ref()
    }

    /// Sets a document's shapes, of which there are some.
    pub fn set(&mut self, document: u32, outline: Outline) {
        self.remove(document);
        for shape in outline.iter() {
            self.squares.insert(square(&shape.bounds()), document);
            self.vertices += shape.vertices();
            self.bytes += shape.bytes();
        }
        self.documents.insert(document);
        *self.outlines.get_mut(document) = Some(outline);
    }

    /// Takes a document's shapes out; whether there were any.
    pub fn remove(&mut self, document: u32) -> bool {
        if self.get(document).is_none() {
            return false;
        }
        for shape in self.outlines.get_mut(document).take().iter().flat_map(|outline| outline.iter()) {
            self.squares.remove(square(&shape.bounds()), document);
            self.vertices -= shape.vertices();
            self.bytes -= shape.bytes();
        }
        self.documents.remove(document)
    }

    /// Documents whose shapes may have a point in a rectangle: all that do, and a few others, in any order, some more than once.
    pub fn near(&self, bounds: &Bounds) -> impl Iterator<Item = u32> + '_ {
        let (west, east) = (position(bounds.min.x), position(bounds.max.x));
        let (south, north) = (position(bounds.min.y), position(bounds.max.y));
        let is_used = move |size: &u32| self.squares.range(code(*size, 0), code(size + 1, 0) - 1).next().is_some();
        (0..=BITS)
            .filter(is_used)
            .flat_map(move |size| {
                let across = |from: u64, to: u64| ((from >> size).saturating_sub(1), to >> size);
                let ranges = blocks(across(west, east), across(south, north)).into_iter();
                ranges.flat_map(move |(from, to)| self.squares.range(code(size, from), code(size, to)))
            })
            .map(|(_, document)| document)
    }

    /// Shapes, those of a document in one square counted once.
    pub fn len(&self) -> usize {
        self.squares.len()
    }

    pub fn bytes(&self) -> usize {
        self.squares.bytes() + self.outlines.bytes() + self.documents.bytes() + self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::shape::Point;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    fn coordinate(random: &mut SmallRng, scale: f64) -> f64 {
        scale * random.random_range(-1.0..1.0)
    }

    #[test]
    fn positions_rise_with_coordinates() {
        let mut random = SmallRng::seed_from_u64(1);
        let mut coordinates: Vec<f64> =
            (0..10_000).map(|at| coordinate(&mut random, 10f64.powi(at % 200 - 100))).collect();
        coordinates.extend([0.0, -0.0, 1e100, -1e100, 5e-324, 1.0, -1.0]);
        coordinates.sort_by(f64::total_cmp);
        assert!(coordinates.windows(2).all(|pair| position(pair[0]) <= position(pair[1])));
        assert!(position(-1e100) > 0 && position(1e100) < 1 << BITS && position(0.0) == position(-0.0));
        assert!(position(50.0) < position(50.0003));
    }

    #[test]
    fn what_is_near_is_found_and_not_much_more() {
        for seed in 0..60 {
            let mut random = SmallRng::seed_from_u64(seed);
            let scale = [1.0, 180.0, 6e6, 1e99][seed as usize % 4];
            let mut shapes = Shapes::default();
            let mut boxes: Vec<Option<Bounds>> = vec![None; 2000];
            for _ in 0..4000 {
                let document = random.random_range(0..2000u32);
                assert_eq!(shapes.remove(document), boxes[document as usize].take().is_some());
                if random.random_bool(0.8) {
                    let corner = Point { x: coordinate(&mut random, scale), y: coordinate(&mut random, scale) };
                    let size = scale * 10f64.powf(random.random_range(-6.0..-1.0));
                    let far = Point { x: corner.x + size, y: corner.y + size * random.random::<f64>() };
                    let ring = vec![corner, Point { x: far.x, y: corner.y }, far, corner];
                    let polygon = crate::search::shape::Polygon::new(vec![ring]).unwrap();
                    shapes.set(document, [Shape::Polygon(polygon)].into());
                    boxes[document as usize] = Some(Bounds::around(corner, far));
                }
            }
            let all = boxes.iter().flatten().count();
            assert_eq!((shapes.len(), shapes.documents.len(), shapes.vertices), (all, all, 4 * all));
            let mut extra = 0;
            for _ in 0..50 {
                let corner = Point { x: coordinate(&mut random, scale), y: coordinate(&mut random, scale) };
                let size = scale * 10f64.powf(random.random_range(-6.0..0.0));
                let asked = Bounds::around(corner, Point { x: corner.x + size, y: corner.y + size });
                let found: std::collections::BTreeSet<u32> = shapes.near(&asked).collect();
                let meets = |document: usize| boxes[document].is_some_and(|bounds| bounds.meets(&asked));
                let wanted = (0..2000).filter(|document| meets(*document)).count();
                assert_eq!(found.iter().filter(|document| meets(**document as usize)).count(), wanted, "seed {seed}");
                extra += found.len() - wanted;
            }
            assert!(extra / 50 < all / 4, "seed {seed}: {extra}");
            for document in 0..2000 {
                shapes.remove(document);
            }
            assert_eq!((shapes.len(), shapes.bytes, shapes.vertices), (0, 0, 0));
        }
    }
}
