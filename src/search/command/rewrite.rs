//! A definition as the arguments of an equivalent FT.CREATE: the form in which it is saved and replicated.

use crate::search::number::format_exact;
use crate::search::schema::{Definition, Field, Kind, Source, VectorOptions};

/// The words behind the command's name.
pub fn words(definition: &Definition) -> Vec<Vec<u8>> {
    let mut words = Words(vec![definition.name.clone()]);
    words.add("ON").add(if definition.source == Source::Hash { "HASH" } else { "JSON" });
    words.list("PREFIX", &definition.prefixes);
    words.option("FILTER", definition.filter.as_deref());
    words.option("LANGUAGE", definition.language.as_deref());
    words.option("LANGUAGE_FIELD", definition.language_field.as_deref());
    words.add("SCORE").add(format_exact(definition.score));
    words.option("SCORE_FIELD", definition.score_field.as_deref());
    words.option("PAYLOAD_FIELD", definition.payload_field.as_deref());
    words.flag(definition.max_text_fields, "MAXTEXTFIELDS");
    words.option("TEMPORARY", definition.temporary.map(|seconds| seconds.to_string().into_bytes()).as_deref());
    words.flag(definition.no_offsets, "NOOFFSETS");
    words.flag(definition.no_highlight, "NOHL");
    words.flag(definition.no_fields, "NOFIELDS");
    words.flag(definition.no_frequencies, "NOFREQS");
    if let Some(stop_words) = &definition.stop_words {
        words.list("STOPWORDS", stop_words);
    }
    words.flag(definition.skip_initial_scan, "SKIPINITIALSCAN");
    if let Some(all) = definition.index_all {
        words.add("INDEXALL").add(if all { "ENABLE" } else { "DISABLE" });
    }
    words.add("SCHEMA");
    definition.fields.iter().for_each(|field| words.field(field));
    words.0
}

/// The words that define a field.
pub fn field_words(field: &Field) -> Vec<Vec<u8>> {
    let mut words = Words(Vec::new());
    words.field(field);
    words.0
}

struct Words(Vec<Vec<u8>>);

impl Words {
    fn add(&mut self, word: impl AsRef<[u8]>) -> &mut Words {
        self.0.push(word.as_ref().to_vec());
        self
    }

    fn flag(&mut self, is_set: bool, word: &str) {
        if is_set {
            self.add(word);
        }
    }

    fn option(&mut self, word: &str, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.add(word).add(value);
        }
    }

    fn list(&mut self, word: &str, values: &[Vec<u8>]) {
        self.add(word).add(values.len().to_string());
        self.0.extend_from_slice(values);
    }

    fn field(&mut self, field: &Field) {
        self.add(&field.path).add("AS").add(&field.name);
        match &field.kind {
            Kind::Text { weight, no_stem, phonetic, suffix_trie } => {
                self.add("TEXT").add("WEIGHT").add(format_exact(*weight));
                self.flag(*no_stem, "NOSTEM");
                self.option("PHONETIC", phonetic.as_deref());
                self.flag(*suffix_trie, "WITHSUFFIXTRIE");
            }
            Kind::Tag { separator, case_sensitive, suffix_trie } => {
                self.add("TAG");
                self.option("SEPARATOR", separator.as_ref().map(std::slice::from_ref));
                self.flag(*case_sensitive, "CASESENSITIVE");
                self.flag(*suffix_trie, "WITHSUFFIXTRIE");
            }
            Kind::Numeric => {
                self.add("NUMERIC");
            }
            Kind::Geo => {
                self.add("GEO");
            }
            Kind::GeoShape { coordinates } => {
                self.add("GEOSHAPE").add(coordinates.name());
            }
            Kind::Vector(options) => self.vector(options),
        }
        self.flag(field.index_empty, "INDEXEMPTY");
        self.flag(field.index_missing, "INDEXMISSING");
        self.flag(field.sortable, "SORTABLE");
        self.flag(field.sortable && field.unnormalized, "UNF");
        self.flag(field.no_index, "NOINDEX");
    }

    fn vector(&mut self, options: &VectorOptions) {
        let [algorithm, element, metric] = options.words();
        let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = [("TYPE", element), ("DISTANCE_METRIC", metric)]
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .into();
        pairs.push((b"DIM".to_vec(), options.dim.to_string().into_bytes()));
        let said = |name: &[u8]| matches!(name, b"TYPE" | b"DIM" | b"DISTANCE_METRIC");
        pairs.extend(options.given.iter().filter(|(name, _)| !said(name)).cloned());
        self.add("VECTOR").add(algorithm).add((2 * pairs.len()).to_string());
        self.0.extend(pairs.into_iter().flat_map(|(name, value)| [name, value]));
    }
}
