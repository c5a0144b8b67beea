//! The snapshot that a query sees of an index. A copy takes a few reference counts per field and shares all unchanged
//! parts.

use std::sync::Arc;

use super::docset::DocSet;
use super::fields::{Column, FieldIndex, Finder};
use super::records::{Known, Records};
use super::synonyms::Synonyms;
use super::words::Words;
use crate::search::schema::{Definition, Field, Kind, Schema, Source};
use crate::search::text::{Language, StopWords};
use crate::search::value::Value;

/// See the module.
#[derive(Clone)]
pub struct State {
    pub definition: Arc<Definition>,
    pub fields: Vec<FieldIndex>,
    /// The TEXT fields, in the schema's order.
    pub texts: Arc<Vec<TextField>>,
    pub words: Words,
    pub records: Records,
    pub all: DocSet,
    /// Documents of languages other than the index's.
    pub languages: Vec<(Language, DocSet)>,
    pub language: Language,
    pub stop_words: Arc<StopWords>,
    pub synonyms: Synonyms,
}

/// A TEXT field that is indexed.
#[derive(Clone, Debug)]
pub struct TextField {
    /// Its position in the schema.
    pub field: usize,
    /// What an occurrence counts.
    pub weight: u32,
    /// What an occurrence counts for its stem; None without stems.
    pub stem_weight: Option<u32>,
    pub phonetic: bool,
}

/// The documents of a language.
#[derive(Clone)]
pub enum LanguageFilter {
    Only(DocSet),
    Except(Vec<DocSet>),
}

impl State {
    pub fn new(definition: Definition) -> State {
        let language = definition.language.as_deref().and_then(Language::named).unwrap_or_default();
        let stop_words = Arc::new(StopWords::new(definition.stop_words.as_deref()));
        let mut words = Words::default();
        words.speak(language);
        let mut state = State {
            definition: Arc::new(Definition { fields: Schema::default(), ..definition.clone() }),
            fields: Vec::new(),
            texts: Arc::default(),
            words,
            records: Records::default(),
            all: DocSet::Empty,
            languages: Vec::new(),
            language,
            stop_words,
            synonyms: Synonyms::default(),
        };
        state.add_fields(definition.fields.to_vec());
        state
    }

    /// Fields that no document has yet.
    pub fn add_fields(&mut self, fields: Vec<Field>) {
        let definition = Arc::make_mut(&mut self.definition);
        let texts = Arc::make_mut(&mut self.texts);
        for field in fields {
            self.fields.push(FieldIndex::new(&field, texts.len() as u32));
            if let (Kind::Text { weight, no_stem, phonetic, .. }, false) = (&field.kind, field.no_index) {
                texts.push(TextField {
                    field: definition.fields.len(),
                    weight: (*weight as u32).max(1),
                    stem_weight: (!no_stem).then_some(((*weight * 0.2) as u32).max(1)),
                    phonetic: phonetic.is_some(),
                });
            }
            definition.fields.push(field);
        }
    }

    /// The number of a field among the TEXT fields, if it is one and indexed.
    pub fn text_number(&self, field: usize) -> Option<u32> {
        match self.fields.get(field)?.finder {
            Finder::Text { number, .. } => Some(number),
            _ => None,
        }
    }

    /// The value by which a document sorts, of SORTABLE and of NUMERIC fields.
    pub fn sort_value(&self, document: u32, field: usize) -> Option<Value> {
        match &self.fields.get(field)?.column {
            Column::None => match self.records.get(document)?.field(field) {
                Known::Numbers(numbers) => numbers.first().map(|number| Value::Number(*number)),
                _ => None,
            },
            column => column.get(document),
        }
    }

    /// A TAG field's value just as the document has it, None in Some if it has none; None if that is not known.
    pub fn verbatim(&self, document: u32, field: usize) -> Option<Option<Value>> {
        let Finder::Tags(tags) = &self.fields.get(field)?.finder else { return None };
        if self.definition.source != Source::Hash {
            return None;
        }
        let record = self.records.get(document)?;
        match record.field(field) {
            Known::Verbatim(number) => Some(Some(Value::Text(tags.name(number)?.clone()))),
            Known::Missing if record.knows(field) => Some(None),
            _ => None,
        }
    }

    /// Whether [`State::sort_value`] knows the field's values.
    pub fn keeps_sort_values(&self, field: usize) -> bool {
        self.fields[field].column.is_kept() || matches!(self.fields[field].finder, Finder::Numbers(_))
    }

    /// Which documents are of a language, if not all are of one.
    pub fn language_filter(&self, language: Language) -> Option<LanguageFilter> {
        let mut others = self.languages.iter();
        match language == self.language {
            true if self.languages.iter().all(|(_, set)| set.is_empty()) => None,
            true => Some(LanguageFilter::Except(others.map(|(_, set)| set.clone()).collect())),
            false => {
                let own = others.find(|(other, _)| *other == language);
                Some(LanguageFilter::Only(own.map(|(_, set)| set.clone()).unwrap_or_default()))
            }
        }
    }

    /// The mean length of a document.
    pub fn mean_length(&self) -> f64 {
        match self.records.len() {
            0 => 0.0,
            documents => self.records.total_length as f64 / documents as f64,
        }
    }
}
