//! Scoring of matches. `docs/commands/ft.search.md` lists the scorers.

use super::matched::{Detail, Matched};
use super::near::PlacesOf;
use super::options::{Explanation, Scorer};
use super::plan::{Plan, PlanKind};
use crate::search::index::{Record, State};

/// BM25's saturation, a 32-bit float in RediSearch, and its weight of lengths.
const K: f64 = 1.2f32 as f64;
const B: f64 = 0.75;

/// What scores need to know of the whole index.
#[derive(Clone, Copy, Debug)]
pub struct Weigher {
    scorer: Scorer,
    documents: f64,
    mean_length: f64,
}

impl Weigher {
    pub fn new(state: &State, scorer: Scorer) -> Weigher {
        Weigher { scorer, documents: state.records.len() as f64, mean_length: state.mean_length() }
    }

    /// The factor (IDF) of something that is in this many documents.
    pub fn rarity(&self, documents: u64) -> f64 {
        let (all, having) = (self.documents, documents as f64);
        match self.scorer {
            Scorer::Bm25Std | Scorer::Bm25StdNorm | Scorer::Bm25StdTanh(_) => {
                (1.0 + (all.max(having) - having + 0.5) / (having + 0.5)).ln()
            }
            Scorer::Bm25 | Scorer::TfIdf | Scorer::TfIdfDocNorm => (1.0 + (all + 1.0) / having.max(1.0)).log2().floor(),
            Scorer::DisMax | Scorer::DocScore | Scorer::Hamming => 1.0,
        }
    }

    /// The score of a leaf in a document of a length.
    fn leaf(&self, rarity: f64, frequency: f64, length: u32) -> f64 {
        match self.scorer {
            Scorer::Bm25Std | Scorer::Bm25StdNorm | Scorer::Bm25StdTanh(_) => {
                let relative = if self.mean_length > 0.0 { f64::from(length) / self.mean_length } else { 1.0 };
                rarity * frequency * (K + 1.0) / (frequency + K * (1.0 - B + B * relative))
            }
            Scorer::Bm25 => rarity * frequency / (frequency + K * (0.5 + 0.5 * self.mean_length)),
            _ => rarity * frequency,
        }
    }
}

/// Scores the documents of one query.
pub struct Score<'a> {
    pub state: &'a State,
    pub weigher: Weigher,
    pub root: &'a Plan,
    pub payload: Option<&'a [u8]>,
}

