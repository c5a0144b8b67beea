//! The record of each document: enough to remove it from the index, and to see what an update changed.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::{Bound, Deref};
use std::sync::Arc;

use super::pages::Pages;
use super::tree::Tree;
use super::varint;
use crate::search::text::Language;

/// A document's key. The key and its record are one allocation, as in
/// [`Record::new`], first.
#[derive(Clone)]
pub struct Key(Arc<[u8]>);

impl Key {
    /// The key, and the rest of the record.
    fn split(&self) -> (&[u8], &[u8]) {
        let mut rest = &self.0[..];
        let length = varint::take(&mut rest) as usize;
        rest.split_at(length)
    }
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.split().0
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        self[..].cmp(&other[..])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(self).fmt(f)
    }
}

/// A document's entry in the table of documents.
#[derive(Clone)]
pub struct Record(Key);

/// The part of a record besides fields and words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct About<'a> {
    /// Its weight.
    pub score: f64,
    pub language: Language,
    pub payload: Option<&'a [u8]>,
    /// The greatest frequency of a word or stem.
    pub max_frequency: u32,
}

impl Default for About<'_> {
    fn default() -> Self {
        About { score: 1.0, language: Language::default(), payload: None, max_frequency: 0 }
    }
}

/// Which parts of a record are there: most documents have none of them.
const HAS_SCORE: u8 = 1;
const HAS_LANGUAGE: u8 = 2;
const HAS_PAYLOAD: u8 = 4;

/// What is known of a field.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Known {
    #[default]
    Missing,
    /// There, and nothing of it kept here.
    Present,
    /// Numbers of tags.
    Tags(Vec<u32>),
    /// The number of the one tag, whose name is the field's value just as the document has it.
    Verbatim(u32),
    Numbers(Vec<f64>),
    /// Cells.
    Points(Vec<u64>),
    /// A hash of the values, and the rows of the vectors.
    Vectors(u64, Vec<u32>),
    /// There, with an empty text among its values.
    Empty,
}

impl Known {
    /// The numbers of tags.
    pub fn tags(&self) -> &[u32] {
        match self {
            Known::Tags(numbers) => numbers,
            Known::Verbatim(number) => std::slice::from_ref(number),
            _ => &[],
        }
    }
}

/// What is known of all texts of a document together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownText {
    /// Of the values of all fields.
    pub hash: u64,
    /// Numbers of the words.
    pub words: Vec<u32>,
}

impl Record {
    /// The key with its length, which parts there are, the greatest frequency, those parts, the fields as [`Known`]s
    /// one after the other, and the words.
    pub fn new(key: &[u8], about: About, fields: &[Known], text: &KnownText) -> Record {
        let mut out = Vec::with_capacity(64 + key.len());
        varint::put(&mut out, key.len() as u64);
        out.extend_from_slice(key);
        let has = |there: bool, part: u8| if there { part } else { 0 };
        out.push(
            has(about.score != 1.0, HAS_SCORE)
                | has(about.language != Language::default(), HAS_LANGUAGE)
                | has(about.payload.is_some(), HAS_PAYLOAD),
        );
        varint::put(&mut out, u64::from(about.max_frequency));
        if about.score != 1.0 {
            out.extend_from_slice(&about.score.to_le_bytes());
        }
        if about.language != Language::default() {
            out.push(about.language.number());
        }
        if let Some(payload) = about.payload {
            varint::put(&mut out, payload.len() as u64);
            out.extend_from_slice(payload);
        }
        varint::put(&mut out, fields.len() as u64);
        fields.iter().for_each(|known| put_known(&mut out, known));
        out.extend_from_slice(&text.hash.to_le_bytes());
        text.words.iter().for_each(|word| varint::put(&mut out, u64::from(*word)));
        Record(Key(out.into()))
    }

    /// The same of another key.
    fn renamed(&self, key: &[u8]) -> Record {
        let mut out = Vec::with_capacity(self.0.0.len() + key.len());
        varint::put(&mut out, key.len() as u64);
        out.extend_from_slice(key);
        out.extend_from_slice(self.0.split().1);
        Record(Key(out.into()))
    }

    pub fn key(&self) -> &Key {
        &self.0
    }

