//! Indexing: adds, updates and removes documents.

use std::collections::BTreeSet;
use std::mem::take;

use super::analyse::{analyse, hash_of, remove_words};
use super::document::{Document, Failure, FieldValue, Outcome};
use super::fields::{FieldIndex, Finder, folds};
use super::parse::{Parsed, number, parse};
use super::ranges::{Ranges, number_code};
use super::records::{About, Known, KnownText, Record};
use super::state::State;
use super::tags::Tags;
use super::vector_field::VectorField;
use crate::search::schema::{Definition, Field, Kind, Source};
use crate::search::text::{Language, fold};
use crate::search::value::Value;

/// A document read as an index's schema says.
pub struct Read {
    pub(super) parsed: Vec<Parsed>,
    /// Sort values of SORTABLE fields.
    pub(super) sort: Vec<Option<Value>>,
    pub(super) score: f64,
    pub(super) language: Language,
    pub(super) payload: Option<Vec<u8>>,
}

/// Reads a document; nothing is changed yet.
pub fn read(state: &State, document: &dyn Document) -> Result<Read, Failure> {
    let definition = &state.definition;
    let mut read = Read {
        parsed: Vec::with_capacity(definition.fields.len()),
        sort: Vec::with_capacity(definition.fields.len()),
        score: score(definition, document),
        language: language(state, document)?,
        payload: definition.payload_field.as_ref().and_then(|path| text(document.field(path))),
    };
    for (at, field) in definition.fields.iter().enumerate() {
        if let Some(text) = document.refused(&field.path) {
            return Err(Failure { field: Some(at), text: text.into() });
        }
        let value = document.field(&field.path);
        let is_sorted = field.sortable && !matches!(field.kind, Kind::GeoShape { .. });
        read.sort.push(if is_sorted { sort_value(definition, field, &value) } else { None });
        match parse(definition, field, value) {
            Ok(parsed) => read.parsed.push(parsed),
            Err(text) => return Err(Failure { field: Some(at), text }),
        }
    }
    Ok(read)
}

fn text(value: FieldValue) -> Option<Vec<u8>> {
    match value {
        FieldValue::Bytes(bytes) => Some(bytes),
        FieldValue::Json(values) => match values.into_iter().next()? {
            serde_json::Value::String(text) => Some(text.into_bytes()),
            serde_json::Value::Null => None,
            other => Some(other.to_string().into_bytes()),
        },
        FieldValue::Absent => None,
    }
}

fn score(definition: &Definition, document: &dyn Document) -> f64 {
    let given = definition.score_field.as_ref().and_then(|path| text(document.field(path)));
    given.and_then(|text| number(&text).ok()).unwrap_or(definition.score)
}

fn language(state: &State, document: &dyn Document) -> Result<Language, Failure> {
    let Some(path) = &state.definition.language_field else { return Ok(state.language) };
    let Some(name) = text(document.field(path)) else { return Ok(state.language) };
    match (Language::named(&name), state.definition.source) {
        (Some(language), _) => Ok(language),
        (None, Source::Hash) => Ok(state.language),
        (None, Source::Json) => Err(Failure { field: None, text: "Invalid language".into() }),
    }
}

/// Sort values have `ss` for `ß`, as their upper case has.
fn sharp_s(folded: std::borrow::Cow<[u8]>) -> std::sync::Arc<[u8]> {
    match std::str::from_utf8(&folded) {
        Ok(text) if text.contains('ß') => text.replace('ß', "ss").into_bytes().into(),
        _ => folded.into(),
    }
}

/// The value by which a document sorts: a field's first.
fn sort_value(definition: &Definition, field: &Field, value: &FieldValue) -> Option<Value> {
    let fold = |bytes: &[u8]| match folds(field, definition.source) {
        true => sharp_s(fold(bytes)),
        false => bytes.into(),
    };
    match (value, &field.kind) {
        (FieldValue::Bytes(bytes), Kind::Numeric) => number(bytes).ok().map(Value::Number),
        (FieldValue::Bytes(bytes), _) => Some(Value::Text(fold(bytes))),
        (FieldValue::Json(values), kind) => {
            let first = match values.iter().find(|value| !value.is_null())? {
                serde_json::Value::Array(values) => values.iter().find(|value| !value.is_null())?,
                one => one,
            };
            match (first, kind) {
                (serde_json::Value::Number(number), Kind::Numeric) => number.as_f64().map(Value::Number),
                (serde_json::Value::String(text), _) => Some(Value::Text(fold(text.as_bytes()))),
                (serde_json::Value::Bool(truth), _) => Some(Value::Text(truth.to_string().into_bytes().into())),
                _ => None,
            }
        }
        (FieldValue::Absent, _) => None,
    }
}

