//! Geographic points as cell codes of 26 bits per axis, interleaved (Z-order): near points mostly have near codes.

/// Metres; the sphere on which the server's own GEO commands measure.
const EARTH_RADIUS: f64 = 6_372_797.560856;
/// The greatest latitude of a cell, of Web Mercator.
pub const MAX_LATITUDE: f64 = 85.05112878;
const BITS: u32 = 26;
/// Cells of a side into which a circle's box is cut, at most.
const SIDE: u64 = 4;

/// Spreads the bits of a number to every other place.
fn spread(number: u64) -> u64 {
    (0..u32::BITS).fold(0, |spread, bit| spread | (number >> bit & 1) << (2 * bit))
}

fn gathered(code: u64) -> u64 {
    (0..BITS).fold(0, |number, bit| number | (code >> (2 * bit) & 1) << bit)
}

fn axis(value: f64, most: f64) -> u64 {
    let cells = f64::from(1u32 << BITS);
    (((value + most) / (2.0 * most) * cells) as u64).min((1 << BITS) - 1)
}

/// The cell of a point within ±180 and ±[`MAX_LATITUDE`] degrees.
pub fn cell(lon: f64, lat: f64) -> u64 {
    spread(axis(lat, MAX_LATITUDE)) | spread(axis(lon, 180.0)) << 1
}

/// The middle of a cell: longitude and latitude.
pub fn middle(cell: u64) -> (f64, f64) {
    let cells = f64::from(1u32 << BITS);
    let value = |number: u64, most: f64| (number as f64 + 0.5) / cells * 2.0 * most - most;
    (value(gathered(cell >> 1), 180.0), value(gathered(cell), MAX_LATITUDE))
}

/// Metres between two points (longitude, latitude), by the haversine formula.
pub fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat_a, lat_b) = (a.1.to_radians(), b.1.to_radians());
    let u = ((lat_b - lat_a) / 2.0).sin();
    let v = ((b.0 - a.0).to_radians() / 2.0).sin();
    2.0 * EARTH_RADIUS * (u * u + lat_a.cos() * lat_b.cos() * v * v).sqrt().min(1.0).asin()
}

/// Ranges of cells, both ends included, that cover a circle; a few dozen at most.
pub fn cover(lon: f64, lat: f64, metres: f64) -> Vec<(u64, u64)> {
    // A little more than the circle: stored points are middles of cells.
    let angle = (metres / EARTH_RADIUS).to_degrees() + 1e-4;
    let (south, north) = ((lat - angle).max(-MAX_LATITUDE), (lat + angle).min(MAX_LATITUDE));
    if south > MAX_LATITUDE || north < -MAX_LATITUDE {
        return Vec::new();
    }
    // The widest a circle is in longitude; near a pole, all the way round.
    let wide = match lat.abs() + angle {
        beyond if beyond >= 89.9 => 180.0,
        _ => (angle.to_radians().sin() / lat.to_radians().cos()).min(1.0).asin().to_degrees() + 1e-4,
    };
    let (rows, all) = ((axis(south, MAX_LATITUDE), axis(north, MAX_LATITUDE)), (0, (1 << BITS) - 1));
    let columns = match (lon - wide, lon + wide) {
        (west, east) if east - west >= 360.0 => vec![all],
        (west, east) if west < -180.0 => vec![(axis(west + 360.0, 180.0), all.1), (0, axis(east, 180.0))],
        (west, east) if east > 180.0 => vec![(axis(west, 180.0), all.1), (0, axis(east - 360.0, 180.0))],
        (west, east) => vec![(axis(west, 180.0), axis(east, 180.0))],
    };
    let mut ranges: Vec<(u64, u64)> = columns.into_iter().flat_map(|columns| blocks(columns, rows)).collect();
    ranges.sort_unstable();
    ranges.dedup_by(|next, before| {
        let joins = next.0 == before.1 + 1;
        if joins {
            before.1 = next.1;
        }
        joins
    });
    ranges
}

/// The blocks of cells, of a size that few suffice, over a rectangle of rows and columns below 1 << 32.
pub fn blocks(columns: (u64, u64), rows: (u64, u64)) -> Vec<(u64, u64)> {
    let widest = (columns.1 - columns.0).max(rows.1 - rows.0);
    let shift = (0..u32::BITS).find(|shift| widest >> shift < SIDE).unwrap_or(u32::BITS);
    let across = |(from, to): (u64, u64)| from >> shift..=to >> shift;
    let block = |column: u64, row: u64| {
        let first = (spread(row) | spread(column) << 1) << (2 * shift);
        (first, first | ((1 << (2 * shift)) - 1))
    };
    across(rows).flat_map(|row| across(columns).map(move |column| block(column, row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn cells_are_small_and_distances_those_of_the_server() {
        let mut random = SmallRng::seed_from_u64(1);
        for _ in 0..10_000 {
            let point = (random.random_range(-180.0..180.0), random.random_range(-85.0..85.0));
            assert!(distance(point, middle(cell(point.0, point.1))) < 0.6);
        }
        // The example of the documentation of GEODIST.
        let palermo = middle(cell(13.361389, 38.115556));
        let catania = middle(cell(15.087269, 37.502669));
        assert!((distance(palermo, catania) - 166274.1516).abs() < 0.01);
    }

    #[test]
    fn covers_hold_their_circles() {
        for seed in 0..3000 {
            let mut random = SmallRng::seed_from_u64(seed);
            let centre = (random.random_range(-180.0..=180.0), random.random_range(-90.0..=90.0));
            let metres = 10f64.powf(random.random_range(-1.0..7.4));
            let ranges = cover(centre.0, centre.1, metres);
            assert!(ranges.len() <= 64, "{} ranges", ranges.len());
            for _ in 0..30 {
                let spread = metres / 100_000.0;
                let lon = (centre.0 + random.random_range(-spread..=spread) + 540.0).rem_euclid(360.0) - 180.0;
                let lat = (centre.1 + random.random_range(-spread..=spread)).clamp(-85.0, 85.0);
                let cell = cell(lon, lat);
                if distance(centre, middle(cell)) <= metres {
                    assert!(
                        ranges.iter().any(|(from, to)| (*from..=*to).contains(&cell)),
                        "seed {seed}: {centre:?} {metres}"
                    );
                }
            }
        }
    }
}
