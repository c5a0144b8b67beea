//! FT.INFO's reply, key by key in the order that clients expect.

use super::{Protocol, bulk};
use crate::reply::Reply;
use crate::search::index::{Failures, Stats};
use crate::search::number::format_number;
use crate::search::schema::{Algorithm, Definition, Field, Kind, Source, VectorOptions};

/// The content of FT.INFO.
pub struct Info<'a> {
    pub definition: &'a Definition,
    pub stats: &'a Stats,
    /// Failures of each field of the schema.
    pub failures: Vec<Failures>,
    /// The share of the keys that were there when a scan began and that it has seen; none without a scan.
    pub scanned: Option<f64>,
    /// Commands that named the index.
    pub uses: u64,
    /// Milliseconds spent on taking documents in.
    pub indexing_milliseconds: f64,
    /// Cursors that wait, of all indexes and of this one.
    pub cursors: (usize, usize),
    pub cursor_limit: u64,
    /// Whether queries of dialects 1 to 4 were read.
    pub dialects: [bool; 4],
}

/// A number that may have a fraction: a string in RESP2.
pub(super) fn float(number: f64, protocol: Protocol) -> Reply {
    match protocol {
        Protocol::Resp2 => bulk(format_number(number)),
        Protocol::Resp3 => Reply::Double(number),
    }
}

type Pairs = Vec<(Reply, Reply)>;

fn pair(name: &'static str, value: Reply) -> (Reply, Reply) {
    (Reply::Simple(name), value)
}

/// The reply.
pub fn info(info: &Info, protocol: Protocol) -> Reply {
    let definition = info.definition;
    let number = |number: u64| Reply::Int(number as i64);
    let mut pairs = vec![
        pair("index_name", bulk(&definition.name[..])),
        pair("index_options", options(definition)),
        pair("index_definition", described(definition, protocol)),
        pair(
            "attributes",
            Reply::Array(definition.fields.iter().map(|f| attribute(f, definition, protocol)).collect()),
        ),
        pair("num_docs", number(info.stats.documents)),
        pair("max_doc_id", number(info.stats.max_document)),
        pair("num_terms", number(info.stats.terms)),
        pair("num_records", number(info.stats.records)),
    ];
    pairs.extend(sizes(info.stats, protocol));
    pairs.extend([
        pair("hash_indexing_failures", number(info.stats.failures.count)),
        pair("total_indexing_time", float(info.indexing_milliseconds, protocol)),
        pair("indexing", number(info.scanned.is_some() as u64)),
        pair("percent_indexed", float(info.scanned.unwrap_or(1.0), protocol)),
        pair("number_of_uses", number(info.uses)),
        pair("cleaning", number(0)),
        pair("gc_stats", Reply::Map(collection(protocol))),
        pair("cursor_stats", Reply::Map(cursors(info))),
    ]);
    if let Some(words) = &definition.stop_words {
        let mut words = words.clone();
        words.sort();
        pairs.push(pair("stopwords_list", Reply::Array(words.iter().map(|word| bulk(&word[..])).collect())));
    }
    let dialects = ["dialect_1", "dialect_2", "dialect_3", "dialect_4"].into_iter().zip(info.dialects);
    let dialects = dialects.map(|(name, used)| pair(name, Reply::Int(used as i64)));
    let mut errors = failures(&info.stats.failures);
    errors.push(pair("background indexing status", Reply::Simple("OK")));
    let fields = definition.fields.iter().zip(&info.failures);
    let fields = fields.map(|(field, failed)| statistics(field, failed, info.stats)).collect();
    pairs.extend([
        pair("dialect_stats", Reply::Map(dialects.collect())),
        pair("Index Errors", Reply::Map(errors)),
        pair("field statistics", Reply::Array(fields)),
    ]);
    Reply::Map(pairs)
}

fn options(definition: &Definition) -> Reply {
    let words = [
        (definition.no_frequencies, "NOFREQS"),
        (definition.no_fields, "NOFIELDS"),
        (definition.no_offsets, "NOOFFSETS"),
        (definition.no_offsets || definition.no_highlight, "NOHL"),
        (definition.max_text_fields, "MAXTEXTFIELDS"),
    ];
    Reply::Array(words.into_iter().filter(|word| word.0).map(|word| Reply::Simple(word.1)).collect())
}

