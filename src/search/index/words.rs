//! The words of all TEXT fields of an index: the postings of each, and the words of each stem and sound.
//!
//! Stems and sounds have no postings lists: a query merges those of their words. The number of documents of each, which
//! scores need, is maintained along with the words.

use std::sync::Arc;

use super::docset::DocSet;
use super::names::Names;
use super::postings::{Edit, Postings};
use super::tree::Tree;
use crate::search::text::{Language, sound};

/// Bytes of a word from which on documents are found by its stem.
pub const MIN_STEM: usize = 4;

/// See the module.
#[derive(Clone, Default)]
pub struct Words {
    terms: Tree<Arc<[u8]>, Term>,
    names: Names,
    groups: Tree<Group, Members>,
    /// Languages in which documents are or were.
    languages: Vec<Language>,
    /// Pairs of a word and a document.
    pub records: usize,
    name_bytes: usize,
    posting_bytes: usize,
    blocks: usize,
}

/// A word and its documents.
#[derive(Clone)]
pub struct Term {
    number: u32,
    /// Bit `n` of fields that may have the word; the last bit stands for all further fields.
    pub fields: u32,
    pub documents: u32,
    pub postings: Postings,
}

/// What words may share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Stem(Language, Arc<[u8]>),
    Sound(Arc<[u8]>),
}

/// The words that share it, and in how many documents one of them is in a field where that counts.
#[derive(Clone, Default)]
pub struct Members {
    pub words: DocSet,
    pub documents: u32,
}

/// The bits of [`Term::fields`] for a field.
pub fn field_bit(field: u32) -> u32 {
    1 << field.min(31)
}

impl Words {
    pub fn term(&self, word: &[u8]) -> Option<&Term> {
        self.terms.get(word)
    }

    /// All words, in byte order.
    pub fn terms(&self) -> &Tree<Arc<[u8]>, Term> {
        &self.terms
    }

    /// A word by its number.
    pub fn name(&self, number: u32) -> Option<&Arc<[u8]>> {
        self.names.get(number)
    }

    pub fn group(&self, group: &Group) -> Option<&Members> {
        self.groups.get(group)
    }

    /// Languages whose stems there may be.
    pub fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// Notes that there are documents of a language.
    pub fn speak(&mut self, language: Language) {
        if !self.languages.contains(&language) {
            self.languages.push(language);
        }
    }

    /// Sets the entry of a document for a word; returns the word's number.
    pub fn put(&mut self, word: &[u8], fields: u32, document: u32, body: &[u8]) -> u32 {
        let Some(term) = self.terms.get(word) else { return self.add(word, fields, document, body) };
        if term.postings.cursor().seek(document).is_some_and(|entry| entry.document == document && entry.is(body)) {
            return term.number;
        }
        let term = self.terms.get_mut(word).expect("a word that is there");
        let edit = term.postings.put(document, body);
        term.fields |= fields;
        term.documents += u32::from(edit.changed);
        self.records += usize::from(edit.changed);
        let number = term.number;
        self.resize(&edit);
        number
    }

    /// Adds a word that one document has; its number.
    fn add(&mut self, word: &[u8], fields: u32, document: u32, body: &[u8]) -> u32 {
        let name: Arc<[u8]> = word.into();
        let number = self.names.add(name.clone());
        let mut postings = Postings::Empty;
        let edit = postings.put(document, body);
        self.terms.insert(name, Term { number, fields, documents: 1, postings });
        self.name_bytes += 16 + word.len();
        self.records += 1;
        self.resize(&edit);
        number
    }

    /// Removes a document from a word; a word without documents is removed, and its number returned.
    pub fn remove(&mut self, word: &[u8], document: u32) -> Option<u32> {
        let term = self.terms.get_mut(word)?;
        let edit = term.postings.remove(document);
        term.documents -= u32::from(edit.changed);
        self.records -= usize::from(edit.changed);
        let (number, documents) = (term.number, term.documents);
        self.resize(&edit);
        if documents == 0 {
            self.terms.remove(word);
            self.names.remove(number);
            self.name_bytes -= 16 + word.len();
            return Some(number);
        }
        None
    }

    /// One document more (or, if `by` is −1, one less) has words of a group.
    pub fn count(&mut self, group: &Group, by: i32) {
        if self.groups.get(group).is_none() {
            self.groups.insert(group.clone(), Members::default());
        }
        let members = self.groups.get_mut(group).expect("a group that is there");
        members.documents = members.documents.saturating_add_signed(by);
        if members.documents == 0 && members.words.is_empty() {
            self.groups.remove(group);
        }
    }

    /// A word joins a group.
    pub fn join(&mut self, group: &Group, number: u32) {
        match self.groups.get(group) {
            Some(members) if members.words.contains(number) => {}
            Some(_) => drop(self.groups.get_mut(group).map(|members| members.words.insert(number))),
            None => drop(self.groups.insert(group.clone(), Members { words: DocSet::One(number), documents: 0 })),
        }
    }

    /// A word leaves a group; a group of no words goes, unless documents still count: another word may take this one's place.
    pub fn leave(&mut self, group: &Group, number: u32) {
        let Some(members) = self.groups.get_mut(group) else { return };
        members.words.remove(number);
        if members.words.is_empty() && members.documents == 0 {
            self.groups.remove(group);
        }
    }

    fn resize(&mut self, edit: &Edit) {
        self.blocks = self.blocks.saturating_add_signed(edit.blocks);
        self.posting_bytes = self.posting_bytes.saturating_add_signed(edit.bytes);
    }

    /// Blocks of postings.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// All groups.
    #[cfg(test)]
    pub fn groups(&self) -> impl Iterator<Item = (&Group, &Members)> {
        self.groups.iter()
    }

    /// Blocks and bytes of the postings, by a walk over all.
    #[cfg(test)]
    pub fn recount(&self) -> (usize, usize) {
        let sizes = self.terms.iter().map(|(_, term)| term.postings.size());
        sizes.fold((0, 0), |all, size| (all.0 + size.0, all.1 + size.1))
    }

    /// Bytes of the postings, and of the words themselves.
    pub fn bytes(&self) -> (usize, usize) {
        (self.posting_bytes, self.terms.bytes() + self.names.bytes() + self.groups.bytes() + self.name_bytes)
    }
}

/// The stem of a word in documents of a language, if it has one.
pub fn stem_group(word: &[u8], language: Language) -> Option<Group> {
    let stem = if word.len() < MIN_STEM { None } else { language.stem(word) }?;
    Some(Group::Stem(language, stem.into()))
}

/// The sound of a word, if it has one.
pub fn sound_group(word: &[u8]) -> Option<Group> {
    Some(Group::Sound(sound(word)?.into()))
}
