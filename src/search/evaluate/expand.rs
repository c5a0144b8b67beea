//! Expansion of prefixes, suffixes, wildcards and fuzzy words to the words or tags of the index that match.

use std::ops::Bound;
use std::sync::Arc;

use memchr::memmem::Finder;

use super::options::Limits;
use crate::search::index::Tree;
use crate::search::query::Affix;
use crate::search::text::MAX_TOKEN;

/// Entries visited between two readings of the clock.
const STRIDE: usize = 1024;

/// The pattern, with operands in the case of the dictionary.
pub enum Pattern {
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    Infix(Vec<u8>),
    Wildcard(Wildcard),
    Fuzzy(Fuzzy),
}

/// The entries that match, in byte order.
pub struct Expanded<'a, V> {
    pub entries: Vec<(&'a Arc<[u8]>, &'a V)>,
    /// There are more than the limit.
    pub cut: bool,
    /// The query timed out.
    pub late: bool,
}

impl Pattern {
    /// Folds the operand with `fold`. None if it is too short to match anything.
    pub fn of_affix(affix: &Affix, min_prefix: usize, fold: impl Fn(&[u8]) -> Vec<u8>) -> Option<Pattern> {
        let long = |operand: &[u8]| Some(fold(operand)).filter(|operand| operand.len() >= min_prefix);
        Some(match affix {
            Affix::Prefix(operand) => Pattern::Prefix(long(operand)?),
            Affix::Suffix(operand) => Pattern::Suffix(long(operand)?),
            Affix::Infix(operand) => Pattern::Infix(long(operand)?),
            Affix::Wildcard(pattern) => Pattern::Wildcard(Wildcard::new(&fold(pattern))),
        })
    }

    /// At most `limit` entries that match and are admissible.
    pub fn expand<'a, V: Clone>(
        &self,
        dictionary: &'a Tree<Arc<[u8]>, V>,
        limit: usize,
        limits: &Limits,
        admissible: impl Fn(&V) -> bool,
    ) -> Expanded<'a, V> {
        let mut expanded = Expanded { entries: Vec::new(), cut: false, late: false };
        let start = match self {
            Pattern::Prefix(prefix) => prefix,
            Pattern::Wildcard(wildcard) => &wildcard.start,
            _ => &Vec::new(),
        };
        let mut test = self.test();
        let mut entries = dictionary.iter_from(Bound::Included(&start[..]));
        let mut looked = 0;
        while let Some((name, value)) = entries.next() {
            if !name.starts_with(start) {
                break;
            }
            // Tags may be long, and take as much longer to look at.
            looked += 1 + name.len() / 64;
            if looked >= STRIDE {
                looked = 0;
                if limits.reached() {
                    expanded.late = true;
                    break;
                }
            }
            match test(name) {
                Test::Yes if admissible(value) => {
                    if expanded.entries.len() == limit {
                        expanded.cut = true;
                        break;
                    }
                    expanded.entries.push((name, value));
                }
                Test::Skip(next) => entries = dictionary.iter_from(Bound::Included(&next[..])),
                Test::End => break,
                _ => {}
            }
        }
        expanded
    }

    fn test(&self) -> Tester<'_> {
        let found = |yes: bool| if yes { Test::Yes } else { Test::No };
        match self {
            Pattern::Prefix(_) => Box::new(|_| Test::Yes),
            Pattern::Suffix(suffix) => Box::new(move |name| found(name.ends_with(suffix))),
            Pattern::Infix(infix) => {
                let finder = Finder::new(infix);
                Box::new(move |name| found(finder.find(name).is_some()))
            }
            Pattern::Wildcard(wildcard) => Box::new(move |name| found(wildcard.matches(name))),
            Pattern::Fuzzy(fuzzy) => {
                let mut rows = Rows::new(fuzzy);
                Box::new(move |name| rows.test(name))
            }
        }
    }
}

/// Matches names, which are given in order.
type Tester<'a> = Box<dyn FnMut(&[u8]) -> Test + 'a>;

enum Test {
    Yes,
    No,
    /// Nothing below this name matches.
    Skip(Vec<u8>),
    /// Nothing further matches.
    End,
}

