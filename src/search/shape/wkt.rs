//! Shapes as well-known text: `POINT (x y)`, `POLYGON ((x y, …), (hole), …)`. Parsed in one pass, without recursion;
//! length and number of vertices are bounded.

use super::vertices::{Coordinates, Read, Vertices, closed};
use super::{Point, Polygon, Shape};

/// Bytes of a text, at most.
const MAX_BYTES: usize = 1 << 20;

impl Shape {
    /// Reads a shape.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(text: &[u8], coordinates: Coordinates) -> Read<Shape> {
        if text.len() > MAX_BYTES {
            return Err("the text is longer than 1 MiB");
        }
        let mut reader = Reader { rest: text, vertices: Vertices::new(coordinates) };
        let shape = reader.shape()?;
        reader.skip_blanks();
        if reader.rest.is_empty() { Ok(shape) } else { Err("there is more than one shape") }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    vertices: Vertices,
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

    fn ring(&mut self) -> Read<Vec<Point>> {
        self.open()?;
        let mut ring = vec![self.point()?];
        while self.takes(b',') {
            ring.push(self.point()?);
        }
        self.close()?;
        closed(ring)
    }

    fn point(&mut self) -> Read<Point> {
        let (x, y) = (self.number()?, self.number()?);
        self.vertices.next(x, y)
    }

    fn number(&mut self) -> Read<f64> {
        let token = self.token(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        let number = std::str::from_utf8(token).ok().and_then(|token| token.parse::<f64>().ok());
        number.ok_or("a coordinate is not a number")
    }
}
