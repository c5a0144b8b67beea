//! Text atoms: words, phrases, affixes, fuzzy words, wildcards, the empty text.

use super::lexer::{Kind, Operand, Token, unescape};
use super::parser::{Parser, Scope};
use super::parts::Part;
use super::{Affix, Fields, Node, NodeKind};
use crate::search::error::{Error, SYNTAX};
use crate::search::schema;
use crate::search::text::{fold, tokens};

/// Bytes of an affix's operand or of a wildcard pattern, at most.
const MAX_OPERAND: usize = 1024;
const NOT_EMPTY: &str = "Use `INDEXEMPTY` in field creation in order to index and query for empty strings";

pub(super) fn not_indexed_empty() -> Error {
    Error::new(SYNTAX, NOT_EMPTY)
}

impl Parser<'_> {
    /// A text atom.
    pub fn word_like(&mut self, scope: &Scope) -> Result<Part, Error> {
        let Some(kind) = self.peek() else { return Err(self.syntax()) };
        let old = self.context.dialect == 1;
        match kind {
            Kind::Term | Kind::As | Kind::Inf | Kind::IsMissing | Kind::Size | Kind::Number => Ok(self.word(scope)),
            Kind::Param | Kind::Empty if old => Err(self.syntax()),
            Kind::Param => self.word_param(scope),
            Kind::Quoted => Ok(self.phrase(scope)),
            Kind::Empty => {
                self.at += 1;
                self.empty(scope)
            }
            Kind::Mark(b'%') => self.fuzzy(scope),
            _ => match self.affix()? {
                Some(affix) => {
                    let fields = scope.fields.clone();
                    Ok(Part::kind(within(scope, NodeKind::Affix { affix, fields })))
                }
                None => Err(self.syntax()),
            },
        }
    }

    fn word(&mut self, scope: &Scope) -> Part {
        let token = self.next_token();
        let raw = &self.text[token.start..token.end];
        let word = fold(&unescape(raw)).into_owned();
        if self.is_stop_word(&word) {
            return Part::word(None, false);
        }
        let number = matches!(token.kind, Kind::Size | Kind::Number);
        Part::word(Some(self.word_node(scope, word, number)), raw == b"AND")
    }

    fn word_node(&self, scope: &Scope, word: Vec<u8>, exact: bool) -> Node {
        let verbatim = exact || self.context.verbatim;
        Node::new(within(scope, NodeKind::Word { word, verbatim, fields: scope.fields.clone() }))
    }

    /// A parameter's value is one word, whatever characters it has.
    fn word_param(&mut self, scope: &Scope) -> Result<Part, Error> {
        let token = self.next_token();
        let word = fold(&unescape(self.param_of(token)?)).into_owned();
        if word.is_empty() {
            return self.empty(scope);
        }
        let number = crate::search::number::parse_number(&word).is_some();
        Ok(Part::of(self.word_node(scope, word, number)))
    }

    /// The value of the parameter that a token names.
    pub fn param_of(&self, token: Token) -> Result<&std::sync::Arc<[u8]>, Error> {
        self.param(&self.text[token.start + 1..token.end])
    }

    /// Quoted text is split as documents are.
    fn phrase(&mut self, scope: &Scope) -> Part {
        let token = self.next_token();
        let text = &self.text[token.start + 1..token.end - 1];
        let words = tokens(text).map(|token| token.word);
        let mut words: Vec<Vec<u8>> = words.filter(|word| !self.is_stop_word(word)).collect();
        match words.len() {
            0 => Part::kind(NodeKind::Nothing),
            1 => Part::of(self.word_node(scope, words.remove(0), true)),
            _ => Part::kind(within(scope, NodeKind::Phrase { words, fields: scope.fields.clone() })),
        }
    }

    /// The empty text is found in fields that index it.
    fn empty(&self, scope: &Scope) -> Result<Part, Error> {
        let keeps = |field: &schema::Field| field.index_empty && matches!(field.kind, schema::Kind::Text { .. });
        let all = &self.context.definition.fields;
        let found = match &scope.fields {
            Fields::All => all.iter().any(keeps),
            Fields::Of(fields) => fields.iter().any(|field| keeps(&all[*field])),
        };
        match found {
            true => Ok(Part::kind(NodeKind::Empty { fields: scope.fields.clone() })),
            false if scope.named => Err(not_indexed_empty()),
            false => Ok(Part::kind(NodeKind::Nothing)),
        }
    }

    /// `%word%`, with up to three signs on each side.
    fn fuzzy(&mut self, scope: &Scope) -> Result<Part, Error> {
        let mut distance = 0;
        while self.take(b'%') {
            distance += 1;
            if distance > 3 {
                self.at -= 1;
                return Err(self.syntax());
            }
        }
        let raw = match self.peek() {
            Some(Kind::Term | Kind::Size | Kind::Number | Kind::As | Kind::Inf | Kind::IsMissing) => {
                let token = self.next_token();
                self.text[token.start..token.end].to_vec()
            }
            Some(Kind::Param) if self.context.dialect > 1 => {
                let token = self.next_token();
                self.param_of(token)?.to_vec()
            }
            _ => return Err(self.syntax()),
        };
        for _ in 0..distance {
            self.expect(b'%')?;
        }
        let word = fold(&unescape(&raw)).into_owned();
        Ok(Part::kind(within(scope, NodeKind::Fuzzy { word, distance, fields: scope.fields.clone() })))
    }

    /// An affix or a wildcard, if there is one.
    pub fn affix(&mut self) -> Result<Option<Affix>, Error> {
        let Some(token) = self.tokens.get(self.at).copied() else { return Ok(None) };
        let (affix, name): (fn(Vec<u8>) -> Affix, &str) = match token.kind {
            Kind::Prefix(_) => (Affix::Prefix, "PREFIX"),
            Kind::Suffix(_) => (Affix::Suffix, "SUFFIX"),
            Kind::Infix(_) => (Affix::Infix, "INFIX"),
            Kind::Wildcard => (Affix::Wildcard, "WILDCARD"),
            _ => return Ok(None),
        };
        self.at += 1;
        let operand = self.operand(token)?;
        if operand.len() > MAX_OPERAND {
            let text = "% query string is too long. Maximum allowed length is 1024";
            return Err(Error::quoting(SYNTAX, text, &[name.as_bytes()]));
        }
        Ok(Some(affix(operand)))
    }

    /// The operand of an affix, unescaped; a wildcard's pattern unchanged.
    fn operand(&self, token: Token) -> Result<Vec<u8>, Error> {
        let (first, last, operand) = match token.kind {
            Kind::Prefix(operand) => (0, 1, operand),
            Kind::Suffix(operand) => (1, 0, operand),
            Kind::Infix(operand) => (1, 1, operand),
            _ => {
                let pattern = &self.text[token.start + 2..token.end - 1];
                return match pattern.strip_prefix(b"$") {
                    Some(name) if is_term(name) => Ok(self.param(name)?.to_vec()),
                    _ => Ok(pattern.to_vec()),
                };
            }
        };
        let operand_text = &self.text[token.start + first..token.end - last];
        match operand {
            Operand::Word => Ok(unescape(operand_text)),
            Operand::Quoted => Ok(unescape(&operand_text[1..operand_text.len() - 1])),
            Operand::Param => Ok(unescape(self.param(&operand_text[1..])?)),
        }
    }
}

/// Whether all of it is one term.
fn is_term(text: &[u8]) -> bool {
    matches!(super::lexer::tokens(text, 2)[..], [Token { kind: Kind::Term | Kind::Size, start: 0, end }] if end == text.len())
}

/// The kind, or nothing if no field is left to look in.
fn within(scope: &Scope, kind: NodeKind) -> NodeKind {
    match &scope.fields {
        Fields::Of(fields) if fields.is_empty() => NodeKind::Nothing,
        _ => kind,
    }
}
