//! The index structures of FT.*: documents, postings lists, tags, ranges, shapes and vectors.
//!
//! Only the thread that owns a [`SearchIndex`] changes it. A query takes a snapshot of the index
//! ([`SearchIndex::bind`], constant time) and runs lock-free on any thread.

mod analyse;
#[cfg(test)]
mod check;
mod docset;
mod document;
mod fields;
mod geo;
mod graphs;
mod names;
mod pages;
mod parse;
mod postings;
mod put;
mod ranges;
mod records;
mod shapes;
mod state;
mod synonyms;
mod tags;
mod tree;
mod varint;
mod vector_field;
mod vectors;
mod verify;
mod word_set;
mod words;

use std::collections::VecDeque;
use std::sync::Arc;

pub use document::*;
pub use records::Key;
pub use synonyms::Synonyms;
pub use vectors::from_json;
pub use word_set::WordSet;

use super::evaluate::{BoundQuery, SearchOptions};
use super::query::Query;
use super::schema::{Definition, Field, Kind, Schema};
use super::text::fold;
use super::value::Value;
use crate::index::{VectorIndex, Waiter};
pub(super) use docset::{DocSet, SEGMENT};
pub(super) use fields::Finder;
pub(super) use geo::{cover, distance, middle};
pub(super) use postings::{Cursor, Entry, Postings};
pub(super) use ranges::{gather, number_code};
pub(super) use records::{Known, Record};
pub(super) use shapes::Outline;
pub(super) use state::{LanguageFilter, State};
pub use tags::TagValues;
pub(super) use tags::{Tag, Tags};
pub(super) use tree::Tree;
pub(super) use vector_field::{VectorRows, is_exact};
#[cfg(test)]
pub(super) use vectors::exact_distance;
pub(super) use vectors::{ExactDistance, decode};
pub(super) use words::Group;

use vector_field::VectorField;

/// Numbers of removed documents are reused from this many on, so that small indexes keep the order of insertion.
const SPARE_NUMBERS: usize = 1024;

/// An index: its definition and its data structures.
pub struct SearchIndex {
    state: Arc<State>,
    /// The next new number.
    next: u32,
    /// Numbers of documents that went, the oldest first.
    free: VecDeque<u32>,
    failures: Failures,
    field_failures: Vec<Failures>,
    /// By the field's position; None for fields of other kinds.
    vectors: Vec<Option<VectorField>>,
}

impl SearchIndex {
    /// An empty index.
    pub fn new(definition: Definition) -> SearchIndex {
        let fields = definition.fields.to_vec();
        let mut index = SearchIndex {
            state: Arc::new(State::new(Definition { fields: Schema::default(), ..definition })),
            next: 1,
            free: VecDeque::new(),
            failures: Failures::default(),
            field_failures: Vec::new(),
            vectors: Vec::new(),
        };
        index.add_fields(fields);
        index
    }

    /// The definition, with the fields added since.
    pub fn definition(&self) -> &Definition {
        &self.state.definition
    }

    /// Takes in a document, new or changed: of one that is known only the fields that differ. A document that does not fit
    /// is left out, and an older version of it removed.
    pub fn put(&mut self, key: &[u8], document: &dyn Document) -> Outcome {
        let read = match put::read(&self.state, document) {
            Ok(read) => read,
            Err(failure) => {
                self.remove(key);
                self.note(key, &failure);
                return Outcome::Refused(failure);
            }
        };
        let number = match self.state.records.find(key) {
            Some(number) => number,
            None => match self.take_number() {
                Some(number) => number,
                None => {
                    let failure = Failure { field: None, text: "There are as many documents as there can be".into() };
                    self.note(key, &failure);
                    return Outcome::Refused(failure);
                }
            },
        };
        read.put(Arc::make_mut(&mut self.state), &mut self.vectors, number, key)
    }

    fn take_number(&mut self) -> Option<u32> {
        if self.free.len() > SPARE_NUMBERS + self.len() || self.next == u32::MAX {
            // From here on numbers do not tell which documents are older.
            Arc::make_mut(&mut self.state).synonyms.scanned();
            return self.free.pop_front();
        }
        self.next += 1;
        Some(self.next - 1)
    }

    fn note(&mut self, key: &[u8], failure: &Failure) {
        let field = failure.field.and_then(|field| self.field_failures.get_mut(field));
        for failures in field.into_iter().chain([&mut self.failures]) {
            failures.count += 1;
            failures.last = Some((failure.text.clone(), key.to_vec()));
        }
    }

