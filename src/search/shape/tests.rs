//! Random shapes against areas, and invalid texts.

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::naive::{self, Rings};
use super::*;

fn read(text: &str) -> Result<Shape, &'static str> {
    Shape::read(text.as_bytes(), Coordinates::Plane)
}

fn ring(points: &[(i64, i64)]) -> String {
    let points: Vec<String> = points.iter().chain(points.first()).map(|(x, y)| format!("{x} {y}")).collect();
    format!("({})", points.join(", "))
}

/// Corners in the order in which they are seen from a point between them, none behind another: a ring that does not cross itself.
fn star(random: &mut SmallRng, size: i64) -> Option<String> {
    let centre = (random.random_range(0..size) as f64 + 0.51, random.random_range(0..size) as f64 + 0.43);
    let angle = |point: &(i64, i64)| (point.1 as f64 - centre.1).atan2(point.0 as f64 - centre.0);
    let count = random.random_range(3..12);
    let mut points: Vec<(i64, i64)> =
        (0..count).map(|_| (random.random_range(0..=size), random.random_range(0..=size))).collect();
    points.sort_by(|a, b| angle(a).total_cmp(&angle(b)));
    points.dedup_by(|a, b| angle(a) == angle(b));
    let gaps = points.iter().zip(points.iter().cycle().skip(1));
    let around = gaps.map(|(a, b)| (angle(b) - angle(a)).rem_euclid(std::f64::consts::TAU));
    (points.len() > 2 && around.fold(0.0, f64::max) < 3.1).then(|| format!("POLYGON ({})", ring(&points)))
}

/// A rectangle, often with rectangular holes, which may touch each other in corners.
fn frame(random: &mut SmallRng, size: i64) -> String {
    let mut span = |low: i64, high: i64| {
        let from = random.random_range(low..high);
        (from, random.random_range(from + 1..=high))
    };
    let corners = |(west, east): (i64, i64), (south, north): (i64, i64)| {
        ring(&[(west, south), (east, south), (east, north), (west, north)])
    };
    let (across, up) = (span(0, size), span(0, size));
    let mut rings = vec![corners(across, up)];
    let middle = ((across.0 + across.1) / 2, (up.0 + up.1) / 2);
    if middle.0 - across.0 > 1 && middle.1 - up.0 > 1 {
        rings.push(corners(span(across.0 + 1, middle.0), span(up.0 + 1, middle.1)));
    }
    if across.1 - middle.0 > 1 && up.1 - middle.1 > 1 {
        rings.push(corners(span(middle.0, across.1 - 1), span(middle.1, up.1 - 1)));
    }
    format!("POLYGON ({})", rings.join(","))
}

/// A shape of whole coordinates, from 0 to a size.
pub fn random_text(random: &mut SmallRng, size: i64) -> String {
    loop {
        match random.random_range(0..5) {
            0 => return format!("POINT ({} {})", random.random_range(0..=size), random.random_range(0..=size)),
            1 | 2 => return frame(random, size),
            _ => {
                if let Some(text) = star(random, size) {
                    return text;
                }
            }
        }
    }
}

#[test]
fn shapes_lie_to_each_other_as_their_areas_do() {
    let mut counts = [0; 2];
    for seed in 0..30_000 {
        let mut random = SmallRng::seed_from_u64(seed);
        let size = [3, 5, 9][seed as usize % 3];
        let texts = [random_text(&mut random, size), random_text(&mut random, size)];
        let [a, b] = texts.each_ref().map(|text| read(text).unwrap());
        let [c, d] = texts.each_ref().map(|text| Rings::of(text));
        let never = || false;
        let mut watch = Watch::new(&never);
        for (a, b, c, d) in [(&a, &b, &c, &d), (&b, &a, &d, &c), (&a, &a, &c, &c)] {
            let (intersects, within) = (a.intersects(b, &mut watch).unwrap(), a.within(b, &mut watch).unwrap());
            assert_eq!(intersects, naive::intersects(c, d), "seed {seed}: {texts:?} intersect");
            assert_eq!(within, naive::within(c, d), "seed {seed}: {texts:?} within");
            assert!(intersects || !within);
            counts[0] += usize::from(intersects);
            counts[1] += usize::from(within);
        }
        assert!(a.within(&a, &mut watch).unwrap(), "seed {seed}");
    }
    assert!(counts.iter().all(|count| *count > 1000), "{counts:?}");
}

