//! A persistent set of documents, small or large: copies share unchanged parts.

use std::borrow::Cow;
use std::sync::Arc;

use roaring::RoaringBitmap;

/// Documents of a segment: that part of their numbers of which a bitmap of `roaring` makes one container.
pub const SEGMENT: u32 = 1 << 16;
/// From this many documents on a set is split into segments, so that no change copies more than one.
const MANY: usize = 2048;

/// The segment in which a document is.
pub fn segment_of(document: u32) -> u32 {
    document / SEGMENT
}

/// A set of documents. A set of one is two words and nothing else: most tags and words are in one document.
#[derive(Clone, Debug, Default)]
pub enum DocSet {
    #[default]
    Empty,
    One(u32),
    /// In order.
    Few(Arc<Vec<u32>>),
    Many(Arc<Segments>),
}

/// Bitmaps by segment, in order, none empty.
#[derive(Clone, Debug, Default)]
pub struct Segments {
    len: usize,
    parts: Vec<(u32, Arc<RoaringBitmap>)>,
}

impl DocSet {
    pub fn len(&self) -> usize {
        match self {
            DocSet::Empty => 0,
            DocSet::One(_) => 1,
            DocSet::Few(list) => list.len(),
            DocSet::Many(segments) => segments.len,
        }
    }

    /// The set of documents that rise.
    pub fn from_sorted(documents: Vec<u32>) -> DocSet {
        match documents[..] {
            [] => DocSet::Empty,
            [one] => DocSet::One(one),
            _ if documents.len() <= MANY => DocSet::Few(Arc::new(documents)),
            _ => {
                let parts = documents.chunk_by(|a, b| segment_of(*a) == segment_of(*b)).map(|part| {
                    let bits = RoaringBitmap::from_sorted_iter(part.iter().copied()).expect("documents that rise");
                    (segment_of(part[0]), Arc::new(bits))
                });
                DocSet::Many(Arc::new(Segments { len: documents.len(), parts: parts.collect() }))
            }
        }
    }

    /// The set of bitmaps by segment, in order, none empty.
    pub fn from_parts(parts: Vec<(u32, RoaringBitmap)>) -> DocSet {
        let len = parts.iter().map(|(_, part)| part.len() as usize).sum();
        let parts = parts.into_iter().map(|(segment, part)| (segment, Arc::new(part))).collect();
        DocSet::Many(Arc::new(Segments { len, parts }))
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn contains(&self, document: u32) -> bool {
        match self {
            DocSet::Empty => false,
            DocSet::One(one) => *one == document,
            DocSet::Few(list) => list.binary_search(&document).is_ok(),
            DocSet::Many(segments) => segments.part(segment_of(document)).is_some_and(|part| part.contains(document)),
        }
    }

    /// Whether the document was not there.
    pub fn insert(&mut self, document: u32) -> bool {
        match self {
            DocSet::Empty => *self = DocSet::One(document),
            DocSet::One(one) if *one == document => return false,
            DocSet::One(one) => {
                let mut list = vec![*one, document];
                list.sort_unstable();
                *self = DocSet::Few(Arc::new(list));
            }
            DocSet::Few(list) => {
                let Err(at) = list.binary_search(&document) else { return false };
                if list.len() == MANY {
                    *self = DocSet::Many(Arc::new(list.iter().copied().collect()));
                    return self.insert(document);
                }
                let list = Arc::make_mut(list);
                if list.len() == list.capacity() {
                    list.reserve_exact(list.len() / 4 + 1);
                }
                list.insert(at, document);
            }
            DocSet::Many(segments) => {
                if segments.part(segment_of(document)).is_some_and(|part| part.contains(document)) {
                    return false;
                }
                Arc::make_mut(segments).insert(document);
            }
        }
        true
    }

    /// Whether the document was there.
    pub fn remove(&mut self, document: u32) -> bool {
        if !self.contains(document) {
            return false;
        }
        match self {
            DocSet::Empty => {}
            DocSet::One(_) => *self = DocSet::Empty,
            DocSet::Few(list) => {
                let list = Arc::make_mut(list);
                list.retain(|one| *one != document);
                if let [one] = list[..] {
                    *self = DocSet::One(one);
                }
            }
            DocSet::Many(segments) => {
                let segments = Arc::make_mut(segments);
                segments.remove(document);
                if segments.len <= MANY / 2 {
                    let list = segments.parts.iter().flat_map(|(_, part)| part.iter()).collect();
                    *self = DocSet::Few(Arc::new(list));
                }
            }
        }
        true
    }

    /// The documents of a segment.
    pub fn segment(&self, segment: u32) -> Cow<'_, RoaringBitmap> {
        match self {
            DocSet::Empty => Cow::Owned(RoaringBitmap::new()),
            DocSet::One(one) if segment_of(*one) == segment => Cow::Owned(RoaringBitmap::from_iter([*one])),
            DocSet::One(_) => Cow::Owned(RoaringBitmap::new()),
            DocSet::Few(list) => {
                let from = list.partition_point(|one| segment_of(*one) < segment);
                let to = list.partition_point(|one| segment_of(*one) <= segment);
                let part = list[from..to].iter().copied();
                Cow::Owned(RoaringBitmap::from_sorted_iter(part).expect("documents that rise"))
            }
            DocSet::Many(segments) => match segments.part(segment) {
                Some(part) => Cow::Borrowed(part),
                None => Cow::Owned(RoaringBitmap::new()),
            },
        }
    }

