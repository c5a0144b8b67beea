//! Hits in texts: between tags, and the fragments around them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::tokens;

/// The words that count as hits, in lower case.
pub type Hits = BTreeSet<Arc<[u8]>>;

/// The text with each hit between two tags.
pub fn highlight(text: &[u8], hits: &Hits, open: &[u8], close: &[u8]) -> Vec<u8> {
    let (mut marked, mut done) = (Vec::with_capacity(text.len() + 16), 0);
    for token in tokens(text).filter(|token| hits.contains(&token.word[..])) {
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
/// separator. Without a hit, the beginning of the text.
pub fn summarize(text: &[u8], hits: &Hits, fragments: usize, length: usize, separator: &[u8]) -> Vec<u8> {
    let length = length.max(1);
    let (mut words, mut found) = (Vec::new(), Vec::new());
    for token in tokens(text) {
        if hits.contains(&token.word[..]) {
            found.push(words.len());
        }
        words.push(token.at);
    }
    let mut pieces = if found.is_empty() {
        vec![(0, length.min(words.len()))]
    } else {
        pieces(&found, words.len(), fragments, length)
    };
    pieces.sort_unstable();
    let mut summary = Vec::new();
    for (from, to) in pieces.into_iter().filter(|(from, to)| from < to) {
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
    let mut taken: Vec<(usize, usize)> = Vec::new();
    for piece in candidates {
        if taken.len() >= fragments {
            break;
        }
        if taken.iter().all(|other| piece.1 <= other.0 || other.1 <= piece.0) {
            taken.push(piece);
        }
    }
    taken
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
}
