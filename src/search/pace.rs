//! Calibrates cost estimates of queries to this machine by measured times.

/// How many times longer queries take than was estimated.
#[derive(Clone, Copy, Debug)]
pub struct Pace(f64);

/// By this factor a query changes it. So it follows the median: a query that was interrupted counts as much as any other.
const STEP: f64 = 1.05;
/// What a query that was not tried takes of its distance from 1: some time one is.
const FORGOTTEN: f64 = 0.001;
/// It is not greater, nor less than one through this.
const MOST: f64 = 16.0;

impl Pace {
    /// Before any query ran.
    pub const START: Pace = Pace(1.0);

    /// The nanoseconds that an estimate comes to.
    pub fn of(self, estimated: u64) -> u64 {
        (estimated as f64 * self.0) as u64
    }

    /// Behind a query that took so many nanoseconds.
    pub fn after(self, estimated: u64, took: u64) -> Pace {
        let is_slower = took > self.of(estimated);
        Pace((if is_slower { self.0 * STEP } else { self.0 / STEP }).clamp(1.0 / MOST, MOST))
    }

    /// Behind a query that was too slow by it to be tried.
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
