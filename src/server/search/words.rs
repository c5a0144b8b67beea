//! Synonyms, dictionaries and spell checking.

use std::time::Instant;

use super::access::{Target, target};
use super::binding::{self, BoundQuery};
use super::execution::{self, Need, Work};
use super::listing::{Listing, bulks};
use super::{Missing, cluster, ok, protocol, refuse, registry};
use crate::reply::Reply;
use crate::search::cluster::message::Question;
use crate::search::cluster::spelling::Part;
use crate::search::command::options::QueryOptions;
use crate::search::command::settings::{OnTimeout, Settings};
use crate::search::command::simple::SpellcheckRequest;
use crate::search::evaluate::{Limits, SearchOptions};
use crate::search::index::WordSet;
use crate::search::reply::{self, Protocol};
use crate::search::spell;
use crate::server::api::Context;
use crate::server::commands::{Call, Failure, Outcome};

/// FT.SYNUPDATE
pub fn ft_synupdate(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    let group = call.args[1];
    let scan = !call.args[2].eq_ignore_ascii_case(b"SKIPINITIALSCAN");
    let words = if scan { &call.args[2..] } else { &call.args[3..] };
    if words.is_empty() {
        return Err(Failure::Arity);
    }
    registry::with(|registry| {
        if let Some((_, entry)) = registry.by_id(target.id) {
            entry.index.add_synonyms(group, words, scan);
        }
    });
    call.ctx.replicate_verbatim();
    ok()
}

/// FT.SYNDUMP
pub fn ft_syndump(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    let synonyms =
        registry::with(|registry| registry.by_id(target.id).map(|(_, entry)| entry.index.synonyms().clone()));
    let synonyms = synonyms.unwrap_or_default();
    let pair = |(word, groups): (&[u8], &WordSet)| (Reply::Bulk(word.to_vec()), Reply::Array(bulks(groups.iter())));
    Listing::new(synonyms.pairs(), move || Reply::Map(synonyms.words().map(pair).collect())).start(call.ctx)
}

/// FT.DICTADD
pub fn ft_dictadd(call: &Call) -> Outcome {
    let [name, words @ ..] = call.args else { return Err(Failure::Arity) };
    let added = registry::with(|registry| {
        let dictionary = registry.dictionaries.entry(name.to_vec()).or_default();
        words.iter().filter(|word| dictionary.insert(word)).count()
    });
    call.ctx.replicate_verbatim();
    Ok(Some(Reply::from(added)))
}

