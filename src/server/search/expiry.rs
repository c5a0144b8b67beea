//! Expiry of documents: a query must not count an expired one, though its key may still exist.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

/// Unix milliseconds by key, the earliest first.
#[derive(Default)]
pub struct Expiry {
    times: HashMap<Arc<[u8]>, i64>,
    /// May contain outdated times.
    queue: BinaryHeap<Reverse<(i64, Arc<[u8]>)>>,
}

impl Expiry {
    /// Records when a key, or the first of its fields, expires; none: never.
    pub fn set(&mut self, key: &[u8], time: Option<i64>) {
        match time {
            None => {
                self.times.remove(key);
            }
            Some(time) if self.times.get(key) == Some(&time) => {}
            Some(time) => {
                let key: Arc<[u8]> = key.into();
                self.queue.push(Reverse((time, key.clone())));
                self.times.insert(key, time);
            }
        }
        if self.queue.len() > 64 && self.queue.len() > 4 * self.times.len() {
            self.queue = self.times.iter().map(|(key, &time)| Reverse((time, key.clone()))).collect();
        }
    }

    /// Notes that a key may expire at this time, or as was known before if that is earlier.
    pub fn note(&mut self, key: &[u8], time: Option<i64>) {
        if let Some(time) = time
            && self.times.get(key).is_none_or(|&known| time < known)
        {
            self.set(key, Some(time));
        }
    }

    /// Takes at most this many keys that have expired.
    pub fn due(&mut self, now: i64, most: usize) -> Vec<Arc<[u8]>> {
        let mut due = Vec::new();
        while due.len() < most
            && let Some(Reverse((time, _))) = self.queue.peek()
            && *time <= now
            && let Some(Reverse((time, key))) = self.queue.pop()
        {
            if self.times.get(&key) == Some(&time) {
                self.times.remove(&key);
                due.push(key);
            }
        }
        due
    }
}
