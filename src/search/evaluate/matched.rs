//! Which documents of a segment match, and the input of their scores.

use std::borrow::Cow;

use roaring::RoaringBitmap;

use super::near::Nearness;
use super::options::Limits;
use super::plan::{Plan, PlanKind};
use super::word::Tally;
use crate::search::index::DocSet;

/// Up to this many alternatives are tested one by one for a document; more are listed by document.
const FEW: usize = 8;
/// Parts or documents visited between two readings of the clock.
const STRIDE: usize = 32;

/// The documents of a segment that a plan matches.
pub struct Matched<'a> {
    pub documents: Cow<'a, RoaringBitmap>,
    pub detail: Detail<'a>,
    /// Of many alternatives: documents, each with the alternatives that it matches.
    by_document: Vec<(u32, u32)>,
}

/// The input of scores besides the documents.
pub enum Detail<'a> {
    None,
    Tallies(Vec<Tally>),
    /// Of several tags: documents with the sums of their tags' rarities.
    Rarities(Vec<(u32, f64)>),
    /// Of the parts, in the plan's order.
    Kids(Vec<Matched<'a>>),
}

/// A segment to be evaluated.
pub struct Segment<'a> {
    pub number: u32,
    /// All its documents.
    pub all: &'a RoaringBitmap,
    /// Whether scores are wanted.
    pub scores: bool,
    /// Once a limit is reached, the remaining documents count as no matches.
    pub limits: &'a Limits,
}

impl<'a> Matched<'a> {
    fn new(documents: Cow<'a, RoaringBitmap>, detail: Detail<'a>) -> Matched<'a> {
        Matched { documents, detail, by_document: Vec::new() }
    }

    fn none() -> Matched<'a> {
        Matched::new(Cow::Owned(RoaringBitmap::new()), Detail::None)
    }

    /// The alternatives that a document matches, and their numbers.
    pub fn kids_with(&self, document: u32) -> impl Iterator<Item = (usize, &Matched<'a>)> {
        let kids = if let Detail::Kids(kids) = &self.detail { &kids[..] } else { &[] };
        let listed = kids.len() > FEW;
        let from = self.by_document.partition_point(|(other, _)| *other < document);
        let by_list = self.by_document[from..].iter().take_while(move |(other, _)| *other == document);
        let by_list = by_list.map(|(_, at)| (*at as usize, &kids[*at as usize]));
        let one_by_one = kids.iter().enumerate().filter(move |(_, kid)| !listed && kid.documents.contains(document));
        by_list.chain(one_by_one)
    }
}

impl<'a> Segment<'a> {
    /// The matches among the given documents.
    pub fn evaluate(&self, plan: &'a Plan, within: Option<&RoaringBitmap>) -> Matched<'a> {
        let scores = self.scores && plan.scored;
        match &plan.kind {
            PlanKind::All => Matched::new(self.base(within), Detail::None),
            PlanKind::Set(set) | PlanKind::Range { documents: set, .. } => {
                Matched::new(restrict(set.segment(self.number), within), Detail::None)
            }
            PlanKind::Tags(tags) => self.tags(tags, scores, within),
            PlanKind::Word(word) => {
                let (documents, tallies) = word.matches(self.number, within);
                Matched::new(Cow::Owned(documents), if scores { Detail::Tallies(tallies) } else { Detail::None })
            }
            PlanKind::And { kids, .. } => self.and(plan, kids, within),
            PlanKind::Or(kids) => self.or(kids, scores, within),
            PlanKind::Not(kid) => {
                let mut documents = self.base(within).into_owned();
                documents -= &*self.evaluate(kid, within).documents;
                Matched::new(Cow::Owned(documents), Detail::None)
            }
            PlanKind::Optional(kid) => {
                let kids = if scores { vec![self.evaluate(kid, within)] } else { vec![Matched::none()] };
                Matched::new(self.base(within), Detail::Kids(kids))
            }
        }
    }

    fn is_late(&self, looked: usize) -> bool {
        looked % STRIDE == STRIDE - 1 && self.limits.reached()
    }

    fn base(&self, within: Option<&RoaringBitmap>) -> Cow<'a, RoaringBitmap> {
        within.map_or(Cow::Borrowed(self.all), |within| Cow::Owned(within.clone()))
    }

