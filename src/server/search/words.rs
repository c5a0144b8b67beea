//! Synonyms, dictionaries, spell check.

use std::collections::{BTreeMap, BTreeSet};

use super::access::target;
use super::binding::{self, BoundQuery};
use super::{Missing, ok, protocol, refuse, registry};
use crate::reply::Reply;
use crate::search::command::options::QueryOptions;
use crate::search::command::small::SpellcheckRequest;
use crate::search::evaluate::SearchOptions;
use crate::search::reply;
use crate::search::spell;
use crate::server::blocking;
use crate::server::commands::{Call, Failure, Outcome};

/// FT.SYNUPDATE
pub fn ft_synupdate(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    let group = call.args[1];
    let words = match call.args[2].eq_ignore_ascii_case(b"SKIPINITIALSCAN") {
        true => &call.args[3..],
        false => &call.args[2..],
    };
    if words.is_empty() {
        return Err(Failure::Arity);
    }
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.to_vec()).collect();
    registry::with(|registry| {
        if let Some((_, entry)) = registry.by_id(target.id) {
            entry.index.add_synonyms(group, &words);
        }
    });
    call.ctx.replicate_verbatim();
    ok()
}

/// FT.SYNDUMP
pub fn ft_syndump(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    let mut by_word: BTreeMap<Vec<u8>, Vec<Reply>> = BTreeMap::new();
    registry::with(|registry| {
        let Some((_, entry)) = registry.by_id(target.id) else { return };
        for (group, words) in entry.index.synonyms() {
            for word in words {
                by_word.entry(word.clone()).or_default().push(Reply::Bulk(group.to_vec()));
            }
        }
    });
    let pairs = by_word.into_iter().map(|(word, groups)| (Reply::Bulk(word), Reply::Array(groups)));
    Ok(Some(Reply::Map(pairs.collect())))
}

/// FT.DICTADD
pub fn ft_dictadd(call: &Call) -> Outcome {
    let [name, words @ ..] = call.args else { return Err(Failure::Arity) };
    let added = registry::with(|registry| {
        let dictionary = registry.dictionaries.entry(name.to_vec()).or_default();
        words.iter().filter(|word| dictionary.insert(word.to_vec())).count()
    });
    call.ctx.replicate_verbatim();
    Ok(Some(Reply::from(added)))
}

/// FT.DICTDEL
pub fn ft_dictdel(call: &Call) -> Outcome {
    let [name, words @ ..] = call.args else { return Err(Failure::Arity) };
    let removed = registry::with(|registry| {
        let Some(dictionary) = registry.dictionaries.get_mut(*name) else { return 0 };
        let removed = words.iter().filter(|word| dictionary.remove(**word)).count();
        if dictionary.is_empty() {
            registry.dictionaries.remove(*name);
        }
        removed
    });
    call.ctx.replicate_verbatim();
    Ok(Some(Reply::from(removed)))
}

/// FT.DICTDUMP
pub fn ft_dictdump(call: &Call) -> Outcome {
    let words = registry::with(|registry| registry.dictionaries.get(call.args[0]).cloned().unwrap_or_default());
    Ok(Some(Reply::Set(words.into_iter().map(Reply::Bulk).collect())))
}

/// FT.SPELLCHECK
pub fn ft_spellcheck(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    let settings = binding::settings();
    let request = SpellcheckRequest::parse(call.args, &settings).map_err(refuse)?;
    let mut options = QueryOptions::new(&request.query, &settings);
    options.dialect = request.dialect;
    let query = binding::read(&target, &options)?;
    let [include, exclude] = [&request.include, &request.exclude].map(|names| words_of(names));
    let (include, exclude) = (include?, exclude?);
    let words = spell::words(&query);
    let documents = registry::with(|registry| registry.by_id(target.id).map_or(0, |(_, entry)| entry.index.len()));
    let bound = binding::bind(&target, query, SearchOptions::default())?;
    let protocol = protocol(call.ctx);
    // A look at every word of the index, of which there may be many.
    let check = move || {
        let found = corrections(&bound, words, &include, &exclude, usize::from(request.distance));
        reply::spelling(found, documents, request.full_score_info, protocol)
    };
    if !blocking::is_allowed(call.ctx) {
        return Ok(Some(check()));
    }
    blocking::run(call.ctx, || {
        let reply = check();
        move |_: &_| Ok(Some(reply))
    })
}

/// The words of dictionaries.
fn words_of(names: &[Vec<u8>]) -> Result<BTreeSet<Vec<u8>>, Failure> {
    registry::with(|registry| {
        let mut words = BTreeSet::new();
        for name in names {
            let dictionary = registry.dictionaries.get(name);
            let missing = || Failure::Text([b"Dict does not exist: ", &name[..]].concat());
            words.extend(dictionary.ok_or_else(missing)?.iter().cloned());
        }
        Ok(words)
    })
}

/// What may be meant by each word that neither the index nor a dictionary to be left out knows.
fn corrections(
    index: &BoundQuery,
    words: Vec<Vec<u8>>,
    include: &BTreeSet<Vec<u8>>,
    exclude: &BTreeSet<Vec<u8>>,
    distance: usize,
) -> Vec<(Vec<u8>, Vec<spell::Suggestion>)> {
    let known: BTreeSet<&[u8]> = index.terms().map(|(term, _)| term).collect();
    let unknown = words.into_iter().filter(|word| !known.contains(&word[..]) && !exclude.contains(word));
    let near = |word: &[u8]| spell::suggestions(word, distance, index.terms(), include.iter().map(|word| &word[..]));
    unknown.map(|word| (word.clone(), near(&word))).collect()
}
