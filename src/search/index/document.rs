//! What an index needs from a document.

/// The current content of a document: a hash, or a JSON value.
pub trait Document {
    /// The value of a hash's field, or what a JSONPath yields.
    fn field(&self, path: &[u8]) -> FieldValue;

    /// Why it is unknown, if it is.
    fn refused(&self, _path: &[u8]) -> Option<&str> {
        None
    }
}

/// What a document has for a field.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    Absent,
    /// A hash field's bytes.
    Bytes(Vec<u8>),
    /// All that the path yields, in the document's order; empty is absent.
    Json(Vec<serde_json::Value>),
}

impl FieldValue {
    /// Only the first non-null value, of those that the path yields or of the array that it yields.
    pub fn first(self) -> FieldValue {
        let FieldValue::Json(values) = self else { return self };
        let first = |values: Vec<serde_json::Value>| values.into_iter().find(|value| !value.is_null());
        let one = match first(values) {
            Some(serde_json::Value::Array(values)) => first(values),
            one => one,
        };
        one.map_or(FieldValue::Absent, |value| FieldValue::Json(vec![value]))
    }
}

/// What became of a document that was put into an index.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Added,
    Changed,
    /// Nothing in the index changed.
    Unchanged,
    /// The document is not in the index, nor is an older version of it; the failure is counted.
    Refused(Failure),
}

/// Why a document does not fit its index.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Position in the schema.
    pub field: Option<usize>,
    /// For FT.INFO.
    pub text: String,
}

/// Failures of an index or of one of its fields, for FT.INFO.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failures {
    pub count: u64,
    /// Text and key of the last.
    pub last: Option<(String, Vec<u8>)>,
}

/// The statistics of an index for FT.INFO; sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    pub documents: u64,
    /// The highest number that a document got.
    pub max_document: u64,
    /// Distinct words of the text fields.
    pub terms: u64,
    /// Entries of all postings.
    pub records: u64,
    pub inverted_bytes: u64,
    pub inverted_blocks: u64,
    pub vector_bytes: u64,
    pub offset_bytes: u64,
    /// Positions of words, all in all.
    pub offsets: u64,
    pub document_bytes: u64,
    pub sortable_bytes: u64,
    pub key_bytes: u64,
    pub tag_bytes: u64,
    pub text_bytes: u64,
    pub geo_bytes: u64,
    pub total_bytes: u64,
    pub failures: Failures,
}