    fn tags(&self, tags: &'a [(DocSet, f64)], scores: bool, within: Option<&RoaringBitmap>) -> Matched<'a> {
        if let [(set, _)] = tags {
            return Matched::new(restrict(set.segment(self.number), within), Detail::None);
        }
        let mut documents = RoaringBitmap::new();
        let mut rarities = Vec::new();
        for (set, rarity) in tags {
            let found = restrict(set.segment(self.number), within);
            documents |= &*found;
            if scores {
                rarities.extend(found.iter().map(|document| (document, *rarity)));
            }
        }
        rarities.sort_unstable_by_key(|(document, _)| *document);
        rarities.dedup_by(|next, before| {
            let same = next.0 == before.0;
            if same {
                before.1 += next.1;
            }
            same
        });
        Matched::new(Cow::Owned(documents), Detail::Rarities(rarities))
    }

    /// Selective parts first: the others are evaluated on their matches only.
    fn and(&self, plan: &'a Plan, kids: &'a [Plan], within: Option<&RoaringBitmap>) -> Matched<'a> {
        let PlanKind::And { near, .. } = &plan.kind else { return Matched::none() };
        let mut order: Vec<usize> = (0..kids.len()).collect();
        order.sort_by_key(|at| kids[*at].size);
        let mut matches: Vec<Matched> = kids.iter().map(|_| Matched::none()).collect();
        let mut documents: Option<RoaringBitmap> = None;
        for (looked, at) in order.into_iter().enumerate() {
            if self.is_late(looked) {
                return Matched::none();
            }
            let found = self.evaluate(&kids[at], documents.as_ref().or(within));
            documents = Some(found.documents.clone().into_owned());
            matches[at] = found;
            if documents.as_ref().is_some_and(RoaringBitmap::is_empty) {
                return Matched::none();
            }
        }
        let mut documents = documents.unwrap_or_else(|| self.base(within).into_owned());
        if let Some(near) = near {
            let mut nearness = Nearness::new(*near, kids);
            let mut late = false;
            let mut is_near = |(looked, document): (usize, u32)| {
                late |= self.is_late(looked);
                !late && nearness.is_in(document)
            };
            let near = documents.iter().enumerate().filter(|one| is_near(*one)).map(|(_, document)| document);
            documents = RoaringBitmap::from_sorted_iter(near).expect("documents rise");
        }
        Matched::new(Cow::Owned(documents), Detail::Kids(matches))
    }

    fn or(&self, kids: &'a [Plan], scores: bool, within: Option<&RoaringBitmap>) -> Matched<'a> {
        let mut documents = RoaringBitmap::new();
        let mut matches = Vec::with_capacity(if scores { kids.len() } else { 0 });
        let mut by_document = Vec::new();
        for (kid, at) in kids.iter().zip(0u32..) {
            if self.is_late(at as usize) {
                break;
            }
            let found = self.evaluate(kid, within);
            documents |= &*found.documents;
            if scores {
                if kids.len() > FEW && kid.scored {
                    by_document.extend(found.documents.iter().map(|document| (document, at)));
                }
                matches.push(found);
            }
        }
        by_document.sort_unstable();
        Matched { documents: Cow::Owned(documents), detail: Detail::Kids(matches), by_document }
    }
}

fn restrict<'a>(documents: Cow<'a, RoaringBitmap>, within: Option<&RoaringBitmap>) -> Cow<'a, RoaringBitmap> {
    match within {
        Some(within) => Cow::Owned(&*documents & within),
        None => documents,
    }
}
