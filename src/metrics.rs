//! Counters and histograms of durations, incremented by any thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A counter.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// At zero.
    pub const fn new() -> Counter {
        Counter(AtomicU64::new(0))
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The number so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Each doubling is cut into this many buckets, so that an estimate is at most a quarter too high.
const PARTS: u64 = 4;
/// Doublings from a nanosecond to a minute and more.
const DOUBLINGS: usize = 36;

/// A histogram of durations.
pub struct Durations {
    nanos: Counter,
    buckets: [Counter; DOUBLINGS * PARTS as usize],
}

impl Default for Durations {
    fn default() -> Durations {
        Durations::new()
    }
}

impl Durations {
    /// Without any.
    pub const fn new() -> Durations {
        Durations { nanos: Counter::new(), buckets: [const { Counter::new() }; DOUBLINGS * PARTS as usize] }
    }

    /// Adds one.
    pub fn add(&self, duration: Duration) {
        let nanos = duration.as_nanos() as u64;
        self.nanos.add(nanos);
        self.buckets[bucket(nanos)].add(1);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(Counter::get).sum()
    }

    /// Their sum, in microseconds.
    pub fn microseconds(&self) -> u64 {
        self.nanos.get() / 1000
    }

    /// A quantile, in microseconds, rounded up to the end of its bucket.
    pub fn quantile(&self, share: f64) -> u64 {
        let counts = self.buckets.each_ref().map(Counter::get);
        let wanted = (counts.iter().sum::<u64>() as f64 * share).ceil() as u64;
        let mut sum = 0;
        let bucket = counts.iter().position(|&count| {
            sum += count;
            sum >= wanted.max(1)
        });
        bucket.map_or(0, |bucket| end(bucket).div_ceil(1000))
    }
}

/// The bucket of a duration: its highest bit, and the two after that.
fn bucket(nanos: u64) -> usize {
    let nanos = nanos.max(PARTS);
    let doubling = nanos.ilog2() - PARTS.ilog2();
    let part = (nanos >> doubling) - PARTS;
    (doubling as usize * PARTS as usize + part as usize).min(DOUBLINGS * PARTS as usize - 1)
}

/// The least duration, in nanoseconds, that is above a bucket.
fn end(bucket: usize) -> u64 {
    (PARTS + bucket as u64 % PARTS + 1) << (bucket as u64 / PARTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_without_gaps() {
        for nanos in (0..100_000).chain((20..38).flat_map(|bit| [(1 << bit) - 1, 1 << bit])) {
            let bucket = bucket(nanos);
            assert!(nanos < end(bucket), "{nanos}");
            assert!(bucket == 0 || end(bucket - 1) <= nanos, "{nanos}");
        }
        assert_eq!(bucket(u64::MAX), DOUBLINGS * PARTS as usize - 1);
    }

    #[test]
    fn quantiles_are_a_quarter_too_high_at_most() {
        let durations = Durations::new();
        assert_eq!((durations.count(), durations.quantile(0.5)), (0, 0));
        for micros in 1..=1000 {
            durations.add(Duration::from_micros(micros));
        }
        assert_eq!((durations.count(), durations.microseconds()), (1000, 500_500));
        for (share, exact) in [(0.5, 500), (0.99, 990), (1.0, 1000)] {
            let estimate = durations.quantile(share);
            assert!((exact..=exact * 5 / 4 + 1).contains(&estimate), "{share}: {estimate}");
        }
    }
}
