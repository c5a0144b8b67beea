//! The reference model of the tests: relations of shapes with integer coordinates, by areas. The plane is cut into
//! vertical strips at all vertices and crossings; in each strip a shape is a set of vertical intervals.

type Point = (i64, i64);

/// A shape's rings; a point is a ring of one vertex.
pub struct Rings(pub Vec<Vec<Point>>);

/// Less than any part of a shape of small whole coordinates.
const NOTHING: f64 = 1e-9;

impl Rings {
    /// The numbers of a text between its parentheses.
    pub fn of(text: &str) -> Rings {
        let rings = text.split(')').filter_map(|ring| ring.rsplit_once('(')).map(|(_, ring)| {
            let point = |pair: &str| {
                let mut numbers = pair.split_whitespace().map(|number| number.parse::<i64>().unwrap());
                (numbers.next().unwrap(), numbers.next().unwrap())
            };
            ring.split(',').map(point).collect()
        });
        Rings(rings.collect())
    }

    fn point(&self) -> Option<Point> {
        if let [ring] = &self.0[..]
            && let [point] = ring[..]
        {
            Some(point)
        } else {
            None
        }
    }

    fn edges(&self) -> Vec<[Point; 2]> {
        self.0.iter().flat_map(|ring| ring.windows(2).map(|ends| [ends[0], ends[1]])).collect()
    }

    /// The heights between which a vertical line that meets no vertex is inside.
    fn intervals(&self, x: f64) -> Vec<[f64; 2]> {
        let height = |[a, b]: [Point; 2]| {
            let [ax, ay, bx, by] = [a.0, a.1, b.0, b.1].map(|number| number as f64);
            ((ax < x) != (bx < x)).then(|| ay + (by - ay) * (x - ax) / (bx - ax))
        };
        let mut heights: Vec<f64> = self.edges().into_iter().filter_map(height).collect();
        heights.sort_by(f64::total_cmp);
        heights.chunks(2).map(|pair| [pair[0], pair[1]]).filter(|[low, high]| high - low > NOTHING).collect()
    }
}

fn minus(a: Point, b: Point) -> Point {
    (a.0 - b.0, a.1 - b.1)
}

fn cross(a: Point, b: Point) -> i64 {
    a.0 * b.1 - a.1 * b.0
}

/// Whether two edges have a point in common, and the x of the point if it is one.
fn meeting([p, p2]: [Point; 2], [q, q2]: [Point; 2]) -> (bool, Option<f64>) {
    let (r, s, apart) = (minus(p2, p), minus(q2, q), minus(q, p));
    let area = cross(r, s);
    if area != 0 {
        let (t, u) = (cross(apart, s), cross(apart, r));
        let within = |share: i64| (0..=area.abs()).contains(&(share * area.signum()));
        return (within(t) && within(u), Some(p.0 as f64 + r.0 as f64 * t as f64 / area as f64));
    }
    let overlap = |a: i64, b: i64, c: i64, d: i64| a.min(b) <= c.max(d) && c.min(d) <= a.max(b);
    let is_line = cross(apart, r) == 0 && cross(apart, s) == 0;
    (is_line && overlap(p.0, p2.0, q.0, q2.0) && overlap(p.1, p2.1, q.1, q2.1), None)
}

/// Positions in the middle of all strips.
fn strips(a: &Rings, b: &Rings) -> Vec<f64> {
    let edges = [a.edges(), b.edges()].concat();
    let mut cuts: Vec<f64> = edges.iter().map(|edge| edge[0].0 as f64).collect();
    for (at, one) in edges.iter().enumerate() {
        cuts.extend(edges[..at].iter().filter_map(|other| meeting(*one, *other).1));
    }
    cuts.sort_by(f64::total_cmp);
    cuts.windows(2).filter(|cut| cut[1] - cut[0] > NOTHING).map(|cut| (cut[0] + cut[1]) / 2.0).collect()
}

/// Whether a point is on the border, and whether it is inside.
fn place(point: Point, of: &Rings) -> (bool, bool) {
    let border = of.edges().iter().any(|edge| meeting(*edge, [point, point]).0);
    // Nearer to the point than any vertex that is not above or below it: two sides of it.
    let inside = [-1e-6, 1e-6].map(|step| {
        let intervals = of.intervals(point.0 as f64 + step);
        intervals.iter().any(|[low, high]| (*low..=*high).contains(&(point.1 as f64)))
    });
    (border, !border && inside == [true, true])
}

pub fn intersects(a: &Rings, b: &Rings) -> bool {
    match (a.point(), b.point()) {
        (Some(a), Some(b)) => a == b,
        (Some(point), None) => place(point, b) != (false, false),
        (None, Some(point)) => place(point, a) != (false, false),
        (None, None) => {
            let touch = a.edges().iter().any(|one| b.edges().iter().any(|other| meeting(*one, *other).0));
            touch
                || strips(a, b).into_iter().any(|x| {
                    let (of_a, of_b) = (a.intervals(x), b.intervals(x));
                    of_a.iter().any(|[low, high]| of_b.iter().any(|[from, to]| low < to && from < high))
                })
        }
    }
}

pub fn within(a: &Rings, b: &Rings) -> bool {
    match (a.point(), b.point()) {
        (Some(a), Some(b)) => a == b,
        (Some(point), None) => place(point, b).1,
        (None, Some(_)) => false,
        (None, None) => strips(a, b).into_iter().all(|x| {
            let covers = b.intervals(x);
            a.intervals(x).into_iter().all(|[mut low, high]| {
                for [from, to] in &covers {
                    if *from <= low + NOTHING {
                        low = low.max(*to);
                    }
                }
                low >= high - NOTHING
            })
        }),
    }
}