/// The characters of a name; bytes that are no UTF-8 count one each.
fn characters(name: &[u8]) -> impl Iterator<Item = (u32, usize)> + '_ {
    name.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().chars().map(|c| (c as u32, c.len_utf8()));
        valid.chain(chunk.invalid().iter().map(|byte| (0x8000_0000 | u32::from(*byte), 1)))
    })
}

/// A pattern of `?`, `*` and characters.
pub struct Wildcard {
    parts: Vec<Part>,
    /// The literal bytes with which every match begins.
    start: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Any,
    One,
    Is(u32),
}

impl Wildcard {
    pub fn new(pattern: &[u8]) -> Wildcard {
        let (mut parts, mut start, mut literal, mut at) = (Vec::new(), Vec::new(), true, 0);
        let mut escaped = false;
        for (character, length) in characters(pattern) {
            let bytes = &pattern[at..at + length];
            at += length;
            let part = match bytes {
                b"\\" if !escaped => {
                    escaped = true;
                    continue;
                }
                b"*" if !escaped => Part::Any,
                b"?" if !escaped => Part::One,
                _ => Part::Is(character),
            };
            escaped = false;
            literal &= matches!(part, Part::Is(_));
            if literal {
                start.extend_from_slice(bytes);
            }
            if part != Part::Any || parts.last() != Some(&Part::Any) {
                parts.push(part);
            }
        }
        Wildcard { parts, start }
    }

    /// Whether the whole name matches. Takes at most the product of the two lengths of steps.
    pub fn matches(&self, name: &[u8]) -> bool {
        let name: Vec<u32> = characters(name).map(|(character, _)| character).collect();
        let (mut part, mut at, mut retry) = (0, 0, None);
        loop {
            match self.parts.get(part) {
                Some(Part::Any) => {
                    retry = Some((part, at));
                    part += 1;
                    continue;
                }
                Some(Part::One) if at < name.len() => {
                    (part, at) = (part + 1, at + 1);
                    continue;
                }
                Some(Part::Is(character)) if name.get(at) == Some(character) => {
                    (part, at) = (part + 1, at + 1);
                    continue;
                }
                None if at == name.len() => return true,
                _ => {}
            }
            // The last star takes one character more.
            let Some((star, from)) = retry.filter(|(_, from)| *from < name.len()) else { return false };
            retry = Some((star, from + 1));
            (part, at) = (star + 1, from + 1);
        }
    }
}

/// A word, and how many letters may differ.
pub struct Fuzzy {
    word: Vec<u32>,
    distance: usize,
}

impl Fuzzy {
    /// None if the word is too long to be near any word of an index.
    pub fn new(word: &[u8], distance: u8) -> Option<Fuzzy> {
        let distance = usize::from(distance);
        let word: Vec<u32> = characters(word).map(|(character, _)| character).collect();
        (word.len() <= MAX_TOKEN + distance).then_some(Fuzzy { word, distance })
    }
}

/// Levenshtein's table for the last name. Names are given in order, so most rows can be reused for the next; and if a
/// row has no small entry, no name with this prefix matches.
struct Rows<'a> {
    fuzzy: &'a Fuzzy,
    /// Of each character of the name: itself, where it ends, and its row.
    rows: Vec<(u32, usize, Vec<usize>)>,
    first: Vec<usize>,
}

