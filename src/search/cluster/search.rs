//! FT.SEARCH: the parts of the shards, and how they are merged.
//!
//! Each shard sends its rows up to the last that the reply could show, sorted; of a KNN its k nearest. Merging keeps the
//! order; rows with equal keys are in the order of the shards, and within a shard in its own,
//! so that consecutive pages are consistent. Each shard computes scores from the statistics of its own documents.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::values::{
    bytes, count, double, explanation, flag, items, list, optional, read_explanation, read_value, value,
};
use super::wire::Malformed;
use crate::reply::Reply;
use crate::search::aggregate::compare;
use crate::search::reply::{Fields, SearchRow, Warnings};

/// A row, with its sort value if the query sorts, score and distance.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    pub row: SearchRow,
    /// The distance of a KNN.
    pub near: Option<f64>,
}

/// The part of a shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub total: usize,
    pub warnings: Warnings,
    pub rows: Vec<Ranked>,
}

/// How rows are sorted and limited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Merging {
    /// Of a KNN.
    pub k: Option<usize>,
    /// SORTBY, and whether it descends. Without it the score decides.
    pub sorted: Option<bool>,
    /// Scores are divided by the greatest.
    pub normalised: bool,
    pub offset: usize,
    pub limit: usize,
}

impl Part {
    pub fn write(self) -> Reply {
        let rows = self.rows.into_iter().map(|ranked| {
            let row = ranked.row;
            let fields = row.fields.into_iter().map(|(name, value)| (Reply::Bulk(name), value)).collect();
            Reply::Array(vec![
                Reply::Bulk(row.key),
                Reply::Double(row.score),
                row.explanation.as_deref().map_or(Reply::Nil, explanation),
                row.payload.map_or(Reply::Nil, Reply::Bulk),
                value(row.sort.as_ref()),
                ranked.near.map_or(Reply::Nil, Reply::Double),
                Reply::Map(fields),
            ])
        });
        Reply::Array(vec![Reply::from(self.total), warnings(self.warnings), Reply::Array(rows.collect())])
    }

    /// # Errors
    /// If it is not what a shard sends.
    pub fn read(reply: Reply) -> Result<Part, Malformed> {
        let [total, warnings, rows] = items(reply)?;
        let row = |reply: Reply| {
            let [key, score, explained, payload, sort, near, fields] = items(reply)?;
            let Reply::Map(pairs) = fields else { return Err(Malformed) };
            let pairs = pairs.into_iter().map(|(name, value)| Ok((bytes(name)?, value)));
            let row = SearchRow {
                key: bytes(key)?,
                score: double(score)?,
                explanation: optional(explained, read_explanation)?.map(Box::new),
                payload: optional(payload, bytes)?,
                sort: read_value(sort)?,
                fields: pairs.collect::<Result<Fields, Malformed>>()?,
            };
            Ok(Ranked { row, near: optional(near, double)? })
        };
        let rows = list(rows)?.into_iter().map(row).collect::<Result<_, _>>()?;
        Ok(Part { total: count(total)?, warnings: read_warnings(warnings)?, rows })
    }
}

pub(super) fn warnings(warnings: Warnings) -> Reply {
    let flags = [warnings.timed_out, warnings.vector_timed_out, warnings.expansions_cut];
    Reply::Array(flags.into_iter().map(Reply::Bool).collect())
}

pub(super) fn read_warnings(reply: Reply) -> Result<Warnings, Malformed> {
    let [timed_out, vector_timed_out, expansions_cut] = items(reply)?;
    Ok(Warnings {
        timed_out: flag(timed_out)?,
        vector_timed_out: flag(vector_timed_out)?,
        expansions_cut: flag(expansions_cut)?,
        shards_missing: false,
    })
}

/// Merges all parts, which are in the order of the shards.
pub fn merge(parts: Vec<Part>, how: Merging) -> (usize, Warnings, Vec<SearchRow>) {
    let mut warnings = Warnings::default();
    let (mut total, mut rows, mut seen) = (0usize, Vec::new(), HashSet::new());
    for part in parts {
        total = total.saturating_add(part.total);
        warnings.add(part.warnings);
        for ranked in part.rows {
            // A document that moved during the query counts once.
            if seen.insert(ranked.row.key.clone()) {
                rows.push(ranked);
            } else {
                total = total.saturating_sub(1);
            }
        }
    }
    if let Some(k) = how.k {
        let near = |ranked: &Ranked| ranked.near.unwrap_or(f64::INFINITY);
        rows.sort_by(|a, b| near(a).total_cmp(&near(b)));
        rows.truncate(k);
        total = total.min(k);
    }
    rows.sort_by(|a, b| how.order(a, b));
    if how.normalised {
        let greatest = rows.iter().map(|ranked| ranked.row.score).fold(0.0, f64::max);
        rows.iter_mut().filter(|_| greatest > 0.0).for_each(|ranked| ranked.row.score /= greatest);
    }
    let rows = rows.into_iter().skip(how.offset).take(how.limit).map(|ranked| ranked.row);
    (total, warnings, rows.collect())
}

impl Merging {
    fn order(&self, a: &Ranked, b: &Ranked) -> Ordering {
        match self.sorted {
            Some(descending) => match (&a.row.sort, &b.row.sort) {
                (Some(a), Some(b)) if descending => compare(b, a),
                (Some(a), Some(b)) => compare(a, b),
                (a, b) => a.is_none().cmp(&b.is_none()),
            },
            None => {
                let near = a.near.partial_cmp(&b.near).unwrap_or(Ordering::Equal);
                b.row.score.total_cmp(&a.row.score).then(near)
            }
        }
    }
}

/// A key as a part holds it, for a test.
#[cfg(test)]
pub(super) fn ranked(key: &[u8], score: f64, near: Option<f64>, by: Option<crate::search::value::Value>) -> Ranked {
    let row = SearchRow { key: key.to_vec(), score, explanation: None, payload: None, sort: by, fields: Vec::new() };
    Ranked { row, near }
}
