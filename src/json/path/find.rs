//! Evaluation of paths.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::filter::Compiled;
use super::{MAX_LOOKS, MAX_WORK, Path, Segment, Selector, filter};
use crate::json::Error;
use crate::json::text::Text;
use crate::json::value::{Items, Node, Value, View};

/// Where a value stands: the position in the root, in what stands there, and so on. Members of objects are counted too.
pub type Place = Vec<usize>;

/// A value that a path leads to.
#[derive(Debug)]
pub struct Match<'a> {
    pub node: Node<'a>,
    pub place: Place,
}

/// The evaluation took more work than a command may cost.
#[derive(Debug)]
pub(super) struct Stop;

impl From<Stop> for Error {
    fn from(_: Stop) -> Error {
        Error::new("the path looks at too many values")
    }
}

/// A node on the way, and the step that led to it.
#[derive(Clone, Copy)]
struct Found<'a> {
    node: Node<'a>,
    step: usize,
}

/// Stands for no step in [`Finder::steps`].
const NO_STEP: usize = usize::MAX;

/// The work that paths may still cost.
#[derive(Clone, Copy)]
struct Budget {
    left: usize,
    /// Large documents were given more.
    extended: bool,
}

impl Budget {
    const WHOLE: Budget = Budget { left: MAX_WORK, extended: false };
}

thread_local! {
    /// That of the command that runs, if one does.
    static SHARED: Cell<Option<Budget>> = const { Cell::new(None) };
}

/// While it lives, all paths that are evaluated on this thread share one bound on their work: a command may have thousands.
/// A nested one has a separate bound.
pub struct Shared(Option<Budget>);

impl Shared {
    /// Begins with nothing done.
    pub fn begin() -> Shared {
        Shared(SHARED.replace(Some(Budget::WHOLE)))
    }

    /// Units of work that were done.
    #[cfg(test)]
    pub fn done() -> usize {
        SHARED.get().map_or(0, |budget| MAX_WORK.saturating_sub(budget.left))
    }

    /// Extends the budget for the next document if it is large.
    pub fn next_document() {
        SHARED.set(SHARED.get().map(|budget| Budget { extended: false, ..budget }));
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        SHARED.set(self.0);
    }
}

/// An evaluation: the document, the remaining budget of work, and deferred steps.
pub(super) struct Finder<'a> {
    root: &'a Value,
    budget: Budget,
    /// The latest regular expression that came from the document.
    regex: Option<(Vec<u8>, Option<Rc<Compiled>>)>,
    /// Steps that were taken, each with the step before it and a position. Only where places are asked for.
    steps: Option<Vec<(usize, usize)>>,
}

impl Path {
    /// The name, if the first step is `..` and one.
    fn begins_anywhere(&self) -> Option<&[u8]> {
        match self.segments.first() {
            Some(Segment { descends: true, selectors }) => match &selectors[..] {
                [Selector::Name(name)] => Some(name.as_bytes()),
                _ => None,
            },
            _ => None,
        }
    }

    /// What a static path leads to.
    pub(super) fn walk<'a>(&self, from: Node<'a>) -> Option<Node<'a>> {
        self.segments.iter().try_fold(from, |node, segment| Some(single(node, &segment.selectors[0])?.1))
    }
}

/// The values that a path leads to.
pub(super) fn nodes<'a>(path: &'a Path, root: &'a Value) -> Result<Vec<Node<'a>>, Error> {
    if path.is_static() {
        return Ok(path.walk(root.node()).into_iter().collect());
    }
    Ok(Finder::new(root, false).select(&path.segments, root.node())?)
}

/// The values that each of several paths leads to. Those that begin with `..` and a name share one walk over the document, and
/// come before others, which may take all the work that is left.
pub(super) fn of_each<'a>(paths: &[&'a Path], root: &'a Value) -> Vec<Result<Vec<Node<'a>>, Error>> {
    let mut finder = Finder::new(root, false);
    let mut numbers: HashMap<&[u8], usize> = HashMap::new();
    for name in paths.iter().filter_map(|path| path.begins_anywhere()) {
        let next = numbers.len();
        numbers.entry(name).or_insert(next);
    }
    let mut named = vec![Vec::new(); numbers.len()];
    let is_whole = numbers.is_empty() || finder.find_named(root.node(), &numbers, &mut named).is_ok();
    let (first, last): (Vec<usize>, Vec<usize>) =
        (0..paths.len()).partition(|&at| paths[at].is_static() || paths[at].begins_anywhere().is_some());
    let mut found: Vec<Result<Vec<Node>, Error>> = paths.iter().map(|_| Ok(Vec::new())).collect();
    for at in first.into_iter().chain(last) {
        let path = paths[at];
        found[at] = match path.begins_anywhere() {
            _ if path.is_static() => Ok(path.walk(root.node()).into_iter().collect()),
            Some(_) if !is_whole => Err(Stop.into()),
            Some(name) => finder.go_on(&path.segments[1..], named[numbers[name]].clone()).map_err(Error::from),
            None => finder.select(&path.segments, root.node()).map_err(Error::from),
        };
    }
    found
}

