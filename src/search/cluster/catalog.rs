//! The replicated catalogue of definitions: indexes with their synonyms, aliases, dictionaries.
//!
//! Each is a name with a version; the later of two versions wins on all nodes (last writer wins). A version is the time at
//! which the command was run, in milliseconds, or one above the highest that the node had seen; ties are broken by
//! content. Dropped definitions are kept as tombstones while the node runs, so that a node that was disconnected
//! learns of them. Nodes compare digests periodically and exchange their definitions where these differ.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use super::wire::{Malformed, Reader, Writer};

/// The kind of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Index,
    Alias,
    Dictionary,
}

const KINDS: [Kind; 3] = [Kind::Index, Kind::Alias, Kind::Dictionary];

/// The content: lists of words. For an index those of FT.CREATE, then a list for each group of synonyms; for an alias the name of
/// its index; for a dictionary its words.
pub type Content = Vec<Vec<Vec<u8>>>;

/// All that a node has, by name.
pub type Contents = BTreeMap<(Kind, Vec<u8>), Content>;

/// A definition, or the tombstone of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Definition {
    pub kind: Kind,
    pub name: Vec<u8>,
    pub state: State,
}

/// The entry of a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    pub version: u64,
    /// None: dropped.
    pub content: Option<Content>,
    /// Whether the documents were to go with the index.
    pub with_documents: bool,
}

impl Definition {
    pub fn write(&self, to: &mut Writer) {
        to.byte(KINDS.iter().position(|kind| *kind == self.kind).unwrap_or(0) as u8);
        to.bytes(&self.name);
        to.number(self.state.version);
        to.byte(u8::from(self.state.with_documents));
        to.byte(u8::from(self.state.content.is_some()));
        if let Some(content) = &self.state.content {
            to.list(content, |to, list| to.list(list, |to, word| to.bytes(word)));
        }
    }

    pub fn read(from: &mut Reader) -> Result<Definition, Malformed> {
        let kind = KINDS.get(usize::from(from.byte()?)).copied().ok_or(Malformed)?;
        let (name, version, with_documents) = (from.bytes()?.to_vec(), from.number()?, from.flag()?);
        let content = match from.flag()? {
            true => Some(from.list(|from| from.list(|from| Ok(from.bytes()?.to_vec())))?),
            false => None,
        };
        Ok(Definition { kind, name, state: State { version, content, with_documents } })
    }
}

/// How far ahead of this node's clock a version may be, in milliseconds; later ones are rejected, as no later change
/// could ever overrule it.
const MOST_AHEAD: u64 = 24 * 3600 * 1000;

/// The catalogue of a node.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    known: BTreeMap<(Kind, Vec<u8>), State>,
    /// The highest version seen.
    latest: u64,
}

impl Catalog {
    /// Records the node's definitions after a command; returns what changed. `now` is in milliseconds.
    pub fn observe(&mut self, current: &Contents, now: u64, with_documents: bool) -> Vec<Definition> {
        let version = now.max(self.latest + 1);
        let mut changed = Vec::new();
        for ((kind, name), content) in current {
            let key = (*kind, name.clone());
            if self.known.get(&key).is_none_or(|state| state.content.as_ref() != Some(content)) {
                let state = State { version, content: Some(content.clone()), with_documents: false };
                changed.push(Definition { kind: *kind, name: name.clone(), state });
            }
        }
        for ((kind, name), state) in &self.known {
            if state.content.is_some() && !current.contains_key(&(*kind, name.clone())) {
                let state = State { version, content: None, with_documents };
                changed.push(Definition { kind: *kind, name: name.clone(), state });
            }
        }
        for definition in &changed {
            self.known.insert((definition.kind, definition.name.clone()), definition.state.clone());
            self.latest = self.latest.max(version);
        }
        changed
    }

    /// Merges the entries of another node; returns the new ones, in the order in which they can be applied: drops first,
    /// indexes before their aliases.
    pub fn merge(&mut self, others: Vec<Definition>, now: u64) -> Vec<Definition> {
        let mut news: Vec<Definition> = Vec::new();
        for definition in others {
            let key = (definition.kind, definition.name.clone());
            let is_later = self.known.get(&key).is_none_or(|known| *known < definition.state);
            if !is_later || definition.state.version > now.saturating_add(MOST_AHEAD) {
                continue;
            }
            self.latest = self.latest.max(definition.state.version);
            self.known.insert(key, definition.state.clone());
            news.push(definition);
        }
        news.sort_by_key(order);
        news
    }

