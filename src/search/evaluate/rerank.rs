//! Exact distances, from the documents, and the order that follows from them.

use super::options::{Found, Hit, Rerank, SearchOptions};
use super::run::order_hits;
use super::{BoundQuery, bind};
use crate::search::index::is_exact;
use crate::search::query::NodeKind;
use crate::search::schema::{Kind, VectorOptions};

impl BoundQuery {
    fn vector_options(&self, distance: usize) -> Option<&VectorOptions> {
        match &self.state.definition.fields[self.distances.get(distance)?.field].kind {
            Kind::Vector(options) => Some(options),
            _ => None,
        }
    }

    /// The first distance that the index knows only about, and what is left to do for it.
    pub(super) fn rerank(&self) -> Option<Rerank> {
        let inexact = |distance: &usize| self.vector_options(*distance).is_some_and(|options| !is_exact(options));
        let distance = (0..self.distances.len()).find(inexact)?;
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

    /// The distance of the query's vector to a document's, both as bytes of the field's element type, as
    /// [`Hit::distances`]`[distance]` is to show it. None if the bytes have not the length of a vector.
    pub fn exact_distance(&self, distance: usize, vector: &[u8]) -> Option<f64> {
        self.distances.get(distance)?.exact.as_ref()?.to(vector)
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
                self.hits.sort_by(|a, b| order_hits(&options.order, false, a, b));
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
