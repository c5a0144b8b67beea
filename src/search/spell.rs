//! Spell checking: words of a query that the index does not have, and similar words that it has.

use super::evaluate::Limits;
use super::query::{Node, NodeKind, Query};

/// Words looked at between looks at the clock.
const STRIDE: usize = 256;

/// A word to take instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    pub word: Vec<u8>,
    /// Documents that have it; 0 for words of dictionaries.
    pub documents: usize,
}

/// The words of a query, each once, in its order.
pub fn words(query: &Query) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    collect(&query.root, &mut words);
    let mut seen = std::collections::HashSet::new();
    words.retain(|word| seen.insert(word.clone()));
    words
}

fn collect(node: &Node, words: &mut Vec<Vec<u8>>) {
    match &node.kind {
        NodeKind::Word { word, .. } => words.push(word.clone()),
        NodeKind::Phrase { words: phrase, .. } => words.extend_from_slice(phrase),
        NodeKind::And(nodes) | NodeKind::Or(nodes) => nodes.iter().for_each(|node| collect(node, words)),
        NodeKind::Not(node) | NodeKind::Optional(node) => collect(node, words),
        _ => {}
    }
}

/// What is near a word: terms of the index with the number of their documents, then words of dictionaries; those in more
/// documents first. None when the `limits` are reached.
pub fn suggestions<'a>(
    word: &[u8],
    distance: usize,
    terms: impl Iterator<Item = (&'a [u8], usize)>,
    dictionaries: impl Iterator<Item = &'a [u8]>,
    limits: &Limits,
) -> Option<Vec<Suggestion>> {
    let near = Near::new(word, distance);
    let dictionaries = dictionaries.map(|word| (word, 0));
    let mut found: Vec<Suggestion> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (at, (candidate, documents)) in terms.chain(dictionaries).enumerate() {
        if at % STRIDE == 0 && limits.reached() {
            return None;
        }
        if near.has(candidate) && seen.insert(candidate) {
            found.push(Suggestion { word: candidate.to_vec(), documents });
        }
    }
    found.sort_by(|a, b| b.documents.cmp(&a.documents).then_with(|| a.word.cmp(&b.word)));
    Some(found)
}

/// Words within a distance of one: insertions, deletions and substitutions of characters.
pub struct Near {
    word: Vec<char>,
    distance: usize,
}

fn characters(word: &[u8]) -> Vec<char> {
    String::from_utf8_lossy(word).chars().collect()
}

impl Near {
    /// Words within `distance` of `word`.
    pub fn new(word: &[u8], distance: usize) -> Near {
        Near { word: characters(word), distance }
    }

    /// Whether a word is within the distance.
    pub fn has(&self, candidate: &[u8]) -> bool {
        // Of the bytes of a character, up to four, one is enough to be a difference.
        if candidate.len() > 4 * (self.word.len() + self.distance) || self.is_longer_than(candidate) {
            return false;
        }
        let row = self.last_row(&characters(candidate), false);
        row.is_some_and(|row| row[self.word.len()] <= self.distance)
    }

    /// Whether some beginning of a word is within the distance.
    pub fn begins(&self, candidate: &[u8]) -> bool {
        let most = 4 * (self.word.len() + self.distance);
        let candidate = &candidate[..candidate.len().min(most)];
        if self.is_longer_than(candidate) {
            return false;
        }
        self.word.len() <= self.distance || self.last_row(&characters(candidate), true).is_some()
    }

    /// Whether the word is too long for any allowed number of edits.
    fn is_longer_than(&self, candidate: &[u8]) -> bool {
        self.word.len() > candidate.len() + self.distance
    }

