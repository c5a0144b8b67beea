//! The functions: names, numbers of arguments, implementations.

use super::evaluate::{Evaluator, number, truth};
use super::tree::Node;
use super::{geo, text, time};
use crate::search::error::{EXPR, Error};
use crate::search::value::Value;

/// A function of the language.
#[derive(Debug)]
pub(super) struct Function {
    name: &'static str,
    min: usize,
    max: usize,
    code: Code,
}

/// How a function is computed.
#[derive(Clone, Copy, Debug)]
enum Code {
    /// Of one number; other values give nan.
    Number(fn(f64) -> f64),
    /// Of values that are all there.
    Values(fn(&[Value]) -> Result<Value, Error>),
    Exists,
    Case,
    MatchedTerms,
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        self.name == other.name
    }
}

const fn of_number(name: &'static str, code: fn(f64) -> f64) -> Function {
    Function { name, min: 1, max: 1, code: Code::Number(code) }
}

const fn of(name: &'static str, min: usize, max: usize, code: fn(&[Value]) -> Result<Value, Error>) -> Function {
    Function { name, min, max, code: Code::Values(code) }
}

static FUNCTIONS: [Function; 32] = [
    of_number("log", f64::ln),
    of_number("log2", f64::log2),
    of_number("exp", f64::exp),
    of_number("sqrt", f64::sqrt),
    of_number("abs", f64::abs),
    of_number("floor", f64::floor),
    of_number("ceil", f64::ceil),
    of("upper", 1, 1, text::upper),
    of("lower", 1, 1, text::lower),
    of("startswith", 2, 2, text::startswith),
    of("contains", 2, 2, text::contains),
    of("strlen", 1, 1, text::strlen),
    of("substr", 3, 3, text::substr),
    of("format", 1, 65535, text::format),
    of("split", 1, 3, text::split),
    of("to_number", 1, 1, text::to_number),
    of("to_str", 1, 1, text::to_str),
    of("timefmt", 1, 2, time::timefmt),
    of("parsetime", 2, 2, time::parsetime),
    of("minute", 1, 1, time::minute),
    of("hour", 1, 1, time::hour),
    of("day", 1, 1, time::day),
    of("month", 1, 1, time::month),
    of("monthofyear", 1, 1, time::month_of_year),
    of("year", 1, 1, time::year),
    of("dayofmonth", 1, 1, time::day_of_month),
    of("dayofweek", 1, 1, time::day_of_week),
    of("dayofyear", 1, 1, time::day_of_year),
    of("geodistance", 2, 4, geo::geodistance),
    Function { name: "exists", min: 1, max: 1, code: Code::Exists },
    Function { name: "case", min: 3, max: 3, code: Code::Case },
    Function { name: "matched_terms", min: 0, max: 1, code: Code::MatchedTerms },
];

/// Words that `matched_terms` gives at most.
const MAX_TERMS: usize = 100;

impl Function {
    /// The function of that name, in any case.
    pub fn named(name: &[u8]) -> Option<&'static Function> {
        FUNCTIONS.iter().find(|function| function.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Whether it takes this many arguments.
    pub fn check_count(&self, count: usize) -> Result<(), Error> {
        let Function { name, min, max, .. } = self;
        if (*min..=*max).contains(&count) {
            return Ok(());
        }
        let wanted = if min == max { min.to_string() } else { format!("between {min} and {max}") };
        Err(Error::new(EXPR, format!("Function '{name}' expects {wanted} arguments, but got {count}")))
    }

    /// The value for these arguments.
    pub fn call(&self, evaluator: &Evaluator, arguments: &[Node]) -> Result<Value, Error> {
        match self.code {
            Code::Number(code) => {
                let value = [evaluator.value(&arguments[0])?];
                evaluator.spend(&value)?;
                Ok(Value::Number(number(&value[0]).map_or(f64::NAN, code)))
            }
            Code::Values(code) => {
                let values: Result<Vec<Value>, Error> = arguments.iter().map(|node| evaluator.value(node)).collect();
                let values = values?;
                evaluator.spend(&values)?;
                code(&values)
            }
            Code::Exists => {
                let exists = match &arguments[0] {
                    Node::Property(at) => evaluator.property(*at).is_some(),
                    other => evaluator.value(other).map(|_| true)?,
                };
                Ok(Value::Number(f64::from(u8::from(exists))))
            }
            Code::Case => {
                let condition = truth(&evaluator.value(&arguments[0])?);
                evaluator.value(&arguments[if condition { 1 } else { 2 }])
            }
            Code::MatchedTerms => {
                let most = match arguments {
                    [] => MAX_TERMS,
                    [most, ..] => (evaluator.number(most)?.max(0.0) as usize).min(MAX_TERMS),
                };
                let terms = evaluator.row.matched_terms();
                let terms: Vec<Value> = terms.into_iter().take(most).map(|term| Value::Text(term.into())).collect();
                Ok(if terms.is_empty() { Value::Null } else { Value::Array(terms.into()) })
            }
        }
    }
}