    /// Forgets a document; whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let Some(number) = self.state.records.find(key) else { return false };
        put::take_out(Arc::make_mut(&mut self.state), &mut self.vectors, number);
        self.free.push_back(number);
        true
    }

    /// Renames the key of a document. False, and nothing changes, if there is none or the new key has one: that one must
    /// be put again in its place, since a running query knows the new key by its number and rows.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> bool {
        let Some(number) = self.state.records.find(from).filter(|_| !self.contains(to)) else { return false };
        Arc::make_mut(&mut self.state).records.rename(number, to);
        true
    }

    /// Adds fields; existing documents have to be put again.
    pub fn add_fields(&mut self, fields: Vec<Field>) {
        self.field_failures.resize(self.field_failures.len() + fields.len(), Failures::default());
        let state = Arc::make_mut(&mut self.state);
        for field in &fields {
            let options = if let Kind::Vector(options) = &field.kind { Some(options) } else { None };
            self.vectors.push(options.filter(|_| !field.no_index).map(VectorField::new));
        }
        state.add_fields(fields);
        for (index, vectors) in state.fields.iter_mut().zip(&self.vectors) {
            if let (Finder::None, Some(vectors)) = (&index.finder, vectors) {
                index.finder = Finder::Vectors(vectors.rows());
            }
        }
    }

    /// Adds words to a synonym group; a word may be in many. Documents that are there already have what words are in groups
    /// now only if there is a scan. There is nothing to read for it: groups are applied to queries.
    pub fn add_synonyms(&mut self, group: &[u8], words: &[impl AsRef<[u8]>], scan: bool) {
        let since = if scan { 0 } else { self.next };
        let synonyms = &mut Arc::make_mut(&mut self.state).synonyms;
        if scan {
            synonyms.scanned();
        }
        words.iter().for_each(|word| synonyms.add(group, &fold(word.as_ref()), since));
    }

    /// The synonym groups.
    pub fn synonyms(&self) -> &Synonyms {
        &self.state.synonyms
    }

    /// Whether the key's document is in the index.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.state.records.find(key).is_some()
    }

    /// One more than the highest number of a document that ever was.
    pub fn end(&self) -> u32 {
        self.next
    }

    /// The key of the document of a number.
    pub fn key(&self, number: u32) -> Option<Key> {
        self.state.records.get(number).map(|record| record.key().clone())
    }

    /// Documents in the index.
    pub fn len(&self) -> usize {
        self.state.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value by which a document sorts, if the index keeps it: of SORTABLE fields and of NUMERIC ones.
    pub fn sort_value(&self, document: u32, field: usize) -> Option<Value> {
        self.state.sort_value(document, field)
    }

    /// Counters and sizes for FT.INFO. Nothing is walked but a list with an entry for each 16384 documents.
    pub fn stats(&self) -> Stats {
        let state = &self.state;
        let (document_bytes, key_bytes) = state.records.bytes();
        let (posting_bytes, word_bytes) = state.words.bytes();
        let mut stats = Stats {
            documents: self.len() as u64,
            max_document: u64::from(self.next - 1),
            terms: state.words.terms().len() as u64,
            records: state.words.records as u64,
            inverted_bytes: posting_bytes as u64,
            inverted_blocks: state.words.blocks() as u64,
            document_bytes: document_bytes as u64,
            key_bytes: key_bytes as u64,
            text_bytes: word_bytes as u64,
            failures: self.failures.clone(),
            ..Stats::default()
        };
        for vectors in self.vector_indexes() {
            let bytes = vectors.bytes();
            stats.vector_bytes += (bytes.vectors + bytes.links + bytes.rest) as u64;
        }
        for index in &state.fields {
            stats.records += index.records() as u64;
            stats.sortable_bytes += index.column.bytes() as u64;
            match &index.finder {
                Finder::Tags(_) => stats.tag_bytes += index.bytes() as u64,
                Finder::Shapes(_) => stats.geo_bytes += index.bytes() as u64,
                _ => stats.inverted_bytes += index.bytes() as u64,
            }
        }
        stats.total_bytes = [
            stats.inverted_bytes,
            stats.document_bytes,
            stats.key_bytes,
            stats.text_bytes,
            stats.sortable_bytes,
            stats.tag_bytes,
            stats.geo_bytes,
            stats.vector_bytes,
            state.all.bytes() as u64,
        ]
        .iter()
        .sum();
        stats
    }

    /// Whether so many vectors are pending that replies to writes should be delayed
    /// ([`SearchIndex::wait_for_room`]).
    pub fn is_over_bound(&self) -> bool {
        self.vector_indexes().any(VectorIndex::is_over_bound)
    }

    /// Parks a waiter (a reply that waits) until there is room; drops it then, on any thread.
    pub fn wait_for_room(&self, waiter: Waiter) {
        if let Some(full) = self.vector_indexes().find(|index| index.is_over_bound()) {
            full.wait_for_room(waiter);
        }
    }

    /// Links some pending vectors on this thread: where a reply cannot be delayed.
    pub fn link_some(&mut self) {
        self.vectors.iter_mut().flatten().for_each(|field| field.index.link_some());
    }

    /// Vectors that wait to be linked.
    pub fn pending(&self) -> usize {
        self.vector_indexes().map(VectorIndex::pending).sum()
    }

    fn vector_indexes(&self) -> impl Iterator<Item = &VectorIndex> {
        self.vectors.iter().flatten().map(|field| &field.index)
    }

    /// The vectors of a field, if it is a VECTOR field.
    pub fn vector_index(&self, field: usize) -> Option<&VectorIndex> {
        self.vectors.get(field)?.as_ref().map(|field| &field.index)
    }

    pub(super) fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Failures of a field of the schema.
    pub fn failures(&self, field: usize) -> Failures {
        self.field_failures.get(field).cloned().unwrap_or_default()
    }

    /// A snapshot of the distinct values of a TAG field; None if the field is of another type or not indexed.
    pub fn tag_values(&self, field: usize) -> Option<TagValues> {
        match &self.state.fields.get(field)?.finder {
            Finder::Tags(tags) => Some(TagValues(tags.values().clone())),
            _ => None,
        }
    }

    /// Bytes of memory, all in all. An estimate.
    pub fn bytes(&self) -> usize {
        self.stats().total_bytes as usize
    }

    /// Binds a query to the index as it is now, in constant time. Errors are those of vectors and of queries that no
    /// parser made.
    pub fn bind(&self, query: Query, options: SearchOptions) -> Result<BoundQuery, String> {
        BoundQuery::new(self, query, options)
    }
}