#[test]
fn borders_decide_by_the_definitions() {
    let square = read("POLYGON((0 0, 4 0, 4 4, 0 4, 0 0))").unwrap();
    let holed = read("POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 3 1, 3 3, 1 3, 1 1))").unwrap();
    let never = || false;
    let mut watch = Watch::new(&never);
    for (text, of, intersects, within) in [
        ("POINT(2 2)", &square, true, true),
        ("POINT(0 2)", &square, true, false),
        ("POINT(4 4)", &square, true, false),
        ("POINT(4.0000001 4)", &square, false, false),
        ("POINT(2 2)", &holed, false, false),
        ("POINT(1 2)", &holed, true, false),
        ("POLYGON((0 0, 4 0, 4 4, 0 0))", &square, true, true),
        ("POLYGON((4 4, 5 4, 5 5, 4 4))", &square, true, false),
        ("POLYGON((1 1, 3 1, 3 3, 1 3, 1 1))", &holed, true, false),
        ("POLYGON((1.5 1.5, 2.5 1.5, 2.5 2.5, 1.5 1.5))", &holed, false, false),
        ("POLYGON((0.1 0.1, 3.9 0.1, 0.5 0.5, 0.1 0.1))", &holed, true, true),
    ] {
        let shape = read(text).unwrap();
        let found = (shape.intersects(of, &mut watch), shape.within(of, &mut watch));
        assert_eq!(found, (Ok(intersects), Ok(within)), "{text}");
    }
    assert_eq!(holed.within(&square, &mut watch), Ok(true));
    assert_eq!(square.within(&holed, &mut watch), Ok(false));
}

#[test]
fn a_pair_ends_when_it_is_late() {
    // A comb in a comb, near to each other and without contact.
    let comb = |low: i64, [east, north, west]: [i64; 3]| {
        let teeth = (0..2000).flat_map(|at| [(4 * at, low), (4 * at + 1, low + 1000)]);
        let points: Vec<(i64, i64)> = teeth.chain([(east, low + 1000), (east, north), (west, north)]).collect();
        read(&format!("POLYGON({})", ring(&points))).unwrap()
    };
    let (a, b) = (comb(1, [8990, 1500, -5]), comb(0, [9000, 2000, -9]));
    assert_eq!(a.intersects(&b, &mut Watch::new(&|| true)), Err(Late));
    assert_eq!(a.within(&b, &mut Watch::new(&|| true)), Err(Late));
    let looks = std::cell::Cell::new(0);
    let counts = || {
        looks.set(looks.get() + 1);
        false
    };
    assert_eq!(a.within(&b, &mut Watch::new(&counts)), Ok(true));
    assert!((1000..4000).contains(&looks.get()), "{looks:?}");
}

