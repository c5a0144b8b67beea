//! The query plan: a tree whose leaves are document sets and postings lists, with words, tags and ranges looked up.

use std::collections::HashMap;

use super::expand::{Fuzzy, Pattern};
use super::near::Near;
use super::options::{Limits, SearchOptions, Warnings};
use super::score::Weigher;
use super::within::Within;
use super::word::{Part, Source, Word};
use crate::search::index::{
    DocSet, Finder, Group, State, Tag, Tags, WordSet, cover, distance, gather, middle, number_code,
};
use crate::search::query::{Affix, Bound, Fields, GeoUnit, Node, NodeKind, TagValue, VectorRange};
use crate::search::schema::Kind;
use crate::search::text::{Language, fold, sound};

/// A part of a query, looked up.
pub struct Plan {
    pub kind: PlanKind,
    /// Multiplies the score.
    pub weight: f64,
    /// Whether scores other than 0 come from it.
    pub scored: bool,
    /// Not more documents than this match.
    pub size: usize,
}

pub enum PlanKind {
    All,
    /// Documents that get no score.
    Set(DocSet),
    /// Tags, each with the weight of its rarity.
    Tags(Vec<(DocSet, f64)>),
    Word(Word),
    /// Documents within a distance, in order, with their distances: the one of that number.
    Range {
        documents: DocSet,
        distances: Vec<(u32, f64)>,
        number: Option<usize>,
    },
    And {
        kids: Vec<Plan>,
        near: Option<Near>,
    },
    Or(Vec<Plan>),
    Not(Box<Plan>),
    Optional(Box<Plan>),
}

/// Makes plans of queries.
pub struct Planner<'a> {
    pub state: &'a State,
    pub options: &'a SearchOptions,
    pub limits: &'a Limits,
    pub weigher: Weigher,
    pub warnings: Warnings,
    /// How many named distances were given out.
    distances: usize,
    /// The query's ranges, in its order, and how many of them have a plan.
    ranges: &'a [Within],
    ranges_planned: usize,
    /// Words and tags that affixes and fuzzy words may still stand for.
    expansions_left: usize,
    /// The TEXT fields that the options admit, by number.
    admitted: u128,
    language: Language,
}

/// The tags of a clause, each once however often it is an alternative.
#[derive(Default)]
struct FoundTags {
    sets: Vec<(DocSet, f64)>,
    /// Where a tag stands in them, by its number.
    places: HashMap<u32, usize>,
}

/// Values looked at between looks at the clock.
const STRIDE: usize = 1 << 14;
/// Words and tags that all affixes and fuzzy words of a query stand for at most.
const MAX_EXPANSIONS: usize = 1 << 18;

