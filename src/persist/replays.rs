//! Sets that arrive in chunks, several at a time: a migrating slot has many keys.

use std::time::{Duration, Instant};

use super::Replay;

/// Behind this no other chunk is expected: servers give a connection up, and with it what it was sending, after a
/// minute without a word.
const PATIENCE: Duration = Duration::from_secs(600);

/// Which chunk of a set one is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The whole.
    Only,
    /// The first of several.
    First,
    /// One between.
    More,
    /// The last of several.
    Last,
}

/// See the module's text.
#[derive(Default)]
pub struct Replays(Vec<Unfinished>);

struct Unfinished {
    database: i32,
    key: Vec<u8>,
    replay: Replay,
    /// When its latest chunk came.
    touched: Instant,
}

impl Replays {
    /// None.
    pub const fn new() -> Replays {
        Replays(Vec::new())
    }

    /// Adds a chunk of the set in a key of a database; yields them all with the last one.
    ///
    /// # Errors
    /// If earlier chunks are missing, or were discarded.
    pub fn add(
        &mut self,
        (database, key): (i32, &[u8]),
        part: Part,
        chunk: &[u8],
        now: Instant,
    ) -> Result<Option<Replay>, String> {
        let at = self.0.iter().position(|one| one.database == database && one.key == key);
        let mut replay = match (part, at.map(|at| self.0.swap_remove(at))) {
            // What was begun before will not be ended: a slot comes again after a part of it came.
            (Part::Only | Part::First, _) => Replay::default(),
            (Part::More | Part::Last, Some(begun)) => begun.replay,
            (Part::More | Part::Last, None) => return Err("chunks are missing before this one".into()),
        };
        replay.push(chunk);
        if matches!(part, Part::Only | Part::Last) {
            return Ok(Some(replay));
        }
        self.0.push(Unfinished { database, key: key.to_vec(), replay, touched: now });
        Ok(None)
    }

    /// Frees all chunks.
    pub fn clear(&mut self) {
        self.0 = Vec::new();
    }

    /// Frees discarded chunks; whether something is left.
    pub fn tidy(&mut self, now: Instant) -> bool {
        self.0.retain(|one| now.saturating_duration_since(one.touched) < PATIENCE);
        !self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_up_is_freed() {
        let (mut replays, began) = (Replays::new(), Instant::now());
        let add = |replays: &mut Replays, key: &[u8], part, seconds| {
            replays.add((0, key), part, b"chunk", began + Duration::from_secs(seconds))
        };
        assert!(add(&mut replays, b"a", Part::First, 0).unwrap().is_none());
        assert!(add(&mut replays, b"b", Part::First, 0).unwrap().is_none());
        assert!(add(&mut replays, b"b", Part::More, 500).unwrap().is_none());
        assert!(replays.tidy(began + Duration::from_secs(700)));
        assert_eq!(replays.0.len(), 1);
        assert!(add(&mut replays, b"a", Part::Last, 700).is_err());
        assert!(add(&mut replays, b"b", Part::Last, 700).unwrap().is_some());
        assert!(!replays.tidy(began));
    }

    #[test]
    fn a_first_chunk_begins_again() {
        let (mut replays, now) = (Replays::new(), Instant::now());
        for (part, chunk) in [(Part::First, "old"), (Part::First, "n"), (Part::More, "e")] {
            assert!(replays.add((0, b"k"), part, chunk.as_bytes(), now).unwrap().is_none());
        }
        assert!(replays.add((1, b"k"), Part::Last, b"w", now).is_err());
        let replay = replays.add((0, b"k"), Part::Last, b"w", now).unwrap();
        assert_eq!(replay.expect("all have come").bytes(), b"new");
        assert!(!replays.tidy(now));
    }
}
