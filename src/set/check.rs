//! Verifies that names, rows, attributes and graph agree; for tests and a debug command.

use std::ops::Bound;

use super::VectorSet;
use crate::graph::{Alone, Reach};

/// Elements or rows that are looked at in one step.
const AT_ONCE: usize = 16;

/// A verification in steps, between which the set may change and linkers work. What looks wrong is looked at once more
/// with the set at rest.
pub struct Checking {
    uid: u64,
    stage: Stage,
    /// Changes of the set before this began.
    changes: Changes,
    /// What was counted: names, and those with attributes.
    names: usize,
    with_attributes: usize,
    /// Rows that were not linked when they were looked at.
    unlinked: Vec<u32>,
}

/// The element that is checked next.
enum Stage {
    /// Each name behind this one, its row and that row's links.
    Names(Vec<u8>, Bound<()>),
    /// Each row from this one on: its name.
    Rows(u32),
    /// What the entry leads to.
    Walk(Reach),
    /// Each row from this one on: whether it is among that.
    Reached(u32, Reach),
    Done,
}

/// Is another one after each change of elements and their attributes.
type Changes = (usize, u64, u64);

impl Checking {
    /// Begins with a set.
    pub fn new(set: &VectorSet) -> Checking {
        Checking {
            uid: set.uid,
            stage: Stage::Names(Vec::new(), Bound::Unbounded),
            changes: set.changes(),
            names: 0,
            with_attributes: 0,
            unlinked: Vec::new(),
        }
    }

    /// Whether it began with this set.
    pub fn is_of(&self, set: &VectorSet) -> bool {
        self.uid == set.uid
    }

    /// Looks at some more of the set; true if that was all.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn step(&mut self, set: &mut VectorSet) -> Result<bool, String> {
        self.look(set, false)
    }

    fn look(&mut self, set: &mut VectorSet, at_rest: bool) -> Result<bool, String> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Names(last, bound) => self.look_at_names(set, at_rest, last, bound)?,
            Stage::Rows(from) => match each_of(set, from, |set, row| set.check_name_of(row))? {
                Some(next) => Stage::Rows(next),
                None => Stage::Walk(set.index.reach()),
            },
            Stage::Walk(mut reach) => match (0..AT_ONCE).all(|_| set.index.reach_on(&mut reach)) {
                true => Stage::Walk(reach),
                false => Stage::Reached(0, reach),
            },
            Stage::Reached(from, mut reach) => {
                let next = each_of(set, from, |set, row| {
                    verify(set, at_rest, |set| set.index.check_reached(row, &mut reach))
                })?;
                match next {
                    Some(next) => Stage::Reached(next, reach),
                    None => Stage::Done,
                }
            }
            Stage::Done => {
                self.check_counts(set, at_rest)?;
                set.index.check_waiting(&self.unlinked)?;
                verify(set, at_rest, |set| set.index.check_entry())?;
                return Ok(true);
            }
        };
        Ok(false)
    }

    fn look_at_names(
        &mut self,
        set: &mut VectorSet,
        at_rest: bool,
        mut last: Vec<u8>,
        bound: Bound<()>,
    ) -> Result<Stage, String> {
        let table = set.table.clone();
        let ids: Vec<u32> = set.names.from(bound.map(|()| &last[..]), |id| table.name(id)).take(AT_ONCE).collect();
        let mut is_first = matches!(bound, Bound::Unbounded);
        for &id in &ids {
            let name = table.names.get(id).ok_or_else(|| format!("row {id} has no name"))?;
            if !std::mem::take(&mut is_first) && name <= &last[..] {
                return Err(format!("the name of {id} is out of order"));
            }
            last = name.to_vec();
            verify(set, at_rest, |set| set.index.check_row(id))?;
            self.names += 1;
            self.with_attributes += usize::from(table.attributes.get(id).is_some());
            self.unlinked.extend(Some(id).filter(|&id| !set.index.is_linked(id)));
        }
        Ok(if ids.is_empty() { Stage::Rows(0) } else { Stage::Names(last, Bound::Excluded(())) })
    }

    /// Compares the set's counts with what was counted, unless it has changed since the begin.
    fn check_counts(&self, set: &VectorSet, at_rest: bool) -> Result<(), String> {
        let (names, with_attributes) = (self.names, self.with_attributes);
        if self.changes != set.changes() {
            return Ok(());
        }
        if names != set.len() || names != set.index.len() {
            return Err(format!("{names} names, but {} and {} are counted", set.len(), set.index.len()));
        }
        if with_attributes != set.attributes_count {
            return Err(format!("{with_attributes} have attributes, but {} are counted", set.attributes_count));
        }
        let pending = set.index.pending();
        if at_rest && pending != 0 { Err(format!("{pending} pending after settling")) } else { Ok(()) }
    }
}

/// Has a few rows from one on looked at; the next one, if there are more.
fn each_of(
    set: &mut VectorSet,
    from: u32,
    mut check: impl FnMut(&mut VectorSet, u32) -> Result<(), String>,
) -> Result<Option<u32>, String> {
    let next = from.saturating_add(AT_ONCE as u32).min(set.index.end());
    (from..next).try_for_each(|row| check(set, row))?;
    Ok(Some(next).filter(|&next| next < set.index.end()))
}

/// Verifies something, if need be once more with the set at rest: then nothing is in the middle of a change.
fn verify(
    set: &mut VectorSet,
    at_rest: bool,
    mut check: impl FnMut(&VectorSet) -> Result<(), String>,
) -> Result<(), String> {
    match check(set) {
        Err(_) if !at_rest => check(set.settle(Alone::No).set),
        checked => checked,
    }
}

impl VectorSet {
    /// Checks the invariants of the set and of its graph at once, after settling it.
    ///
    /// # Errors
    /// The first violation, in words.
    pub fn check(&mut self) -> Result<(), String> {
        let settled = self.settle(Alone::No);
        let mut checking = Checking::new(settled.set);
        while !checking.look(settled.set, true)? {}
        match checking.unlinked.first() {
            Some(row) => Err(format!("row {row} is not linked after settling")),
            None => Ok(()),
        }
    }

    fn changes(&self) -> Changes {
        (self.len(), self.max_node_uid, self.table.changes())
    }

    /// Checks that the name of a row leads to it, if it is live.
    fn check_name_of(&self, row: u32) -> Result<(), String> {
        if !self.index.is_live(row) {
            return Ok(());
        }
        let name = self.table.names.get(row).ok_or_else(|| format!("row {row} has no name"))?;
        if self.stored_id(name) == Some(row) { Ok(()) } else { Err(format!("the name of {row} does not lead to it")) }
    }
}
