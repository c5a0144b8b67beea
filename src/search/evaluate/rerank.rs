//! Reranking by exact distances, which are computed from the documents.

use std::collections::BinaryHeap;

use super::options::{Found, Hit, Rerank, SearchOptions};
use super::run::order_hits;
use super::within::Doubt;
use super::{BoundQuery, bind};
use crate::search::index::{is_exact, number_code};
use crate::search::query::NodeKind;
use crate::search::schema::{Kind, VectorOptions};

impl BoundQuery {
    fn vector_options(&self, distance: usize) -> Option<&VectorOptions> {
        match &self.state.definition.fields[self.distances.get(distance)?.field].kind {
            Kind::Vector(options) => Some(options),
            _ => None,
        }
    }

    /// The first distance from a position on that the index knows only about, and what is left to do for it.
    pub fn rerank(&self, from: usize) -> Option<Rerank> {
        let inexact = |distance: &usize| self.vector_options(*distance).is_some_and(|options| !is_exact(options));
        let distance = (from..self.distances.len()).find(inexact)?;
        let keep = self.query.knn.as_ref().map_or(usize::MAX, |knn| knn.k);
        Some(Rerank { distance, field: self.distances[distance].field, keep, radius: self.radii()[distance] })
    }

    /// The radius for each of the distances.
    fn radii(&self) -> Vec<Option<f64>> {
        let named = bind::nodes(&self.query).filter_map(|(node, _)| match &node.kind {
            NodeKind::VectorRange(range) if range.distance.is_some() => Some(Some(range.radius)),
            _ => None,
        });
        self.query.knn.iter().map(|_| None).chain(named).collect()
    }

    /// Decides a doubt by the document's vectors, as bytes of the field's element type.
    pub fn decide(&self, doubt: &Doubt, nearest: impl FnOnce(&dyn Fn(&[u8]) -> Option<f64>) -> Option<f64>) {
        if let Some(range) = self.ranges.get(doubt.clause) {
            range.decide(doubt, nearest(&|vector| range.exact(vector)));
        }
    }

    /// The distance of the query's vector to a document's, both as bytes of the field's element type, as
    /// [`Hit::distances`]`[distance]` is to show it. None if the bytes have not the length of a vector.
    pub fn exact_distance(&self, distance: usize, vector: &[u8]) -> Option<f64> {
        self.distances.get(distance)?.exact.as_ref()?.to(vector)
    }
}

/// Tells when enough hits of a KNN are exact. They come in the order of approximate distances: those that follow cannot
/// be among the nearest unless they are wrong by more than twice as much as any so far.
pub struct Enough {
    keep: usize,
    /// The exact distances of the nearest, as codes that order as they do.
    nearest: BinaryHeap<u64>,
    error: f64,
}

impl Enough {
    /// None if all hits are needed.
    pub fn new(rerank: &Rerank) -> Option<Enough> {
        let start = || Enough { keep: rerank.keep, nearest: BinaryHeap::new(), error: 0.0 };
        rerank.radius.is_none().then(start)
    }

    /// Takes a hit into account.
    pub fn note(&mut self, approximate: f64, exact: f64) {
        self.error = self.error.max((approximate - exact).abs());
        self.nearest.push(number_code(exact));
        if self.nearest.len() > self.keep {
            self.nearest.pop();
        }
    }

    /// Whether hits from this approximate distance on are too far.
    pub fn is_reached(&self, next: f64) -> bool {
        let last = self.nearest.peek().filter(|_| self.nearest.len() == self.keep);
        last.is_some_and(|last| number_code(next - 2.0 * self.error) > *last)
    }
}

impl Found {
    /// After a distance was made exact: orders the hits, drops those too many or too far, and cuts those of a KNN.
    pub fn settle(&mut self, options: &SearchOptions) {
        let Some(rerank) = self.rerank.take() else { return };
        match rerank.radius {
            Some(radius) => {
                let before = self.hits.len();
                self.hits.retain(|hit| hit.distances[rerank.distance].is_none_or(|distance| distance <= radius));
                self.total -= before - self.hits.len();
                // Those of a KNN stay in the order of its distances.
                let is_knn = rerank.keep < usize::MAX;
                self.hits.sort_by(|a, b| order_hits(&options.order, is_knn, a, b));
            }
            None => self.settle_nearest(options, rerank.keep),
        }
    }

    /// Orders the hits of a KNN, and cuts them to what was asked for.
    pub(super) fn settle_nearest(&mut self, options: &SearchOptions, k: usize) {
        let near = |hit: &Hit| hit.distances[0].unwrap_or(f64::INFINITY);
        self.hits.sort_by(|a, b| near(a).total_cmp(&near(b)).then(a.document.cmp(&b.document)));
        self.hits.truncate(k);
        self.total = self.hits.len();
        self.hits.sort_by(|a, b| order_hits(&options.order, true, a, b));
        if self.unsorted.is_none() {
            self.hits.drain(..options.offset.min(self.hits.len()));
            self.hits.truncate(options.limit);
        }
    }
}