impl<'a> Rows<'a> {
    fn new(fuzzy: &'a Fuzzy) -> Rows<'a> {
        Rows { fuzzy, rows: Vec::new(), first: (0..=fuzzy.word.len()).collect() }
    }

    fn test(&mut self, name: &[u8]) -> Test {
        let (word, distance) = (&self.fuzzy.word, self.fuzzy.distance);
        let (mut at, mut end) = (0, 0);
        for (character, length) in characters(name) {
            end += length;
            if self.rows.get(at).is_none_or(|row| (row.0, row.1) != (character, end)) {
                self.rows.truncate(at);
                let before = self.rows.last().map_or(&self.first, |row| &row.2);
                let mut row = Vec::with_capacity(word.len() + 1);
                row.push(at + 1);
                for (column, letter) in word.iter().enumerate() {
                    let replaced = before[column] + usize::from(*letter != character);
                    row.push(replaced.min(before[column + 1] + 1).min(row[column] + 1));
                }
                self.rows.push((character, end, row));
            }
            at += 1;
            if self.rows[at - 1].2.iter().all(|entry| *entry > distance) {
                return behind(&name[..end]).map_or(Test::End, Test::Skip);
            }
        }
        self.rows.truncate(at);
        let last = self.rows.last().map_or(&self.first, |row| &row.2);
        if last[word.len()] <= distance { Test::Yes } else { Test::No }
    }
}

/// The first name after all that begin with these bytes.
fn behind(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < 255)?;
    let mut next = prefix[..=last].to_vec();
    next[last] += 1;
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    /// By the definition, recursively.
    fn wild(pattern: &[char], name: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some(('*', rest)) => (0..=name.len()).any(|skip| wild(rest, &name[skip..])),
            Some((one, rest)) => name.first().is_some_and(|c| one == c || *one == '?') && wild(rest, &name[1..]),
        }
    }

    fn levenshtein(a: &[char], b: &[char]) -> usize {
        match (a.split_first(), b.split_first()) {
            (None, _) => b.len(),
            (_, None) => a.len(),
            (Some((x, more_a)), Some((y, more_b))) if x == y => levenshtein(more_a, more_b),
            (Some((_, more_a)), Some((_, more_b))) => {
                1 + levenshtein(more_a, more_b).min(levenshtein(a, more_b)).min(levenshtein(more_a, b))
            }
        }
    }

    #[test]
    fn patterns_match_by_their_definitions() {
        for seed in 0..40 {
            let mut random = SmallRng::seed_from_u64(seed);
            let letters = ['a', 'b', 'é', '日'];
            let mut name = |most: usize| -> Vec<char> {
                (0..random.random_range(1..=most)).map(|_| letters[random.random_range(0..4)]).collect()
            };
            let names: Vec<Vec<char>> = (0..200).map(|_| name(6)).collect();
            let bytes = |name: &[char]| name.iter().collect::<String>().into_bytes();
            let mut tree = Tree::default();
            for name in &names {
                tree.insert(Arc::from(bytes(name)), ());
            }
            let mut operands: Vec<Vec<char>> = (0..20).map(|_| name(4)).collect();
            operands.iter_mut().for_each(|operand| {
                let at = operand.len() / 2;
                operand.insert(at, ['*', '?', 'a'][at % 3]);
            });
            for operand in &operands {
                let plain: Vec<char> = operand.iter().copied().filter(|c| c.is_alphabetic()).collect();
                let text = bytes(&plain);
                let check = |pattern: Pattern, matches: &dyn Fn(&[char]) -> bool| {
                    let expanded = pattern.expand(&tree, usize::MAX, &Limits::default(), |()| true);
                    let found: Vec<Vec<u8>> = expanded.entries.iter().map(|(name, _)| name.to_vec()).collect();
                    let mut expected: Vec<Vec<u8>> =
                        names.iter().filter(|name| matches(name)).map(|name| bytes(name)).collect();
                    expected.sort();
                    expected.dedup();
                    assert_eq!(found, expected, "seed {seed}, {operand:?}");
                };
                check(Pattern::Wildcard(Wildcard::new(&bytes(operand))), &|name| wild(operand, name));
                check(Pattern::Prefix(text.clone()), &|name| name.starts_with(&plain));
                check(Pattern::Suffix(text.clone()), &|name| name.ends_with(&plain));
                check(Pattern::Infix(text.clone()), &|name| name.windows(plain.len()).any(|part| part == plain));
                for distance in 1..=3 {
                    let fuzzy = Pattern::Fuzzy(Fuzzy::new(&text, distance).expect("a short word"));
                    check(fuzzy, &|name| levenshtein(name, &plain) <= distance.into());
                }
            }
            let expanded = Pattern::Prefix(Vec::new()).expand(&tree, 3, &Limits::default(), |()| true);
            assert!(expanded.cut && expanded.entries.len() == 3);
        }
    }

    #[test]
    fn wildcards_escape_and_do_not_run_away() {
        assert!(Wildcard::new(b"a\\*b").matches(b"a*b"));
        assert!(!Wildcard::new(b"a\\*b").matches(b"axb"));
        assert!(Wildcard::new(b"*").matches(b""));
        let pattern = Wildcard::new("a*".repeat(300).as_bytes());
        assert!(!pattern.matches(&[b"a".repeat(299), b"b".repeat(3000)].concat()));
    }
}
