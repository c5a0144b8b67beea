//! From named properties to columns: which fields to read of each document, the steps, and the columns of a reply.

use std::collections::HashMap;

use super::pipeline::{Pipeline, Step, TooLarge};
use super::{Direction, Grouping, Reducer, Sorting};
use crate::search::command::aggregate::{Load, Reduction, Step as Asked};
use crate::search::command::options::Format;
use crate::search::command::search::{Returned, SortBy};
use crate::search::error::{Error, FIELD_DUP, LIMIT_OVER, PROP_NOT_FOUND};
use crate::search::expression::Expression;
use crate::search::schema::{Definition, Kind};
use crate::search::value::Value;

/// An expression over the cells of a row.
type Computation = Box<dyn Fn(&[Option<Value>]) -> Result<Value, Error> + Send + Sync>;

/// Maximum number of steps; without a bound, ever deeper nested lists could be built.
const MAX_STEPS: usize = 256;

/// A value that each row has before the first step, beside what documents hold: a distance, a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    pub name: Vec<u8>,
    /// Whether rows show it by default.
    pub shown: bool,
}

/// Where the value of a column comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// One of the given values.
    Given(usize),
    /// The document's key.
    Key,
    /// A field of the schema. One that was not named in LOAD has the form in which it sorts.
    Field { position: usize, loaded: bool },
    /// A field of a hash, or a JSONPath.
    Path(Vec<u8>),
    /// All values that a JSONPath yields, as the text of an array.
    Whole(Vec<u8>),
    /// All fields of the document, names and values in turn.
    Everything,
    /// A step.
    Computed,
}

/// A column of the resulting rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub name: Vec<u8>,
    pub column: usize,
    /// A stored number, which is shown with all of its digits.
    pub exact: bool,
    /// Names and values in turn, which are shown as fields of the row.
    pub everything: bool,
    /// The column of all values of the field, where these are shown: FORMAT EXPAND.
    pub whole: Option<usize>,
    /// Where the row's score comes from: EXPLAINSCORE.
    pub explains: bool,
}

/// Columns, steps and bytes of expressions of a plan that is light.
const FEW_COLUMNS: usize = 64;
const FEW_STEPS: usize = 16;
const SHORT_EXPRESSIONS: usize = 512;
/// Functions whose values are longer or more than what they are given.
const GROWING: [&[u8]; 3] = [b"split", b"format", b"to_str"];

/// The columns and the steps of a pipeline.
pub struct Plan {
    /// The columns of the input rows.
    pub columns: Vec<Source>,
    pub pipeline: Pipeline<Error>,
    pub shown: Vec<Shown>,
    pub format: Format,
    is_light: bool,
}

/// A name and its column, as later steps see it.
#[derive(Clone, Debug)]
struct Name {
    name: Vec<u8>,
    column: usize,
    exact: bool,
    shown: bool,
    whole: Option<usize>,
}

impl From<TooLarge> for Error {
    fn from(_: TooLarge) -> Error {
        Error::new(LIMIT_OVER, "The rows take too much memory")
    }
}

struct Planner<'a> {
    definition: &'a Definition,
    given: &'a [Given],
    format: Format,
    sources: Vec<Source>,
    names: Vec<Name>,
    /// Where each name stands first in them.
    places: HashMap<Vec<u8>, usize>,
    /// Columns of the rows at this step.
    width: usize,
    /// After a GROUPBY, whose step has this index; documents are no longer accessible.
    grouped: Option<usize>,
    steps: Vec<Step<Error>>,
}