impl<'a> Planner<'a> {
    pub fn new(
        state: &'a State,
        options: &'a SearchOptions,
        limits: &'a Limits,
        distances: usize,
        ranges: &'a [Within],
    ) -> Planner<'a> {
        let fields = options.in_fields.as_ref();
        let admitted = |number: usize| fields.is_none_or(|fields| fields.contains(&state.texts[number].field));
        Planner {
            state,
            options,
            limits,
            weigher: Weigher::new(state, options.scorer),
            warnings: Warnings::default(),
            distances,
            ranges,
            ranges_planned: 0,
            expansions_left: MAX_EXPANSIONS,
            admitted: (0..state.texts.len().min(128)).filter(|at| admitted(*at)).fold(0, |mask, at| mask | 1 << at),
            language: options.language.as_deref().and_then(Language::named).unwrap_or(state.language),
        }
    }

    pub fn plan(&mut self, node: &Node) -> Plan {
        // Each leaf may be much work.
        if self.is_late() {
            return Plan::nothing();
        }
        let plan = match &node.kind {
            NodeKind::Nothing => Plan::nothing(),
            NodeKind::All => Plan::new(PlanKind::All, true, usize::MAX),
            NodeKind::Word { word, verbatim, fields } => self.word(node, word, *verbatim, self.mask(fields)),
            NodeKind::Phrase { words, fields } => self.phrase(words, self.mask(fields)),
            NodeKind::Affix { affix, fields } => self.affix(affix, self.mask(fields)),
            NodeKind::Fuzzy { word, distance, fields } => match Fuzzy::new(&fold(word), *distance) {
                Some(fuzzy) => self.pattern(&Pattern::Fuzzy(fuzzy), self.mask(fields)),
                None => Plan::nothing(),
            },
            NodeKind::Empty { fields } => self.empty(self.mask(fields)),
            NodeKind::Tag { field, values } => self.tags(*field, values),
            NodeKind::Numeric { field, min, max } => self.numbers(*field, *min, *max),
            NodeKind::Geo { field, lon, lat, radius, unit } => self.circle(*field, (*lon, *lat), *radius, *unit),
            NodeKind::GeoShape { field, predicate, shape, .. } => self.shapes(*field, *predicate, shape),
            NodeKind::Missing { field } => Plan::set(self.state.fields[*field].missing.clone()),
            NodeKind::VectorRange(range) => self.range(range),
            NodeKind::And(nodes) => self.and(node, nodes),
            NodeKind::Or(nodes) => {
                let kids: Vec<Plan> = nodes.iter().map(|node| self.plan(node)).filter(|plan| plan.size > 0).collect();
                let size = kids.iter().fold(0, |size: usize, kid| size.saturating_add(kid.size));
                let scored = kids.iter().any(|kid| kid.scored);
                Plan::new(PlanKind::Or(kids), scored, size)
            }
            NodeKind::Not(node) => Plan::new(PlanKind::Not(Box::new(self.plan(node))), false, usize::MAX),
            NodeKind::Optional(node) => {
                let kid = self.plan(node);
                let scored = kid.scored;
                Plan::new(PlanKind::Optional(Box::new(kid)), scored, usize::MAX)
            }
        };
        Plan { weight: node.weight, ..plan }
    }

    /// The numbers of the TEXT fields that are meant and admitted, as bits.
    fn mask(&self, fields: &Fields) -> u128 {
        match fields {
            Fields::All => self.admitted,
            Fields::Of(fields) => {
                let numbers = fields.iter().filter_map(|field| self.state.text_number(*field));
                self.admitted & numbers.filter(|number| *number < 128).fold(0, |mask, number| mask | 1 << number)
            }
        }
    }

    /// The part of a mask for which a condition holds.
    fn only(&self, mask: u128, condition: impl Fn(usize) -> bool) -> u128 {
        (0..self.state.texts.len().min(128)).filter(|at| condition(*at)).fold(0, |all, at| all | 1 << at) & mask
    }

    fn and(&mut self, node: &Node, nodes: &[Node]) -> Plan {
        let kids: Vec<Plan> = nodes.iter().map(|node| self.plan(node)).collect();
        let slop = node.slop.filter(|slop| *slop >= 0).or(self.options.slop).filter(|slop| *slop >= 0);
        let in_order = node.in_order.unwrap_or(false) || self.options.in_order;
        // Attributes are about one field; the command's options about the document, as clients expect of RediSearch.
        let across = node.slop.is_none() && node.in_order.is_none();
        let slop = slop.map(|slop| slop as u64);
        let near = (slop.is_some() || in_order).then_some(Near { slop, in_order, across });
        let size = kids.iter().map(|kid| kid.size).min().unwrap_or(0);
        let scored = kids.iter().any(|kid| kid.scored);
        Plan::new(PlanKind::And { kids, near }, scored, size)
    }

    /// A word as it stands.
    fn surface(&self, word: &[u8], mask: u128) -> Option<Part> {
        let term = self.state.words.term(word)?;
        let weights = self.state.texts.iter().map(|text| text.weight).collect();
        let rarity = self.weigher.rarity(u64::from(term.documents));
        let source = Source::new(word, &term.postings, term.documents);
        Some(Part { sources: vec![source], mask, weights, rarity })
    }

    fn word(&mut self, node: &Node, word: &[u8], verbatim: bool, mask: u128) -> Plan {
        let mut parts: Vec<Part> = self.surface(word, mask).into_iter().collect();
        if !verbatim && !self.options.verbatim {
            let expanders = self.options.expanders;
            let stemmed = self.only(mask, |at| self.state.texts[at].stem_weight.is_some());
            if expanders.stems && stemmed != 0 {
                self.stems(word, stemmed, &mut parts);
            }
            if expanders.synonyms {
                parts.extend(self.synonyms(word, mask));
            }
            let phonetic = self.only(mask, |at| self.state.texts[at].phonetic);
            if expanders.phonetics && phonetic != 0 && node.phonetic != Some(false) {
                parts.extend(self.sounds(word, phonetic));
            }
        }
        Plan::word(Word { parts, best: false })
    }

    /// The words of the word's stem, and the stem itself as a word.
    fn stems(&self, word: &[u8], mask: u128, parts: &mut Vec<Part>) {
        let stem = self.language.stem(word);
        let weights: Vec<u32> = self.state.texts.iter().map(|text| text.stem_weight.unwrap_or(0)).collect();
        let (mut sources, mut documents) = (Vec::new(), 0);
        for language in self.state.words.languages() {
            let group = Group::Stem(*language, stem.as_deref().unwrap_or(word).into());
            let Some(members) = self.state.words.group(&group) else { continue };
            documents += u64::from(members.documents);
            let filter = self.state.language_filter(*language);
            sources.extend(members.words.iter().filter_map(|number| {
                let name = self.state.words.name(number)?;
                let term = self.state.words.term(name)?;
                Some(Source { filter: filter.clone(), ..Source::new(name, &term.postings, term.documents) })
            }));
        }
        if !sources.is_empty() {
            parts.push(Part { sources, mask, weights, rarity: self.weigher.rarity(documents) });
        }
        parts.extend(stem.and_then(|stem| self.surface(&stem, mask)));
    }

    fn synonyms(&self, word: &[u8], mask: u128) -> Vec<Part> {
        let source = |group: &[u8], word: &[u8]| {
            let term = self.state.words.term(word)?;
            let since = self.state.synonyms.since(group, word);
            Some(Source { since, ..Source::new(word, &term.postings, term.documents) })
        };
        let part = |(group, words): (&[u8], &WordSet)| {
            let sources: Vec<Source> = words.iter().filter_map(|word| source(group, word)).collect();
            let holding =
                sources.iter().flat_map(|source| source.postings.iter().map(move |e| (e.document, source.since)));
            let documents = gather(holding.filter(|(document, since)| document >= since).map(|(d, _)| d).collect());
            let weights = self.state.texts.iter().map(|text| text.weight).collect();
            Part { sources, mask, weights, rarity: self.weigher.rarity(documents.len() as u64) }
        };
        self.state.synonyms.of(word).map(part).collect()
    }

    fn sounds(&self, word: &[u8], mask: u128) -> Option<Part> {
        let members = self.state.words.group(&Group::Sound(sound(word)?.into()))?;
        let source = |number: u32| {
            let name = self.state.words.name(number)?;
            let term = self.state.words.term(name)?;
            Some(Source::new(name, &term.postings, term.documents))
        };
        let weights = self.state.texts.iter().map(|text| text.weight).collect();
        let rarity = self.weigher.rarity(u64::from(members.documents));
        Some(Part { sources: members.words.iter().filter_map(source).collect(), mask, weights, rarity })
    }

    fn phrase(&mut self, words: &[Vec<u8>], mask: u128) -> Plan {
        let mut kids: Vec<Plan> = words
            .iter()
            .map(|word| Plan::word(Word { parts: self.surface(word, mask).into_iter().collect(), best: false }))
            .collect();
        if kids.len() == 1 {
            return kids.remove(0);
        }
        let size = kids.iter().map(|kid| kid.size).min().unwrap_or(0);
        Plan::new(PlanKind::And { kids, near: Some(Near { slop: Some(0), in_order: true, across: false }) }, true, size)
    }

    fn affix(&mut self, affix: &Affix, mask: u128) -> Plan {
        match Pattern::of_affix(affix, self.options.min_prefix, |operand| fold(operand).into_owned()) {
            Some(pattern) => self.pattern(&pattern, mask),
            None => Plan::nothing(),
        }
    }

    /// The words that match a pattern and are in one of the fields.
    fn pattern(&mut self, pattern: &Pattern, mask: u128) -> Plan {
        let all = self.only(u128::MAX, |_| true);
        let bits = mask as u32 & 0x7fff_ffff | if mask >> 31 == 0 { 0 } else { 1 << 31 };
        let words = &self.state.words;
        let most = self.options.max_expansions.min(self.expansions_left);
        let expanded = pattern.expand(words.terms(), most, self.limits, |term| {
            mask == all
                || term.fields & bits != 0
                    && term.postings.iter().any(|entry| entry.fields().any(|found| mask >> found.field & 1 == 1))
        });
        self.expansions_left -= expanded.entries.len();
        self.warnings.expansions_cut |= expanded.cut;
        self.warnings.timed_out |= expanded.late;
        let parts = expanded.entries.into_iter().filter_map(|(word, _)| self.surface(word, mask)).collect();
        Plan::word(Word { parts, best: true })
    }

    fn empty(&self, mask: u128) -> Plan {
        let empties = self.state.texts.iter().enumerate().filter(|(at, _)| *at < 128 && mask >> at & 1 == 1);
        let sets = empties.filter_map(|(_, text)| match &self.state.fields[text.field].finder {
            Finder::Text { empty, .. } => Some(empty.clone()),
            _ => None,
        });
        Plan::union(sets.collect())
    }

    fn tags(&mut self, field: usize, values: &[TagValue]) -> Plan {
        let Finder::Tags(tags) = &self.state.fields[field].finder else { return Plan::nothing() };
        let sensitive = matches!(self.state.definition.fields[field].kind, Kind::Tag { case_sensitive: true, .. });
        let fold = |operand: &[u8]| if sensitive { operand.to_vec() } else { fold(operand).into_owned() };
        let mut found = FoundTags::default();
        for value in values {
            match value {
                TagValue::Exact(value) => {
                    if let Some(tag) = tags.values().get(&fold(value)[..]) {
                        self.tag(tag, &mut found);
                    }
                }
                TagValue::Affix(affix) => self.tag_affix(tags, affix, &fold, &mut found),
            }
        }
        let size = found.sets.iter().fold(0, |size: usize, (set, _)| size.saturating_add(set.len()));
        Plan::new(PlanKind::Tags(found.sets), self.options.tags_score, size)
    }

    fn tag_affix(&mut self, tags: &Tags, affix: &Affix, fold: &dyn Fn(&[u8]) -> Vec<u8>, found: &mut FoundTags) {
        let Some(pattern) = Pattern::of_affix(affix, self.options.min_prefix, fold) else { return };
        let most = self.options.max_expansions.min(self.expansions_left);
        let expanded = pattern.expand(tags.values(), most, self.limits, |_| true);
        self.expansions_left -= expanded.entries.len();
        self.warnings.expansions_cut |= expanded.cut;
        self.warnings.timed_out |= expanded.late;
        expanded.entries.into_iter().for_each(|(_, tag)| self.tag(tag, found));
    }

    /// One more alternative, or one more of the same.
    fn tag(&self, tag: &Tag, found: &mut FoundTags) {
        let rarity = self.weigher.rarity(tag.documents.len() as u64);
        let place = *found.places.entry(tag.number).or_insert(found.sets.len());
        match found.sets.get_mut(place) {
            Some((_, sum)) => *sum += rarity,
            None => found.sets.push((tag.documents.clone(), rarity)),
        }
    }

    fn numbers(&mut self, field: usize, min: Bound, max: Bound) -> Plan {
        let Finder::Numbers(ranges) = &self.state.fields[field].finder else { return Plan::nothing() };
        let (from, to) = codes(min, max);
        let mut documents = Vec::new();
        for (_, document) in ranges.range(from, to) {
            documents.push(document);
            if documents.len() % STRIDE == 0 && self.is_late() {
                break;
            }
        }
        Plan::set(gather(documents))
    }

    fn circle(&mut self, field: usize, centre: (f64, f64), radius: f64, unit: GeoUnit) -> Plan {
        let Finder::Points(ranges) = &self.state.fields[field].finder else { return Plan::nothing() };
        let metres = radius * unit.metres();
        let (mut documents, mut looked) = (Vec::new(), 0);
        'cells: for (from, to) in cover(centre.0, centre.1, metres) {
            for (cell, document) in ranges.range(from, to) {
                looked += 1;
                if looked % STRIDE == 0 && self.is_late() {
                    break 'cells;
                }
                if distance(centre, middle(cell)) <= metres {
                    documents.push(document);
                }
            }
        }
        Plan::set(gather(documents))
    }

    fn range(&mut self, range: &VectorRange) -> Plan {
        let number = range.distance.as_ref().map(|_| self.distances);
        self.distances += usize::from(number.is_some());
        let mut distances = self.ranges.get(self.ranges_planned).map(Within::take).unwrap_or_default();
        self.ranges_planned += 1;
        distances.sort_unstable_by_key(|(document, _)| *document);
        let documents = DocSet::from_sorted(distances.iter().map(|(document, _)| *document).collect());
        let size = documents.len();
        Plan::new(PlanKind::Range { documents, distances, number }, false, size)
    }

    pub fn is_late(&mut self) -> bool {
        self.warnings.timed_out |= self.limits.reached();
        self.warnings.timed_out
    }
}

