//! Runs the steps one after the other, within a time limit.

use std::ops::Range;
use std::time::{Duration, Instant};

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

/// The values that steps have computed take too much memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TooLarge;

/// The deadline of a query. Reads the clock only at some checks.
pub struct Clock {
    end: Option<Instant>,
    /// How long all steps that begin after the deadline may take together.
    grace: Duration,
    /// Checks in this step, and the number of the one that reads the clock next.
    looks: u64,
    next: u64,
    began: Instant,
    asked: Instant,
    over: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Running,
    /// After the deadline: further steps finish what there is.
    Finishing,
    /// That took too long as well.
    Ended,
}

/// Bytes of texts that steps may compute.
const MAX_COMPUTED: usize = 1 << 30;
/// Rows between two reads of the clock.
const PACE: u64 = 32;
/// If they took longer, the next row reads it again: evaluating an expression for one row may take milliseconds.
const LONG: Duration = Duration::from_micros(500);
/// The least time for finishing what was found.
const GRACE: Duration = Duration::from_millis(50);

impl Clock {
    /// A clock that stops at a moment, or never. Steps that begin behind it have as long again.
    pub fn until(end: Option<Instant>) -> Clock {
        let now = Instant::now();
        let grace = end.map_or(GRACE, |end| end.saturating_duration_since(now)).max(GRACE);
        Clock { end, grace, looks: 0, next: 1, began: now, asked: now, over: false, state: State::Running }
    }

    /// Whether the time has passed.
    pub fn is_over(&mut self) -> bool {
        self.looks += 1;
        if self.looks >= self.next && self.end.is_some() && !self.has_stopped() {
            self.ask();
        }
        self.has_stopped()
    }

    fn has_stopped(&self) -> bool {
        self.state == State::Ended || self.over && self.state == State::Running
    }

    fn ask(&mut self) {
        let now = Instant::now();
        let is_slow = now - self.asked >= LONG;
        self.asked = now;
        self.next = self.looks + if is_slow { 1 } else { self.looks.min(PACE) };
        // A few rows are shown however late it is.
        let is_due = self.looks >= PACE || now - self.began >= GRACE;
        if is_due && self.end.is_some_and(|end| now >= end) {
            self.over = true;
            if self.state == State::Finishing {
                self.state = State::Ended;
            }
        }
    }

    /// Treats the time limit as exceeded from now on.
    pub fn stop(&mut self) {
        self.over = true;
    }

    /// Begins a step. Steps that begin after the deadline finish what there is.
    pub fn begin_step(&mut self) {
        let now = Instant::now();
        (self.looks, self.next, self.began, self.asked) = (0, 1, now, now);
        if self.over && self.state == State::Running {
            self.state = State::Finishing;
            self.end = self.end.map(|_| now + self.grace);
        }
    }

    /// Whether a check found the time limit exceeded.
    pub fn was_over(&self) -> bool {
        self.over
    }
}

impl<E: From<TooLarge>> Pipeline<E> {
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
            clock.begin_step();
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

fn apply<E: From<TooLarge>>(
    formula: &Formula<E>,
    column: usize,
    table: &mut Table,
    clock: &mut Clock,
) -> Result<(), E> {
    for position in 0..table.len() {
        if clock.is_over() {
            let order = table.numbers();
            table.arrange(order.into_iter().take(position).collect());
            break;
        }
        let value = formula(table.row(position))?;
        table.set(position, column, value);
        if table.computed() > MAX_COMPUTED {
            return Err(TooLarge.into());
        }
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
