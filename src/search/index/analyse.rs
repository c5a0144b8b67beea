//! Text analysis: the words of a document's texts.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use super::postings::put_occurrences;
use super::records::KnownText;
use super::state::{State, TextField};
use super::words::{Group, field_bit, sound_group, stem_group};
use crate::search::text::{Language, tokens};

/// Positions between the texts of a field that has several.
const GAP: u32 = 100;

/// Where a document has a word: numbers of fields, which rise, and positions in each.
type Places = Vec<(u32, Vec<u32>)>;

/// The result of analysing a document's texts.
#[derive(Default)]
pub struct Analysed {
    words: BTreeMap<Vec<u8>, Places>,
    /// Words, each as often as its field weighs.
    pub length: u32,
}

/// Splits texts, each with its field's number. Positions run on from field to field.
pub fn analyse(state: &State, texts: &[(u32, Vec<Vec<u8>>)]) -> Analysed {
    let mut analysed = Analysed::default();
    let mut position = 0;
    for (number, values) in texts {
        for (at, value) in values.iter().enumerate() {
            position += if at > 0 { GAP } else { 0 };
            for token in tokens(value).filter(|token| !state.stop_words.contains(&token.word)) {
                position += 1;
                analysed.length = analysed.length.saturating_add(state.texts[*number as usize].weight);
                let places = analysed.words.entry(token.word).or_default();
                match places.last_mut() {
                    Some((field, positions)) if field == number => positions.push(position),
                    _ => places.push((*number, vec![position])),
                }
            }
        }
    }
    analysed
}

/// A hash that detects changed values; differs from process to process.
pub fn hash_of(values: impl std::hash::Hash) -> u64 {
    static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    KEYS.hash_one(values)
}

/// The groups in which a word counts, given the fields that have it.
fn groups(texts: &[TextField], word: &[u8], fields: impl Iterator<Item = u32>, language: Language) -> Vec<Group> {
    let (mut stems, mut sounds) = (false, false);
    for field in fields.filter_map(|field| texts.get(field as usize)) {
        stems |= field.stem_weight.is_some();
        sounds |= field.phonetic;
    }
    let stem = if stems { stem_group(word, language) } else { None };
    let sound = if sounds { sound_group(word) } else { None };
    stem.into_iter().chain(sound).collect()
}

impl Analysed {
    /// Replaces the words that the document had, in its old language; returns what to record of them, and the
    /// greatest frequency of a word or stem.
    pub fn put(
        self,
        state: &mut State,
        document: u32,
        language: Language,
        old: &KnownText,
        was: Language,
    ) -> (Vec<u32>, u32) {
        let texts = state.texts.clone();
        let before = held_groups(state, document, old, was);
        state.words.speak(language);
        let (no_offsets, no_frequencies) = (state.definition.no_offsets, state.definition.no_frequencies);
        let (mut numbers, mut joined) = (Vec::with_capacity(self.words.len()), BTreeMap::<Group, u32>::new());
        let mut greatest = 0;
        let gone: Vec<_> = old.words.iter().filter_map(|number| state.words.name(*number).cloned()).collect();
        gone.iter().filter(|word| !self.words.contains_key(&word[..])).for_each(|word| remove(state, word, document));
        for (word, places) in &self.words {
            let (mut body, mut fields, mut frequency) = (Vec::new(), 0, 0u32);
            for (field, positions) in places {
                let count = if no_frequencies { 1 } else { positions.len() as u32 };
                put_occurrences(&mut body, *field, count, if no_offsets { &[] } else { positions });
                fields |= field_bit(*field);
                frequency = frequency.saturating_add(count.saturating_mul(texts[*field as usize].weight));
            }
            greatest = greatest.max(frequency);
            let number = state.words.put(word, fields, document, &body);
            numbers.push(number);
            for group in groups(&texts, word, places.iter().map(|(field, _)| *field), language) {
                state.words.join(&group, number);
                *joined.entry(group).or_default() += stem_frequency(&texts, places);
            }
        }
        let stems = joined.iter().filter(|(group, _)| matches!(group, Group::Stem(..)));
        greatest = greatest.max(stems.map(|(_, frequency)| *frequency).max().unwrap_or(0));
        let after: BTreeSet<Group> = joined.into_keys().collect();
        after.difference(&before).for_each(|group| state.words.count(group, 1));
        before.difference(&after).for_each(|group| state.words.count(group, -1));
        (numbers, greatest)
    }
}

fn stem_frequency(texts: &[TextField], places: &Places) -> u32 {
    let weigh = |(field, positions): &(u32, Vec<u32>)| {
        texts[*field as usize].stem_weight.unwrap_or(0).saturating_mul(positions.len() as u32)
    };
    places.iter().map(weigh).fold(0, u32::saturating_add)
}

/// The groups in which a document counts.
fn held_groups(state: &State, document: u32, old: &KnownText, language: Language) -> BTreeSet<Group> {
    let names = old.words.iter().filter_map(|number| state.words.name(*number));
    names
        .flat_map(|word| {
            let entry = state.words.term(word).and_then(|term| term.postings.cursor().seek(document));
            let fields = entry.filter(|entry| entry.document == document).into_iter().flat_map(|entry| entry.fields());
            groups(&state.texts, word, fields.map(|field| field.field), language)
        })
        .collect()
}

/// Takes a document from a word, and the word from its groups once no document has it.
fn remove(state: &mut State, word: &[u8], document: u32) {
    if let Some(number) = state.words.remove(word, document) {
        let stems = state.words.languages().to_vec().into_iter().filter_map(|language| stem_group(word, language));
        let groups: Vec<Group> = stems.chain(sound_group(word)).collect();
        groups.iter().for_each(|group| state.words.leave(group, number));
    }
}

/// Takes all of a document's words out.
pub fn remove_words(state: &mut State, document: u32, old: &KnownText, language: Language) {
    Analysed::default().put(state, document, language, old, language);
}