impl Plan {
    /// Plans steps over documents of an index. With FORMAT EXPAND the fields of documents show all of their values; what steps
    /// compute is made of the first one, as always.
    ///
    /// # Errors
    /// If a property is missing when a step needs it.
    pub fn new(definition: &Definition, given: &[Given], asked: &[Asked], format: Format) -> Result<Plan, Error> {
        if asked.len() > MAX_STEPS {
            return Err(Error::new(LIMIT_OVER, format!("More than {MAX_STEPS} steps")));
        }
        let mut planner = Planner {
            definition,
            given,
            format,
            sources: Vec::new(),
            names: Vec::new(),
            places: HashMap::new(),
            width: 0,
            grouped: None,
            steps: Vec::new(),
        };
        for (i, value) in given.iter().enumerate() {
            planner.read(&value.name, Source::Given(i), value.shown);
        }
        for (i, step) in asked.iter().enumerate() {
            planner.step(step, asked.get(i + 1))?;
        }
        planner.end_stage();
        let everything = |column| planner.grouped.is_none() && planner.sources[column] == Source::Everything;
        let shown = (planner.names.iter().filter(|name| name.shown))
            .map(|name| Shown {
                name: name.name.clone(),
                column: name.column,
                exact: name.exact,
                everything: everything(name.column),
                whole: name.whole,
                explains: false,
            })
            .collect();
        let is_light = is_light(&planner.sources, asked);
        Ok(Plan { columns: planner.sources, pipeline: Pipeline { steps: planner.steps }, shown, format, is_light })
    }

    /// Rows begin with a given value that explains their scores, under the name `score`; groups have none.
    pub fn explain(&mut self, given: usize) {
        if self.pipeline.steps.iter().any(|step| matches!(step, Step::Group(..))) {
            return;
        }
        let column = self.columns.len();
        self.columns.push(Source::Given(given));
        let (name, whole) = (b"score".to_vec(), None);
        self.shown.insert(0, Shown { name, column, exact: false, everything: false, whole, explains: true });
    }

    /// The column that explains scores, if one does.
    pub fn explained(&self) -> Option<usize> {
        self.shown.first().filter(|shown| shown.explains).map(|shown| shown.column)
    }

    /// Whether a document's row is cheap: few columns and steps, no long expressions, nothing that makes many rows of
    /// one.
    pub fn is_light(&self) -> bool {
        self.is_light
    }

    /// Whether the pipeline streams, one row per document: nothing sorts, groups or counts.
    pub fn is_streaming(&self) -> bool {
        self.pipeline.steps.iter().all(|step| matches!(step, Step::Apply(..) | Step::Filter(_)))
    }
}

fn is_light(sources: &[Source], asked: &[Asked]) -> bool {
    let mut bytes = 0;
    let mut multiplies = false;
    for step in asked {
        if let Asked::Apply { expression, .. } | Asked::Filter(expression) = step {
            bytes += expression.text().len();
            let text = expression.text().to_ascii_lowercase();
            multiplies |= GROWING.iter().any(|name| text.windows(name.len()).any(|word| word == *name));
        }
    }
    let groups = asked.iter().filter(|step| matches!(step, Asked::GroupBy { .. })).count();
    let reads_all = sources.contains(&Source::Everything);
    let is_small = sources.len() <= FEW_COLUMNS && asked.len() <= FEW_STEPS && bytes <= SHORT_EXPRESSIONS;
    is_small && !reads_all && !multiplies && groups <= 1
}

