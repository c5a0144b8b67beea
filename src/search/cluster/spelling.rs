//! FT.SPELLCHECK: merges the shards' suggestions.

use std::collections::BTreeMap;

use super::values::{bulk, bytes, count, items, list, optional};
use super::wire::Malformed;
use crate::reply::Reply;
use crate::search::spell::Suggestion;

/// The part of a shard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Documents of its part of the index.
    pub documents: usize,
    /// The words of the query, each with the words near it; None if the shard has the word itself.
    pub words: Vec<(Vec<u8>, Option<Vec<Suggestion>>)>,
}

impl Part {
    pub fn write(self) -> Reply {
        let one = |near: Suggestion| Reply::Array(vec![Reply::Bulk(near.word), Reply::from(near.documents)]);
        let word = |(word, near): (Vec<u8>, Option<Vec<Suggestion>>)| {
            let near = near.map_or(Reply::Nil, |near| Reply::Array(near.into_iter().map(one).collect()));
            Reply::Array(vec![bulk(&word), near])
        };
        Reply::Array(vec![Reply::from(self.documents), Reply::Array(self.words.into_iter().map(word).collect())])
    }

    /// # Errors
    /// If it is not what a shard sends.
    pub fn read(reply: Reply) -> Result<Part, Malformed> {
        let [documents, words] = items(reply)?;
        let one = |reply: Reply| {
            let [word, documents] = items(reply)?;
            Ok(Suggestion { word: bytes(word)?, documents: count(documents)? })
        };
        let word = |reply: Reply| {
            let [word, near] = items(reply)?;
            let near = optional(near, |near| list(near)?.into_iter().map(one).collect())?;
            Ok((bytes(word)?, near))
        };
        let words = list(words)?.into_iter().map(word).collect::<Result<_, _>>()?;
        Ok(Part { documents: count(documents)?, words })
    }
}

/// A word is known if one shard knows it; numbers of documents are added.
pub fn merge(parts: Vec<Part>) -> Part {
    let mut documents = 0usize;
    let mut order: Vec<Vec<u8>> = Vec::new();
    let mut near: BTreeMap<Vec<u8>, Option<BTreeMap<Vec<u8>, usize>>> = BTreeMap::new();
    for part in parts {
        documents = documents.saturating_add(part.documents);
        for (word, suggestions) in part.words {
            let known = near.entry(word).or_insert_with_key(|word| {
                order.push(word.clone());
                Some(BTreeMap::new())
            });
            match (known, suggestions) {
                (Some(sums), Some(suggestions)) => suggestions.into_iter().for_each(|one| {
                    let sum = sums.entry(one.word).or_default();
                    *sum = sum.saturating_add(one.documents);
                }),
                (known, _) => *known = None,
            }
        }
    }
    let suggestion = |(word, documents)| Suggestion { word, documents };
    let words = order.into_iter().map(|word| {
        let sums = near.remove(&word).flatten();
        (word, sums.map(|sums| sums.into_iter().map(suggestion).collect()))
    });
    Part { documents, words: words.collect() }
}
