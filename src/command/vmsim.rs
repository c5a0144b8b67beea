//! `VMSIM numkeys key [key …] (ELE element [FROM key] | …) [AND [WEIGHT w] …]… [options of VSIM]`: one answer over
//! several sets.

use super::args::{Args, integer};
use super::near::{self, Near, Question};
use super::{Arguments, CommandError};
use crate::set::{Hit, Target, VectorSet};

/// Maximum number of sets of one query.
pub const MAX_KEYS: usize = 1024;

/// The keys and vectors of a VMSIM; its options are left in the arguments.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub keys: Arguments<'a>,
    pub question: Question<'a>,
}

/// Reads keys and vectors; what is left of `args` are options.
///
/// # Errors
/// The first that is wrong.
pub fn parse<'a>(arguments: Arguments<'a>) -> Result<(Request<'a>, Args<'a>), CommandError> {
    let mut args = Args::new(arguments);
    let count = args.next().ok_or(CommandError::Arity)?;
    let count = integer(count).and_then(|n| usize::try_from(n).ok()).filter(|n| (1..=MAX_KEYS).contains(n));
    let count = count.ok_or(CommandError::InvalidNumkeys)?;
    let keys = args.take(count).ok_or(CommandError::InvalidNumkeys)?;
    let question = near::parse(&mut args, true)?;
    if question.0.iter().any(|part| part.from.is_some_and(|from| !keys.contains(&from))) {
        return Err(CommandError::ForeignKey);
    }
    Ok((Request { keys, question }, args))
}

/// The vectors of a query, independent of the sets that its elements are in.
pub struct Resolved<'a> {
    question: &'a Question<'a>,
    /// Of each part that is an element: its stored vector.
    vectors: Vec<Option<Vec<f32>>>,
}

impl<'a> Request<'a> {
    /// The key of the set that a part's element is looked up in.
    fn home(&self, from: Option<&'a [u8]>) -> usize {
        from.and_then(|from| self.keys.iter().position(|key| *key == from)).unwrap_or(0)
    }

    /// Looks up the elements; `sets` are those of the keys, missing ones among them.
    ///
    /// # Errors
    /// If one is not there, or sets do not agree.
    pub fn resolve(&'a self, sets: &[Option<&VectorSet>]) -> Result<Resolved<'a>, CommandError> {
        let mut kinds = sets.iter().flatten().map(|set| (set.params().dim, set.params().metric));
        let first = kinds.next();
        if kinds.any(|kind| Some(kind) != first) {
            return Err(CommandError::SetsDiffer);
        }
        let vector = |part: &near::Part<'a>| match part.near {
            Near::Vector(_) => Ok(None),
            Near::Element(name) => {
                let vector = sets[self.home(part.from)].and_then(|set| set.vector(name));
                vector.map(Some).ok_or(CommandError::NoSuchElement)
            }
        };
        let vectors = self.question.0.iter().map(vector).collect::<Result<_, _>>()?;
        Ok(Resolved { question: &self.question, vectors })
    }

    /// The elements that the query names in one of the sets.
    pub fn elements_of(&self, set: usize) -> Vec<Vec<u8>> {
        let named = self.question.0.iter().filter(|part| self.home(part.from) == set);
        let name = |part: &near::Part| match part.near {
            Near::Element(name) => Some(name.to_vec()),
            Near::Vector(_) => None,
        };
        named.filter_map(name).collect()
    }
}

impl Resolved<'_> {
    /// The query as one vector of a set's dimension.
    ///
    /// # Errors
    /// If it does not fit the set, or its vectors cannot be combined.
    pub fn blend(&self, set: &VectorSet) -> Result<Vec<f32>, CommandError> {
        let mut parts = Vec::with_capacity(self.vectors.len());
        for (part, stored) in self.question.0.iter().zip(&self.vectors) {
            let target = match stored {
                Some(vector) => Target::Stored(vector),
                None => {
                    part.near.check(set)?;
                    part.near.target()
                }
            };
            parts.push((target, part.weight));
        }
        match parts[..] {
            [(target, _)] => set.as_stored(target).map_err(|_| CommandError::InvalidVector),
            _ => Ok(set.blend(&parts)?),
        }
    }
}

/// A hit and the index of its set among the keys.
pub type KeyedHit<'a> = (usize, Hit<'a>);

/// The best of all, best first; of equal scores the set that was named first.
pub fn merge<'a>(found: Vec<(usize, Vec<Hit<'a>>)>, count: usize) -> Vec<KeyedHit<'a>> {
    let hits = found.into_iter().flat_map(|(set, hits)| hits.into_iter().map(move |hit| (set, hit)));
    let mut all: Vec<KeyedHit> = hits.collect();
    all.sort_by(|a, b| b.1.score.total_cmp(&a.1.score).then(a.0.cmp(&b.0)));
    all.truncate(count);
    all
}