    /// Adds definitions of unknown age, from before the catalogue.
    pub fn adopt(&mut self, current: &Contents) {
        for (key, content) in current.iter().filter(|(key, _)| !self.known.contains_key(key)).collect::<Vec<_>>() {
            let state = State { version: 1, content: Some(content.clone()), with_documents: false };
            self.known.insert(key.clone(), state);
        }
    }

    /// The definitions that differ from those of a node, in the order in which they can be applied.
    pub fn differing(&self, current: &Contents) -> Vec<Definition> {
        let mut all = self.all();
        let differs = |definition: &Definition| {
            let key = (definition.kind, definition.name.clone());
            current.get(&key) != definition.state.content.as_ref()
        };
        all.retain(differs);
        all.sort_by_key(order);
        all
    }

    /// The entry of a name.
    pub fn find(&self, kind: Kind, name: &[u8]) -> Option<Definition> {
        let state = self.known.get(&(kind, name.to_vec()))?.clone();
        Some(Definition { kind, name: name.to_vec(), state })
    }

    /// All definitions.
    pub fn all(&self) -> Vec<Definition> {
        let definition = |((kind, name), state): (&(Kind, Vec<u8>), &State)| Definition {
            kind: *kind,
            name: name.clone(),
            state: state.clone(),
        };
        self.known.iter().map(definition).collect()
    }

    /// All definitions that are not dropped.
    pub fn contents(&self) -> Contents {
        let there = |(key, state): (&(Kind, Vec<u8>), &State)| Some((key.clone(), state.content.clone()?));
        self.known.iter().filter_map(there).collect()
    }

    /// Equal for equal catalogs.
    pub fn digest(&self) -> u64 {
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        self.known.hash(&mut hasher);
        hasher.finish()
    }
}

/// Drops first, indexes before their aliases.
fn order(definition: &Definition) -> (bool, Kind) {
    (definition.state.content.is_some(), definition.kind)
}

/// FNV-1a, which is the same in every process.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    fn content(word: u32) -> Content {
        vec![vec![word.to_string().into_bytes()]]
    }

    /// Nodes that create, change and drop at random, and whose messages arrive in any order, twice or never, agree as soon as all
    /// have exchanged all.
    #[test]
    fn nodes_agree() {
        for seed in 0..300 {
            let mut random = SmallRng::seed_from_u64(seed);
            let mut nodes: Vec<(Catalog, Contents)> = vec![Default::default(); 4];
            let mut messages: Vec<Vec<Definition>> = Vec::new();
            let mut last = (0, Vec::new(), None);
            for now in 2..60 {
                let at = random.random_range(0..4);
                let (catalog, contents) = &mut nodes[at];
                if random.random_bool(0.5) {
                    let key = (KINDS[random.random_range(0..3)], vec![random.random_range(b'a'..b'e')]);
                    let value = (random.random_bool(0.7)).then(|| content(random.random_range(0..9)));
                    match &value {
                        Some(value) => contents.insert(key.clone(), value.clone()),
                        None => contents.remove(&key),
                    };
                    let changed = catalog.observe(contents, now, false);
                    if !changed.is_empty() {
                        last = (now, key.1, value);
                    }
                    messages.push(changed);
                } else if !messages.is_empty() {
                    let message = messages[random.random_range(0..messages.len())].clone();
                    catalog.merge(message, now);
                    *contents = catalog.contents();
                }
            }
            for _ in 0..2 {
                for from in 0..4 {
                    let all = nodes[from].0.all();
                    nodes.iter_mut().for_each(|(catalog, _)| drop(catalog.merge(all.clone(), 60)));
                }
            }
            let first = nodes[0].0.contents();
            assert!(nodes.iter().all(|(catalog, _)| catalog.contents() == first), "seed {seed}");
            assert!(nodes.iter().all(|(catalog, _)| catalog.digest() == nodes[0].0.digest()), "seed {seed}");
            let found = first.iter().find(|((_, name), value)| *name == last.1 && Some(*value) == last.2.as_ref());
            assert!(last.2.is_none() || found.is_some(), "seed {seed}: the last change holds");
        }
    }

    #[test]
    fn what_comes_from_far_ahead_is_not_taken_in() {
        let mut catalog = Catalog::default();
        let state = State { version: u64::MAX, content: None, with_documents: true };
        let news = catalog.merge(vec![Definition { kind: Kind::Index, name: b"i".to_vec(), state }], 1000);
        assert!(news.is_empty() && catalog.all().is_empty());
    }
}
