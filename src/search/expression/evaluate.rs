//! Operators over values, and the effect of missing values.

use std::cell::Cell;

use super::Row;
use super::tree::{Arithmetic, Comparison, Node};
use crate::search::error::{EXPR, Error, NUMERIC_VALUE_INVALID, VALUE_NOT_FOUND};
use crate::search::number::parse_number;
use crate::search::value::Value;

/// Evaluates trees for one row.
pub(super) struct Evaluator<'a> {
    pub row: &'a dyn Row,
    pub properties: &'a [Vec<u8>],
    /// Comparisons with missing values are false instead of errors.
    pub lenient: bool,
    /// Bytes of texts that may still be looked at.
    pub bytes_left: Cell<usize>,
}

/// Whether a value counts as true.
pub(super) fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Number(number) => *number != 0.0,
        Value::Text(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
    }
}

fn from_truth(truth: bool) -> Value {
    Value::Number(f64::from(u8::from(truth)))
}

impl Evaluator<'_> {
    pub fn value(&self, node: &Node) -> Result<Value, Error> {
        Ok(match node {
            Node::Number(number) => Value::Number(*number),
            Node::Text(text) => Value::Text(text.clone()),
            Node::Null => Value::Null,
            Node::Property(at) => self.property(*at).ok_or_else(|| {
                let text = "Could not find the value for a parameter name, consider using EXISTS if applicable for %";
                Error::quoting(VALUE_NOT_FOUND, text, &[&self.properties[*at]])
            })?,
            Node::Or(nodes) => from_truth(self.any(nodes, true)?),
            Node::And(nodes) => from_truth(!self.any(nodes, false)?),
            Node::Not(node) => match self.value(node) {
                Err(error) if self.forgives(&error) => from_truth(true),
                value => from_truth(!truth(&value?)),
            },
            Node::Compare(comparison, operands) => match (self.value(&operands.0), self.value(&operands.1)) {
                (Err(error), _) | (_, Err(error)) if self.forgives(&error) => from_truth(false),
                (left, right) => {
                    let sides = [left?, right?];
                    self.spend(&sides)?;
                    from_truth(compare(*comparison, &sides[0], &sides[1])?)
                }
            },
            Node::Chain(first, rest) => {
                let mut result = self.number(first)?;
                for (operator, node) in rest {
                    result = apply(*operator, result, self.number(node)?);
                }
                Value::Number(result)
            }
            Node::Power(nodes) => {
                let mut values = nodes.iter().map(|node| self.number(node)).collect::<Result<Vec<_>, _>>()?;
                let mut result = values.pop().expect("a power has operands");
                while let Some(base) = values.pop() {
                    result = base.powf(result);
                }
                Value::Number(result)
            }
            Node::Call(function, arguments) => function.call(self, arguments)?,
        })
    }

    /// The number that a node comes to.
    pub fn number(&self, node: &Node) -> Result<f64, Error> {
        let value = [self.value(node)?];
        self.spend(&value)?;
        number(&value[0])
    }

    /// Accounts for values that are looked at. An expression may name a long text again and again.
    pub fn spend(&self, values: &[Value]) -> Result<(), Error> {
        let too_much = || Error::new(EXPR, "Expression looks at too much text");
        let mut left = self.bytes_left.get();
        values.iter().try_for_each(|value| take_off(value, &mut left)).ok_or_else(too_much)?;
        self.bytes_left.set(left);
        Ok(())
    }

    /// The value of a property, if the row has one.
    pub fn property(&self, at: usize) -> Option<Value> {
        self.row.get(&self.properties[at])
    }

    fn forgives(&self, error: &Error) -> bool {
        self.lenient && error.code == VALUE_NOT_FOUND
    }

    /// Whether one of the operands has this truth; a property that the row lacks counts as false.
    fn any(&self, nodes: &[Node], wanted: bool) -> Result<bool, Error> {
        for node in nodes {
            let found = match node {
                Node::Property(at) => self.property(*at).is_some_and(|value| truth(&value)),
                _ => truth(&self.value(node)?),
            };
            if found == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Takes the bytes of a value's texts off what is left; None if they are more. As deep as the value, which is bounded.
fn take_off(value: &Value, left: &mut usize) -> Option<()> {
    match value {
        Value::Null | Value::Number(_) => {}
        Value::Text(text) => *left = left.checked_sub(text.len())?,
        Value::Array(values) => {
            *left = left.checked_sub(values.len())?;
            values.iter().try_for_each(|value| take_off(value, left))?;
        }
    }
    Some(())
}

/// The number that a value is or spells.
pub(super) fn number(value: &Value) -> Result<f64, Error> {
    let number = match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) => parse_number(text),
        _ => None,
    };
    number.ok_or_else(|| Error::new(NUMERIC_VALUE_INVALID, "Invalid numeric value"))
}

fn apply(operator: Arithmetic, left: f64, right: f64) -> f64 {
    match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => left % right,
    }
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> Result<bool, Error> {
    use std::cmp::Ordering;
    let order = match (left, right) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Null, _) => Some(Ordering::Less),
        (_, Value::Null) => Some(Ordering::Greater),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Array(left), Value::Array(right)) if left == right => Some(Ordering::Equal),
        _ => match (number(left), number(right)) {
            (Ok(left), Ok(right)) => left.partial_cmp(&right),
            _ => {
                return match comparison {
                    Comparison::Equal => Ok(false),
                    Comparison::NotEqual => Ok(true),
                    _ => Err(Error::new("", "Error converting string")),
                };
            }
        },
    };
    Ok(match comparison {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::NotEqual => order != Some(Ordering::Equal),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}