fn described(definition: &Definition, protocol: Protocol) -> Reply {
    let kind = if definition.source == Source::Hash { "HASH" } else { "JSON" };
    let prefixes = definition.prefixes.iter().map(|prefix| bulk(&prefix[..])).collect();
    let mut pairs = vec![pair("key_type", Reply::Simple(kind)), pair("prefixes", Reply::Array(prefixes))];
    let mut text =
        |name, value: &Option<Vec<u8>>| pairs.extend(value.as_ref().map(|value| pair(name, bulk(&value[..]))));
    text("filter", &definition.filter);
    text("default_language", &definition.language.clone().filter(|language| language != b"english"));
    text("language_field", &definition.language_field);
    pairs.push(pair("default_score", float(definition.score, protocol)));
    let mut text =
        |name, value: &Option<Vec<u8>>| pairs.extend(value.as_ref().map(|value| pair(name, bulk(&value[..]))));
    text("score_field", &definition.score_field);
    text("payload_field", &definition.payload_field);
    let all = if definition.index_all == Some(true) { "true" } else { "false" };
    pairs.push(pair("indexes_all", Reply::Simple(all)));
    Reply::Map(pairs)
}

/// What a field shows of itself: pairs, then words.
struct Described(Pairs, Vec<&'static str>);

fn attribute(field: &Field, definition: &Definition, protocol: Protocol) -> Reply {
    let Described(mut pairs, flags) = describe(field, definition, protocol);
    let flags = flags.into_iter().map(Reply::Simple);
    match protocol {
        Protocol::Resp2 => {
            Reply::Array(pairs.into_iter().flat_map(|(name, value)| [name, value]).chain(flags).collect())
        }
        Protocol::Resp3 => {
            pairs.push(pair("flags", Reply::Array(flags.collect())));
            Reply::Map(pairs)
        }
    }
}

fn describe(field: &Field, definition: &Definition, protocol: Protocol) -> Described {
    let mut pairs = vec![pair("identifier", bulk(&field.path[..])), pair("attribute", bulk(&field.name[..]))];
    let mut kind = |word| pairs.push(pair("type", Reply::Simple(word)));
    // case-sensitive, keeps its case when sorted anyway, no stems, suffixes
    let mut flags = [false; 4];
    match &field.kind {
        Kind::Text { weight, no_stem, suffix_trie, .. } => {
            kind("TEXT");
            flags = [false, false, *no_stem, *suffix_trie];
            pairs.push(pair("WEIGHT", float(*weight, protocol)));
        }
        Kind::Tag { separator, case_sensitive, suffix_trie } => {
            kind("TAG");
            flags = [*case_sensitive, *case_sensitive, false, *suffix_trie];
            let default = if definition.source == Source::Hash { Some(b',') } else { None };
            let separator: Vec<u8> = separator.or(default).into_iter().collect();
            pairs.push(pair("SEPARATOR", bulk(separator)));
        }
        Kind::Numeric => {
            kind("NUMERIC");
            flags[1] = true;
        }
        Kind::Geo => kind("GEO"),
        Kind::GeoShape { coordinates } => {
            kind("GEOSHAPE");
            pairs.push(pair("coord_system", Reply::Simple(coordinates.name())));
        }
        Kind::Vector(options) => {
            kind("VECTOR");
            pairs.extend(vector(options));
        }
    }
    let json = definition.source == Source::Json;
    let keeps_case = field.unnormalized || flags[1] || json && !matches!(field.kind, Kind::Geo);
    let words = [
        (flags[0], "CASESENSITIVE"),
        (field.sortable, "SORTABLE"),
        (field.sortable && keeps_case, "UNF"),
        (flags[2], "NOSTEM"),
        (field.no_index, "NOINDEX"),
        (flags[3], "WITHSUFFIXTRIE"),
        (field.index_empty, "INDEXEMPTY"),
        (field.index_missing, "INDEXMISSING"),
    ];
    Described(pairs, words.into_iter().filter(|word| word.0).map(|word| word.1).collect())
}

fn vector(options: &VectorOptions) -> Pairs {
    let [algorithm, element, metric] = options.words();
    let mut pairs = vec![
        pair("algorithm", Reply::Simple(algorithm)),
        pair("data_type", Reply::Simple(element)),
        pair("dim", Reply::from(options.dim)),
        pair("distance_metric", Reply::Simple(metric)),
    ];
    match options.algorithm {
        Algorithm::Flat => {}
        Algorithm::Hnsw => pairs.extend([
            pair("M", Reply::from(options.m)),
            pair("ef_construction", Reply::from(options.ef_construction)),
            pair("ef_runtime", Reply::from(options.ef_runtime)),
        ]),
        Algorithm::SvsVamana => {
            let shown = |name: &[u8]| !matches!(name, b"TYPE" | b"DIM" | b"DISTANCE_METRIC");
            for (name, value) in options.given.iter().filter(|(name, _)| shown(name)) {
                let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                pairs.push((bulk(name.to_ascii_lowercase()), number.map_or(bulk(&value[..]), Reply::Int)));
            }
        }
    }
    pairs
}

fn sizes(stats: &Stats, protocol: Protocol) -> Pairs {
    let mib = |bytes: u64| float(bytes as f64 / (1 << 20) as f64, protocol);
    let per = |all: u64, of: u64| float(if of == 0 { 0.0 } else { all as f64 / of as f64 }, protocol);
    vec![
        pair("inverted_sz_mb", mib(stats.inverted_bytes)),
        pair("vector_index_sz_mb", mib(stats.vector_bytes)),
        pair("total_inverted_index_blocks", Reply::Int(stats.inverted_blocks as i64)),
        pair("offset_vectors_sz_mb", mib(stats.offset_bytes)),
        pair("doc_table_size_mb", mib(stats.document_bytes)),
        pair("sortable_values_size_mb", mib(stats.sortable_bytes)),
        pair("key_table_size_mb", mib(stats.key_bytes)),
        pair("tag_overhead_sz_mb", mib(stats.tag_bytes)),
        pair("text_overhead_sz_mb", mib(stats.text_bytes)),
        pair("total_index_memory_sz_mb", mib(stats.total_bytes)),
        pair("geoshapes_sz_mb", mib(stats.geo_bytes)),
        pair("records_per_doc_avg", per(stats.records, stats.documents)),
        pair("bytes_per_record_avg", per(stats.inverted_bytes, stats.records)),
        pair("offsets_per_term_avg", per(stats.offsets, stats.records)),
        pair("offset_bits_per_record_avg", per(8 * stats.offset_bytes, stats.offsets)),
    ]
}

/// There is no garbage collection: the memory of a document is freed when it is removed.
fn collection(protocol: Protocol) -> Pairs {
    let names = [
        "bytes_collected",
        "total_ms_run",
        "total_cycles",
        "average_cycle_time_ms",
        "last_run_time_ms",
        "gc_numeric_trees_missed",
        "gc_blocks_denied",
    ];
    names.map(|name| pair(name, float(0.0, protocol))).into()
}

fn cursors(info: &Info) -> Pairs {
    vec![
        pair("global_idle", Reply::from(info.cursors.0)),
        pair("global_total", Reply::from(info.cursors.0)),
        pair("index_capacity", Reply::Int(info.cursor_limit as i64)),
        pair("index_total", Reply::from(info.cursors.1)),
    ]
}

fn failures(failures: &Failures) -> Pairs {
    let (text, key) = match &failures.last {
        Some((text, key)) => (bulk(text.as_bytes()), bulk(&key[..])),
        None => (Reply::Simple("N/A"), Reply::Simple("N/A")),
    };
    vec![
        pair("indexing failures", Reply::Int(failures.count as i64)),
        pair("last indexing error", text),
        pair("last indexing error key", key),
    ]
}

fn statistics(field: &Field, failed: &Failures, stats: &Stats) -> Reply {
    let mut pairs = vec![
        pair("identifier", bulk(&field.path[..])),
        pair("attribute", bulk(&field.name[..])),
        pair("Index Errors", Reply::Map(failures(failed))),
    ];
    if let Kind::Vector(_) = field.kind {
        pairs.extend([
            pair("memory", Reply::Int(stats.vector_bytes as i64)),
            pair("marked_deleted", Reply::Int(0)),
            pair("direct_hnsw_insertions", Reply::Int(0)),
            pair("flat_buffer_size", Reply::Int(0)),
        ]);
    }
    Reply::Map(pairs)
}
