//! A VECTOR field: its index of vectors, and the document of each row.
//!
//! Vectors are not part of the snapshot ([`super::State`]): the index of vectors has its own background threads,
//! and its queries keep their rows. The mapping from a row to its document is written before the row can be found.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::docset::DocSet;
use super::pages::Pages;
use super::vectors::decode;
use crate::arena::Array;
use crate::index::{Params, VectorIndex};
use crate::search::schema::{Algorithm, VectorOptions};
use crate::vector::{Encoding, Input};

/// Up to this many components graphs keep floats: quantization would save little, and distances are exact.
const SMALL_DIM: usize = 64;

/// The owner's half.
pub struct VectorField {
    pub index: VectorIndex,
    pub owners: Arc<Owners>,
    ef_construction: usize,
}

/// The documents of rows.
pub struct Owners(Array<AtomicU32>);

/// What a query sees of the field.
#[derive(Clone)]
pub struct VectorRows {
    /// Documents that have vectors.
    pub documents: DocSet,
    /// Each document's first row, plus one.
    first: Pages<u32>,
    /// Rows, all in all; and of one document at most, ever.
    pub rows: usize,
    pub most: usize,
    pub owners: Arc<Owners>,
}

impl Owners {
    /// The document of a row that was found.
    pub fn get(&self, row: u32) -> u32 {
        self.0.get(row).map_or(u32::MAX, |owner| owner[0].load(Ordering::Acquire))
    }

    fn set(&self, row: u32, document: u32) {
        self.0.ensure(row);
        self.0.at(row).store(document, Ordering::Release);
    }
}

/// Whether distances from the index are those of the documents' own components.
pub fn is_exact(options: &VectorOptions) -> bool {
    let is_double = options.element.size() == 8;
    !is_double && (options.algorithm == Algorithm::Flat || options.dim <= SMALL_DIM)
}

impl VectorField {
    pub fn new(options: &VectorOptions) -> VectorField {
        let is_flat = options.algorithm == Algorithm::Flat;
        let encoding = if is_flat || options.dim <= SMALL_DIM { Encoding::F32 } else { Encoding::Int8 };
        let (dim, metric, m) = (options.dim, options.metric, options.m.clamp(4, 4096));
        let params = Params { dim, input_dim: None, encoding, metric, m };
        VectorField {
            index: if is_flat { VectorIndex::flat(params) } else { VectorIndex::new(params) },
            owners: Arc::new(Owners(Array::new(1))),
            ef_construction: options.ef_construction,
        }
    }

    /// An empty [`VectorRows`] of this field.
    pub fn rows(&self) -> VectorRows {
        VectorRows { documents: DocSet::Empty, first: Pages::default(), rows: 0, most: 1, owners: self.owners.clone() }
    }

    /// Puts vectors in the place of a document's old rows; the new rows. A vector that cannot be stored is left out: those
    /// that were read are finite, so that happens only where there are as many as there can be.
    pub fn put(
        &mut self,
        options: &VectorOptions,
        rows: &mut VectorRows,
        (document, key): (u32, &[u8]),
        old: &[u32],
        vectors: &[Vec<u8>],
    ) -> Vec<u32> {
        let mut new = Vec::with_capacity(vectors.len());
        for (at, vector) in vectors.iter().enumerate() {
            let (vector, owners) = (decode(vector, options.element), &self.owners);
            let attach = |row| owners.set(row, document);
            let before = old.get(at).copied();
            let row = self.index.put_of(key, before, Input::Floats(&vector), self.ef_construction, attach);
            new.extend(row.ok().or(before));
        }
        old.iter().skip(vectors.len()).for_each(|row| self.index.remove(*row));
        rows.set(document, old.len(), &new);
        new
    }

    /// Takes a document's rows out.
    pub fn remove(&mut self, rows: &mut VectorRows, document: u32, old: &[u32]) {
        old.iter().for_each(|row| self.index.remove(*row));
        rows.set(document, old.len(), &[]);
    }
}

impl VectorRows {
    fn set(&mut self, document: u32, before: usize, rows: &[u32]) {
        self.rows = self.rows + rows.len() - before;
        self.most = self.most.max(rows.len());
        match rows.first() {
            Some(first) => {
                *self.first.get_mut(document) = first + 1;
                self.documents.insert(document);
            }
            None => {
                *self.first.get_mut(document) = 0;
                self.documents.remove(document);
            }
        }
    }

    /// A document's first row.
    pub fn first(&self, document: u32) -> Option<u32> {
        self.first.get(document)?.checked_sub(1)
    }

    pub fn bytes(&self) -> usize {
        self.documents.bytes() + self.first.bytes()
    }
}
