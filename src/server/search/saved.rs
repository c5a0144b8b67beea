//! The strings in which indexes and dictionaries are saved, in RDB files and in append-only files.

use super::registry::{Entry, Registry};
use crate::search::command::{create, rewrite};
use crate::search::index::{SearchIndex, WordSet};
use crate::search::schema::Definition;

/// Of what the strings hold.
const VERSION: u8 = 1;

/// The content of a string.
pub enum Saved {
    Index(Box<Index>),
    Dictionary {
        name: Vec<u8>,
        words: WordSet,
    },
    /// A block of the graph of a field.
    Graph {
        database: i32,
        name: Vec<u8>,
        field: usize,
        block: Vec<u8>,
    },
}

/// A definition with its names and synonyms.
pub struct Index {
    pub database: i32,
    pub definition: Definition,
    aliases: Vec<Vec<u8>>,
    /// Names of groups and their words.
    synonyms: Vec<(Vec<u8>, Vec<Vec<u8>>)>,
}

impl Index {
    /// The index's name.
    pub fn name(&self) -> &[u8] {
        &self.definition.name
    }

    /// Adds the index without documents; its name must be free.
    pub fn put(self, registry: &mut Registry) -> u64 {
        let name = self.definition.name.clone();
        let mut index = SearchIndex::new(self.definition);
        self.synonyms.iter().for_each(|(group, words)| index.add_synonyms(group, words, true));
        let id = registry.add(self.database, Entry::new(index));
        self.aliases.iter().for_each(|alias| registry.set_alias(self.database, alias, &name));
        id
    }

    /// Adds the names and synonyms to an index of the same definition that is there.
    pub fn complete(self, registry: &mut Registry) {
        let name = &self.definition.name;
        if let Some(entry) = registry.find_named(self.database, name) {
            self.synonyms.iter().for_each(|(group, words)| entry.index.add_synonyms(group, words, true));
        }
        self.aliases.iter().for_each(|alias| registry.set_alias(self.database, alias, name));
    }
}

/// The strings that a registry is saved as: one for each index, one for each dictionary.
pub fn strings(registry: &mut Registry) -> Vec<Vec<u8>> {
    let mut strings = Vec::new();
    let indexes: Vec<(i32, Vec<u8>)> =
        registry.entries().map(|(database, entry)| (database, entry.definition.name.clone())).collect();
    for (database, name) in indexes {
        let aliases = registry.aliases(database, &name);
        let Some(entry) = registry.find_named(database, &name) else { continue };
        let mut fields = vec![vec![VERSION], b"index".to_vec(), database.to_string().into_bytes()];
        fields.push(pack(&rewrite::words(&entry.definition)));
        fields.push(pack(&aliases));
        for (group, words) in entry.index.synonyms().groups() {
            let group: Vec<&[u8]> = std::iter::once(group).chain(words.iter()).collect();
            fields.push(pack(&group));
        }
        strings.push(pack(&fields));
    }
    for (name, words) in &registry.dictionaries {
        let words: Vec<&[u8]> = words.iter().collect();
        strings.push(pack(&[vec![VERSION], b"dictionary".to_vec(), name.clone(), pack(&words)]));
    }
    strings
}

/// The string of a block of a field's graph.
pub fn graph(database: i32, name: &[u8], field: usize, block: &[u8]) -> Vec<u8> {
    let [database, field] = [database.to_string(), field.to_string()].map(String::into_bytes);
    pack(&[&[VERSION], &b"graph"[..], &database, name, &field, block])
}

impl Saved {
    /// Reads a string; none if it is not understood.
    pub fn read(string: &[u8]) -> Option<Saved> {
        match &unpack(string)?[..] {
            [[VERSION], b"index", database, words, aliases, synonyms @ ..] => {
                let group = |group: &&[u8]| {
                    let group = unpack(group)?;
                    let (name, words) = group.split_first()?;
                    Some((name.to_vec(), words.iter().map(|word| word.to_vec()).collect()))
                };
                Some(Saved::Index(Box::new(Index {
                    database: number(database)?,
                    definition: create::create(&unpack(words)?).ok()?,
                    aliases: unpack(aliases)?.into_iter().map(<[u8]>::to_vec).collect(),
                    synonyms: synonyms.iter().map(group).collect::<Option<_>>()?,
                })))
            }
            [[VERSION], b"dictionary", name, words] => {
                let words = unpack(words)?.into_iter().collect();
                Some(Saved::Dictionary { name: name.to_vec(), words })
            }
            [[VERSION], b"graph", database, name, field, block] => Some(Saved::Graph {
                database: number(database)?,
                name: name.to_vec(),
                field: number(field)?,
                block: block.to_vec(),
            }),
            _ => None,
        }
    }
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Byte strings as one, each behind its length.
fn pack(parts: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut packed = Vec::new();
    for part in parts.iter().map(AsRef::as_ref) {
        packed.extend_from_slice(&(part.len() as u64).to_le_bytes());
        packed.extend_from_slice(part);
    }
    packed
}

fn unpack(mut packed: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !packed.is_empty() {
        let (len, rest) = packed.split_at_checked(8)?;
        let len = u64::from_le_bytes(len.try_into().ok()?);
        let (part, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
        parts.push(part);
        packed = rest;
    }
    Some(parts)
}