    /// The part besides fields and words.
    pub fn about(&self) -> About<'_> {
        self.parts().0
    }

    fn parts(&self) -> (About<'_>, &[u8]) {
        let mut rest = self.0.split().1;
        let has = varint::take_bytes(&mut rest, 1).first().copied().unwrap_or(0);
        let mut about = About { max_frequency: varint::take(&mut rest) as u32, ..About::default() };
        if has & HAS_SCORE != 0 {
            about.score = f64::from_bits(take_u64(&mut rest));
        }
        if has & HAS_LANGUAGE != 0 {
            let number = varint::take_bytes(&mut rest, 1).first().copied().unwrap_or(0);
            about.language = Language::numbered(number).unwrap_or_default();
        }
        if has & HAS_PAYLOAD != 0 {
            let length = varint::take(&mut rest) as usize;
            about.payload = Some(varint::take_bytes(&mut rest, length));
        }
        (about, rest)
    }

    /// What is known of the fields that the schema had, and of the texts.
    pub fn known(&self) -> (Vec<Known>, KnownText) {
        let mut rest = self.parts().1;
        let fields = varint::take(&mut rest);
        let known = (0..fields).map(|_| take_known(&mut rest)).collect();
        let hash = take_u64(&mut rest);
        let mut words = Vec::new();
        while !rest.is_empty() {
            words.push(varint::take(&mut rest) as u32);
        }
        (known, KnownText { hash, words })
    }

    /// Whether the schema had a field when the document was last put.
    pub fn knows(&self, field: usize) -> bool {
        varint::take(&mut self.parts().1) > field as u64
    }

    /// What is known of one field; missing too if the schema did not have it.
    pub fn field(&self, field: usize) -> Known {
        let mut rest = self.parts().1;
        if varint::take(&mut rest) <= field as u64 {
            return Known::Missing;
        }
        (0..field).for_each(|_| skip_known(&mut rest));
        take_known(&mut rest)
    }

    /// Bytes, its key included.
    pub fn bytes(&self) -> usize {
        16 + self.0.0.len()
    }
}

fn put_known(out: &mut Vec<u8>, known: &Known) {
    let count = |out: &mut Vec<u8>, kind: u64, count: usize| varint::put(out, kind | (count as u64) << 3);
    match known {
        Known::Missing => out.push(0),
        Known::Present => out.push(1),
        Known::Empty => out.push(2),
        Known::Tags(tags) => {
            count(out, 3, tags.len());
            tags.iter().for_each(|tag| varint::put(out, u64::from(*tag)));
        }
        Known::Verbatim(tag) => {
            out.push(7);
            varint::put(out, u64::from(*tag));
        }
        Known::Numbers(numbers) => {
            count(out, 4, numbers.len());
            numbers.iter().for_each(|number| put_number(out, *number));
        }
        Known::Points(points) => {
            count(out, 5, points.len());
            points.iter().for_each(|point| out.extend_from_slice(&point.to_le_bytes()));
        }
        Known::Vectors(hash, rows) => {
            count(out, 6, rows.len());
            out.extend_from_slice(&hash.to_le_bytes());
            rows.iter().for_each(|row| varint::put(out, u64::from(*row)));
        }
    }
}

/// Whole numbers, which most are, take fewer bytes: twice the number; before others stands a 1.
fn put_number(out: &mut Vec<u8>, number: f64) {
    let whole = number as u64;
    if whole < 1 << 48 && (whole as f64).to_bits() == number.to_bits() {
        return varint::put(out, whole << 1);
    }
    out.push(1);
    out.extend_from_slice(&number.to_le_bytes());
}

fn take_number(rest: &mut &[u8]) -> f64 {
    match varint::take(rest) {
        1 => f64::from_bits(take_u64(rest)),
        twice => (twice >> 1) as f64,
    }
}

fn take_u64(rest: &mut &[u8]) -> u64 {
    u64::from_le_bytes(varint::take_bytes(rest, 8).try_into().unwrap_or_default())
}

fn take_known(rest: &mut &[u8]) -> Known {
    let head = varint::take(rest);
    let count = 0..head >> 3;
    match head & 7 {
        1 => Known::Present,
        2 => Known::Empty,
        3 => Known::Tags(count.map(|_| varint::take(rest) as u32).collect()),
        4 => Known::Numbers(count.map(|_| take_number(rest)).collect()),
        5 => Known::Points(count.map(|_| take_u64(rest)).collect()),
        7 => Known::Verbatim(varint::take(rest) as u32),
        6 => Known::Vectors(take_u64(rest), count.map(|_| varint::take(rest) as u32).collect()),
        _ => Known::Missing,
    }
}

