//! Runs the steps one after the other, within a time limit.

use std::ops::Range;
use std::time::Instant;

use super::{Grouping, Sorting, Table};
use crate::search::value::Value;

/// Computes a value from the cells of a row; an error ends the query.
pub type Formula<E> = Box<dyn Fn(&[Option<Value>]) -> Result<Option<Value>, E> + Send + Sync>;

/// Whether a row stays; an error ends the query.
pub type Keeps<E> = Box<dyn Fn(&[Option<Value>]) -> Result<bool, E> + Send + Sync>;

/// One step.
pub enum Step<E> {
    /// Computes a column.
    Apply(Formula<E>, usize),
    /// Keeps the rows for which it is true.
    Filter(Keeps<E>),
    /// Groups, in rows of at least this many columns.
    Group(Grouping, usize),
    Sort(Sorting),
    Limit {
        offset: usize,
        count: usize,
    },
}

/// Steps in their order.
pub struct Pipeline<E> {
    pub steps: Vec<Step<E>>,
}

/// The deadline of a query. Reads the clock only at every n-th check.
pub struct Clock {
    end: Option<Instant>,
    looks: u32,
    over: bool,
    /// Steps that begin after the end finish what there is.
    pub(super) ignored: bool,
}

/// Rows between two looks at the time: the expression of a row may be long.
const PACE: u32 = 32;

impl Clock {
    /// A clock that stops at a moment, or never.
    pub fn until(end: Option<Instant>) -> Clock {
        Clock { end, looks: 0, over: false, ignored: false }
    }

    /// Whether the time has passed.
    pub fn is_over(&mut self) -> bool {
        if self.ignored {
            return false;
        }
        self.looks += 1;
        if !self.over && self.looks.is_multiple_of(PACE) {
            self.over = self.end.is_some_and(|end| Instant::now() >= end);
        }
        self.over
    }

    /// Treats the time limit as exceeded from now on.
    pub(super) fn stop(&mut self) {
        self.over = true;
    }

    /// Whether a check found the time limit exceeded.
    pub fn was_over(&self) -> bool {
        self.over
    }
}

impl<E> Pipeline<E> {
    /// Runs all steps. Returns the rows, and their number without limits: rows that SORTBY and LIMIT leave
    /// out count, rows that a filter removes do not.
    pub fn run(&self, table: Table, clock: &mut Clock) -> Result<(Table, usize), E> {
        let total = table.len();
        self.run_some(0..self.steps.len(), table, total, clock)
    }

    /// The first step that looks at more than one row; the number of steps if none does.
    pub fn head(&self) -> usize {
        let all = |step: &Step<E>| matches!(step, Step::Group(..) | Step::Sort(_) | Step::Limit { .. });
        self.steps.iter().position(all).unwrap_or(self.steps.len())
    }

    /// Runs some of the steps; `total` is the count after the previous ones.
    pub fn run_some(
        &self,
        steps: Range<usize>,
        mut table: Table,
        mut total: usize,
        clock: &mut Clock,
    ) -> Result<(Table, usize), E> {
        for step in &self.steps[steps] {
            clock.ignored = clock.over;
            match step {
                Step::Apply(formula, column) => apply(formula, *column, &mut table, clock)?,
                Step::Filter(keeps) => {
                    let before = table.len();
                    filter(keeps, &mut table, clock)?;
                    total -= before - table.len();
                }
                Step::Group(grouping, width) => {
                    table = grouping.apply(&table, clock).widened(*width);
                    total = table.len();
                }
                Step::Sort(sorting) => sorting.apply(&mut table),
                Step::Limit { offset, count } => {
                    let order = table.numbers();
                    table.arrange(order.into_iter().skip(*offset).take(*count).collect());
                }
            }
        }
        Ok((table, total))
    }
}

fn apply<E>(formula: &Formula<E>, column: usize, table: &mut Table, clock: &mut Clock) -> Result<(), E> {
    for position in 0..table.len() {
        if clock.is_over() {
            let order = table.numbers();
            table.arrange(order.into_iter().take(position).collect());
            break;
        }
        let value = formula(table.row(position))?;
        table.set(position, column, value);
    }
    Ok(())
}

fn filter<E>(keeps: &Keeps<E>, table: &mut Table, clock: &mut Clock) -> Result<(), E> {
    let order = table.numbers();
    let mut kept = Vec::with_capacity(order.len());
    for row in order {
        if clock.is_over() {
            break;
        }
        if keeps(table.stored(row))? {
            kept.push(row);
        }
    }
    table.arrange(kept);
    Ok(())
}
