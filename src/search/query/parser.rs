//! The parser: groups, alternatives, negations, fields. Atoms are parsed in [`words`](super::words),
//! [`clauses`](super::clauses) and [`vector`](super::vector).
//!
//! Recursive descent, at most [`MAX_DEPTH`] deep; consecutive opening parentheses are read by a loop.

use std::cell::{Cell, OnceCell};
use std::collections::HashSet;
use std::sync::Arc;

use super::lexer::{Kind, Token, tokens, unescape};
use super::parts::{Join, Part, joined, lower, overflow, signed};
use super::{Context, Fields, Node, NodeKind, Query};
use crate::search::error::{Error, PARAM_NOT_FOUND, SYNTAX};
use crate::search::schema;
use crate::search::text::DEFAULT_STOP_WORDS;

/// Groups within groups, or signs before one clause, at most.
const MAX_DEPTH: usize = 128;
/// Bytes of a query at most, and tokens: it is read on the main thread, about five tokens a microsecond.
const MAX_TEXT: usize = 4 << 20;
const MAX_TOKENS: usize = 200_000;
/// Bytes of parameters at most, each as often as it is named, with the clauses that move from one list to another.
pub(super) const MAX_WORK: usize = 4 << 20;
/// Clauses that ask for a vector's neighbourhood: each is a separate search, and each hit may have a distance for each.
const MAX_RANGES: usize = 128;

/// Reads a query.
pub fn parse(text: &[u8], context: &Context) -> Result<Query, Error> {
    if text.len() > MAX_TEXT {
        return Err(too_complex());
    }
    let mut parser = Parser::new(text, context);
    if parser.tokens.len() > MAX_TOKENS {
        return Err(too_complex());
    }
    let query = parser.query()?;
    super::check::whole(&query.root, context)?;
    Ok(query)
}

fn too_complex() -> Error {
    Error::new(SYNTAX, "Query string is too complex")
}

pub(super) struct Parser<'a> {
    pub text: &'a [u8],
    pub tokens: Vec<Token>,
    /// Position of the next token.
    pub at: usize,
    pub context: &'a Context<'a>,
    depth: usize,
    /// Lower case; collected when the first word is read.
    stop_words: OnceCell<HashSet<&'a [u8]>>,
    /// Names of distances so far.
    pub distances: HashSet<Vec<u8>>,
    /// Neighbourhoods asked for so far.
    ranges: usize,
    /// What is left of [`MAX_WORK`].
    pub(super) work_left: Cell<usize>,
}

