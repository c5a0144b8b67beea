//! FT.AGGREGATE: rows and partial groups that shards send to the coordinator.
//!
//! A shard runs all steps before the first one that needs several rows, and that one as far as possible:
//!
//! | first such step | the shard sends | the coordinator |
//! | --- | --- | --- |
//! | GROUPBY | its groups, each with the partial states of its reducers | merges equal groups, finishes the reducers, runs the remaining steps |
//! | SORTBY | its first rows in that order | merges them, runs the remaining steps |
//! | LIMIT | its first rows | applies the limit, runs the remaining steps |
//! | none | all rows | returns them |
//!
//! For a KNN only the coordinator knows the k nearest documents, so shards send the rows of theirs before any step.
//!
//! The last column of a row is the key of its document, so that a document that occurs twice because its slot moved counts once. Groups
//! do not allow that; so while slots move, a shard sends rows instead.

use std::collections::HashSet;

use super::search::{read_warnings, warnings};
use super::values::{count, items, list, read_value, value};
use super::wire::Malformed;
use crate::reply::Reply;
use crate::search::aggregate::{Apart, Clock, Direction, Groups, Pipeline, Sorting, Step, Table, TooLarge};
use crate::search::reply::Warnings;
use crate::search::value::Value;

/// The part of a shard.
pub struct Part {
    /// Rows if no step cut them.
    pub total: usize,
    pub warnings: Warnings,
    pub content: Content,
}

pub enum Content {
    /// Rows with one more column, their keys.
    Rows(Table),
    Groups(Groups),
}

/// How the work is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sharing {
    /// No groups, as documents may occur twice.
    pub keyed: bool,
    /// The k of a KNN, whose distance is in the first column.
    pub nearest: Option<usize>,
}

impl Content {
    /// Runs a shard's share of the steps.
    ///
    /// # Errors
    /// Those of the steps.
    pub fn begin<E: From<TooLarge>>(
        steps: &Pipeline<E>,
        table: Table,
        how: Sharing,
        clock: &mut Clock,
    ) -> Result<(Content, usize), E> {
        let (rows, head) = (table.len(), steps.head());
        if how.nearest.is_some() {
            return Ok((Content::Rows(table), rows));
        }
        let (mut table, total) = steps.run_some(0..head, table, rows, clock)?;
        match steps.steps.get(head) {
            Some(Step::Group(grouping, _)) if !how.keyed => {
                clock.begin_step();
                return Ok((Content::Groups(grouping.groups(&table, clock)), total));
            }
            Some(Step::Sort(sorting)) => sorting.apply(&mut table),
            Some(Step::Limit { offset, count }) => table.truncate(offset.saturating_add(*count)),
            _ => {}
        }
        Ok((Content::Rows(table), total))
    }

    /// Runs the remaining steps on the parts of all shards; returns the rows, and their number without limits.
    ///
    /// # Errors
    /// Those of the steps.
    pub fn finish<E: From<TooLarge>>(
        self,
        steps: &Pipeline<E>,
        how: Sharing,
        total: usize,
        clock: &mut Clock,
    ) -> Result<(Table, usize), E> {
        let (head, end) = (steps.head(), steps.steps.len());
        match (self, steps.steps.get(head)) {
            (Content::Rows(mut table), _) if how.nearest.is_some() => {
                Sorting { keys: vec![(0, Direction::Ascending)], keep: how.nearest }.apply(&mut table);
                steps.run(table, clock)
            }
            (Content::Groups(groups), Some(Step::Group(_, width))) => {
                let table = groups.into_table().widened(*width);
                let total = table.len();
                steps.run_some(head + 1..end, table, total, clock)
            }
            (Content::Groups(groups), _) => Ok((groups.into_table(), total)),
            (Content::Rows(table), _) => steps.run_some(head..end, table, total, clock),
        }
    }
}

impl Part {
    pub fn write(self) -> Reply {
        let (grouped, content) = match self.content {
            Content::Groups(groups) => (true, groups.take_apart().iter().map(write_group).collect()),
            Content::Rows(table) => {
                (false, table.rows().map(|row| cells(row.iter().map(|cell| cell.as_ref()))).collect())
            }
        };
        let content = Reply::Array(content);
        Reply::Array(vec![Reply::from(self.total), warnings(self.warnings), Reply::Bool(grouped), content])
    }

    /// Reads a part of rows of this width, or of groups as the steps make them.
    ///
    /// # Errors
    /// If it is not what a shard sends.
    pub fn read<E: From<TooLarge>>(reply: Reply, width: usize, steps: &Pipeline<E>) -> Result<Part, Malformed> {
        let [total, warnings, grouped, content] = items(reply)?;
        let content = match (super::values::flag(grouped)?, steps.steps.get(steps.head())) {
            (true, Some(Step::Group(grouping, _))) => {
                let apart = list(content)?.into_iter().map(read_group).collect::<Result<_, _>>()?;
                Content::Groups(Groups::put_together(grouping, apart).ok_or(Malformed)?)
            }
            (true, _) => return Err(Malformed),
            (false, _) => Content::Rows(read_table(content, width)?),
        };
        Ok(Part { total: count(total)?, warnings: read_warnings(warnings)?, content })
    }
}

fn cells<'a>(cells: impl Iterator<Item = Option<&'a Value>>) -> Reply {
    Reply::Array(cells.map(value).collect())
}

fn read_cells(reply: Reply) -> Result<Vec<Option<Value>>, Malformed> {
    list(reply)?.into_iter().map(read_value).collect()
}

fn write_group((key, reduced): &Apart) -> Reply {
    let reduced = reduced.iter().map(|parts| cells(parts.iter().map(Option::as_ref))).collect();
    Reply::Array(vec![cells(key.iter().map(Some)), Reply::Array(reduced)])
}

fn read_group(reply: Reply) -> Result<Apart, Malformed> {
    let [key, reduced] = items(reply)?;
    let key = read_cells(key)?.into_iter().collect::<Option<_>>().ok_or(Malformed)?;
    Ok((key, list(reduced)?.into_iter().map(read_cells).collect::<Result<_, _>>()?))
}

fn read_table(reply: Reply, width: usize) -> Result<Table, Malformed> {
    let mut table = Table::new(width);
    for row in list(reply)? {
        let cells = read_cells(row)?;
        if cells.len() != width {
            return Err(Malformed);
        }
        table.push(cells);
    }
    Ok(table)
}

/// All parts as one, of rows of this width.
pub fn merge(parts: Vec<Part>, width: usize) -> Part {
    let (mut total, mut warnings) = (0usize, Warnings::default());
    let (mut table, mut groups, mut seen) = (Table::new(width), None::<Groups>, HashSet::new());
    for part in parts {
        total = total.saturating_add(part.total);
        warnings.add(part.warnings);
        match part.content {
            Content::Groups(more) => match &mut groups {
                Some(groups) => groups.join(more),
                None => groups = Some(more),
            },
            Content::Rows(more) => {
                for row in more.rows() {
                    let key = if let Some(Some(Value::Text(key))) = row.last() { Some(key.clone()) } else { None };
                    if key.is_none_or(|key| seen.insert(key)) {
                        table.push(row.iter().cloned());
                    } else {
                        total = total.saturating_sub(1);
                    }
                }
            }
        }
    }
    let content = groups.map_or_else(|| Content::Rows(table), Content::Groups);
    Part { total, warnings, content }
}
