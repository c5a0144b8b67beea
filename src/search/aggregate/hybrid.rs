//! FT.HYBRID: fuses the hits of a text search and of a vector search.

use std::collections::HashMap;

use crate::search::schema::Metric;
use crate::search::value::Value;

/// How the scores of both sides are fused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fusion {
    /// Reciprocal rank fusion: the sum of 1/(constant + rank), ranks from 1; a side without the document adds nothing.
    Ranks { constant: f64 },
    /// text · alpha + vector · beta.
    Scores { alpha: f64, beta: f64 },
}

/// A document that one side found, or both.
#[derive(Clone, Debug, PartialEq)]
pub struct Fused<D> {
    pub document: D,
    pub score: f64,
    pub text: Option<Ranked>,
    pub vector: Option<Ranked>,
}

/// The rank and score of a document on one side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// From 1.
    pub rank: usize,
    pub score: f64,
}

/// The score of a vector at this distance: 1/(1 + d) for L2, (2 − d)/2 for cosine, (1 + dot)/2 for inner products.
pub fn vector_score(metric: Metric, distance: f64) -> f64 {
    match metric {
        Metric::L2 => 1.0 / (1.0 + distance),
        Metric::Cosine | Metric::InnerProduct => (2.0 - distance) / 2.0,
    }
}

/// The union of both sides, best first; equal scores in the order of the documents. Both sides come best first.
pub fn fuse<D: Copy + Ord + std::hash::Hash>(text: &[(D, f64)], vector: &[(D, f64)], fusion: Fusion) -> Vec<Fused<D>> {
    let mut places: HashMap<D, usize> = HashMap::new();
    let mut fused: Vec<Fused<D>> = Vec::new();
    for (side, hits) in [text, vector].into_iter().enumerate() {
        for (rank, &(document, score)) in (1..).zip(hits) {
            let place = *places.entry(document).or_insert_with(|| {
                fused.push(Fused { document, score: 0.0, text: None, vector: None });
                fused.len() - 1
            });
            let entry = &mut fused[place];
            entry.score += match fusion {
                Fusion::Ranks { constant } => 1.0 / (constant + rank as f64),
                Fusion::Scores { alpha, beta } => score * if side == 0 { alpha } else { beta },
            };
            *(if side == 0 { &mut entry.text } else { &mut entry.vector }) = Some(Ranked { rank, score });
        }
    }
    fused.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.document.cmp(&b.document)));
    fused
}

/// Where the score of a document comes from, in the form of FT.SEARCH's EXPLAINSCORE: the score, and an array of a text and the
/// parts of it, with that of the text side among them.
pub fn explain<D>(fused: &Fused<D>, fusion: Fusion, text: Option<Value>) -> Value {
    let term = |side: Option<Ranked>, factor: f64| match (side, fusion) {
        (None, _) => "0".to_owned(),
        (Some(Ranked { rank, .. }), Fusion::Ranks { constant }) => format!("1 / ({constant} + rank {rank})"),
        (Some(Ranked { score, .. }), Fusion::Scores { .. }) => format!("{factor} * {score:.4}"),
    };
    let (name, alpha, beta) = match fusion {
        Fusion::Ranks { .. } => ("Reciprocal rank fusion", 1.0, 1.0),
        Fusion::Scores { alpha, beta } => ("Linear combination", alpha, beta),
    };
    let whole =
        format!("{name} {:.4} : text {} + vector {}", fused.score, term(fused.text, alpha), term(fused.vector, beta));
    let side = |name: &str, side: Option<Ranked>| match side {
        Some(Ranked { rank, score }) => format!("{name}: rank {rank}, score {score:.4}"),
        None => format!("{name}: not among the hits"),
    };
    let sides = vec![
        Value::explained(side("Text", fused.text), text.into_iter().collect()),
        Value::explained(side("Vector", fused.vector), Vec::new()),
    ];
    Value::Array([Value::Number(fused.score), Value::explained(whole, sides)].into())
}
