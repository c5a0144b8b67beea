//! Suggestions: strings with scores, found by their prefixes.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Bound;

use super::spell::Near;
use super::text::fold;

/// Edits that FUZZY allows.
const FUZZY_DISTANCE: usize = 1;
/// Bytes of an entry beside its strings, about.
const OVERHEAD: usize = 120;

/// A string in lower case, then as it was given.
type Place = (Vec<u8>, Vec<u8>);

/// A key of suggestions (`FT.SUGADD` and related commands).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suggestions {
    entries: BTreeMap<Place, Entry>,
    /// Of all entries, about.
    memory: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    score: f64,
    payload: Option<Vec<u8>>,
}

/// A string as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggested<'a> {
    pub string: &'a [u8],
    pub score: f64,
    pub payload: Option<&'a [u8]>,
}

fn place(string: &[u8]) -> Place {
    (fold(string).into_owned(), string.to_vec())
}

fn size(place: &Place, entry: &Entry) -> usize {
    OVERHEAD + place.0.len() + place.1.len() + entry.payload.as_ref().map_or(0, Vec::len)
}

impl Suggestions {
    /// Adds a string or changes its score; an empty one is not added. With `increment` the scores add up. A payload stays
    /// until another is given.
    pub fn add(&mut self, string: &[u8], score: f64, increment: bool, payload: Option<&[u8]>) {
        if string.is_empty() {
            return;
        }
        let place = place(string);
        let old = self.entries.remove(&place);
        self.memory -= old.as_ref().map_or(0, |old| size(&place, old));
        let (before, kept) = old.map_or((0.0, None), |old| (old.score, old.payload));
        let entry = Entry {
            score: if increment { before + score } else { score },
            payload: payload.map(<[u8]>::to_vec).or(kept),
        };
        self.memory += size(&place, &entry);
        self.entries.insert(place, entry);
    }

    /// Whether the string was there.
    pub fn remove(&mut self, string: &[u8]) -> bool {
        let place = place(string);
        let removed = self.entries.remove(&place);
        self.memory -= removed.as_ref().map_or(0, |entry| size(&place, entry));
        removed.is_some()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes, about.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// The strings with their original scores and payloads, in order: the saved form.
    pub fn iter(&self) -> impl Iterator<Item = Suggested<'_>> {
        self.entries.iter().map(|((_, string), entry)| Suggested {
            string,
            score: entry.score,
            payload: entry.payload.as_deref(),
        })
    }
}

/// A string that was found.
#[derive(Clone, Debug)]
pub struct Suggestion {
    pub string: Vec<u8>,
    /// The more of the string the prefix is, the higher.
    pub score: f64,
    pub payload: Option<Vec<u8>>,
    /// How many were looked at before.
    number: u64,
}

/// The better one is greater.
impl Ord for Suggestion {
    fn cmp(&self, other: &Suggestion) -> Ordering {
        self.score.total_cmp(&other.score).then(other.number.cmp(&self.number))
    }
}

impl PartialOrd for Suggestion {
    fn partial_cmp(&self, other: &Suggestion) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Suggestion {}

impl PartialEq for Suggestion {
    fn eq(&self, other: &Suggestion) -> bool {
        self.cmp(other).is_eq()
    }
}

/// A search for the best strings that begin with a prefix, in any case; with `fuzzy` with something one edit from it. It
/// goes on in steps, since there may be many.
pub struct Finding {
    prefix: Vec<u8>,
    near: Option<Near>,
    max: usize,
    looked_at: u64,
    /// Where the last step ended.
    last: Option<Place>,
    best: BinaryHeap<Reverse<Suggestion>>,
}

impl Finding {
    pub fn new(prefix: &[u8], fuzzy: bool, max: usize) -> Finding {
        let prefix = fold(prefix).into_owned();
        let near = fuzzy.then(|| Near::new(&prefix, FUZZY_DISTANCE));
        Finding { prefix, near, max, looked_at: 0, last: None, best: BinaryHeap::new() }
    }

    /// Looks at the next strings, at most `most`; whether there are more.
    pub fn step(&mut self, all: &Suggestions, most: usize) -> bool {
        let from = match self.last.take() {
            Some(last) => Bound::Excluded(last),
            None if self.near.is_some() => Bound::Unbounded,
            None => Bound::Included((self.prefix.clone(), Vec::new())),
        };
        let mut entries = all.entries.range((from, Bound::Unbounded));
        let mut last = None;
        for (place, entry) in entries.by_ref().take(most) {
            match &self.near {
                None if !place.0.starts_with(&self.prefix) => return false,
                Some(near) if !near.begins(&place.0) => {}
                _ => self.consider(place, entry),
            }
            last = Some(place);
        }
        self.last = last.cloned();
        entries.next().is_some()
    }