/// The matches of a path, each place once.
pub(super) fn matches<'a>(path: &'a Path, root: &'a Value) -> Result<Vec<Match<'a>>, Error> {
    let mut finder = Finder::new(root, true);
    let mut found = finder.find(&path.segments, root.node())?;
    only_first(&mut found);
    Ok(found.into_iter().map(|found| Match { node: found.node, place: finder.place(found.step) }).collect())
}

/// The place of the parent of what a static path leads to.
pub(super) fn parent(path: &Path, root: &Value) -> Option<Place> {
    let mut node = root.node();
    let (_, above) = path.segments.split_last()?;
    let mut place = Place::new();
    for segment in above {
        let (at, next) = single(node, &segment.selectors[0])?;
        place.push(at);
        node = next;
    }
    Some(place)
}

/// What a name or an index leads to, with its position.
fn single<'a>(node: Node<'a>, selector: &Selector) -> Option<(usize, Node<'a>)> {
    match (selector, node.view()) {
        (Selector::Name(name), View::Object(members)) => {
            members.get(name.as_bytes()).map(|(at, value)| (at, value.node()))
        }
        (Selector::Index(index), View::Array(items)) => {
            let at = if *index < 0 { index.checked_add(items.len() as i64)? } else { *index };
            let at = usize::try_from(at).ok()?;
            items.get(at).map(|node| (at, node))
        }
        _ => None,
    }
}

impl Drop for Finder<'_> {
    fn drop(&mut self) {
        SHARED.set(SHARED.get().map(|_| self.budget));
    }
}

/// Keeps the first of each place.
fn only_first(found: &mut Vec<Found>) {
    if found.len() > 1 {
        let mut seen = HashSet::with_capacity(found.len());
        found.retain(|found| seen.insert(found.node.address()));
    }
}

impl<'a> Finder<'a> {
    fn new(root: &'a Value, with_places: bool) -> Finder<'a> {
        let budget = SHARED.get().unwrap_or(Budget::WHOLE);
        Finder { root, budget, regex: None, steps: with_places.then(Vec::new) }
    }

    /// The document.
    pub fn root(&self) -> Node<'a> {
        self.root.node()
    }

    /// Accounts for work: a unit is about one visited value.
    pub fn work(&mut self, units: usize) -> Result<(), Stop> {
        let Budget { left, extended } = &mut self.budget;
        if *left < units && !std::mem::replace(extended, true) {
            *left += self.root.count(usize::MAX) * MAX_LOOKS;
        }
        *left = left.checked_sub(units).ok_or(Stop)?;
        Ok(())
    }

    /// The regular expression of a text of the document.
    pub fn regex(&mut self, pattern: &Text) -> Result<Option<Rc<Compiled>>, Stop> {
        if let Some((known, regex)) = &self.regex
            && known == pattern.bytes()
        {
            return Ok(regex.clone());
        }
        let regex = filter::regex(pattern, self)?.map(Rc::new);
        self.regex = Some((pattern.bytes().to_vec(), regex.clone()));
        Ok(regex)
    }

