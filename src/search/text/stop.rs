//! Stop words: words too common to be indexed.

use std::collections::HashSet;

use super::fold;

/// The list of an index that names none.
pub const DEFAULT_STOP_WORDS: [&str; 33] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not", "of",
    "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "will", "with",
];

/// An index's stop words, in lower case.
#[derive(Clone, Debug)]
pub struct StopWords(HashSet<Vec<u8>>);

impl StopWords {
    /// Those given, or the default list.
    pub fn new(given: Option<&[Vec<u8>]>) -> StopWords {
        StopWords(match given {
            Some(words) => words.iter().map(|word| fold(word).into_owned()).collect(),
            None => DEFAULT_STOP_WORDS.iter().map(|word| word.as_bytes().to_vec()).collect(),
        })
    }

    /// Whether a lower-case word is not indexed.
    pub fn contains(&self, word: &[u8]) -> bool {
        self.0.contains(word)
    }
}
