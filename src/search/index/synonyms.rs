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
    /// For words that joined a group without a scan: the first document for which they are in it.
    since: Tree<Arc<[u8]>, u32>,
}

impl Synonyms {
    /// Adds a word to a group, for documents from `since` on unless it is in it already.
    pub fn add(&mut self, group: &[u8], word: &[u8], since: u32) {
        if put(&mut self.groups, group, word) {
            self.pairs += 1;
            if since > 0 {
                self.since.insert(pair(group, word), since);
            }
        }
        put(&mut self.by_word, word, group);
    }

    /// All words are in their groups for all documents: there was a scan.
    pub fn scanned(&mut self) {
        self.since = Tree::default();
    }

    /// The first document for which a word is in a group.
    pub fn since(&self, group: &[u8], word: &[u8]) -> u32 {
        self.since.get(&pair(group, word)[..]).copied().unwrap_or(0)
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

    /// The groups that a word is in, with their words.
    pub fn of<'a>(&'a self, word: &[u8]) -> impl Iterator<Item = (&'a [u8], &'a WordSet)> {
        let groups = self.by_word.get(word).into_iter().flat_map(WordSet::iter);
        groups.filter_map(|group| Some((group, self.groups.get(group)?)))
    }
}

/// A key for a group and a word.
fn pair(group: &[u8], word: &[u8]) -> Arc<[u8]> {
    [&(group.len() as u64).to_le_bytes(), group, word].concat().into()
}

fn put(sets: &mut Tree<Arc<[u8]>, WordSet>, name: &[u8], member: &[u8]) -> bool {
    if sets.get(name).is_none() {
        sets.insert(name.into(), WordSet::default());
    }
    sets.get_mut(name).is_some_and(|set| set.insert(member))
}
