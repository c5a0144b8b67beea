//! Verifies an index against one that is newly built from its documents.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::Finder;
use super::{Document, SearchIndex};

/// What finds documents, by the keys of these, whatever numbers they have.
type Contents = BTreeMap<String, BTreeSet<String>>;

impl SearchIndex {
    fn contents(&self) -> Contents {
        let state = self.state();
        let mut contents = Contents::new();
        let key = |document: u32| {
            let record = state.records.get(document).expect("postings refer to existing documents");
            String::from_utf8_lossy(record.key()).into_owned()
        };
        let mut note = |place: String, found: String| contents.entry(place).or_default().insert(found);
        for (word, term) in state.words.terms().iter() {
            let entries: Vec<_> = term.postings.iter().collect();
            assert_eq!(entries.len(), term.documents as usize);
            for entry in entries {
                let places: Vec<_> =
                    entry.fields().map(|f| (f.field, f.count, f.positions().collect::<Vec<_>>())).collect();
                note(format!("word {}", String::from_utf8_lossy(word)), format!("{} {places:?}", key(entry.document)));
            }
        }
        for (group, members) in state.words.groups() {
            for word in members.words.iter() {
                let word = state.words.name(word).expect("groups hold words that are there");
                note(format!("group {group:?}"), String::from_utf8_lossy(word).into_owned());
            }
            note(format!("group {group:?}"), format!("in {} documents", members.documents));
        }
        for (field, index) in state.fields.iter().enumerate() {
            match &index.finder {
                Finder::Tags(tags) => {
                    for (value, tag) in tags.values().iter() {
                        for document in tag.documents.iter() {
                            note(format!("tag {field} {}", String::from_utf8_lossy(value)), key(document));
                        }
                    }
                }
                Finder::Numbers(ranges) | Finder::Points(ranges) => {
                    for (code, document) in ranges.range(0, u64::MAX) {
                        note(format!("range {field} {code}"), key(document));
                    }
                }
                Finder::Shapes(shapes) => {
                    for document in shapes.documents.iter() {
                        let outline = shapes.get(document).expect("documents with shapes have some");
                        for shape in outline.iter() {
                            assert!(shapes.near(&shape.bounds()).any(|other| other == document));
                        }
                        note(format!("shape {field} {outline:?}"), key(document));
                    }
                    note(format!("shapes {field}"), format!("{} {}", shapes.len(), shapes.vertices));
                }
                Finder::Text { empty, .. } => {
                    for document in empty.iter() {
                        note(format!("empty {field}"), key(document));
                    }
                }
                Finder::Vectors(rows) => {
                    let vectors = self.vector_index(field).expect("a VECTOR field has vectors");
                    assert_eq!(vectors.len(), rows.rows, "every vector is of a document");
                    for document in rows.documents.iter() {
                        let row = rows.first(document).expect("a document with vectors has a first");
                        assert!(vectors.is_live(row) && rows.owners.get(row) == document);
                        note(format!("vector {field} {:?}", vectors.vector(row)), key(document));
                    }
                }
                Finder::None => {}
            }
            for document in index.missing.iter() {
                note(format!("missing {field}"), key(document));
            }
        }
        for document in state.all.iter() {
            let record = state.records.get(document).expect("all documents are there");
            assert_eq!(state.records.find(record.key()), Some(document));
            let sorts: Vec<_> = state.fields.iter().map(|field| field.column.get(document)).collect();
            let (length, most) = (state.records.length(document), record.about().max_frequency);
            note("all".into(), format!("{} {length} {most} {} {sorts:?}", key(document), record.about().score));
        }
        note("length".into(), state.records.total_length.to_string());
        note("records".into(), self.stats().records.to_string());
        contents
    }

    /// Panics unless the index equals one that is newly built from these documents.
    pub fn check<D: Document>(&self, documents: &BTreeMap<Vec<u8>, D>, empty: impl Fn() -> SearchIndex) {
        let mut twin = empty();
        documents.iter().for_each(|(key, document)| drop(twin.put(key, document)));
        assert_eq!(self.len(), twin.len());
        assert_eq!(self.contents(), twin.contents());
        let (blocks, bytes) = self.state().words.recount();
        assert_eq!(
            (self.state().words.blocks(), self.state().words.bytes().0),
            (blocks, bytes),
            "blocks and bytes are counted along"
        );
        if documents.is_empty() {
            assert_eq!((self.stats().terms, self.stats().records), (0, 0));
        }
    }
}