/// The fields that words are searched in, and whether only words are allowed here.
#[derive(Clone)]
pub(super) struct Scope {
    pub fields: Fields,
    /// A modifier named them.
    pub named: bool,
    text_only: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a [u8], context: &'a Context<'a>) -> Parser<'a> {
        let tokens = tokens(text, context.dialect);
        let (distances, work_left) = (HashSet::new(), Cell::new(MAX_WORK));
        let stop_words = OnceCell::new();
        Parser { text, tokens, at: 0, context, depth: 0, stop_words, distances, ranges: 0, work_left }
    }

    /// Whether a lower-case word is left out of queries, as it is of documents.
    pub fn is_stop_word(&self, word: &[u8]) -> bool {
        let collect = || match &self.context.definition.stop_words {
            Some(words) => words.iter().map(Vec::as_slice).collect(),
            None => DEFAULT_STOP_WORDS.iter().map(|word| word.as_bytes()).collect(),
        };
        !self.context.no_stop_words && self.stop_words.get_or_init(collect).contains(word)
    }

    /// Accounts for work that the length of the text does not bound.
    pub fn spend(&self, work: usize) -> Result<(), Error> {
        self.work_left.set(self.work_left.get().checked_sub(work).ok_or_else(too_complex)?);
        Ok(())
    }

    /// Accounts for one more neighbourhood.
    pub fn count_range(&mut self) -> Result<(), Error> {
        self.ranges += 1;
        if self.ranges > MAX_RANGES { Err(too_complex()) } else { Ok(()) }
    }

    fn query(&mut self) -> Result<Query, Error> {
        if self.tokens.is_empty() {
            return Ok(Query { root: Node::new(NodeKind::Nothing), knn: None });
        }
        let (part, star) = match self.star() {
            true => (Part::kind(NodeKind::All), true),
            false => {
                let fields = self.context.in_fields.map_or(Fields::All, |fields| Fields::Of(fields.into()));
                let scope = Scope { fields, named: false, text_only: false };
                (self.union(&scope, None)?, false)
            }
        };
        if part.single && self.peek() == Some(Kind::Arrow) && self.peek_at(1) == Some(Kind::Mark(b'[')) {
            let knn = self.knn(star)?;
            self.end()?;
            return Ok(Query { root: part.node.unwrap_or_else(|| Node::new(NodeKind::All)), knn: Some(knn) });
        }
        self.end()?;
        Ok(Query { root: part.node.unwrap_or_else(|| Node::new(NodeKind::Nothing)), knn: None })
    }

    fn end(&self) -> Result<(), Error> {
        if self.at == self.tokens.len() { Ok(()) } else { Err(self.syntax()) }
    }

    /// Takes a star in any number of parentheses, if the query begins with that.
    fn star(&mut self) -> bool {
        let open = self.tokens.iter().take_while(|token| token.kind == Kind::Mark(b'(')).count();
        let closed = |at| self.tokens.get(at).is_some_and(|token: &Token| token.kind == Kind::Mark(b')'));
        let found = self.peek_at(open) == Some(Kind::Mark(b'*'))
            && (open + 1..2 * open + 1).all(closed)
            && (open == 0 || self.context.dialect > 1);
        if found {
            self.at = 2 * open + 1;
        }
        found
    }

    /// `seq | seq | …`; the first clause may have been read.
    fn union(&mut self, scope: &Scope, first: Option<Part>) -> Result<Part, Error> {
        let first = self.sequence(scope, first)?;
        if self.peek() != Some(Kind::Mark(b'|')) {
            return Ok(first);
        }
        let mut alternatives = Vec::new();
        let mut height = self.add(&mut alternatives, first, Join::Or)?;
        while self.take(b'|') {
            let next = self.sequence(scope, None)?;
            height = height.max(self.add(&mut alternatives, next, Join::Or)?);
        }
        joined(alternatives, Join::Or, height)
    }

    /// Clauses side by side.
    fn sequence(&mut self, scope: &Scope, first: Option<Part>) -> Result<Part, Error> {
        let first = match first {
            Some(first) => first,
            None => self.unary(scope)?,
        };
        if !self.begins_clause() {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.begins_clause() {
            parts.push(self.unary(scope)?);
        }
        let mut nodes = Vec::new();
        let bare: Vec<bool> = parts.iter().map(|part| part.bare).collect();
        let mut height = 0;
        let last = parts.len() - 1;
        for (at, part) in parts.into_iter().enumerate() {
            let habit = part.and && at > 0 && at < last && !(bare[at - 1] && bare[at + 1]);
            if !habit {
                height = height.max(self.add(&mut nodes, part, Join::And)?);
            }
        }
        joined(nodes, Join::And, height)
    }

    /// Adds a part, or what it consists of where that is the same. Returns the height of what was added.
    fn add(&self, nodes: &mut Vec<Node>, part: Part, join: Join) -> Result<usize, Error> {
        let Some(node) = part.node else { return Ok(0) };
        let inner = match node.kind {
            NodeKind::And(inner) if part.merges && join == Join::And => inner,
            NodeKind::Or(inner) if part.merges && join == Join::Or => inner,
            kind => {
                nodes.push(Node { kind, ..node });
                return Ok(part.height);
            }
        };
        // The first list is taken as it is: lists in many parentheses are not copied for each of them.
        if nodes.is_empty() {
            *nodes = inner;
        } else {
            self.spend(inner.len())?;
            nodes.extend(inner);
        }
        Ok(part.height - 1)
    }

    fn begins_clause(&self) -> bool {
        match self.peek() {
            Some(Kind::Mark(mark)) => b"(-~%".contains(&mark),
            Some(Kind::Arrow | Kind::Unclosed) | None => false,
            Some(_) => true,
        }
    }

    /// `- ~ …` and a clause.
    fn unary(&mut self, scope: &Scope) -> Result<Part, Error> {
        let signs = self.signs()?;
        let part = self.unit(scope)?;
        match signs.is_empty() {
            true => Ok(part),
            false => {
                let height = lower(part.height + signs.len())?;
                Ok(Part { node: part.node.map(|node| signed(&signs, node)), height, ..Part::default() })
            }
        }
    }

    /// The signs here; pairs of minuses and repeated tildes are gone.
    fn signs(&mut self) -> Result<Vec<u8>, Error> {
        let mut signs = Vec::new();
        while let Some(Kind::Mark(sign @ (b'-' | b'~'))) = self.peek() {
            self.at += 1;
            match (sign, signs.last()) {
                (b'-', Some(b'-')) => {
                    signs.pop();
                }
                (b'~', Some(b'~')) => {}
                _ => signs.push(sign),
            }
            if signs.len() > MAX_DEPTH {
                return Err(overflow());
            }
        }
        Ok(signs)
    }

    /// An atom and its attributes.
    fn unit(&mut self, scope: &Scope) -> Result<Part, Error> {
        let part = self.atom(scope)?;
        self.attributed(part)
    }

    fn attributed(&mut self, mut part: Part) -> Result<Part, Error> {
        if self.peek() == Some(Kind::Arrow) && self.peek_at(1) == Some(Kind::Mark(b'{')) {
            let attributes = self.attributes()?;
            if let Some(node) = &mut part.node {
                self.apply(attributes, node)?;
            }
            part.merges = false;
            part.bare = false;
        }
        Ok(part)
    }

    fn atom(&mut self, scope: &Scope) -> Result<Part, Error> {
        match self.peek() {
            Some(Kind::Mark(b'(')) => self.group(scope),
            Some(Kind::Modifier | Kind::Comparison { .. }) if scope.text_only => Err(self.syntax()),
            Some(Kind::IsMissing) if self.peek_at(1) == Some(Kind::Mark(b'(')) => {
                if scope.text_only {
                    Err(self.syntax())
                } else {
                    self.missing()
                }
            }
            Some(Kind::Modifier) => self.fielded(),
            Some(Kind::Comparison { operator, value, .. }) => self.comparison(operator, value),
            _ => self.words(scope),
        }
    }

    /// A text atom; dialect 1's modifiers and signs take all words that follow as well.
    fn words(&mut self, scope: &Scope) -> Result<Part, Error> {
        let first = self.word_like(scope)?;
        let takes_more = self.context.dialect == 1
            && first.bare
            && (scope.named || self.at >= 2 && is_sign(self.tokens[self.at - 2].kind));
        if !takes_more || !self.begins_word() {
            return Ok(first);
        }
        let mut nodes = Vec::new();
        self.add(&mut nodes, first, Join::And)?;
        while self.begins_word() {
            let next = self.word_like(scope)?;
            self.add(&mut nodes, next, Join::And)?;
        }
        joined(nodes, Join::And, 0)
    }

    fn begins_word(&self) -> bool {
        matches!(self.peek(), Some(Kind::Term | Kind::Size | Kind::Number | Kind::As | Kind::Inf))
    }

    /// Parentheses: the innermost of those that open here first, then what follows it in the one around it, and so on.
    fn group(&mut self, scope: &Scope) -> Result<Part, Error> {
        let opened = self.tokens[self.at..].iter().take_while(|token| token.kind == Kind::Mark(b'(')).count();
        self.at += opened;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(overflow());
        }
        let mut part = None;
        for left in (0..opened).rev() {
            let inner = self.union(scope, part)?;
            self.expect(b')')?;
            let group = Part { single: true, bare: false, and: false, ..inner };
            part = Some(if left > 0 { self.attributed(group)? } else { group });
        }
        self.depth -= 1;
        Ok(part.expect("at least one is open"))
    }

    /// `@a|b:…`
    fn fielded(&mut self) -> Result<Part, Error> {
        let mut names = vec![self.next_token()];
        while self.take(b'|') {
            match self.peek() {
                Some(kind) if is_name(kind) => names.push(self.next_token()),
                _ => return Err(self.syntax()),
            }
        }
        self.expect(b':')?;
        match self.peek() {
            Some(Kind::Mark(b'{')) if names.len() == 1 => self.tags(names[0]),
            Some(Kind::Mark(b'[')) if names.len() == 1 => self.range(names[0]),
            Some(Kind::Mark(b'{' | b'[')) => Err(self.syntax()),
            _ => self.fielded_text(&names),
        }
    }

    fn fielded_text(&mut self, names: &[Token]) -> Result<Part, Error> {
        // What is no query is reported before a field of another kind.
        let (fields, wrong) = match self.text_fields(names) {
            Ok(fields) => (fields, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let scope = Scope { fields: Fields::Of(Arc::from(fields)), named: true, text_only: self.context.dialect > 1 };
        let signs = self.signs()?;
        let part = match self.peek() {
            Some(Kind::Mark(b'(')) => self.group(&scope)?,
            _ => self.words(&scope)?,
        };
        if let Some(error) = wrong {
            return Err(error);
        }
        let height = lower(part.height + signs.len())?;
        Ok(Part { node: part.node.map(|node| signed(&signs, node)), single: true, height, ..Part::default() })
    }

    /// The TEXT fields of these names, each once.
    fn text_fields(&self, names: &[Token]) -> Result<Vec<usize>, Error> {
        let mut fields = Vec::with_capacity(names.len());
        for name in names {
            let found = self.field(*name, "TEXT", |kind| matches!(kind, schema::Kind::Text { .. }))?;
            fields.extend(found.filter(|field| {
                let admitted = self.context.in_fields.is_none_or(|fields| fields.contains(field));
                admitted && !self.context.definition.fields[*field].no_index
            }));
        }
        // Named again they are not looked at again.
        let mut known = HashSet::new();
        fields.retain(|field| known.insert(*field));
        Ok(fields)
    }

    /// `ismissing(@field)`
    fn missing(&mut self) -> Result<Part, Error> {
        self.at += 2;
        if self.peek() != Some(Kind::Modifier) {
            return Err(self.syntax());
        }
        let name = self.next_token();
        self.expect(b')')?;
        let Some(field) = self.field(name, "", |_| true)? else { return Ok(Part::kind(NodeKind::Nothing)) };
        if !self.context.definition.fields[field].index_missing {
            let (offset, near) = self.place(name);
            let text = "'ismissing' requires defining the field with 'INDEXMISSING' at offset % near %";
            return Err(Error::quoting(SYNTAX, text, &[offset.as_bytes(), &near]));
        }
        Ok(Part::kind(NodeKind::Missing { field }))
    }

    /// The field of this name and kind. Dialect 1 knows no errors here, only fields that nothing has.
    pub fn field(
        &self,
        name: Token,
        wanted: &str,
        fits: impl Fn(&schema::Kind) -> bool,
    ) -> Result<Option<usize>, Error> {
        let plain = unescape(self.name(name));
        let definition = self.context.definition;
        let old = self.context.dialect == 1 && wanted != "VECTOR";
        let found = definition.field(&plain);
        if found.is_some_and(|field| fits(&definition.fields[field].kind)) || old {
            return Ok(found.filter(|field| fits(&definition.fields[*field].kind)));
        }
        let (offset, near) = self.place(name);
        let quoted = [wanted.as_bytes(), offset.as_bytes(), &near];
        Err(match found {
            Some(_) => Error::quoting(SYNTAX, "Expected a % field at offset % near %", &quoted),
            None => Error::quoting(SYNTAX, "Unknown field at offset % near %", &quoted[1..]),
        })
    }

    /// The offset and the text of a field's name, for errors.
    fn place(&self, name: Token) -> (String, Vec<u8>) {
        (name.start.to_string(), self.name(name).to_vec())
    }

    /// What a name's token names.
    fn name(&self, token: Token) -> &'a [u8] {
        match token.kind {
            Kind::Modifier | Kind::Param => &self.text[token.start + 1..token.end],
            Kind::Comparison { name, .. } => &self.text[name.0..name.1],
            _ => &self.text[token.start..token.end],
        }
    }

    /// The value of a parameter, which is read as if it stood in the query.
    pub fn param(&self, name: &[u8]) -> Result<&'a Arc<[u8]>, Error> {
        let value = self.blob_param(name)?;
        self.spend(value.len())?;
        Ok(value)
    }

    /// The value of a parameter, which is shared as it is.
    pub fn blob_param(&self, name: &[u8]) -> Result<&'a Arc<[u8]>, Error> {
        let found = self.context.params.get(&unescape(name));
        found.ok_or_else(|| Error::quoting(PARAM_NOT_FOUND, "Parameter not found `%`", &[name]))
    }

    pub fn peek(&self) -> Option<Kind> {
        self.peek_at(0)
    }

    pub fn peek_at(&self, ahead: usize) -> Option<Kind> {
        self.tokens.get(self.at + ahead).map(|token| token.kind)
    }

    /// The next token, which is known to be there.
    pub fn next_token(&mut self) -> Token {
        self.at += 1;
        self.tokens[self.at - 1]
    }

    pub fn take(&mut self, mark: u8) -> bool {
        let found = self.peek() == Some(Kind::Mark(mark));
        self.at += usize::from(found);
        found
    }

    pub fn expect(&mut self, mark: u8) -> Result<(), Error> {
        if self.take(mark) { Ok(()) } else { Err(self.syntax()) }
    }

    /// The error for an unexpected token. After an arrow it is the token after that.
    pub fn syntax(&self) -> Error {
        let arrow = self.peek() == Some(Kind::Arrow) && self.peek_at(1).is_some();
        let wrong = (self.at + usize::from(arrow)).min(self.tokens.len().saturating_sub(1));
        let offset = self.tokens.get(wrong).map_or(0, |token| token.start).to_string();
        let read = &self.tokens[..self.tokens.len().min(wrong + 1)];
        let near = read.iter().rev().find_map(|token| self.shown(token)).unwrap_or_default();
        Error::quoting(SYNTAX, "Syntax error at offset % near %", &[offset.as_bytes(), near])
    }

    /// What an error shows of a token.
    fn shown(&self, token: &Token) -> Option<&'a [u8]> {
        let (skip, cut) = match token.kind {
            Kind::Mark(_) | Kind::Empty | Kind::Unclosed => return None,
            Kind::Arrow => return Some(&self.text[token.start + 1..(token.start + 3).min(self.text.len())]),
            Kind::Modifier | Kind::Param | Kind::Suffix(_) => (1, 0),
            Kind::Quoted | Kind::Infix(_) => (1, 1),
            Kind::Prefix(_) => (0, 1),
            Kind::Wildcard => (2, 1),
            _ => (0, 0),
        };
        Some(&self.text[token.start + skip..token.end - cut])
    }
}

fn is_sign(kind: Kind) -> bool {
    matches!(kind, Kind::Mark(b'-' | b'~'))
}

fn is_name(kind: Kind) -> bool {
    matches!(kind, Kind::Term | Kind::Size | Kind::Number | Kind::As | Kind::Inf | Kind::IsMissing)
}
