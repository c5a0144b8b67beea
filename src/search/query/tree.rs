//! The tree of a query. Fields are numbers: positions in the schema of the index.

use std::sync::Arc;

use crate::search::shape::{Predicate, Shape};

/// A whole query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The filter of a KNN, or all of the query.
    pub root: Node,
    pub knn: Option<Knn>,
}

/// A part of a query, with the attributes that it was given in braces.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub kind: NodeKind,
    /// Multiplies the score; 1 by default.
    pub weight: f64,
    /// None inherits the command's.
    pub slop: Option<i64>,
    pub in_order: Option<bool>,
    pub phonetic: Option<bool>,
}

/// The TEXT fields in which words are looked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Fields {
    /// All indexed TEXT fields.
    All,
    /// These positions in the schema.
    Of(Arc<[usize]>),
}

/// How an operand is to match a whole token or tag. Operands are unescaped; lower-casing is done by the evaluation,
/// which knows whether a tag field is case-sensitive.
#[derive(Clone, Debug, PartialEq)]
pub enum Affix {
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    Infix(Vec<u8>),
    /// `?` stands for a character, `*` for any number of them, and `\` takes the next one as it is.
    Wildcard(Vec<u8>),
}

/// The condition of a part of a query.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// No document.
    Nothing,
    /// Every document.
    All,
    /// A lower-case word, no stop word.
    Word {
        word: Vec<u8>,
        /// Not to be expanded by stems, synonyms, phonetics.
        verbatim: bool,
        fields: Fields,
    },
    /// Lower-case tokens at consecutive positions.
    Phrase {
        words: Vec<Vec<u8>>,
        fields: Fields,
    },
    Affix {
        affix: Affix,
        fields: Fields,
    },
    Fuzzy {
        word: Vec<u8>,
        /// 1 to 3.
        distance: u8,
        fields: Fields,
    },
    /// The empty text.
    Empty {
        fields: Fields,
    },
    Tag {
        field: usize,
        values: Vec<TagValue>,
    },
    Numeric {
        field: usize,
        min: Bound,
        max: Bound,
    },
    Geo {
        field: usize,
        lon: f64,
        lat: f64,
        /// In `unit`s.
        radius: f64,
        unit: GeoUnit,
    },
    GeoShape {
        field: usize,
        predicate: Predicate,
        shape: Arc<Shape>,
        /// Name of the parameter that held it, for FT.EXPLAIN.
        parameter: Vec<u8>,
    },
    Missing {
        field: usize,
    },
    VectorRange(VectorRange),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Optional(Box<Node>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum TagValue {
    /// Unescaped, in its own case.
    Exact(Vec<u8>),
    Affix(Affix),
}

/// An end of a numeric range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    pub value: f64,
    pub exclusive: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeoUnit {
    Metres,
    Kilometres,
    Miles,
    Feet,
}

impl GeoUnit {
    /// `m`, `km`, `mi`, `ft` in any case.
    pub fn named(name: &[u8]) -> Option<GeoUnit> {
        match &name.to_ascii_lowercase()[..] {
            b"m" => Some(GeoUnit::Metres),
            b"km" => Some(GeoUnit::Kilometres),
            b"mi" => Some(GeoUnit::Miles),
            b"ft" => Some(GeoUnit::Feet),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            GeoUnit::Metres => "m",
            GeoUnit::Kilometres => "km",
            GeoUnit::Miles => "mi",
            GeoUnit::Feet => "ft",
        }
    }

    pub fn metres(self) -> f64 {
        match self {
            GeoUnit::Metres => 1.0,
            GeoUnit::Kilometres => 1000.0,
            GeoUnit::Miles => 1609.34,
            GeoUnit::Feet => 0.3048,
        }
    }
}

/// The k nearest among the matches of the filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Knn {
    pub field: usize,
    pub k: usize,
    /// In the field's element type; its length is checked.
    pub vector: Arc<[u8]>,
    /// Name of the parameter that held it, for FT.EXPLAIN.
    pub parameter: Vec<u8>,
    pub ef_runtime: Option<usize>,
    /// The name of the distance, `__<field>_score` by default.
    pub distance: Vec<u8>,
}

/// Everything within a distance.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorRange {
    pub field: usize,
    pub radius: f64,
    /// In the field's element type; its length is checked.
    pub vector: Arc<[u8]>,
    pub parameter: Vec<u8>,
    pub epsilon: Option<f64>,
    /// The name of the distance, if it is wanted.
    pub distance: Option<Vec<u8>>,
}

impl Node {
    /// A part without attributes.
    pub fn new(kind: NodeKind) -> Node {
        Node { kind, weight: 1.0, slop: None, in_order: None, phonetic: None }
    }
}