    fn consider(&mut self, (folded, string): &Place, entry: &Entry) {
        let score = weighed(entry.score, folded.len(), self.prefix.len());
        self.looked_at += 1;
        // Of equal ones the first stays.
        let is_better = self.best.peek().is_none_or(|worst| score.total_cmp(&worst.0.score).is_gt());
        if self.best.len() < self.max || self.max > 0 && is_better {
            if self.best.len() == self.max {
                self.best.pop();
            }
            let (string, payload) = (string.clone(), entry.payload.clone());
            self.best.push(Reverse(Suggestion { string, score, payload, number: self.looked_at }));
        }
    }

    /// What was found, the best first.
    pub fn found(self) -> Vec<Suggestion> {
        self.best.into_sorted_vec().into_iter().map(|found| found.0).collect()
    }
}

/// The score, less the more is missing at the end: the formula fits the recorded scores, in 32-bit floats.
fn weighed(score: f64, length: usize, prefix: usize) -> f64 {
    let missing = length.saturating_sub(prefix) as f32;
    f64::from(score as f32 / (1.0 + missing).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> Suggestions {
        let mut suggestions = Suggestions::default();
        suggestions.add(b"hello world", 1.0, false, None);
        suggestions.add(b"hello there", 2.0, false, None);
        suggestions.add(b"help", 3.0, false, None);
        suggestions.add(b"help", 1.0, true, None);
        suggestions.add(b"hex", 5.0, false, Some(b"pay"));
        suggestions.add(b"yellow", 1.0, false, None);
        suggestions.add(b"", 1.0, false, None);
        suggestions
    }

    fn find(suggestions: &Suggestions, prefix: &str, fuzzy: bool, max: usize, step: usize) -> Vec<Suggestion> {
        let mut finding = Finding::new(prefix.as_bytes(), fuzzy, max);
        while finding.step(suggestions, step) {}
        finding.found()
    }

    fn found(suggestions: &Suggestions, prefix: &str, fuzzy: bool, max: usize) -> Vec<String> {
        let found = find(suggestions, prefix, fuzzy, max, 2);
        found.into_iter().map(|found| String::from_utf8(found.string).unwrap()).collect()
    }

    #[test]
    fn strings_are_found_as_recorded() {
        let suggestions = recorded();
        assert_eq!(suggestions.len(), 5);
        assert_eq!(found(&suggestions, "hel", false, 5), ["help", "hello there", "hello world"]);
        assert_eq!(found(&suggestions, "HELLO", false, 5), ["hello there", "hello world"]);
        assert_eq!(found(&suggestions, "hel", false, 1), ["help"]);
        assert_eq!(found(&suggestions, "he", false, 5), ["hex", "help", "hello there", "hello world"]);
        assert_eq!(found(&suggestions, "jel", true, 5), ["help", "hello there", "yellow", "hello world"]);
        assert!(found(&suggestions, "zz", false, 5).is_empty());
    }

    #[test]
    fn scores_are_as_recorded() {
        let mut suggestions = recorded();
        assert!(suggestions.remove(b"hex") && !suggestions.remove(b"hex"));
        let scores: Vec<f64> = find(&suggestions, "he", false, 5, 1).iter().map(|found| found.score).collect();
        for (score, expected) in scores.iter().zip([2.309401035308838, 0.6324555277824402, 0.3162277638912201]) {
            assert!((score - expected).abs() < 1e-6, "{score} {expected}");
        }
    }
    #[test]
    fn the_best_are_those_of_a_sorted_list() {
        use rand::Rng;
        let mut random = crate::testing::rng();
        let mut all = Suggestions::default();
        for _ in 0..3000 {
            let word: String =
                (0..random.random_range(1..8)).map(|_| ['a', 'B', 'é'][random.random_range(0..3)]).collect();
            match random.random_range(0..4) {
                0 => _ = all.remove(word.as_bytes()),
                _ => all.add(word.as_bytes(), f64::from(random.random_range(0..9)), random.random(), Some(b"x")),
            }
        }
        let expected = all.entries.iter().map(|(place, entry)| size(place, entry)).sum::<usize>();
        assert_eq!(all.memory(), expected);
        for prefix in ["", "a", "ab", "bé", "AAA", "ééééé"] {
            for (fuzzy, max, step) in [(false, 5, 1), (true, 5, 7), (false, 0, 3), (true, 1, 1000), (false, 9999, 2)] {
                let near = Near::new(fold(prefix.as_bytes()).as_ref(), 1);
                let fits = |folded: &[u8]| match fuzzy {
                    true => near.begins(folded),
                    false => folded.starts_with(&fold(prefix.as_bytes())),
                };
                let length = fold(prefix.as_bytes()).len();
                let fitting = all.entries.iter().filter(|((folded, _), _)| fits(folded));
                let mut expected: Vec<(f64, &[u8])> = fitting
                    .map(|((folded, string), entry)| (weighed(entry.score, folded.len(), length), &string[..]))
                    .collect();
                expected.sort_by(|a, b| b.0.total_cmp(&a.0));
                expected.truncate(max);
                let found = find(&all, prefix, fuzzy, max, step);
                let found: Vec<(f64, &[u8])> = found.iter().map(|one| (one.score, &one.string[..])).collect();
                assert_eq!(found, expected, "{prefix} {fuzzy} {max} {step}");
            }
        }
    }
}
