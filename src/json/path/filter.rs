//! Filters: which elements and members `[?…]` selects.

use std::cell::OnceCell;
use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};

use super::Path;
use super::find::{Finder, Stop};
use crate::json::text::Text;
use crate::json::value::{Node, Value, View};

/// Bytes that a compiled regular expression may take, and again the cache of a search.
const REGEX_SIZE: usize = 1 << 20;
/// Most take no more than this. Larger ones are compiled slowly and may search slowly, which is accounted for.
const SMALL_REGEX: usize = 32 << 10;
/// Bytes of a regular expression's text.
const REGEX_LENGTH: usize = 16 << 10;

/// An expression over the node under test.
#[derive(Debug)]
pub(super) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Exists(Operand),
    Compare { left: Operand, operator: Operator, right: Operand },
    Search { left: Operand, right: Operand, compiled: Pattern },
}

#[derive(Debug)]
pub(super) enum Operand {
    Path { at_root: bool, path: Path },
    Literal(Value),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Search,
}

/// The regular expression of a literal, compiled when it is first needed; none if it is wrong.
#[derive(Debug, Default)]
pub(super) struct Pattern(OnceCell<Option<Compiled>>);

/// A regular expression that was compiled.
#[derive(Debug)]
pub(super) struct Compiled {
    regex: Regex,
    is_small: bool,
}

impl Compiled {
    /// Whether it is found in a text.
    fn is_in<'a>(&self, text: &Text, finder: &mut Finder<'a>) -> Result<bool, Stop> {
        let length = text.bytes().len();
        finder.work(1 + if self.is_small { length / 16 } else { 8 * length })?;
        Ok(self.regex.is_match(text.as_str()))
    }
}

impl Filter {
    /// A comparison of two operands.
    pub fn compare(left: Operand, operator: Operator, right: Operand) -> Filter {
        match operator {
            Operator::Search => Filter::Search { left, right, compiled: Pattern::default() },
            _ => Filter::Compare { left, operator, right },
        }
    }

    /// Whether the filter holds for a node. Recursion is as deep as the text's nesting, which is bounded.
    pub fn holds<'a>(&'a self, node: Node<'a>, finder: &mut Finder<'a>) -> Result<bool, Stop> {
        match self {
            Filter::Any(terms) => {
                for term in terms {
                    if term.holds(node, finder)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Filter::All(terms) => {
                for term in terms {
                    if !term.holds(node, finder)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Filter::Not(term) => term.holds(node, finder).map(|holds| !holds),
            Filter::Exists(operand) => operand.each(node, finder, &mut |_, _| Ok(true)),
            Filter::Compare { left, operator, right } => left.each(node, finder, &mut |a, finder| {
                right.each(node, finder, &mut |b, finder| compare(a, *operator, b, finder))
            }),
            Filter::Search { left, right, compiled } => left.each(node, finder, &mut |a, finder| {
                right.each(node, finder, &mut |b, finder| {
                    let (View::String(text), View::String(pattern)) = (a.view(), b.view()) else { return Ok(false) };
                    finder.work(1)?;
                    match right {
                        Operand::Literal(_) => {
                            if compiled.0.get().is_none() {
                                let _ = compiled.0.set(regex(pattern, finder)?);
                            }
                            compiled.0.get().and_then(Option::as_ref).map_or(Ok(false), |r| r.is_in(text, finder))
                        }
                        Operand::Path { .. } => finder.regex(pattern)?.map_or(Ok(false), |r| r.is_in(text, finder)),
                    }
                })
            }),
        }
    }
}

/// The regular expression of a text, if it is one of bounded size. Compiling takes far longer than looking.
pub(super) fn regex(pattern: &Text, finder: &mut Finder) -> Result<Option<Compiled>, Stop> {
    let pattern = pattern.as_str();
    if pattern.len() > REGEX_LENGTH {
        return Ok(None);
    }
    let build = |size| {
        let mut builder = RegexBuilder::new(pattern);
        builder.size_limit(size).dfa_size_limit(REGEX_SIZE).nest_limit(100).build()
    };
    finder.work(10_000 + 100 * pattern.len())?;
    Ok(match build(SMALL_REGEX) {
        Ok(regex) => Some(Compiled { regex, is_small: true }),
        Err(regex::Error::CompiledTooBig(_)) => {
            finder.work(1_000_000)?;
            build(REGEX_SIZE).ok().map(|regex| Compiled { regex, is_small: false })
        }
        Err(_) => None,
    })
}

impl Operand {
    /// Whether `test` is true for any of the operand's nodes.
    fn each<'a>(
        &'a self,
        node: Node<'a>,
        finder: &mut Finder<'a>,
        test: &mut dyn FnMut(Node<'a>, &mut Finder<'a>) -> Result<bool, Stop>,
    ) -> Result<bool, Stop> {
        match self {
            Operand::Literal(value) => test(value.node(), finder),
            Operand::Path { at_root, path } => {
                let from = if *at_root { finder.root() } else { node };
                if path.is_static() {
                    finder.work(1 + path.segments.len())?;
                    return path.walk(from).map_or(Ok(false), |found| test(found, finder));
                }
                for found in finder.select(&path.segments, from)? {
                    if test(found, finder)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

fn compare<'a>(a: Node<'a>, operator: Operator, b: Node<'a>, finder: &mut Finder<'a>) -> Result<bool, Stop> {
    let order = match (a.view(), b.view()) {
        (View::Number(a), View::Number(b)) => a.compare(b),
        (View::String(a), View::String(b)) => {
            finder.work(1 + a.bytes().len().min(b.bytes().len()) / 64)?;
            Some(a.bytes().cmp(b.bytes()))
        }
        _ => None,
    };
    let equal = |finder: &mut Finder<'a>| match order {
        Some(order) => Ok(order == Ordering::Equal),
        None => equal(a, b, finder),
    };
    match operator {
        Operator::Equal => equal(finder),
        Operator::Unequal => equal(finder).map(|equal| !equal),
        Operator::Less => Ok(order == Some(Ordering::Less)),
        Operator::Greater => Ok(order == Some(Ordering::Greater)),
        Operator::LessOrEqual => Ok(order == Some(Ordering::Less) || equal(finder)?),
        Operator::GreaterOrEqual => Ok(order == Some(Ordering::Greater) || equal(finder)?),
        Operator::Search => Ok(false),
    }
}

/// By value, where 1 equals 1.0; the order of members does not matter.
fn equal<'a>(a: Node<'a>, b: Node<'a>, finder: &mut Finder<'a>) -> Result<bool, Stop> {
    finder.work(1)?;
    Ok(match (a.view(), b.view()) {
        (View::Null, View::Null) => true,
        (View::Bool(a), View::Bool(b)) => a == b,
        (View::Number(a), View::Number(b)) => a.compare(b) == Some(Ordering::Equal),
        (View::String(a), View::String(b)) => a == b,
        (View::Array(a), View::Array(b)) if a.len() == b.len() => {
            for (a, b) in a.iter().zip(b.iter()) {
                if !equal(a, b, finder)? {
                    return Ok(false);
                }
            }
            true
        }
        (View::Object(a), View::Object(b)) if a.len() == b.len() => {
            for (name, value) in a.iter() {
                let Some((_, other)) = b.get(name.bytes()) else { return Ok(false) };
                if !equal(value.node(), other.node(), finder)? {
                    return Ok(false);
                }
            }
            true
        }
        _ => false,
    })
}
