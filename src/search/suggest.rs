//! Suggestions: strings with scores, found by how they begin.

use std::collections::BTreeMap;

use super::spell::Near;
use super::text::fold;

/// Strings looked at for one answer at most, so that no prefix holds the server up.
const MAX_LOOKED_AT: usize = 50_000;
/// Edits that FUZZY allows.
const FUZZY_DISTANCE: usize = 1;

/// A key of suggestions: `FT.SUGADD` and its kin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suggestions {
    /// By the string in lower case, then as it was given.
    entries: BTreeMap<(Vec<u8>, Vec<u8>), Entry>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    score: f64,
    payload: Option<Vec<u8>>,
}

/// A string that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggested<'a> {
    pub string: &'a [u8],
    /// The more of the string the prefix is, the higher.
    pub score: f64,
    pub payload: Option<&'a [u8]>,
}

fn key(string: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (fold(string).into_owned(), string.to_vec())
}

impl Suggestions {
    /// Adds a string or changes its score; an empty one is not added. With `increment` the scores add up. A payload stays
    /// until another is given.
    pub fn add(&mut self, string: &[u8], score: f64, increment: bool, payload: Option<&[u8]>) {
        if string.is_empty() {
            return;
        }
        let entry = self.entries.entry(key(string)).or_insert(Entry { score: 0.0, payload: None });
        entry.score = if increment { entry.score + score } else { score };
        if let Some(payload) = payload {
            entry.payload = Some(payload.to_vec());
        }
    }

    /// Whether the string was there.
    pub fn remove(&mut self, string: &[u8]) -> bool {
        self.entries.remove(&key(string)).is_some()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The strings with scores as given and payloads, in order: what is saved.
    pub fn iter(&self) -> impl Iterator<Item = Suggested<'_>> {
        self.entries.iter().map(|((_, string), entry)| Suggested {
            string,
            score: entry.score,
            payload: entry.payload.as_deref(),
        })
    }

    /// The best strings that begin with the prefix, in any case; with `fuzzy` with something one edit from it.
    pub fn find(&self, prefix: &[u8], fuzzy: bool, max: usize) -> Vec<Suggested<'_>> {
        let prefix = fold(prefix);
        let near = fuzzy.then(|| Near::new(&prefix, FUZZY_DISTANCE));
        let from = if fuzzy { Vec::new() } else { prefix.to_vec() };
        let entries = self.entries.range((from, Vec::new())..);
        let mut found: Vec<Suggested> = entries
            .take(MAX_LOOKED_AT)
            .take_while(|((folded, _), _)| fuzzy || folded.starts_with(&prefix))
            .filter(|((folded, _), _)| near.as_ref().is_none_or(|near| near.begins(folded)))
            .map(|((folded, string), entry)| Suggested {
                string,
                score: weighed(entry.score, folded.len(), prefix.len()),
                payload: entry.payload.as_deref(),
            })
            .collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(max);
        found
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

    fn found(suggestions: &Suggestions, prefix: &str, fuzzy: bool, max: usize) -> Vec<String> {
        let found = suggestions.find(prefix.as_bytes(), fuzzy, max);
        found.into_iter().map(|found| String::from_utf8_lossy(found.string).into_owned()).collect()
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
        let scores: Vec<f64> = suggestions.find(b"he", false, 5).iter().map(|found| found.score).collect();
        for (score, expected) in scores.iter().zip([2.309401035308838, 0.6324555277824402, 0.3162277638912201]) {
            assert!((score - expected).abs() < 1e-6, "{score} {expected}");
        }
    }
}
