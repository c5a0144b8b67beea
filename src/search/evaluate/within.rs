//! Range queries on vectors. The index of vectors finds the documents; where its precision leaves open whether one is
//! within the radius, the document decides, which only the main thread can read.

use std::sync::{Mutex, MutexGuard};

use roaring::RoaringBitmap;

use super::options::Limits;
use super::vectors::{Nearest, offset, options_of, prepare, tidy};
use crate::index::{Query as Search, RangeOptions};
use crate::search::index::{ExactDistance, Key, SearchIndex, State, is_exact};
use crate::search::query::VectorRange;
use crate::search::schema::Algorithm;

/// A clause that asks for all within a distance.
pub struct Within {
    field: usize,
    radius: f64,
    exact: Option<ExactDistance>,
    stage: Mutex<Stage>,
}

enum Stage {
    Asked(Option<Search>),
    /// Those that are within for certain, in no order.
    Found(Nearest),
}

/// A document of which is open whether it is within a distance.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// The number of the clause.
    pub(super) clause: usize,
    /// Of the vector, in the schema.
    pub field: usize,
    document: u32,
    pub key: Key,
}

/// The walk goes over rows that are farther than the radius by this share of it, or by EPSILON if that is more: so it misses
/// few that lie behind others.
const SLACK: f64 = 0.1;

impl Within {
    /// Prepares a clause.
    ///
    /// # Errors
    /// If the vector does not fit the field.
    pub fn new(index: &SearchIndex, range: &VectorRange) -> Result<Within, String> {
        let (mut search, mut exact) = (None, None);
        if let Some((options, _)) = options_of(index.state(), range.field) {
            let how = RangeOptions {
                ef: None,
                slack: range.epsilon.unwrap_or(options.epsilon).max(SLACK) as f32,
                exact: options.algorithm == Algorithm::Flat || range.radius.is_infinite(),
            };
            let radius = range.radius - offset(options);
            // Not less than what was asked for.
            let rounded = radius as f32;
            let reach = if f64::from(rounded) < radius { rounded.next_up() } else { rounded };
            search = prepare(index, range.field, options, &range.vector, |vectors, target| {
                vectors.range(target, reach, &how)
            })?;
            exact = ExactDistance::new(options, &range.vector);
        }
        let stage = Mutex::new(Stage::Asked(search));
        Ok(Within { field: range.field, radius: range.radius, exact, stage })
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Searches, unless that was done before; the documents that have to be looked at before [`Within::take`].
    pub fn search(&self, clause: usize, state: &State, limits: &Limits) -> Vec<Doubt> {
        let mut stage = self.lock();
        let Stage::Asked(search) = &mut *stage else { return Vec::new() };
        let search = search.take().filter(|search| !search.is_empty() && !limits.reached());
        let (mut within, mut doubts) = (Nearest::new(), Vec::new());
        if let (Some(search), Some((options, rows))) = (search, options_of(state, self.field)) {
            let (is_exact, offset, tidy) = (is_exact(options), offset(options), tidy(options));
            let found = search.run();
            // Nearest first: of several rows of a document the first counts.
            let mut seen = RoaringBitmap::new();
            for row in found.rows() {
                let document = rows.owners.get(row.node);
                let Some(record) = state.records.get(document).filter(|_| seen.insert(document)) else { continue };
                let distance = f64::from(row.distance) + offset;
                let error = if is_exact { 0.0 } else { found.error(row) };
                if distance + error <= self.radius {
                    within.push(tidy((document, distance)));
                } else if !is_exact {
                    doubts.push(Doubt { clause, field: self.field, document, key: record.key().clone() });
                }
            }
        }
        *stage = Stage::Found(within);
        doubts
    }

    /// The distance to a document's vector, as bytes of the field's element type.
    pub fn exact(&self, vector: &[u8]) -> Option<f64> {
        self.exact.as_ref()?.to(vector)
    }

    /// Ends a doubt: the document is that far away, or gone.
    pub fn decide(&self, doubt: &Doubt, distance: Option<f64>) {
        if let (Stage::Found(within), Some(distance)) = (&mut *self.lock(), distance)
            && distance <= self.radius
        {
            within.push((doubt.document, distance));
        }
    }

    /// Documents that are known to be within.
    pub fn certain(&self) -> usize {
        if let Stage::Found(within) = &*self.lock() { within.len() } else { 0 }
    }

    /// The documents within the distance, once; in no order.
    pub fn take(&self) -> Nearest {
        match &mut *self.lock() {
            Stage::Found(within) => std::mem::take(within),
            Stage::Asked(_) => Nearest::new(),
        }
    }
}