impl Read {
    /// The document's part of its record, and the greatest frequency of its words.
    pub(super) fn about(&self, max_frequency: u32) -> About<'_> {
        About { score: self.score, language: self.language, payload: self.payload.as_deref(), max_frequency }
    }

    /// Indexes a document, replacing its previous content; whether anything changed.
    pub fn put(mut self, state: &mut State, vectors: &mut [Option<VectorField>], document: u32, key: &[u8]) -> Outcome {
        let before = state.records.get(document).cloned();
        let (mut known, old_text) = before.as_ref().map_or_else(Default::default, |record| record.known());
        let about = before.as_ref().map(Record::about);
        let was = about.map_or(self.language, |about| about.language);
        known.resize(self.parsed.len(), Known::Missing);
        let mut changed = before.is_none();
        changed |= about.is_some_and(|about| about != self.about(about.max_frequency));
        let definition = state.definition.clone();
        let mut texts = Vec::new();
        for ((at, field), (parsed, sort)) in
            definition.fields.iter().enumerate().zip(take(&mut self.parsed).into_iter().zip(take(&mut self.sort)))
        {
            let index = &mut state.fields[at];
            if field.sortable && index.column.get(document) != sort {
                index.column.set(document, sort);
                changed = true;
            }
            let mut place = Place { index, field, vectors: vectors[at].as_mut(), document, key, changed: false };
            let new = place.apply(&known[at], parsed, &mut texts);
            changed |= place.changed || known[at] != new;
            known[at] = new;
        }
        let hash = if texts.is_empty() { 0 } else { hash_of(&texts) };
        let (mut text, mut length) =
            (KnownText { hash, words: old_text.words.clone() }, state.records.length(document));
        let mut greatest = about.map_or(0, |about| about.max_frequency);
        if hash != old_text.hash || was != self.language {
            let analysed = analyse(state, &texts);
            length = analysed.length;
            (text.words, greatest) = analysed.put(state, document, self.language, &old_text, was);
            changed = true;
        }
        if !changed {
            return Outcome::Unchanged;
        }
        set_language(state, document, was, self.language);
        state.all.insert(document);
        let record = Record::new(key, self.about(greatest), &known, &text);
        state.records.set(document, record, length);
        if before.is_some() { Outcome::Changed } else { Outcome::Added }
    }
}

fn set_language(state: &mut State, document: u32, was: Language, is: Language) {
    if was != state.language
        && was != is
        && let Some((_, set)) = state.languages.iter_mut().find(|(language, _)| *language == was)
    {
        set.remove(document);
    }
    if is != state.language {
        match state.languages.iter_mut().find(|(language, _)| *language == is) {
            Some((_, set)) => drop(set.insert(document)),
            None => state.languages.push((is, super::docset::DocSet::One(document))),
        }
    }
}

/// A document's place in a field.
struct Place<'a> {
    index: &'a mut FieldIndex,
    field: &'a Field,
    vectors: Option<&'a mut VectorField>,
    document: u32,
    key: &'a [u8],
    /// What is known of the document is the same, and its shapes differ.
    changed: bool,
}

