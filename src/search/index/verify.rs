//! Verifies that the index agrees with one document.

use super::SearchIndex;
use super::analyse::hash_of;
use super::document::Document;
use super::fields::{FieldIndex, Finder};
use super::parse::Parsed;
use super::put::{self, Read};
use super::records::Known;
use super::state::State;
use super::tags::Tags;
use super::vector_field::VectorField;
use crate::search::schema::Field;

impl SearchIndex {
    /// Compares the index's data of a key with the key's document; whether the document is in the index.
    ///
    /// # Errors
    /// What differs.
    pub fn verify(&self, key: &[u8], document: &dyn Document) -> Result<bool, String> {
        let number = self.state.records.find(key);
        match (put::read(&self.state, document), number) {
            (Err(_), None) => Ok(false),
            (Err(_), Some(_)) => Err("is there though it does not fit".into()),
            (Ok(_), None) => Err("is missing".into()),
            (Ok(read), Some(number)) => read.verify(&self.state, &self.vectors, number).map(|()| true),
        }
    }
}

impl Read {
    fn verify(self, state: &State, vectors: &[Option<VectorField>], document: u32) -> Result<(), String> {
        let Some(record) = state.records.get(document) else { return Err("has no record".into()) };
        let about = record.about();
        if about != self.about(about.max_frequency) {
            return Err("has another score, language or payload".into());
        }
        if !state.all.contains(document) {
            return Err("is not among all documents".into());
        }
        let (mut known, text) = record.known();
        known.resize(self.parsed.len(), Known::Missing);
        let mut texts = Vec::new();
        let fields = state.definition.fields.iter().zip(&state.fields).zip(vectors);
        for (((field, index), vectors), ((known, parsed), sort)) in
            fields.zip(known.iter().zip(self.parsed).zip(self.sort))
        {
            let sorts = !field.sortable || index.column.get(document) == sort;
            if !sorts || !holds((field, index, vectors.as_ref()), document, known, parsed, &mut texts) {
                return Err(format!("has other values of {}", field.name.escape_ascii()));
            }
        }
        let hash = if texts.is_empty() { 0 } else { hash_of(&texts) };
        if hash == text.hash { Ok(()) } else { Err("has other texts".into()) }
    }
}

/// Whether a field has of a document just these values. Texts go to the list.
fn holds(
    (field, index, vectors): (&Field, &FieldIndex, Option<&VectorField>),
    document: u32,
    known: &Known,
    parsed: Parsed,
    texts: &mut Vec<(u32, Vec<Vec<u8>>)>,
) -> bool {
    match (&index.finder, known, parsed) {
        (_, Known::Missing, Parsed::Missing) => !field.index_missing || index.missing.contains(document),
        (_, Known::Missing, _) | (_, _, Parsed::Missing) => false,
        (Finder::Tags(tags), Known::Tags(numbers), Parsed::Tags(values)) => has_tags(tags, document, numbers, &values),
        (Finder::Tags(tags), Known::Verbatim(number), Parsed::Verbatim(value)) => {
            has_tags(tags, document, &[*number], &[value])
        }
        (Finder::Numbers(_), Known::Numbers(numbers), Parsed::Numbers(values)) => *numbers == values,
        (Finder::Points(_), Known::Points(cells), Parsed::Points(values)) => *cells == values,
        (Finder::Shapes(shapes), _, Parsed::Shapes(outline)) => shapes.get(document) == Some(&outline),
        (Finder::Shapes(shapes), _, _) => shapes.get(document).is_none(),
        (Finder::Text { number, empty }, known, Parsed::Texts(values)) => {
            texts.push((*number, values));
            (*known == Known::Empty) == empty.contains(document)
        }
        (Finder::Vectors(rows), Known::Vectors(hash, of), Parsed::Vectors(values)) => {
            let is_there = |row: &u32| {
                rows.owners.get(*row) == document && vectors.is_some_and(|vectors| vectors.index.is_live(*row))
            };
            let is_found = values.is_empty() || rows.documents.contains(document);
            of.len() == values.len() && *hash == hash_of(&values) && is_found && of.iter().all(is_there)
        }
        (Finder::Tags(_) | Finder::Numbers(_) | Finder::Points(_) | Finder::Vectors(_), _, _) => false,
        _ => true,
    }
}

fn has_tags(tags: &Tags, document: u32, numbers: &[u32], values: &[Vec<u8>]) -> bool {
    let has = |value: &Vec<u8>| {
        let tag = tags.values().get(&value[..]);
        tag.is_some_and(|tag| numbers.contains(&tag.number) && tag.documents.contains(document))
    };
    numbers.len() == values.len() && values.iter().all(has)
}