impl Planner<'_> {
    fn step(&mut self, asked: &Asked, next: Option<&Asked>) -> Result<(), Error> {
        let step = match asked {
            Asked::Load(Load::All) if self.format == Format::Expand => {
                self.load(&Returned { field: b"$".to_vec(), name: b"$".to_vec() });
                return Ok(());
            }
            Asked::Load(Load::All) => {
                self.read(b"", Source::Everything, true);
                return Ok(());
            }
            Asked::Load(Load::Fields(fields)) => {
                fields.iter().for_each(|field| self.load(field));
                return Ok(());
            }
            Asked::GroupBy { properties, reducers } => return self.group(properties, reducers),
            Asked::SortBy { keys, max } => Step::Sort(self.sorting(keys, *max, next)?),
            Asked::Apply { expression, name } => {
                let formula = self.formula(expression)?;
                let column = self.computed(name);
                Step::Apply(Box::new(move |row| formula(row).map(Some)), column)
            }
            Asked::Filter(expression) => {
                let formula = self.formula(expression)?;
                Step::Filter(Box::new(move |row| formula(row).map(|value| is_true(&value))))
            }
            Asked::Limit(limit) => Step::Limit { offset: saturated(limit.offset), count: saturated(limit.count) },
        };
        self.steps.push(step);
        Ok(())
    }

    /// The widths of the rows of a stage are known at its end.
    fn end_stage(&mut self) {
        if let Some(Step::Group(_, width)) = self.grouped.map(|at| &mut self.steps[at]) {
            *width = self.width;
        }
    }

    /// Adds a column that is read with the document.
    fn read(&mut self, name: &[u8], source: Source, shown: bool) {
        let path = match &source {
            Source::Field { position, .. } => Some(&self.definition.fields[*position].path),
            Source::Path(path) => Some(path),
            _ => None,
        };
        let whole = path.filter(|_| self.format == Format::Expand).map(|path| Source::Whole(path.clone()));
        let numeric = |position: usize| matches!(self.definition.fields[position].kind, Kind::Numeric);
        let exact = matches!(source, Source::Field { position, .. } if numeric(position));
        // A step may have added columns already: those are filled with nothing until it runs.
        self.sources.push(source);
        self.add(name, exact, shown);
        if let Some(whole) = whole {
            self.sources.push(whole);
            self.names.last_mut().expect("it was added").whole = Some(self.width);
            self.width += 1;
        }
    }

    fn add(&mut self, name: &[u8], exact: bool, shown: bool) -> usize {
        self.places.entry(name.to_vec()).or_insert(self.names.len());
        self.names.push(Name { name: name.to_vec(), column: self.width, exact, shown, whole: None });
        self.width += 1;
        self.width - 1
    }

    fn named(&self, name: &[u8]) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// A field of LOAD.
    fn load(&mut self, field: &Returned) {
        if self.grouped.is_some() {
            return;
        }
        let position = self.definition.field(&field.field);
        if let Some(known) = self.named(&field.name) {
            self.names[known].shown = true;
            let column = self.names[known].column;
            if let Source::Field { position: of, loaded } = &mut self.sources[column] {
                *loaded |= position == Some(*of);
            }
            return;
        }
        let given = self.given.iter().position(|value| value.name == field.field);
        let source = match (given, position) {
            (Some(given), _) => Source::Given(given),
            _ if field.field == b"__key" => Source::Key,
            (_, Some(position)) => Source::Field { position, loaded: true },
            _ if field.field == b"__score" => return,
            _ => Source::Path(field.field.clone()),
        };
        self.read(&field.name, source, true);
    }

    /// The name of a property that a step uses; a field of the schema is read for it.
    fn property(&mut self, name: &[u8], only_sortable: bool) -> Option<usize> {
        if let Some(known) = self.named(name) {
            return Some(known);
        }
        let position = self.definition.field(name).filter(|_| self.grouped.is_none())?;
        if only_sortable && !self.definition.fields[position].sortable {
            return None;
        }
        self.read(name, Source::Field { position, loaded: false }, true);
        Some(self.names.len() - 1)
    }

    /// The column that APPLY fills.
    fn computed(&mut self, name: &[u8]) -> usize {
        if let Some(known) = self.named(name) {
            let known = &mut self.names[known];
            (known.exact, known.shown, known.whole) = (false, true, None);
            return known.column;
        }
        if self.grouped.is_none() {
            self.sources.push(Source::Computed);
        }
        self.add(name, false, true)
    }

    fn formula(&mut self, expression: &Expression) -> Result<Computation, Error> {
        let mut columns = HashMap::new();
        for property in expression.properties() {
            let known = self.property(property, true).ok_or_else(|| not_in_pipeline(property))?;
            columns.insert(property.clone(), self.names[known].column);
        }
        let expression = expression.clone();
        Ok(Box::new(move |row| expression.evaluate(&|name: &[u8]| row[*columns.get(name)?].clone())))
    }

    fn sorting(&mut self, keys: &[SortBy], max: Option<u64>, next: Option<&Asked>) -> Result<Sorting, Error> {
        let mut by = Vec::new();
        for key in keys {
            let pattern = "Property `%` not loaded nor in schema";
            let known = self.property(&key.name, false);
            let known = known.ok_or_else(|| Error::quoting(PROP_NOT_FOUND, pattern, &[&key.name]))?;
            by.push((self.names[known].column, direction(key.descending)));
        }
        let keep = match next {
            Some(Asked::Limit(limit)) => Some(saturated(limit.offset.saturating_add(limit.count))),
            _ => max.map(saturated),
        };
        Ok(Sorting { keys: by, keep })
    }

    fn group(
        &mut self,
        properties: &[Vec<u8>],
        reducers: &[crate::search::command::aggregate::Reducer],
    ) -> Result<(), Error> {
        let mut by = Vec::new();
        let mut names: Vec<Name> = Vec::new();
        for name in properties {
            let known = self.property(name, false);
            let known = known.ok_or_else(|| Error::quoting(PROP_NOT_FOUND, "No such property `%`", &[name]))?;
            let (column, exact) = (self.names[known].column, self.names[known].exact);
            by.push(column);
            names.push(Name { name: name.clone(), column: names.len(), exact, shown: true, whole: None });
        }
        let mut planned = Vec::new();
        for reducer in reducers {
            planned.push(self.reducer(&reducer.function)?);
            let (name, column) = (reducer.name.clone(), names.len());
            names.push(Name { name, column, exact: false, shown: true, whole: None });
        }
        let mut places = HashMap::with_capacity(names.len());
        for (at, name) in names.iter().enumerate() {
            if places.insert(name.name.clone(), at).is_some() {
                return Err(Error::quoting(FIELD_DUP, "Property `%` specified more than once", &[&name.name]));
            }
        }
        self.end_stage();
        self.grouped = Some(self.steps.len());
        (self.width, self.names, self.places) = (names.len(), names, places);
        self.steps.push(Step::Group(Grouping { by, reducers: planned }, 0));
        Ok(())
    }

    fn reducer(&mut self, asked: &Reduction) -> Result<Reducer, Error> {
        let mut column = |name: &[u8]| {
            let known = self.property(name, false).ok_or_else(|| not_in_pipeline(name))?;
            Ok::<usize, Error>(self.names[known].column)
        };
        Ok(match asked {
            Reduction::Count => Reducer::Count,
            Reduction::CountDistinct(name) | Reduction::CountDistinctish(name) => Reducer::CountDistinct(column(name)?),
            Reduction::Sum(name) => Reducer::Sum(column(name)?),
            Reduction::Avg(name) => Reducer::Average(column(name)?),
            Reduction::Min(name) => Reducer::Minimum(column(name)?),
            Reduction::Max(name) => Reducer::Maximum(column(name)?),
            Reduction::StdDev(name) => Reducer::Deviation(column(name)?),
            Reduction::Quantile { property, quantile } => Reducer::Quantile(column(property)?, *quantile),
            Reduction::ToList(name) => Reducer::ToList(column(name)?),
            Reduction::FirstValue { property, by } => {
                let by = match by {
                    Some(by) => Some((column(&by.name)?, direction(by.descending))),
                    None => None,
                };
                Reducer::FirstValue(column(property)?, by)
            }
            Reduction::RandomSample { property, size } => Reducer::RandomSample(column(property)?, *size),
        })
    }
}

fn not_in_pipeline(name: &[u8]) -> Error {
    Error::quoting(PROP_NOT_FOUND, "Property not loaded nor in pipeline: `%`", &[name])
}

fn direction(descending: bool) -> Direction {
    if descending { Direction::Descending } else { Direction::Ascending }
}

fn saturated(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Whether FILTER keeps a row: a number but zero, a text but the empty one.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Number(number) => *number != 0.0,
        Value::Text(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
    }
}