    /// The segments that are not empty.
    pub fn segments(&self) -> Vec<u32> {
        match self {
            DocSet::Empty => Vec::new(),
            DocSet::One(one) => vec![segment_of(*one)],
            DocSet::Few(list) => {
                let mut segments: Vec<u32> = list.iter().map(|one| segment_of(*one)).collect();
                segments.dedup();
                segments
            }
            DocSet::Many(segments) => segments.parts.iter().map(|(segment, _)| *segment).collect(),
        }
    }

    /// All documents, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let (list, parts): (&[u32], &[_]) = match self {
            DocSet::Empty => (&[], &[]),
            DocSet::One(one) => (std::slice::from_ref(one), &[]),
            DocSet::Few(list) => (&list[..], &[]),
            DocSet::Many(segments) => (&[], &segments.parts[..]),
        };
        list.iter().copied().chain(parts.iter().flat_map(|(_, part)| part.iter()))
    }

    /// Bytes behind the set itself.
    pub fn bytes(&self) -> usize {
        match self {
            DocSet::Empty | DocSet::One(_) => 0,
            DocSet::Few(list) => 40 + list.capacity() * 4,
            DocSet::Many(segments) => {
                let part = |part: &RoaringBitmap| match part.len() {
                    len @ 0..=4096 => 80 + 2 * len as usize,
                    _ => 80 + 8192,
                };
                48 + segments.parts.iter().map(|(_, bits)| 16 + part(bits)).sum::<usize>()
            }
        }
    }
}

impl Segments {
    fn part(&self, segment: u32) -> Option<&RoaringBitmap> {
        let at = self.parts.binary_search_by_key(&segment, |(segment, _)| *segment).ok()?;
        Some(&self.parts[at].1)
    }

    fn insert(&mut self, document: u32) {
        let segment = segment_of(document);
        let at = match self.parts.binary_search_by_key(&segment, |(segment, _)| *segment) {
            Ok(at) => at,
            Err(at) => {
                self.parts.insert(at, (segment, Arc::default()));
                at
            }
        };
        self.len += usize::from(Arc::make_mut(&mut self.parts[at].1).insert(document));
    }

    fn remove(&mut self, document: u32) {
        let segment = segment_of(document);
        let Ok(at) = self.parts.binary_search_by_key(&segment, |(segment, _)| *segment) else { return };
        let part = Arc::make_mut(&mut self.parts[at].1);
        self.len -= usize::from(part.remove(document));
        if part.is_empty() {
            self.parts.remove(at);
        }
    }
}

impl FromIterator<u32> for Segments {
    fn from_iter<I: IntoIterator<Item = u32>>(documents: I) -> Segments {
        let mut segments = Segments::default();
        documents.into_iter().for_each(|document| segments.insert(document));
        segments
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use std::collections::BTreeSet;

    #[test]
    fn it_is_a_set_of_any_size_and_copies_keep_their_moment() {
        for seed in 0..10 {
            let mut random = SmallRng::seed_from_u64(seed);
            let (mut set, mut twin) = (DocSet::default(), BTreeSet::new());
            let mut copies = Vec::new();
            for step in 0..20_000 {
                let document = random.random_range(0..300_000);
                if random.random_bool(if step < 10_000 { 0.8 } else { 0.1 }) {
                    assert_eq!(set.insert(document), twin.insert(document));
                } else {
                    let document = twin.range(document..).next().copied().unwrap_or(document);
                    assert_eq!(set.remove(document), twin.remove(&document));
                }
                assert_eq!(set.len(), twin.len());
                if step % 2000 == 0 {
                    copies.push((set.clone(), twin.clone()));
                }
            }
            for (set, twin) in copies {
                assert!(set.iter().eq(twin.iter().copied()), "seed {seed}");
                let parts: Vec<u32> = set
                    .segments()
                    .into_iter()
                    .flat_map(|segment| set.segment(segment).iter().collect::<Vec<_>>())
                    .collect();
                assert!(parts.iter().eq(twin.iter()));
                assert!(twin.iter().all(|document| set.contains(*document)));
            }
        }
    }
}
