//! Calibrates cost estimates of queries to this machine by measured times.

/// The factor by which queries take longer than estimated.
#[derive(Clone, Copy, Debug)]
pub struct Pace(f64);

/// Each query changes the factor by this step. So it follows the median: an interrupted query counts no more than any other.
const STEP: f64 = 1.05;
/// A query that was not tried moves the factor towards 1 by this share, so that one is tried eventually.
const FORGOTTEN: f64 = 0.001;
/// The greatest factor; the least is its inverse.
const MOST: f64 = 16.0;

impl Pace {
    /// Before any query ran.
    pub const START: Pace = Pace(1.0);

    /// The calibrated estimate, in nanoseconds.
    pub fn of(self, estimated: u64) -> u64 {
        (estimated as f64 * self.0) as u64
    }

    /// After a query that took `took` nanoseconds.
    pub fn after(self, estimated: u64, took: u64) -> Pace {
        let is_slower = took > self.of(estimated);
        Pace((if is_slower { self.0 * STEP } else { self.0 / STEP }).clamp(1.0 / MOST, MOST))
    }

    /// After a query that was not tried because it was estimated to be too slow.
    pub fn untried(self) -> Pace {
        Pace(self.0 - (self.0 - 1.0) * FORGOTTEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    const LIMIT: u64 = 100_000;

    /// How many of these queries are tried that are estimated at 60 µs and take so many times longer, with interruptions.
    fn tried(slower: f64, queries: usize) -> usize {
        let (mut pace, mut random, mut tried) = (Pace::START, SmallRng::seed_from_u64(1), 0);
        for _ in 0..queries {
            if pace.of(60_000) >= LIMIT {
                pace = pace.untried();
                continue;
            }
            tried += 1;
            let interrupted = if random.random_bool(0.1) { 5_000_000 } else { 0 };
            let took = 60_000.0 * slower * random.random_range(0.9..1.1);
            pace = pace.after(60_000, took as u64 + interrupted);
        }
        tried
    }

    #[test]
    fn what_takes_too_long_is_seldom_tried() {
        assert!(tried(1.0, 10_000) > 9_900);
        assert!(tried(1.4, 10_000) > 9_000);
        assert!((10..600).contains(&tried(2.0, 10_000)), "{}", tried(2.0, 10_000));
        assert!((10..600).contains(&tried(50.0, 10_000)), "{}", tried(50.0, 10_000));
    }
}