    /// The last row of the table of distances between beginnings; None as soon as nothing can be near any more. With `begins`
    /// the row at which the whole word is near.
    fn last_row(&self, candidate: &[char], begins: bool) -> Option<Vec<usize>> {
        let (length, beyond) = (self.word.len(), self.distance + 1);
        let mut row: Vec<usize> = (0..=length).map(|place| place.min(beyond)).collect();
        for (at, character) in candidate.iter().enumerate() {
            // Further from the diagonal than the distance no cell is within it.
            let (first, last) = ((at + 1).saturating_sub(self.distance).max(1), (at + 1 + self.distance).min(length));
            let mut diagonal =
                std::mem::replace(&mut row[first - 1], if first == 1 { (at + 1).min(beyond) } else { beyond });
            let mut least = row[first - 1];
            for place in first..=last {
                let substituted = diagonal + usize::from(self.word[place - 1] != *character);
                diagonal = row[place];
                row[place] = substituted.min(diagonal + 1).min(row[place - 1] + 1).min(beyond);
                least = least.min(row[place]);
            }
            if begins && row[self.word.len()] <= self.distance {
                return Some(row);
            }
            if least > self.distance {
                return None;
            }
        }
        (!begins).then_some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    fn naive(a: &[char], b: &[char]) -> usize {
        match (a.split_first(), b.split_first()) {
            (None, _) => b.len(),
            (_, None) => a.len(),
            (Some((x, rest)), Some((y, other))) if x == y => naive(rest, other),
            (Some((_, rest)), Some((_, other))) => 1 + naive(rest, other).min(naive(a, other)).min(naive(rest, b)),
        }
    }

    #[test]
    fn nearness_is_that_of_the_definition() {
        let mut random = SmallRng::seed_from_u64(5);
        let mut word = || (0..random.random_range(0..6)).map(|_| ['a', 'b', 'é'][random.random_range(0..3)]).collect();
        for _ in 0..3000 {
            let (a, b): (Vec<char>, Vec<char>) = (word(), word());
            let (x, y): (String, String) = (a.iter().collect(), b.iter().collect());
            for distance in 0..4 {
                let near = Near::new(x.as_bytes(), distance);
                assert_eq!(near.has(y.as_bytes()), naive(&a, &b) <= distance, "{x} {y} {distance}");
                let begins = (0..=b.len()).any(|end| naive(&a, &b[..end]) <= distance);
                assert_eq!(near.begins(y.as_bytes()), begins, "{x} {y} {distance}");
            }
        }
    }

    #[test]
    fn suggestions_are_those_recorded() {
        let terms: [(&[u8], usize); 5] = [(b"hello", 4), (b"world", 1), (b"lazy", 1), (b"other", 1), (b"nothing", 1)];
        let dictionary: [&[u8]; 4] = [b"halo", b"held", b"helo", b"help"];
        let suggested = |word: &[u8], with: bool| -> Vec<(String, usize)> {
            let dictionary = dictionary.into_iter().filter(|_| with);
            let found = suggestions(word, 1, terms.into_iter(), dictionary, &Limits::default());
            found
                .expect("no limits")
                .into_iter()
                .map(|found| (String::from_utf8(found.word).unwrap(), found.documents))
                .collect()
        };
        assert_eq!(suggested(b"helo", false), [("hello".into(), 4)]);
        assert_eq!(suggested(b"wrld", false), [("world".into(), 1)]);
        assert_eq!(suggested(b"zzzzzz", true), []);
        assert_eq!(suggested(b"hlo", true), [("halo".into(), 0), ("helo".into(), 0)]);
        assert_eq!(suggested(b"helo", true).len(), 5);
    }

    #[test]
    fn a_check_ends_at_its_limits() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let names: Vec<Vec<u8>> = (0..100 * STRIDE).map(|n| format!("w{n}").into_bytes()).collect();
        for ends_at in [0, 1, STRIDE - 1, STRIDE, 10 * STRIDE + 5] {
            let cancelled = std::sync::Arc::new(AtomicBool::new(ends_at == 0));
            let limits = Limits { deadline: None, cancelled: Some(cancelled.clone()) };
            let looked = std::cell::Cell::new(0);
            let count = || {
                looked.set(looked.get() + 1);
                cancelled.store(looked.get() >= ends_at, Ordering::Relaxed);
            };
            let terms = names.iter().take(20 * STRIDE).map(|name| (&name[..], 1)).inspect(|_| count());
            let dictionary = names.iter().skip(20 * STRIDE).map(|name| &name[..]).inspect(|_| count());
            assert_eq!(suggestions(b"w", 1, terms, dictionary, &limits), None);
            assert!(looked.get() <= ends_at + STRIDE + 1, "{} looks, should end at {ends_at}", looked.get());
        }
    }
}
