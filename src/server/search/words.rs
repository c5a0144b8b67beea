//! Synonyms, dictionaries, spell check.

use std::collections::BTreeMap;

use super::access::target;
use super::{Missing, ok, registry};
use crate::reply::Reply;
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