    /// The values that segments lead to, without their places.
    pub fn select(&mut self, segments: &'a [Segment], from: Node<'a>) -> Result<Vec<Node<'a>>, Stop> {
        let steps = self.steps.take();
        let found = self.find(segments, from);
        self.steps = steps;
        Ok(found?.into_iter().map(|found| found.node).collect())
    }

    fn find(&mut self, segments: &'a [Segment], from: Node<'a>) -> Result<Vec<Found<'a>>, Stop> {
        self.follow(segments, vec![Found { node: from, step: NO_STEP }], false)
    }

    /// The values that further segments lead to from those that a `..` has found.
    fn go_on(&mut self, segments: &'a [Segment], from: Vec<Node<'a>>) -> Result<Vec<Node<'a>>, Stop> {
        let from = from.into_iter().map(|node| Found { node, step: NO_STEP }).collect();
        Ok(self.follow(segments, from, true)?.into_iter().map(|found| found.node).collect())
    }

    fn follow(
        &mut self,
        segments: &'a [Segment],
        from: Vec<Found<'a>>,
        mut has_descended: bool,
    ) -> Result<Vec<Found<'a>>, Stop> {
        let mut current = from;
        for segment in segments {
            let mut next = Vec::new();
            for found in current {
                match segment.descends {
                    true => self.descend(found, &segment.selectors, &mut next)?,
                    false => self.apply(found, &segment.selectors, &mut next)?,
                }
            }
            // What lies below two nodes is found from both; without this, each further `..` would multiply it.
            if segment.descends && std::mem::replace(&mut has_descended, true) {
                only_first(&mut next);
            }
            current = next;
        }
        Ok(current)
    }

    /// Finds all members of these names at a node and below it; those of each in the order in which [`Finder::descend`] does.
    /// Recursion is as deep as the document, which is bounded.
    fn find_named(
        &mut self,
        from: Node<'a>,
        numbers: &HashMap<&[u8], usize>,
        out: &mut [Vec<Node<'a>>],
    ) -> Result<(), Stop> {
        match from.view() {
            View::Array(items @ Items::Values(_)) => {
                for node in items.iter() {
                    self.work(1)?;
                    self.find_named(node, numbers, out)?;
                }
            }
            View::Object(members) => {
                for (name, value) in members.iter() {
                    if let Some(number) = numbers.get(name.bytes()) {
                        out[*number].push(value.node());
                    }
                }
                for (_, value) in members.iter() {
                    self.work(1)?;
                    self.find_named(value.node(), numbers, out)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Applies selectors to a node and to all below it. Recursion is as deep as the document, which is bounded.
    fn descend(&mut self, from: Found<'a>, selectors: &'a [Selector], out: &mut Vec<Found<'a>>) -> Result<(), Stop> {
        self.apply(from, selectors, out)?;
        match from.node.view() {
            // Nothing lies below packed numbers.
            View::Array(items @ Items::Values(_)) => {
                for (at, node) in items.iter().enumerate() {
                    self.descend_into(from, at, node, selectors, out)?;
                }
            }
            View::Object(members) => {
                for (at, (_, value)) in members.iter().enumerate() {
                    self.descend_into(from, at, value.node(), selectors, out)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn descend_into(
        &mut self,
        from: Found<'a>,
        at: usize,
        node: Node<'a>,
        selectors: &'a [Selector],
        out: &mut Vec<Found<'a>>,
    ) -> Result<(), Stop> {
        self.work(1)?;
        if !matches!(node.view(), View::Array(_) | View::Object(_)) {
            return Ok(());
        }
        let below = self.step(from, at, node);
        self.descend(below, selectors, out)
    }

    fn apply(&mut self, from: Found<'a>, selectors: &'a [Selector], out: &mut Vec<Found<'a>>) -> Result<(), Stop> {
        for selector in selectors {
            self.work(1)?;
            match (selector, from.node.view()) {
                (Selector::Name(_) | Selector::Index(_), _) => {
                    if let Some((at, node)) = single(from.node, selector) {
                        out.push(self.step(from, at, node));
                    }
                }
                (Selector::Slice { start, end, step }, View::Array(items)) => {
                    for at in slice(items.len(), *start, *end, *step) {
                        self.work(1)?;
                        out.extend(items.get(at).map(|node| self.step(from, at, node)));
                    }
                }
                (Selector::All, View::Array(items)) => {
                    for (at, node) in items.iter().enumerate() {
                        self.work(1)?;
                        out.push(self.step(from, at, node));
                    }
                }
                (Selector::All, View::Object(members)) => {
                    for (at, (_, value)) in members.iter().enumerate() {
                        self.work(1)?;
                        out.push(self.step(from, at, value.node()));
                    }
                }
                (Selector::Filter(filter), View::Array(items)) => {
                    for (at, node) in items.iter().enumerate() {
                        self.test(filter, from, at, node, out)?;
                    }
                }
                (Selector::Filter(filter), View::Object(members)) => {
                    for (at, (_, value)) in members.iter().enumerate() {
                        self.test(filter, from, at, value.node(), out)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn test(
        &mut self,
        filter: &'a filter::Filter,
        from: Found<'a>,
        at: usize,
        node: Node<'a>,
        out: &mut Vec<Found<'a>>,
    ) -> Result<(), Stop> {
        self.work(1)?;
        if filter.holds(node, self)? {
            out.push(self.step(from, at, node));
        }
        Ok(())
    }

    fn step(&mut self, from: Found<'a>, at: usize, node: Node<'a>) -> Found<'a> {
        let Some(steps) = &mut self.steps else { return Found { node, step: NO_STEP } };
        steps.push((from.step, at));
        Found { node, step: steps.len() - 1 }
    }

    fn place(&self, step: usize) -> Place {
        let mut place = Place::new();
        let mut step = step;
        while let Some((before, at)) = self.steps.as_ref().and_then(|steps| steps.get(step)) {
            place.push(*at);
            step = *before;
        }
        place.reverse();
        place
    }
}

/// Positions of a slice, as RFC 9535 (section 2.3.4) has it.
fn slice(len: usize, start: Option<i64>, end: Option<i64>, step: i64) -> impl Iterator<Item = usize> {
    let len = len as i64;
    let from_front = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let (first, stop) = match step > 0 {
        true => (from_front(start.unwrap_or(0)).clamp(0, len), from_front(end.unwrap_or(len)).clamp(0, len)),
        false => {
            let first = start.map_or(len - 1, from_front).clamp(-1, len - 1);
            (first, end.map_or(-1, from_front).clamp(-1, len - 1))
        }
    };
    let mut at = first;
    std::iter::from_fn(move || {
        let inside = if step > 0 { at < stop } else { at > stop };
        let here = inside.then_some(at as usize)?;
        at = at.saturating_add(step);
        Some(here)
    })
}
