//! FT.HYBRID: each shard sends its best hits of both sides with the columns of their rows; the coordinator fuses them
//! and runs the remaining steps.

use std::collections::HashMap;

use super::search::{read_warnings, warnings};
use super::values::{bytes, double, items, list, optional, read_value, value};
use super::wire::Malformed;
use crate::reply::Reply;
use crate::search::reply::Warnings;
use crate::search::value::Value;

/// A document that a side found.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub key: Vec<u8>,
    pub score: Option<f64>,
    pub distance: Option<f64>,
    /// The columns of its row that are read from the document.
    pub cells: Vec<Option<Value>>,
}

/// The part of a shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub warnings: Warnings,
    pub candidates: Vec<Candidate>,
}

/// A side's documents by their numbers, best first, with scores or distances.
pub type Side = Vec<(u32, f64)>;

impl Part {
    pub fn write(self) -> Reply {
        let candidates = self.candidates.into_iter().map(|candidate| {
            Reply::Array(vec![
                Reply::Bulk(candidate.key),
                candidate.score.map_or(Reply::Nil, Reply::Double),
                candidate.distance.map_or(Reply::Nil, Reply::Double),
                Reply::Array(candidate.cells.iter().map(|cell| value(cell.as_ref())).collect()),
            ])
        });
        Reply::Array(vec![warnings(self.warnings), Reply::Array(candidates.collect())])
    }

    /// Reads a part whose rows have this many columns.
    ///
    /// # Errors
    /// If it is not what a shard sends.
    pub fn read(reply: Reply, width: usize) -> Result<Part, Malformed> {
        let [warnings, candidates] = items(reply)?;
        let candidate = |reply: Reply| {
            let [key, score, distance, cells] = items(reply)?;
            let cells: Vec<_> = list(cells)?.into_iter().map(read_value).collect::<Result<_, _>>()?;
            if cells.len() != width {
                return Err(Malformed);
            }
            Ok(Candidate {
                key: bytes(key)?,
                score: optional(score, double)?,
                distance: optional(distance, double)?,
                cells,
            })
        };
        let candidates = list(candidates)?.into_iter().map(candidate).collect::<Result<_, _>>()?;
        Ok(Part { warnings: read_warnings(warnings)?, candidates })
    }
}

/// All candidates once, and for each side the numbers of its best: `texts` by score, `vectors` by distance.
pub fn merge(parts: Vec<Part>, texts: usize, vectors: usize) -> (Warnings, Vec<Candidate>, Side, Side) {
    let mut warnings = Warnings::default();
    let (mut places, mut all) = (HashMap::new(), Vec::<Candidate>::new());
    for part in parts {
        warnings.add(part.warnings);
        for candidate in part.candidates {
            match places.get(&candidate.key) {
                None => {
                    places.insert(candidate.key.clone(), all.len());
                    all.push(candidate);
                }
                Some(&known) => {
                    let known: &mut Candidate = &mut all[known];
                    known.score = known.score.or(candidate.score);
                    known.distance = known.distance.or(candidate.distance);
                }
            }
        }
    }
    let side = |of: fn(&Candidate) -> Option<f64>| -> Side {
        all.iter().zip(0..).filter_map(|(candidate, number)| Some((number, of(candidate)?))).collect()
    };
    let (mut text, mut vector) = (side(|candidate| candidate.score), side(|candidate| candidate.distance));
    text.sort_by(|a, b| b.1.total_cmp(&a.1));
    vector.sort_by(|a, b| a.1.total_cmp(&b.1));
    text.truncate(texts);
    vector.truncate(vectors);
    (warnings, all, text, vector)
}
