//! Synonym groups.

use std::sync::Arc;

use super::tree::Tree;
use super::word_set::WordSet;

/// Groups, each with its words. Copies share what neither changes.
#[derive(Clone, Default)]
pub struct Synonyms {
    groups: Tree<Arc<[u8]>, WordSet>,
    /// The groups of each word.
    by_word: Tree<Arc<[u8]>, WordSet>,
    pairs: usize,
}

impl Synonyms {
    /// Adds a word to a group.
    pub fn add(&mut self, group: &[u8], word: &[u8]) {
        self.pairs += usize::from(put(&mut self.groups, group, word));
        put(&mut self.by_word, word, group);
    }

    /// The groups with their words.
    pub fn groups(&self) -> impl Iterator<Item = (&[u8], &WordSet)> {
        self.groups.iter().map(|(group, words)| (&group[..], words))
    }

    /// The words with their groups.
    pub fn words(&self) -> impl Iterator<Item = (&[u8], &WordSet)> {
        self.by_word.iter().map(|(word, groups)| (&word[..], groups))
    }

    /// How many pairs of a word and a group there are.
    pub fn pairs(&self) -> usize {
        self.pairs
    }

    /// The words of each group that a word is in.
    pub fn of<'a>(&'a self, word: &[u8]) -> impl Iterator<Item = &'a WordSet> {
        let groups = self.by_word.get(word).into_iter().flat_map(WordSet::iter);
        groups.filter_map(|group| self.groups.get(group))
    }
}

fn put(sets: &mut Tree<Arc<[u8]>, WordSet>, name: &[u8], member: &[u8]) -> bool {
    if sets.get(name).is_none() {
        sets.insert(name.into(), WordSet::default());
    }
    sets.get_mut(name).is_some_and(|set| set.insert(member))
}