impl Score<'_> {
    /// The score of a document that matched.
    pub fn of(&self, matched: &Matched, document: u32) -> f64 {
        let length = self.state.records.length(document);
        let sum = || self.node(self.root, matched, document, length);
        let definition = &self.state.definition;
        if definition.score_field.is_none() && matches!(self.weigher.scorer, Scorer::Bm25Std | Scorer::Bm25StdNorm) {
            // All documents weigh the same: there is no need to look at their records.
            return definition.score * sum();
        }
        let Some(about) = self.state.records.get(document).map(Record::about) else { return 0.0 };
        match self.weigher.scorer {
            Scorer::Bm25Std | Scorer::Bm25StdNorm => about.score * sum(),
            Scorer::Bm25StdTanh(factor) => (about.score * sum() / f64::from(factor)).tanh(),
            Scorer::TfIdf => {
                about.score * sum() / f64::from(about.max_frequency.max(1)) / self.spread(matched, document)
            }
            Scorer::TfIdfDocNorm => about.score * sum() / f64::from(length.max(1)) / self.spread(matched, document),
            Scorer::Bm25 => about.score * sum() / self.spread(matched, document),
            Scorer::DisMax => sum(),
            Scorer::DocScore => about.score,
            Scorer::Hamming => match (about.payload, self.payload) {
                (Some(own), Some(asked)) if own.len() == asked.len() => {
                    let differing: u32 = own.iter().zip(asked).map(|(a, b)| (a ^ b).count_ones()).sum();
                    1.0 / f64::from(1 + differing)
                }
                _ => 0.0,
            },
        }
    }

    fn node(&self, plan: &Plan, matched: &Matched, document: u32, length: u32) -> f64 {
        if !plan.scored {
            return 0.0;
        }
        let sum = match (&plan.kind, &matched.detail) {
            (PlanKind::All, _) => self.weigher.leaf(1.0, 1.0, length),
            (PlanKind::Tags(tags), Detail::None) => {
                tags.first().map_or(0.0, |(_, rarity)| self.weigher.leaf(*rarity, 1.0, length))
            }
            (PlanKind::Tags(_), Detail::Rarities(rarities)) => {
                let at = rarities.partition_point(|(other, _)| *other < document);
                let rarity =
                    rarities.get(at).filter(|(other, _)| *other == document).map_or(0.0, |(_, rarity)| *rarity);
                self.weigher.leaf(rarity, 1.0, length)
            }
            (PlanKind::Word(word), Detail::Tallies(tallies)) => {
                let from = tallies.partition_point(|tally| tally.document < document);
                let found = tallies[from..].iter().take_while(|tally| tally.document == document).map(|tally| {
                    self.weigher.leaf(word.parts[tally.part as usize].rarity, f64::from(tally.frequency), length)
                });
                if word.best { found.fold(0.0, f64::max) } else { found.sum() }
            }
            (PlanKind::And { kids, .. }, Detail::Kids(matches)) => {
                kids.iter().zip(matches).map(|(kid, matched)| self.node(kid, matched, document, length)).sum()
            }
            (PlanKind::Or(kids), Detail::Kids(_)) => {
                let found =
                    matched.kids_with(document).map(|(at, matched)| self.node(&kids[at], matched, document, length));
                if self.weigher.scorer == Scorer::DisMax { found.fold(0.0, f64::max) } else { found.sum() }
            }
            (PlanKind::Optional(kid), Detail::Kids(matches)) => match &matches[0] {
                matched if matched.documents.contains(document) => self.node(kid, matched, document, length),
                _ => 0.0,
            },
            _ => 0.0,
        };
        plan.weight * sum
    }

    /// By how much the distance of a query's words in a document divides its score: the root of the sum of squares of the
    /// least distances of neighbours in the query.
    fn spread(&self, matched: &Matched, document: u32) -> f64 {
        let (PlanKind::And { kids, .. } | PlanKind::Or(kids)) = &self.root.kind else { return 1.0 };
        let Detail::Kids(matches) = &matched.detail else { return 1.0 };
        let there: Vec<&Plan> = kids
            .iter()
            .zip(matches)
            .filter(|(kid, matched)| match (&kid.kind, &matched.detail) {
                (PlanKind::Optional(_), Detail::Kids(inner)) => inner[0].documents.contains(document),
                _ => matched.documents.contains(document),
            })
            .map(|(kid, _)| match &kid.kind {
                PlanKind::Optional(kid) => kid,
                _ => kid,
            })
            .collect();
        if there.len() < 2 {
            return 1.0;
        }
        let squares: u64 =
            there.windows(2).filter_map(|pair| least(pair[0], pair[1], document)).map(|least| least * least).sum();
        match (squares as f64).sqrt().floor() {
            0.0 => (there.len() - 1) as f64,
            spread => spread,
        }
    }

    /// Where a document's score comes from.
    pub fn explain(&self, matched: &Matched, document: u32, score: f64) -> Explanation {
        let length = self.state.records.length(document);
        let weight = self.state.records.get(document).map_or(0.0, |record| record.about().score);
        let parts = vec![self.explain_node(self.root, matched, document, length)];
        let scorer = self.weigher.scorer;
        Explanation {
            text: format!(
                "Final {scorer:?} : score {score:.2} * document score {weight:.2}, document length {length}, \
                 average length {:.2}, documents {}",
                self.weigher.mean_length, self.weigher.documents
            ),
            parts,
        }
    }

    fn explain_node(&self, plan: &Plan, matched: &Matched, document: u32, length: u32) -> Explanation {
        let sum = self.node(plan, matched, document, length);
        let inner = |kid: &Plan, matched: &Matched| self.explain_node(kid, matched, document, length);
        let (name, parts) = match (&plan.kind, &matched.detail) {
            (PlanKind::And { kids, .. }, Detail::Kids(matches)) => {
                ("Intersection", kids.iter().zip(matches).map(|(kid, matched)| inner(kid, matched)).collect())
            }
            (PlanKind::Or(kids), Detail::Kids(_)) => {
                ("Union", matched.kids_with(document).map(|(at, matched)| inner(&kids[at], matched)).collect())
            }
            (PlanKind::Optional(kid), Detail::Kids(matches)) => ("Optional", vec![inner(kid, &matches[0])]),
            (PlanKind::Word(word), Detail::Tallies(tallies)) => {
                let from = tallies.partition_point(|tally| tally.document < document);
                let found = tallies[from..].iter().take_while(|tally| tally.document == document);
                let parts = found.map(|tally| {
                    let part = &word.parts[tally.part as usize];
                    let name = String::from_utf8_lossy(&part.sources[0].word);
                    let (rarity, frequency) = (part.rarity, tally.frequency);
                    let score = self.weigher.leaf(rarity, f64::from(frequency), length);
                    Explanation {
                        text: format!("{name}: {score:.2} = IDF {rarity:.2} * F {frequency}"),
                        parts: Vec::new(),
                    }
                });
                ("Word", parts.collect())
            }
            (PlanKind::All, _) => ("All", Vec::new()),
            (PlanKind::Tags(_), _) => ("Tag", Vec::new()),
            (PlanKind::Not(_), _) => ("Not", Vec::new()),
            _ => ("Filter", Vec::new()),
        };
        Explanation { text: format!("({name} {sum:.2} : weight {:.2})", plan.weight), parts }
    }
}

/// The least distance of two parts' positions in a document, in one field.
fn least(one: &Plan, other: &Plan, document: u32) -> Option<u64> {
    let (mut places, mut others) = (Vec::new(), Vec::new());
    PlacesOf::new(one)?.find(document, &mut places);
    PlacesOf::new(other)?.find(document, &mut others);
    let nearest = |place: &u64| {
        let at = others.partition_point(|other| other < place);
        let around = others[at.saturating_sub(1)..].iter().take(2);
        around.filter(|other| *other >> 32 == place >> 32).map(|other| other.abs_diff(*place)).min()
    };
    places.iter().filter_map(nearest).min()
}