/// FT.DICTDEL
pub fn ft_dictdel(call: &Call) -> Outcome {
    let [name, words @ ..] = call.args else { return Err(Failure::Arity) };
    let removed = registry::with(|registry| {
        let Some(dictionary) = registry.dictionaries.get_mut(*name) else { return 0 };
        let removed = words.iter().filter(|word| dictionary.remove(word)).count();
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
    Listing::new(words.len(), move || Reply::Set(bulks(words.iter()))).start(call.ctx)
}

/// FT.SPELLCHECK
pub fn ft_spellcheck(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    let settings = binding::settings();
    let request = SpellcheckRequest::parse(call.args, &settings).map_err(refuse)?;
    let [include, exclude] = [&request.include, &request.exclude].map(|names| dictionaries(names));
    let mut spelling = Spelling::part(&target, &request, &settings)?;
    let shown = Corrections {
        include: include?,
        exclude: exclude?,
        distance: usize::from(request.distance),
        full: request.full_score_info,
        protocol: protocol(call.ctx),
        time: spelling.time.clone(),
    };
    let asked = cluster::Asked {
        question: Question::Spelling,
        profiled: false,
        milliseconds: settings.timeout,
        partial: false,
    };
    if let Some(outcome) = cluster::ask(call, &target, asked, || Ok(Box::new(cluster::Spellings(shown.clone())))) {
        return outcome;
    }
    spelling.shown = Some(shown);
    execution::start(call.ctx, Box::new(spelling))
}

/// A spell check under way: a look at every word of the index, of which there may be many.
pub struct Spelling {
    index: BoundQuery,
    words: Vec<Vec<u8>>,
    distance: usize,
    documents: usize,
    time: Time,
    timed_out: bool,
    found: Option<Part>,
    /// None where this is a shard's part.
    shown: Option<Corrections>,
}

/// How long it may take, and what then is replied.
#[derive(Clone)]
struct Time {
    limits: Limits,
    on_timeout: OnTimeout,
}

impl Time {
    /// # Errors
    /// If what was not found in time is to be an error.
    fn check(&self, timed_out: bool) -> Result<(), Failure> {
        match self.on_timeout {
            OnTimeout::Fail if timed_out => Err(super::timed_out()),
            _ => Ok(()),
        }
    }
}

impl Spelling {
    /// What this node's part of the index has near the words of a query.
    pub fn part(target: &Target, request: &SpellcheckRequest, settings: &Settings) -> Result<Spelling, Failure> {
        let mut options = QueryOptions::new(&request.query, settings);
        options.dialect = request.dialect;
        let query = binding::read(target, &options)?;
        let time = Time { limits: binding::limits(&options, settings), on_timeout: settings.on_timeout };
        Ok(Spelling {
            words: spell::words(&query),
            distance: usize::from(request.distance),
            documents: registry::with(|registry| registry.by_id(target.id).map_or(0, |(_, entry)| entry.index.len())),
            index: binding::bind(target, query, SearchOptions::default())?,
            time,
            timed_out: false,
            found: None,
            shown: None,
        })
    }
}

impl Work for Spelling {
    fn need(&self) -> Need {
        if self.found.is_none() { Need::Evaluation } else { Need::Nothing }
    }

    fn evaluate(&mut self) {
        let mut part = Part { documents: self.documents, words: Vec::new() };
        for word in std::mem::take(&mut self.words) {
            let limits = &self.time.limits;
            let near = || spell::suggestions(&word, self.distance, self.index.terms(), std::iter::empty(), limits);
            let near = if self.index.knows(&word) { Some(None) } else { near().map(Some) };
            let Some(near) = near else {
                self.timed_out = true;
                break;
            };
            part.words.push((word, near));
        }
        self.found = Some(part);
    }

    fn read_documents(&mut self, _ctx: &Context, _until: Option<Instant>) {}

    fn limits(&self) -> Option<&Limits> {
        Some(&self.time.limits)
    }

    fn expedite(&mut self) {
        self.time.limits = binding::hurried(&self.time.limits);
        if let Some(shown) = &mut self.shown {
            shown.time = self.time.clone();
        }
    }

    fn is_small(&self) -> bool {
        false
    }

    fn is_heavy(&self) -> bool {
        true
    }

    fn reply(self: Box<Self>) -> Result<Reply, Failure> {
        self.time.check(self.timed_out)?;
        let part = self.found.unwrap_or_default();
        match self.shown {
            Some(shown) => shown.show(part),
            None => Ok(part.write()),
        }
    }
}

/// How the reply is made of what the index knows: with which dictionaries, in which form.
#[derive(Clone)]
pub struct Corrections {
    include: Vec<WordSet>,
    exclude: Vec<WordSet>,
    distance: usize,
    full: bool,
    protocol: Protocol,
    time: Time,
}

impl Corrections {
    /// What may be meant by each word that neither the index nor a dictionary to be left out knows; of those that there was
    /// time for.
    ///
    /// # Errors
    /// If there was not enough, and that is to be one.
    pub fn show(&self, part: Part) -> Result<Reply, Failure> {
        let limits = &self.time.limits;
        let unknown = part.words.into_iter().filter(|(word, _)| !self.exclude.iter().any(|words| words.contains(word)));
        let (mut found, mut timed_out) = (Vec::new(), false);
        for (word, near) in unknown.filter_map(|(word, near)| Some((word, near?))) {
            let terms = near.iter().map(|near| (&near.word[..], near.documents));
            let dictionary = self.include.iter().flat_map(WordSet::iter);
            let Some(suggestions) = spell::suggestions(&word, self.distance, terms, dictionary, limits) else {
                timed_out = true;
                break;
            };
            found.push((word, suggestions));
        }
        self.time.check(timed_out)?;
        Ok(reply::spelling(found, part.documents, self.full, self.protocol))
    }
}

/// Takes hold of dictionaries.
fn dictionaries(names: &[Vec<u8>]) -> Result<Vec<WordSet>, Failure> {
    let missing = |name: &[u8]| Failure::Text([b"Dict does not exist: ", name].concat());
    registry::with(|registry| {
        let known = |name: &Vec<u8>| registry.dictionaries.get(name).cloned().ok_or_else(|| missing(name));
        names.iter().map(known).collect()
    })
}