impl Place<'_> {
    /// Puts values in the place of those that were known. Texts go to the list.
    fn apply(&mut self, old: &Known, parsed: Parsed, texts: &mut Vec<(u32, Vec<Vec<u8>>)>) -> Known {
        let (index, document) = (&mut *self.index, self.document);
        if parsed == Parsed::Missing {
            if *old != Known::Missing {
                remove(index, self.vectors.as_deref_mut(), document, old);
            }
            if self.field.index_missing && !index.missing.contains(document) {
                index.missing.insert(document);
            }
            return Known::Missing;
        }
        if *old == Known::Missing {
            index.missing.remove(document);
        }
        match (&mut index.finder, parsed) {
            (Finder::Tags(tags), Parsed::Tags(values)) => Known::Tags(apply_tags(tags, document, old, &values)),
            (Finder::Tags(tags), Parsed::Verbatim(value)) => {
                Known::Verbatim(apply_tags(tags, document, old, &[value])[0])
            }
            (Finder::Numbers(ranges), Parsed::Numbers(numbers)) => {
                let codes = |numbers: &[f64]| numbers.iter().map(|number| number_code(*number)).collect::<Vec<_>>();
                let before = if let Known::Numbers(numbers) = old { codes(numbers) } else { Vec::new() };
                apply_codes(ranges, document, &before, &codes(&numbers));
                Known::Numbers(numbers)
            }
            (Finder::Points(ranges), Parsed::Points(cells)) => {
                let before = if let Known::Points(cells) = old { &cells[..] } else { &[] };
                apply_codes(ranges, document, before, &cells);
                Known::Points(cells)
            }
            (Finder::Shapes(shapes), Parsed::Shapes(outline)) => {
                if shapes.get(document) != Some(&outline) {
                    shapes.set(document, outline);
                    self.changed = true;
                }
                Known::Present
            }
            (Finder::Shapes(shapes), _) => {
                self.changed = shapes.remove(document);
                Known::Present
            }
            (Finder::Text { number, empty }, Parsed::Texts(values)) => {
                let is_empty = self.field.index_empty && values.iter().any(Vec::is_empty);
                texts.push((*number, values));
                if is_empty {
                    empty.insert(document);
                    return Known::Empty;
                }
                empty.remove(document);
                Known::Present
            }
            (Finder::Vectors(rows), Parsed::Vectors(values)) => {
                let (Some(vectors), Kind::Vector(options)) = (self.vectors.as_deref_mut(), &self.field.kind) else {
                    return Known::Present;
                };
                let hash = hash_of(&values);
                let before = match old {
                    Known::Vectors(before, _) if *before == hash => return old.clone(),
                    Known::Vectors(_, rows) => &rows[..],
                    _ => &[],
                };
                Known::Vectors(hash, vectors.put(options, rows, (document, self.key), before, &values))
            }
            _ => Known::Present,
        }
    }
}

/// Takes a document out of a field.
fn remove(index: &mut FieldIndex, vectors: Option<&mut VectorField>, document: u32, known: &Known) {
    if let (Finder::Vectors(rows), Some(vectors), Known::Vectors(_, old)) = (&mut index.finder, vectors, known) {
        vectors.remove(rows, document, old);
    }
    index.remove(document, known);
}

fn apply_tags(tags: &mut Tags, document: u32, old: &Known, values: &[Vec<u8>]) -> Vec<u32> {
    let stays = |number: u32, tags: &Tags| {
        tags.name(number).is_some_and(|name| values.binary_search_by(|value| value[..].cmp(name)).is_ok())
    };
    for number in old.tags() {
        if !stays(*number, tags) {
            tags.remove(*number, document);
        }
    }
    values.iter().map(|value| tags.insert(value, document)).collect()
}

fn apply_codes(ranges: &mut Ranges, document: u32, before: &[u64], after: &[u64]) {
    let [before, after] = [before, after].map(|codes| codes.iter().copied().collect::<BTreeSet<u64>>());
    before.difference(&after).for_each(|code| ranges.remove(*code, document));
    after.difference(&before).for_each(|code| ranges.insert(*code, document));
}

/// Takes a document out of an index.
pub fn take_out(state: &mut State, vectors: &mut [Option<VectorField>], document: u32) {
    let Some(record) = state.records.get(document).cloned() else { return };
    let (known, text) = record.known();
    for ((index, vectors), known) in state.fields.iter_mut().zip(vectors).zip(&known) {
        remove(index, vectors.as_mut(), document, known);
        index.column.set(document, None);
    }
    let language = record.about().language;
    remove_words(state, document, &text, language);
    set_language(state, document, language, state.language);
    state.all.remove(document);
    state.records.remove(document);
}
