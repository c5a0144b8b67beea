//! A persistent set of words in byte order: a snapshot of any size takes constant time.

use std::sync::Arc;

use super::tree::Tree;

/// A set of words. Copies share what neither changes.
#[derive(Clone, Default)]
pub struct WordSet(Tree<Arc<[u8]>, ()>);

impl WordSet {
    /// Adds a word; whether it is new.
    pub fn insert(&mut self, word: &[u8]) -> bool {
        // Looked up first: a copy that is held keeps its nodes.
        !self.contains(word) && self.0.insert(word.into(), ()).is_none()
    }

    /// Takes a word out; whether it was there.
    pub fn remove(&mut self, word: &[u8]) -> bool {
        self.0.remove(word).is_some()
    }

    pub fn contains(&self, word: &[u8]) -> bool {
        self.0.get(word).is_some()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All words, in byte order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|(word, ())| &word[..])
    }
}

impl<W: AsRef<[u8]>> FromIterator<W> for WordSet {
    fn from_iter<T: IntoIterator<Item = W>>(words: T) -> WordSet {
        let mut set = WordSet::default();
        words.into_iter().for_each(|word| _ = set.insert(word.as_ref()));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many words are held by more than one node.
    fn copied(set: &WordSet) -> usize {
        set.0.iter().filter(|(word, ())| Arc::strong_count(word) > 1).count()
    }

    #[test]
    fn copies_and_changes_touch_few_words() {
        let name = |n: usize| format!("word{n:06}").into_bytes();
        let mut set: WordSet = (0..20_000).map(name).collect();
        let before = copied(&set);
        let copy = set.clone();
        assert_eq!(copied(&set), before, "a copy copies no word");
        assert!(
            set.insert(b"word010000x") && !set.insert(b"word010000") && set.remove(&name(3)) && !set.remove(&name(3))
        );
        assert!(copied(&set) - before < 1000, "{} words were copied", copied(&set) - before);
        assert!(copy.iter().eq((0..20_000).map(name)) && copy.len() == 20_000);
        let mut expected: Vec<_> = (0..20_000).filter(|n| *n != 3).map(name).chain([b"word010000x".to_vec()]).collect();
        expected.sort();
        assert!(set.iter().eq(expected.iter().map(|word| &word[..])));
    }
}
