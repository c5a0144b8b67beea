//! The index structures of one field: lookup and sorting.

use std::sync::Arc;

use super::docset::DocSet;
use super::pages::Pages;
use super::ranges::{Ranges, number_code};
use super::records::Known;
use super::shapes::Shapes;
use super::tags::Tags;
use super::vector_field::VectorRows;
use crate::search::schema::{Field, Kind, Source};
use crate::search::value::Value;

/// A field's part of an index.
#[derive(Clone, Default)]
pub struct FieldIndex {
    pub finder: Finder,
    /// Documents without the field, if `ismissing` may ask for them.
    pub missing: DocSet,
    pub column: Column,
}

/// What finds documents by a field's values.
#[derive(Clone, Default)]
pub enum Finder {
    /// Not searchable.
    #[default]
    None,
    Tags(Tags),
    Numbers(Ranges),
    Points(Ranges),
    Shapes(Shapes),
    Text {
        /// Its number among the TEXT fields.
        number: u32,
        /// Documents with an empty text.
        empty: DocSet,
    },
    Vectors(VectorRows),
}

/// Values by which documents sort.
#[derive(Clone, Default)]
pub enum Column {
    #[default]
    None,
    /// NaN where there is none.
    Numbers(Pages<Sortable>),
    Texts {
        texts: Pages<Option<Arc<[u8]>>>,
        bytes: usize,
    },
}

/// A number; NaN by default.
#[derive(Clone, Copy)]
pub struct Sortable(f64);

impl Default for Sortable {
    fn default() -> Sortable {
        Sortable(f64::NAN)
    }
}

impl FieldIndex {
    /// Nothing yet; `number` is the field's among the TEXT fields.
    pub fn new(field: &Field, number: u32) -> FieldIndex {
        let finder = match field.kind {
            _ if field.no_index => Finder::None,
            Kind::Tag { .. } => Finder::Tags(Tags::default()),
            Kind::Numeric => Finder::Numbers(Ranges::default()),
            Kind::Geo => Finder::Points(Ranges::default()),
            Kind::GeoShape { .. } => Finder::Shapes(Shapes::default()),
            Kind::Text { .. } => Finder::Text { number, empty: DocSet::Empty },
            // Set by the owner of the vectors.
            Kind::Vector(_) => Finder::None,
        };
        let column = match field.kind {
            _ if !field.sortable => Column::None,
            Kind::Numeric => Column::Numbers(Pages::default()),
            Kind::Text { .. } | Kind::Tag { .. } | Kind::Geo => Column::Texts { texts: Pages::default(), bytes: 0 },
            _ => Column::None,
        };
        FieldIndex { finder, missing: DocSet::Empty, column }
    }

    /// Takes a document out of the field.
    pub fn remove(&mut self, document: u32, known: &Known) {
        match (&mut self.finder, known) {
            (Finder::Tags(tags), known) => {
                known.tags().iter().for_each(|number| tags.remove(*number, document));
            }
            (Finder::Numbers(ranges), Known::Numbers(numbers)) => {
                numbers.iter().for_each(|number| ranges.remove(number_code(*number), document));
            }
            (Finder::Points(ranges), Known::Points(cells)) => {
                cells.iter().for_each(|cell| ranges.remove(*cell, document));
            }
            (Finder::Shapes(shapes), _) => drop(shapes.remove(document)),
            (Finder::Text { empty, .. }, Known::Empty) => drop(empty.remove(document)),
            _ => {}
        }
        if *known == Known::Missing {
            self.missing.remove(document);
        }
    }

    /// Entries of the field's postings.
    pub fn records(&self) -> usize {
        match &self.finder {
            Finder::Tags(tags) => tags.records(),
            Finder::Numbers(ranges) | Finder::Points(ranges) => ranges.len(),
            Finder::Shapes(shapes) => shapes.len(),
            _ => 0,
        }
    }

    /// Bytes of what finds documents, without vectors.
    pub fn bytes(&self) -> usize {
        self.missing.bytes()
            + match &self.finder {
                Finder::Tags(tags) => tags.bytes(),
                Finder::Numbers(ranges) | Finder::Points(ranges) => ranges.bytes(),
                Finder::Shapes(shapes) => shapes.bytes(),
                Finder::Text { empty, .. } => empty.bytes(),
                Finder::Vectors(rows) => rows.bytes(),
                Finder::None => 0,
            }
    }
}

impl Column {
    /// Sets a document's value, or that it has none.
    pub fn set(&mut self, document: u32, value: Option<Value>) {
        match self {
            Column::None => {}
            Column::Numbers(numbers) => {
                *numbers.get_mut(document) = match value {
                    Some(Value::Number(number)) => Sortable(number),
                    _ => Sortable::default(),
                };
            }
            Column::Texts { texts, bytes } => {
                let text = match value {
                    Some(Value::Text(text)) => Some(text),
                    _ => None,
                };
                let size = |text: &Option<Arc<[u8]>>| text.as_ref().map_or(0, |text| 16 + text.len());
                if texts.get(document).is_none_or(|before| *before != text) {
                    *bytes += size(&text);
                    *bytes -= size(&std::mem::replace(texts.get_mut(document), text));
                }
            }
        }
    }

    pub fn get(&self, document: u32) -> Option<Value> {
        match self {
            Column::None => None,
            Column::Numbers(numbers) => {
                numbers.get(document).filter(|number| !number.0.is_nan()).map(|number| Value::Number(number.0))
            }
            Column::Texts { texts, .. } => texts.get(document)?.clone().map(Value::Text),
        }
    }

    /// Whether there is a column.
    pub fn is_kept(&self) -> bool {
        !matches!(self, Column::None)
    }

    pub fn bytes(&self) -> usize {
        match self {
            Column::None => 0,
            Column::Numbers(numbers) => numbers.bytes(),
            Column::Texts { texts, bytes } => texts.bytes() + bytes,
        }
    }
}

/// Whether a sort value is folded: hashes' texts without UNF.
pub fn folds(field: &Field, source: Source) -> bool {
    let sensitive = matches!(field.kind, Kind::Tag { case_sensitive: true, .. });
    source == Source::Hash && !field.unnormalized && !sensitive
}
