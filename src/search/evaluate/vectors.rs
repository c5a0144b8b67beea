//! KNN: the nearest documents.

use std::collections::BTreeMap;
use std::sync::Mutex;

use roaring::RoaringBitmap;

use super::bind;
use super::options::Limits;
use super::within::Within;
use crate::index::{Accept, AddError, Options, Query as Search, Target, VectorIndex};
use crate::search::index::{Finder, Known, SEGMENT, SearchIndex, State, VectorRows, is_exact};
use crate::search::query::{Knn, Node, NodeKind, Query};
use crate::search::schema::{Kind, Metric, VectorOptions};

/// A query of vectors, prepared by the owner of the index: it runs once.
pub struct Asked(Mutex<Option<Search>>);

/// Documents with their distances, nearest first.
pub type Nearest = Vec<(u32, f64)>;

/// The documents among which to search, by segment.
pub type Chosen = BTreeMap<u32, RoaringBitmap>;

/// Prepares the KNN, and the ranges in the query's order.
pub fn ask(index: &SearchIndex, query: &Query) -> Result<(Option<Asked>, Vec<Within>), String> {
    let knn = query.knn.as_ref().map(|knn| ask_knn(index, knn)).transpose()?;
    let ranges = bind::nodes(query).filter_map(|(node, _)| match node {
        Node { kind: NodeKind::VectorRange(range), .. } => Some(Within::new(index, range)),
        _ => None,
    });
    Ok((knn, ranges.collect::<Result<_, _>>()?))
}

pub(super) fn options_of(state: &State, field: usize) -> Option<(&VectorOptions, &VectorRows)> {
    match (&state.definition.fields.get(field)?.kind, &state.fields.get(field)?.finder) {
        (Kind::Vector(options), Finder::Vectors(rows)) => Some((options, rows)),
        _ => None,
    }
}

/// Hits beyond those asked for: distances from bytes are close to those of the documents, and order may change.
pub(super) fn spare(k: usize) -> usize {
    (k / 2).min(100) + 8
}

fn ask_knn(index: &SearchIndex, knn: &Knn) -> Result<Asked, String> {
    let Some((options, rows)) = options_of(index.state(), knn.field) else { return Ok(Asked(Mutex::new(None))) };
    let k = knn.k.min(rows.rows);
    let spare = if is_exact(options) { 8 } else { spare(k) };
    let how = Options {
        // A document counts once, however many of its vectors are near.
        count: k.saturating_add(spare).saturating_mul(rows.most.max(1)).min(rows.rows.max(1)),
        ef: knn.ef_runtime,
        default_ef: options.ef_runtime,
        ..Options::default()
    };
    let search = prepare(index, knn.field, options, &knn.vector, |vectors, target| vectors.query(target, &how))?;
    Ok(Asked(Mutex::new(search)))
}

/// A search for a vector, whose bytes are of the field's element type; none if the field has no index.
pub(super) fn prepare(
    index: &SearchIndex,
    field: usize,
    options: &VectorOptions,
    vector: &[u8],
    ask: impl FnOnce(&VectorIndex, Target) -> Result<Search, AddError>,
) -> Result<Option<Search>, String> {
    let Some(vectors) = index.vector_index(field) else { return Ok(None) };
    let expected = options.dim * options.element.size();
    if vector.len() != expected {
        let got = vector.len();
        return Err(format!(
            "Error parsing vector similarity query: query vector blob size ({got}) does not match index's expected size \
             ({expected})."
        ));
    }
    let vector = crate::search::index::decode(vector, options.element);
    let asked = ask(vectors, Target::Vector(&vector));
    asked.map(Some).map_err(|error| format!("Error parsing vector similarity query: {error}"))
}

/// What is added to the engine's distances to get those that clients see.
pub(super) fn offset(options: &VectorOptions) -> f64 {
    if options.metric == Metric::InnerProduct { 1.0 } else { 0.0 }
}

