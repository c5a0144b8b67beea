//! A word of a query with all index words that it stands for (synonyms, stems).

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::near::place;
use crate::search::index::{Cursor, Entry, LanguageFilter, Postings, SEGMENT};

/// A word, or the words of an affix.
pub struct Word {
    pub parts: Vec<Part>,
    /// Only the part with the highest score counts: affixes, wildcards and fuzzy words.
    pub best: bool,
}

/// Words that count as one in a score: the word itself; the words of its stem; of a synonym group; of a sound.
pub struct Part {
    pub sources: Vec<Source>,
    /// The TEXT fields that are admitted, by number.
    pub mask: u128,
    /// What an occurrence counts, by the field's number.
    pub weights: Vec<u32>,
    /// How rare the part is: the factor that scorers multiply by.
    pub rarity: f64,
}

/// A word of the index.
pub struct Source {
    pub word: Arc<[u8]>,
    pub postings: Postings,
    pub documents: u32,
    /// Documents of other languages do not count.
    pub filter: Option<LanguageFilter>,
    /// Documents before this one do not count.
    pub since: u32,
}

/// A document with a part of a word, and how often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tally {
    pub document: u32,
    pub part: u32,
    pub frequency: u32,
}

impl Source {
    pub fn new(word: &[u8], postings: &Postings, documents: u32) -> Source {
        Source { word: word.into(), postings: postings.clone(), documents, filter: None, since: 0 }
    }

    fn admits(&self, document: u32) -> bool {
        document >= self.since
            && match &self.filter {
                None => true,
                Some(LanguageFilter::Only(set)) => set.contains(document),
                Some(LanguageFilter::Except(sets)) => !sets.iter().any(|set| set.contains(document)),
            }
    }
}

impl Part {
    /// Not more documents than this.
    pub fn size(&self) -> usize {
        self.sources.iter().map(|source| source.documents as usize).sum()
    }

    /// The weighted frequency of an entry in the admitted fields; 0 if it is in none.
    fn frequency(&self, entry: Entry) -> u32 {
        let fields = entry.fields().filter(|found| self.mask.checked_shr(found.field).unwrap_or(0) & 1 == 1);
        fields.map(|found| found.count.saturating_mul(self.weights[found.field as usize])).fold(0, u32::saturating_add)
    }
}

impl Word {
    /// The documents of a segment that have the word, among those given, and how often they have each part.
    pub fn matches(&self, segment: u32, within: Option<&RoaringBitmap>) -> (RoaringBitmap, Vec<Tally>) {
        let (mut documents, mut tallies) = (RoaringBitmap::new(), Vec::new());
        let mut sorted = true;
        for (number, part) in self.parts.iter().enumerate() {
            for source in &part.sources {
                let from = tallies.len();
                part.collect(source, number as u32, segment, within, &mut tallies);
                if tallies.len() > from {
                    sorted = from == 0;
                    let found = tallies[from..].iter().map(|tally| tally.document);
                    match from {
                        0 => documents = RoaringBitmap::from_sorted_iter(found).expect("documents rise"),
                        _ => documents.extend(found),
                    }
                }
            }
        }
        if !sorted {
            tallies.sort_unstable_by_key(|tally| (tally.document, tally.part));
            tallies.dedup_by(|next, before| {
                let same = (next.document, next.part) == (before.document, before.part);
                if same {
                    before.frequency = before.frequency.saturating_add(next.frequency);
                }
                same
            });
        }
        (documents, tallies)
    }

    /// Where documents have the word.
    pub fn positions(&self) -> Positions<'_> {
        let sources = self.parts.iter().flat_map(|part| {
            part.sources.iter().map(|source| {
                let cursor = source.postings.cursor();
                Posted { source, mask: part.mask, cursor, next: None }
            })
        });
        Positions { sources: sources.collect() }
    }
}

/// Finds where documents have a word. Documents asked for rise.
pub struct Positions<'a> {
    sources: Vec<Posted<'a>>,
}

/// A source's entries, from some document on.
struct Posted<'a> {
    source: &'a Source,
    mask: u128,
    cursor: Cursor<'a>,
    /// The first entry that was not passed; None at the beginning, and in it None at the end.
    next: Option<Option<Entry<'a>>>,
}

impl Positions<'_> {
    /// Adds the places ([`super::near::place`]) of the word in a document, rising, to a list that is empty.
    pub fn find(&mut self, document: u32, found: &mut Vec<u64>) {
        let mut sources = 0;
        for posted in &mut self.sources {
            let Some(entry) = posted.entry(document) else { continue };
            sources += 1;
            for own in entry.fields().filter(|own| posted.mask.checked_shr(own.field).unwrap_or(0) & 1 == 1) {
                found.extend(own.positions().map(|position| place(own.field, position)));
            }
        }
        if sources > 1 {
            found.sort_unstable();
            found.dedup();
        }
    }
}

impl<'a> Posted<'a> {
    /// The entry of a document, if it counts.
    fn entry(&mut self, document: u32) -> Option<Entry<'a>> {
        if self.next.is_none_or(|next| next.is_some_and(|next| next.document < document)) {
            self.next = Some(self.cursor.seek(document));
        }
        self.next.flatten().filter(|entry| entry.document == document && self.source.admits(document))
    }
}

impl Part {
    fn collect(
        &self,
        source: &Source,
        part: u32,
        segment: u32,
        within: Option<&RoaringBitmap>,
        tallies: &mut Vec<Tally>,
    ) {
        let (first, last) = (segment * SEGMENT, segment * SEGMENT + (SEGMENT - 1));
        let mut cursor = source.postings.cursor();
        let mut take = |cursor: &mut Cursor, document: u32| -> Option<u32> {
            let entry = cursor.seek(document).filter(|entry| entry.document <= last)?;
            if within.is_none_or(|within| within.contains(entry.document)) && source.admits(entry.document) {
                let frequency = self.frequency(entry);
                if frequency > 0 {
                    tallies.push(Tally { document: entry.document, part, frequency });
                }
            }
            Some(entry.document)
        };
        match within {
            // Few documents are asked for one by one, and what lies between them is skipped.
            Some(within) if within.len() * 8 < u64::from(source.documents) => {
                let mut asked = within.iter();
                while let Some(document) = asked.next() {
                    match take(&mut cursor, document) {
                        Some(found) if found > document => asked.advance_to(found),
                        Some(_) => {}
                        None => break,
                    }
                }
            }
            _ => {
                let mut next = Some(first);
                while let Some(found) = next.and_then(|next| take(&mut cursor, next)) {
                    next = found.checked_add(1);
                }
            }
        }
    }
}
