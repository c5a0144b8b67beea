//! Highlighting: tags around hits in texts, and fragments around them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::tokens;

/// The words that count as hits, in lower case.
pub type Hits = BTreeSet<Arc<[u8]>>;

/// Bytes that tags or separators may add to a text: long ones around each of many words would fill the memory.
const MAX_ADDED: usize = 1 << 20;

/// The text with each hit between two tags; the tags of a text are limited to 1 MiB.
pub fn highlight(text: &[u8], hits: &Hits, open: &[u8], close: &[u8]) -> Vec<u8> {
    let (mut marked, mut done) = (Vec::with_capacity(text.len() + 16), 0);
    let most = MAX_ADDED / (open.len() + close.len()).max(1);
    for token in tokens(text).filter(|token| hits.contains(&token.word[..])).take(most) {
        marked.extend_from_slice(&text[done..token.at.start]);
        marked.extend_from_slice(open);
        marked.extend_from_slice(&text[token.at.clone()]);
        marked.extend_from_slice(close);
        done = token.at.end;
    }
    marked.extend_from_slice(&text[done..]);
    marked
}

/// Up to `fragments` pieces of about `length` words, those with the most hits, in the text's order, each followed by the
/// separator, limited to 1 MiB of separators. Without a hit, the beginning of the text.
pub fn summarize(text: &[u8], hits: &Hits, fragments: usize, length: usize, separator: &[u8]) -> Vec<u8> {
    let length = length.max(1);
    let (mut words, mut found) = (Vec::new(), Vec::new());
    for token in tokens(text) {
        if hits.contains(&token.word[..]) {
            found.push(words.len());
        }
        words.push(token.at);
    }
    let pieces = if found.is_empty() {
        vec![(0, length.min(words.len()))]
    } else {
        pieces(&found, words.len(), fragments, length)
    };
    let mut summary = Vec::new();
    let most = MAX_ADDED / separator.len().max(1);
    for (from, to) in pieces.into_iter().filter(|(from, to)| from < to).take(most) {
        summary.extend_from_slice(&text[words[from].start..words[to - 1].end]);
        summary.extend_from_slice(separator);
    }
    summary
}

/// The ranges of words with the most hits that do not overlap.
fn pieces(found: &[usize], words: usize, fragments: usize, length: usize) -> Vec<(usize, usize)> {
    let around = |hit: &usize| {
        let from = hit.saturating_sub(length / 2).min(words.saturating_sub(length));
        (from, (from + length).min(words))
    };
    let count =
        |(from, to): (usize, usize)| found.partition_point(|hit| *hit < to) - found.partition_point(|hit| *hit < from);
    let mut candidates: Vec<(usize, usize)> = found.iter().map(around).collect();
    candidates.dedup();
    candidates.sort_by_key(|piece| std::cmp::Reverse(count(*piece)));
    // Those taken do not overlap, so that only the last one that begins before a piece's end can reach into it.
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    for (from, to) in candidates {
        if taken.len() >= fragments {
            break;
        }
        if taken.range(..to).next_back().is_none_or(|(_, end)| *end <= from) {
            taken.insert(from, to);
        }
    }
    taken.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(words: &[&str]) -> Hits {
        words.iter().map(|word| word.as_bytes().into()).collect()
    }

    #[test]
    fn hits_stand_between_tags_in_their_own_spelling() {
        let marked = highlight(b"Running rivers: run, RUN!", &hits(&["run", "running"]), b"<b>", b"</b>");
        assert_eq!(marked, b"<b>Running</b> rivers: <b>run</b>, <b>RUN</b>!");
        assert_eq!(highlight(b"nothing here.", &hits(&["x"]), b"<b>", b"</b>"), b"nothing here.");
    }

    #[test]
    fn summaries_are_the_pieces_with_the_most_hits() {
        let text = (0..100).map(|at| if at == 10 || at == 50 || at == 52 { "hit".into() } else { format!("w{at}") });
        let text = text.collect::<Vec<String>>().join(" ").into_bytes();
        let summary = |fragments| String::from_utf8(summarize(&text, &hits(&["hit"]), fragments, 4, b"... ")).unwrap();
        assert_eq!(summary(1), "hit w51 hit w53... ");
        assert_eq!(summary(3), "w8 w9 hit w11... hit w51 hit w53... ");
        assert_eq!(summarize(b"a b c d e", &hits(&["x"]), 3, 2, b"..."), b"a b...");
        assert_eq!(summarize(b"", &hits(&["x"]), 3, 2, b"..."), b"");
    }

    #[test]
    fn long_tags_and_separators_do_not_multiply_a_text() {
        let (text, hit, long) = (b"hit ".repeat(1000), hits(&["hit"]), vec![b'x'; 100_000]);
        assert!(highlight(&text, &hit, &long, b"").len() <= text.len() + MAX_ADDED);
        assert!(summarize(&text, &hit, 1000, 1, &long).len() <= text.len() + MAX_ADDED);
        assert_eq!(highlight(&text, &hit, b"", b""), text);
        assert!(highlight(b"hit hit", &hit, &vec![b'x'; MAX_ADDED + 1], b"") == b"hit hit");
    }

    #[test]
    fn the_pieces_taken_are_those_of_the_definition() {
        use rand::{Rng, SeedableRng, rngs::SmallRng};
        for seed in 0..2000 {
            let mut random = SmallRng::seed_from_u64(seed);
            let words = random.random_range(1..60);
            let found: Vec<usize> = (0..words).filter(|_| random.random_bool(0.4)).collect();
            let (fragments, length) = (random.random_range(1..8), random.random_range(1..9));
            let taken = pieces(&found, words, fragments, length);
            assert!(taken.windows(2).all(|pair| pair[0].1 <= pair[1].0), "seed {seed}");
            assert!(taken.len() <= fragments, "seed {seed}");
            let overlaps = |from: usize, to: usize| taken.iter().any(|other| other.0 < to && from < other.1);
            let full = taken.len() == fragments;
            let around = |hit: usize| {
                let from = hit.saturating_sub(length / 2).min(words.saturating_sub(length));
                (from, (from + length).min(words))
            };
            assert!(full || found.iter().map(|hit| around(*hit)).all(|(from, to)| overlaps(from, to)), "seed {seed}");
        }
    }
}