impl Asked {
    /// About how many nanoseconds it takes to run among all documents; None if it ran.
    pub fn estimate(&self) -> Option<u64> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).as_ref().map(Search::estimate)
    }

    /// About how many nanoseconds it takes at most to run among this many rows or fewer, if they are a small share of all;
    /// None if it ran.
    pub fn estimate_among(&self, rows: usize) -> Option<u64> {
        let search = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let search = search.as_ref().filter(|search| rows <= search.len() / LISTED)?;
        Some(search.estimate_rows(rows))
    }

    /// The documents found, among those chosen; None if the query ran before.
    pub fn run(&self, state: &State, field: usize, chosen: Option<&Chosen>, limits: &Limits) -> Option<Nearest> {
        let search = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()?;
        let (options, rows) = options_of(state, field)?;
        if search.is_empty() || limits.reached() {
            return Some(Vec::new());
        }
        let found = match chosen {
            None => search.run(),
            Some(chosen) => {
                let count =
                    chosen.iter().map(|(at, part)| rows.documents.segment(*at).intersection_len(part)).sum::<u64>();
                if count == 0 {
                    return Some(Vec::new());
                }
                // With several vectors per document, about this many rows.
                let count = count as f64 * rows.rows as f64 / rows.documents.len().max(1) as f64;
                search.run_among(&Among { state, field, rows, chosen, count: count.ceil() as usize })
            }
        };
        let among = |document: u32| match chosen {
            Some(chosen) => is_chosen(chosen, document),
            None => state.records.get(document).is_some(),
        };
        // Nearest first: of several rows of a document the first counts.
        let mut seen = RoaringBitmap::new();
        let rows =
            found.rows().into_iter().map(|row| (rows.owners.get(row.node), f64::from(row.distance) + offset(options)));
        Some(rows.filter(|(document, _)| among(*document) && seen.insert(*document)).map(tidy(options)).collect())
    }
}

/// Rounding must not make a distance negative that cannot be.
pub(super) fn tidy(options: &VectorOptions) -> impl Fn((u32, f64)) -> (u32, f64) {
    let signed = options.metric == Metric::InnerProduct;
    move |(document, distance)| (document, if signed { distance } else { distance.max(0.0) })
}

fn is_chosen(chosen: &Chosen, document: u32) -> bool {
    chosen.get(&(document / SEGMENT)).is_some_and(|part| part.contains(document))
}

/// Rows are looked up one by one where they are this part of all, or less.
const LISTED: usize = 8;

/// The rows of the documents chosen.
struct Among<'a> {
    state: &'a State,
    field: usize,
    rows: &'a VectorRows,
    chosen: &'a Chosen,
    count: usize,
}

impl Accept for Among<'_> {
    fn matches(&self, row: u32) -> bool {
        is_chosen(self.chosen, self.rows.owners.get(row))
    }

    fn count(&self) -> Option<usize> {
        Some(self.count)
    }

    fn for_each(&self, end: u32, visit: &mut dyn FnMut(u32)) {
        if self.count > end as usize / LISTED {
            return (0..end).filter(|row| self.matches(*row)).for_each(visit);
        }
        let documents = self.chosen.values().flatten();
        let mut found: Vec<u32> = match self.rows.most {
            1 => documents.filter_map(|document| self.rows.first(document)).collect(),
            _ => {
                let known = documents.filter_map(|document| Some(self.state.records.get(document)?.field(self.field)));
                known.flat_map(|known| if let Known::Vectors(_, rows) = known { rows } else { Vec::new() }).collect()
            }
        };
        found.sort_unstable();
        found.into_iter().filter(|row| *row < end).for_each(visit);
    }

    fn test_nanos(&self) -> f64 {
        /// To test a row, and to look one up.
        const TEST_NANOS: f64 = 8.0;
        const LIST_NANOS: f64 = 25.0;
        let rows = self.rows.rows.max(1);
        if self.count > rows / LISTED { TEST_NANOS } else { LIST_NANOS * self.count as f64 / rows as f64 }
    }
}