/// The first and the last code of a range; none is between them if the range is empty.
pub fn codes(min: Bound, max: Bound) -> (u64, u64) {
    (number_code(min.value) + u64::from(min.exclusive), number_code(max.value) - u64::from(max.exclusive))
}

impl Plan {
    pub fn new(kind: PlanKind, scored: bool, size: usize) -> Plan {
        Plan { kind, weight: 1.0, scored, size }
    }

    pub fn nothing() -> Plan {
        Plan::set(DocSet::Empty)
    }

    pub fn set(documents: DocSet) -> Plan {
        let size = documents.len();
        Plan::new(PlanKind::Set(documents), false, size)
    }

    /// What a plan matches among some documents.
    pub fn among(plan: Plan, documents: DocSet) -> Plan {
        let (scored, size) = (plan.scored, plan.size.min(documents.len()));
        Plan::new(PlanKind::And { kids: vec![Plan::set(documents), plan], near: None }, scored, size)
    }

    fn union(sets: Vec<DocSet>) -> Plan {
        match <[DocSet; 1]>::try_from(sets) {
            Ok([set]) => Plan::set(set),
            Err(sets) => {
                let kids: Vec<Plan> = sets.into_iter().map(Plan::set).collect();
                let size = kids.iter().map(|kid| kid.size).sum();
                Plan::new(PlanKind::Or(kids), false, size)
            }
        }
    }

    /// Whether words are looked for.
    pub fn has_words(&self) -> bool {
        match &self.kind {
            PlanKind::Word(_) => true,
            PlanKind::And { kids, .. } | PlanKind::Or(kids) => kids.iter().any(Plan::has_words),
            PlanKind::Not(kid) | PlanKind::Optional(kid) => kid.has_words(),
            _ => false,
        }
    }

    fn word(word: Word) -> Plan {
        let size = word.parts.iter().fold(0, |size: usize, part| size.saturating_add(part.size()));
        Plan::new(PlanKind::Word(word), true, size)
    }
}