fn skip_known(rest: &mut &[u8]) {
    let head = varint::take(rest);
    let count = head >> 3;
    match head & 7 {
        3 => skip_numbers(rest, count),
        7 => skip_numbers(rest, 1),
        4 => (0..count).for_each(|_| _ = take_number(rest)),
        5 => drop(varint::take_bytes(rest, 8 * count as usize)),
        6 => {
            varint::take_bytes(rest, 8);
            skip_numbers(rest, count);
        }
        _ => {}
    }
}

fn skip_numbers(rest: &mut &[u8], count: u64) {
    for _ in 0..count {
        varint::take(rest);
    }
}

/// The table of documents.
#[derive(Clone, Default)]
pub struct Records {
    by_key: Tree<Key, u32>,
    records: Pages<Option<Record>>,
    /// Weighted counts of words.
    lengths: Pages<u32>,
    /// The sum of all lengths.
    pub total_length: u64,
    /// No document is shorter.
    pub least_length: u32,
    bytes: usize,
}

impl Records {
    pub fn find(&self, key: &[u8]) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    /// The documents whose keys begin with these bytes, and their keys, in the keys' order.
    pub fn beginning<'a>(&'a self, start: &'a [u8]) -> impl Iterator<Item = (&'a [u8], u32)> {
        let from = self.by_key.iter_from(Bound::Included(start));
        from.map(|(key, document)| (&key[..], *document)).take_while(move |(key, _)| key.starts_with(start))
    }

    pub fn get(&self, document: u32) -> Option<&Record> {
        self.records.get(document)?.as_ref()
    }

    /// A document's length in words, weighted.
    pub fn length(&self, document: u32) -> u32 {
        self.lengths.get(document).copied().unwrap_or(0)
    }

    /// Documents.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether all documents are equally long.
    pub fn are_even(&self) -> bool {
        self.total_length == u64::from(self.least_length) * self.len() as u64
    }

    /// Sets a document's record and length.
    pub fn set(&mut self, document: u32, record: Record, length: u32) {
        self.by_key.insert(record.key().clone(), document);
        self.least_length = if self.len() == 1 { length } else { self.least_length.min(length) };
        self.total_length += u64::from(length);
        self.total_length -= u64::from(std::mem::replace(self.lengths.get_mut(document), length));
        self.replace(document, record);
    }

    fn replace(&mut self, document: u32, record: Record) {
        self.bytes += record.bytes();
        let before = self.records.get_mut(document).replace(record);
        self.bytes -= before.map_or(0, |record| record.bytes());
    }

    /// Takes a document out.
    pub fn remove(&mut self, document: u32) {
        if let Some(record) = self.records.get_mut(document).take() {
            self.by_key.remove(&record.key()[..]);
            self.bytes -= record.bytes();
            self.total_length -= u64::from(std::mem::take(self.lengths.get_mut(document)));
        }
    }

    /// A document gets another key, which none has.
    pub fn rename(&mut self, document: u32, key: &[u8]) {
        let Some(record) = self.get(document).cloned() else { return };
        let renamed = record.renamed(key);
        self.by_key.remove(&record.key()[..]);
        self.by_key.insert(renamed.key().clone(), document);
        self.replace(document, renamed);
    }

    /// Bytes of the table, and of the keys' order.
    pub fn bytes(&self) -> (usize, usize) {
        (self.bytes + self.records.bytes() + self.lengths.bytes(), self.by_key.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_give_back_what_is_known() {
        let fields = [
            Known::Missing,
            Known::Tags(vec![0, 5, 1 << 30]),
            Known::Verbatim(1 << 20),
            Known::Numbers(vec![
                -0.5,
                f64::INFINITY,
                0.0,
                1.0,
                7.25,
                -3.0,
                281474976710655.0,
                281474976710656.0,
                1e300,
            ]),
            Known::Points(vec![u64::MAX]),
            Known::Present,
            Known::Vectors(77, vec![3, 300]),
            Known::Empty,
        ];
        let text = KnownText { hash: 0xfeed_beef_0123_4567, words: vec![1, 200, 70_000] };
        let about =
            About { score: 0.5, language: Language::named(b"french").unwrap(), payload: Some(b""), max_frequency: 300 };
        for about in [About::default(), about] {
            let record = Record::new(b"key", about, &fields, &text);
            for (record, key) in [(&record, b"key".as_slice()), (&record.renamed(&[b'x'; 200]), &[b'x'; 200])] {
                assert_eq!((&record.key()[..], record.about()), (key, about));
                assert_eq!(record.known(), (fields.to_vec(), text.clone()));
                fields.iter().enumerate().for_each(|(at, known)| assert_eq!(&record.field(at), known));
            }
        }
    }
}
