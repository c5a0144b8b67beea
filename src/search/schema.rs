//! The definition of an index by FT.CREATE: its documents and fields.

use std::collections::HashMap;
use std::ops::Deref;

use super::shape::Coordinates;
pub use crate::vector::{Component as Element, Metric};

/// The kind of keys whose values are documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Hash,
    Json,
}

/// An index as its creator described it.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub name: Vec<u8>,
    pub source: Source,
    /// A key belongs to the index if its name begins with one of these; never empty.
    pub prefixes: Vec<Vec<u8>>,
    /// An expression that a document has to fulfil, as text.
    pub filter: Option<Vec<u8>>,
    /// Lower case, one of the known languages.
    pub language: Option<Vec<u8>>,
    pub language_field: Option<Vec<u8>>,
    /// Default weight of a document, 0 to 1.
    pub score: f64,
    pub score_field: Option<Vec<u8>>,
    pub payload_field: Option<Vec<u8>>,
    pub max_text_fields: bool,
    pub no_offsets: bool,
    pub no_highlight: bool,
    pub no_fields: bool,
    pub no_frequencies: bool,
    /// Seconds without use after which index and documents go.
    pub temporary: Option<u64>,
    /// None: the default list.
    pub stop_words: Option<Vec<Vec<u8>>>,
    pub skip_initial_scan: bool,
    pub index_all: Option<bool>,
    pub fields: Schema,
}

/// Fields in their order. They are looked up by a hash of the name: a query may name thousands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    fields: Vec<Field>,
    positions: HashMap<Vec<u8>, usize>,
}

impl Schema {
    /// Adds a field behind the others.
    pub fn push(&mut self, field: Field) {
        self.positions.entry(field.name.clone()).or_insert(self.fields.len());
        self.fields.push(field);
    }

    /// The position of the field of that name in queries (not of that path).
    pub fn position(&self, name: &[u8]) -> Option<usize> {
        self.positions.get(name).copied()
    }
}

impl Deref for Schema {
    type Target = [Field];

    fn deref(&self) -> &[Field] {
        &self.fields
    }
}

impl Extend<Field> for Schema {
    fn extend<I: IntoIterator<Item = Field>>(&mut self, fields: I) {
        fields.into_iter().for_each(|field| self.push(field));
    }
}

impl From<Vec<Field>> for Schema {
    fn from(fields: Vec<Field>) -> Schema {
        let mut schema = Schema::default();
        schema.extend(fields);
        schema
    }
}

/// A field of the schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// A hash field's name or a JSONPath: the "identifier".
    pub path: Vec<u8>,
    /// The name in queries: the "attribute", the path where no AS is given.
    pub name: Vec<u8>,
    pub kind: Kind,
    pub sortable: bool,
    /// The sort value keeps its case.
    pub unnormalized: bool,
    pub no_index: bool,
    pub index_missing: bool,
    pub index_empty: bool,
}

/// A field's type with the options of that type.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Tag {
        /// None: `,` in hashes, none in JSON.
        separator: Option<u8>,
        case_sensitive: bool,
        suffix_trie: bool,
    },
    Numeric,
    Geo,
    GeoShape {
        coordinates: Coordinates,
    },
    Text {
        weight: f64,
        no_stem: bool,
        /// `dm:en` and the like.
        phonetic: Option<Vec<u8>>,
        suffix_trie: bool,
    },
    Vector(VectorOptions),
}

/// A vector field's options, all resolved to values.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorOptions {
    pub algorithm: Algorithm,
    pub element: Element,
    /// Components.
    pub dim: usize,
    pub metric: Metric,
    /// Attributes as given, upper case names, in order: what FT.INFO shows beside the known ones.
    pub given: Vec<(Vec<u8>, Vec<u8>)>,
    pub initial_cap: usize,
    pub block_size: usize,
    pub m: usize,
    pub ef_construction: usize,
    pub ef_runtime: usize,
    pub epsilon: f64,
}

impl VectorOptions {
    /// Algorithm, element type and metric in the words of FT.CREATE, which FT.INFO repeats.
    pub fn words(&self) -> [&'static str; 3] {
        let algorithm = match self.algorithm {
            Algorithm::Flat => "FLAT",
            Algorithm::Hnsw => "HNSW",
            Algorithm::SvsVamana => "SVS-VAMANA",
        };
        let element = match self.element {
            Element::Float32 => "FLOAT32",
            Element::Float64 => "FLOAT64",
            Element::Float16 => "FLOAT16",
            Element::Bfloat16 => "BFLOAT16",
            Element::Int8 => "INT8",
            Element::Uint8 => "UINT8",
        };
        let metric = match self.metric {
            Metric::L2 => "L2",
            Metric::InnerProduct => "IP",
            Metric::Cosine => "COSINE",
        };
        [algorithm, element, metric]
    }
}

/// How a vector field is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Flat,
    Hnsw,
    /// Accepted, served by the graph.
    SvsVamana,
}

impl Definition {
    /// An index of hashes without fields, all options as they are by default.
    pub fn named(name: &[u8]) -> Definition {
        Definition {
            name: name.to_vec(),
            source: Source::Hash,
            prefixes: vec![Vec::new()],
            filter: None,
            language: None,
            language_field: None,
            score: 1.0,
            score_field: None,
            payload_field: None,
            max_text_fields: false,
            no_offsets: false,
            no_highlight: false,
            no_fields: false,
            no_frequencies: false,
            temporary: None,
            stop_words: None,
            skip_initial_scan: false,
            index_all: None,
            fields: Schema::default(),
        }
    }

    /// The field of that name in queries (not of that path).
    pub fn field(&self, name: &[u8]) -> Option<usize> {
        self.fields.position(name)
    }
}