#[test]
fn texts_are_read_strictly() {
    for text in [
        "POINT(1 2)",
        " point ( -1.5e3\t+2. ) ",
        "Polygon((0 0,1 0,1 1,0 0))",
        "POLYGON((0 0,0 0,1 0,1 1,0 0),(0 0,1 0,1 1,0 0))",
    ] {
        assert!(read(text).is_ok(), "{text}");
    }
    for text in [
        "",
        "POINT",
        "POINT(",
        "POINT()",
        "POINT(1)",
        "POINT(1 2",
        "POINT(1 2 3)",
        "POINT(1,2)",
        "POINT(1 2)x",
        "POINT(1 2)POINT(1 2)",
        "POINT(nan 1)",
        "POINT(inf 1)",
        "POINT(1e400 1)",
        "POINT(1e101 1)",
        "POINT(0x1 1)",
        "POINT(1_0 1)",
        "POINT(e 1)",
        "POINT EMPTY",
        "POINTZ(1 2)",
        "POINT Z (1 2 3)",
        "LINESTRING(0 0, 1 1)",
        "POLYGON EMPTY",
        "POLYGON()",
        "POLYGON(())",
        "POLYGON((0 0,1 1,0 0))",
        "POLYGON((0 0,1 0,1 1))",
        "POLYGON((0 0,1 0,1 1,0 1))",
        "POLYGON((0 0,0 0,1 0,0 0))",
        "POLYGON(0 0,1 0,1 1,0 0)",
        "POLYGON((0 0,1 0,1 1,0 0),)",
        "POLYGON((0 0,1 0,1 1,0 0)",
        "POINT(1 2)\0",
        "SRID=4326;POINT(1 2)",
        "\u{ff30}OINT(1 2)",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    let earth = |text: &str| Shape::read(text.as_bytes(), Coordinates::Earth).is_ok();
    assert!(earth("POINT(-180 90)") && !earth("POINT(181 0)") && !earth("POINT(0 90.1)") && !earth("POINT(1e200 0)"));
    let many = |count: usize| {
        let points: Vec<(i64, i64)> = (0..count as i64 - 1).map(|at| (at, at * at)).collect();
        read(&format!("POLYGON({})", ring(&points)))
    };
    assert!(many(MAX_VERTICES).is_ok() && many(MAX_VERTICES + 1).is_err());
    assert!(read(&"(".repeat(1 << 20)).is_err() && read(&format!("POINT({} 1)", "1".repeat(1 << 20))).is_err());
}

#[test]
fn geojson_is_read_as_text_is() {
    let json = |text: &str| Shape::from_geojson(&serde_json::from_str(text).unwrap(), Coordinates::Plane);
    for (text, same) in [
        (r#"{"type": "Point", "coordinates": [1, -2.5], "more": 1}"#, "POINT(1 -2.5)"),
        (
            r#"{"coordinates": [[[0,0],[4,0],[4,4],[0,0]],[[1,1],[2,1],[2,2],[1,1]]], "type": "Polygon"}"#,
            "POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))",
        ),
    ] {
        assert_eq!(json(text), read(same));
    }
    for text in [
        "{}",
        "[]",
        r#"{"type": "Point"}"#,
        r#"{"coordinates": [1, 2]}"#,
        r#"{"type": "point", "coordinates": [1, 2]}"#,
        r#"{"type": "Point", "coordinates": [1]}"#,
        r#"{"type": "Point", "coordinates": [1, "2"]}"#,
        r#"{"type": "Point", "coordinates": [1e200, 1]}"#,
        r#"{"type": "Polygon", "coordinates": []}"#,
        r#"{"type": "Polygon", "coordinates": [[]]}"#,
        r#"{"type": "Polygon", "coordinates": [[[0,0],[1,0],[1,1]]]}"#,
    ] {
        assert!(json(text).is_err(), "{text}");
    }
}

#[test]
fn any_text_is_a_shape_or_an_error() {
    let parts = [
        "POINT", "POLYGON", "(", ")", "((", "))", ",", " ", "0", "1", "-1e99", "1e-320", "4.5", "5e", ".", "0 0,",
        "1 0,", "1 1,", "0 0)", "\u{e9}", "nan",
    ];
    for seed in 0..20_000 {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut text: Vec<u8> = if random.random_bool(0.5) {
            random_text(&mut random, 9).into_bytes()
        } else {
            (0..random.random_range(0..20)).flat_map(|_| parts[random.random_range(0..parts.len())].bytes()).collect()
        };
        for _ in 0..random.random_range(0..4) {
            let at = random.random_range(0..=text.len());
            let part = parts[random.random_range(0..parts.len())].bytes();
            text.splice(at..(at + random.random_range(0..3)).min(text.len()), part);
        }
        hostile(&text, &mut random);
    }
    // Rings that cross themselves, of coordinates of any size.
    for seed in 0..5_000 {
        let mut random = SmallRng::seed_from_u64(seed);
        let number = |random: &mut SmallRng| match random.random_range(0..4) {
            0 => f64::from(random.random_range(-2..3)),
            1 => f64::from_bits(random.random()).clamp(-1e100, 1e100),
            2 => random.random_range(-1.0..1.0),
            _ => 1.0 + f64::EPSILON * f64::from(random.random_range(-3..3)),
        };
        let points: Vec<String> = (0..random.random_range(3..9))
            .map(|_| format!("{:e} {:e}", number(&mut random), number(&mut random)))
            .collect();
        hostile(format!("POLYGON(({},{}))", points.join(","), points[0]).as_bytes(), &mut random);
    }
}

/// Whatever is read has relations to others.
fn hostile(text: &[u8], random: &mut SmallRng) {
    let Ok(shape) = Shape::read(text, Coordinates::Plane) else { return };
    let other = read(&random_text(random, 9)).unwrap();
    let never = || false;
    let mut watch = Watch::new(&never);
    for (a, b) in [(&shape, &other), (&other, &shape), (&shape, &shape)] {
        let (intersects, _) = (a.intersects(b, &mut watch).unwrap(), a.within(b, &mut watch).unwrap());
        assert_eq!(b.intersects(a, &mut watch), Ok(intersects), "{}", String::from_utf8_lossy(text));
    }
}
