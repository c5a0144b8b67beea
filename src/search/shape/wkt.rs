//! Shapes as well-known text: `POINT (x y)`, `POLYGON ((x y, …), (hole), …)`. Read in one pass, without recursion: length and
//! vertices are bounded, whatever stands there.

use super::{MAX_VERTICES, Point, Polygon, Shape};

/// Bytes of a text, at most.
const MAX_BYTES: usize = 1 << 20;
/// Determinants of greater coordinates would overflow.
const MAX_COORDINATE: f64 = 1e100;

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

type Read<T> = Result<T, &'static str>;

impl Shape {
    /// Reads a shape.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(text: &[u8], coordinates: Coordinates) -> Read<Shape> {
        if text.len() > MAX_BYTES {
            return Err("the text is longer than 1 MiB");
        }
        let mut reader = Reader { rest: text, coordinates, vertices: 0 };
        let shape = reader.shape()?;
        reader.skip_blanks();
        if reader.rest.is_empty() { Ok(shape) } else { Err("there is more than one shape") }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    coordinates: Coordinates,
    vertices: usize,
}

impl<'a> Reader<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// The bytes up to the first of another kind, after blanks.
    fn token(&mut self, is_part: impl Fn(u8) -> bool) -> &'a [u8] {
        self.skip_blanks();
        let length = self.rest.iter().position(|byte| !is_part(*byte)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        token
    }

    fn takes(&mut self, mark: u8) -> bool {
        self.skip_blanks();
        let rest = self.rest.strip_prefix(&[mark]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn shape(&mut self) -> Read<Shape> {
        let kind = self.token(|byte| byte.is_ascii_alphabetic()).to_ascii_uppercase();
        match &kind[..] {
            b"POINT" => {
                self.open()?;
                let point = self.point()?;
                self.close()?;
                Ok(Shape::Point(point))
            }
            b"POLYGON" => {
                self.open()?;
                let mut rings = vec![self.ring()?];
                while self.takes(b',') {
                    rings.push(self.ring()?);
                }
                self.close()?;
                Polygon::new(rings).map(Shape::Polygon).ok_or("a polygon has no ring")
            }
            _ => Err("neither POINT nor POLYGON"),
        }
    }

    fn open(&mut self) -> Read<()> {
        if self.takes(b'(') { Ok(()) } else { Err("an opening parenthesis is missing") }
    }

    fn close(&mut self) -> Read<()> {
        if self.takes(b')') { Ok(()) } else { Err("a comma or a closing parenthesis is missing") }
    }

    /// A closed ring with three corners at least; a vertex that is there twice in a row counts once.
    fn ring(&mut self) -> Read<Vec<Point>> {
        self.open()?;
        let mut ring = vec![self.point()?];
        while self.takes(b',') {
            ring.push(self.point()?);
        }
        self.close()?;
        if ring.first() != ring.last() {
            return Err("a ring does not end where it begins");
        }
        ring.dedup();
        ring.shrink_to_fit();
        if ring.len() < 4 { Err("a ring has fewer than three corners") } else { Ok(ring) }
    }

    fn point(&mut self) -> Read<Point> {
        self.vertices += 1;
        if self.vertices > MAX_VERTICES {
            return Err("more than 10000 vertices");
        }
        let point = Point { x: self.number()?, y: self.number()? };
        let is_there = match self.coordinates {
            Coordinates::Plane => point.x.abs() <= MAX_COORDINATE && point.y.abs() <= MAX_COORDINATE,
            Coordinates::Earth => point.x.abs() <= 180.0 && point.y.abs() <= 90.0,
        };
        match (is_there, self.coordinates) {
            (true, _) => Ok(point),
            (false, Coordinates::Plane) => Err("a coordinate is beyond 1e100"),
            (false, Coordinates::Earth) => Err("a longitude is beyond 180 or a latitude beyond 90 degrees"),
        }
    }

    fn number(&mut self) -> Read<f64> {
        let token = self.token(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        let number = std::str::from_utf8(token).ok().and_then(|token| token.parse::<f64>().ok());
        // There is one zero.
        number.map(|number| number + 0.0).ok_or("a coordinate is not a number")
    }
}
