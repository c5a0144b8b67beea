//! The tokenizer of the query language: the longest token at each position; all other bytes separate tokens and are
//! skipped.

/// What a token is. Operands are ranges of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Digits.
    Size,
    Number,
    /// `@name op value` in one.
    Comparison {
        name: (usize, usize),
        operator: Operator,
        value: (usize, usize),
    },
    /// `@name`
    Modifier,
    /// `$name`
    Param,
    Arrow,
    As,
    Inf,
    /// `""` or `''`
    Empty,
    IsMissing,
    Term,
    Quoted,
    Prefix(Operand),
    Suffix(Operand),
    Infix(Operand),
    Wildcard,
    /// One of `( ) { } [ ] | : ; - ~ * %`.
    Mark(u8),
    /// A `"` that nothing closes.
    Unclosed,
}

/// What stands beside the `*` of an affix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    Word,
    Param,
    Quoted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
}

/// A token and the bytes that it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

const MARKS: &[u8] = b"(){}[]|:;-~*%";

/// All tokens of a text. Dialect 1 has fewer kinds.
pub fn tokens(text: &[u8], dialect: u8) -> Vec<Token> {
    let lexer = Lexer { text, old: dialect == 1 };
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match lexer.token(at) {
            Some((kind, end)) => {
                tokens.push(Token { kind, start: at, end });
                at = end;
            }
            None => at += 1,
        }
    }
    tokens
}

struct Lexer<'a> {
    text: &'a [u8],
    /// Dialect 1.
    old: bool,
}

impl Lexer<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn token(&self, at: usize) -> Option<(Kind, usize)> {
        let byte = self.byte(at);
        match byte {
            b'@' => self.field(at),
            b'$' => {
                let end = self.term(at + 1)?;
                Some(self.affixed(Kind::Param, Operand::Param, end))
            }
            b'=' if self.byte(at + 1) == b'>' => Some((Kind::Arrow, at + 2)),
            b'"' | b'\'' => self.quote(at),
            b'*' => Some(self.star(at)),
            b'-' | b'+' => match self.number(at).map(|(_, end)| end).or_else(|| self.signed_inf(at)) {
                Some(end) if self.is_inf(at, end) => Some((Kind::Inf, end)),
                Some(end) => Some(self.affixed(Kind::Number, Operand::Word, end)),
                None => (byte == b'-').then_some((Kind::Mark(b'-'), at + 1)),
            },
            _ if MARKS.contains(&byte) => Some((Kind::Mark(byte), at + 1)),
            _ => self.word(at),
        }
    }

    /// A number, a term or a keyword, perhaps with a star behind it; or a wildcard.
    fn word(&self, at: usize) -> Option<(Kind, usize)> {
        if self.byte(at) == b'w'
            && !self.old
            && matches!(self.byte(at + 1), b'"' | b'\'')
            && let Some(end) = self.quoted(at + 1).filter(|end| *end > at + 3)
        {
            return Some((Kind::Wildcard, end));
        }
        let term = self.term(at);
        let number = self.number(at);
        let (kind, end) = match (number, term) {
            (Some((kind, end)), term) if term.is_none_or(|term| end >= term) => (kind, end),
            (_, Some(end)) => (self.keyword(&self.text[at..end]), end),
            (_, None) => return None,
        };
        Some(self.affixed(kind, Operand::Word, end))
    }

    fn keyword(&self, word: &[u8]) -> Kind {
        if word.eq_ignore_ascii_case(b"as") {
            Kind::As
        } else if word == b"inf" || (!self.old && word.eq_ignore_ascii_case(b"inf")) {
            Kind::Inf
        } else if !self.old && word.eq_ignore_ascii_case(b"ismissing") {
            Kind::IsMissing
        } else {
            Kind::Term
        }
    }

    /// The token, or the prefix that it is with a star behind it.
    fn affixed(&self, kind: Kind, operand: Operand, end: usize) -> (Kind, usize) {
        match self.byte(end) {
            b'*' => (Kind::Prefix(operand), end + 1),
            _ => (kind, end),
        }
    }

    fn quote(&self, at: usize) -> Option<(Kind, usize)> {
        let quote = self.byte(at);
        if self.old && quote == b'\'' {
            return None;
        }
        match self.quoted(at) {
            Some(end) if end == at + 2 => Some((Kind::Empty, end)),
            Some(end) if self.old => Some((Kind::Quoted, end)),
            Some(end) => Some(self.affixed(Kind::Quoted, Operand::Quoted, end)),
            None => (quote == b'"').then_some((Kind::Unclosed, at + 1)),
        }
    }

    /// The end of the string that begins with the quote here.
    fn quoted(&self, at: usize) -> Option<usize> {
        let quote = self.byte(at);
        let mut end = at + 1;
        while end < self.text.len() {
            match self.text[end] {
                b'\\' => end += 2,
                byte if byte == quote => return Some(end + 1),
                _ => end += 1,
            }
        }
        None
    }

    fn star(&self, at: usize) -> (Kind, usize) {
        let operand = match self.byte(at + 1) {
            b'$' => self.term(at + 2).map(|end| (Operand::Param, end)),
            b'"' | b'\'' if !self.old => {
                self.quoted(at + 1).filter(|end| *end > at + 3).map(|end| (Operand::Quoted, end))
            }
            _ => {
                let term = self.term(at + 1);
                let number = self.number(at + 1).map(|(_, end)| end);
                number.max(term).map(|end| (Operand::Word, end))
            }
        };
        match operand {
            Some((operand, end)) if self.byte(end) == b'*' => (Kind::Infix(operand), end + 1),
            Some((operand, end)) => (Kind::Suffix(operand), end),
            None => (Kind::Mark(b'*'), at + 1),
        }
    }

    fn field(&self, at: usize) -> Option<(Kind, usize)> {
        let name = self.term(at + 1)?;
        if !self.old
            && let Some(comparison) = self.comparison(at + 1, name)
        {
            return Some(comparison);
        }
        Some((Kind::Modifier, name))
    }

    fn comparison(&self, start: usize, name: usize) -> Option<(Kind, usize)> {
        let at = self.spaces(name);
        let (operator, length) = match (self.byte(at), self.byte(at + 1)) {
            (b'=', b'=') => (Operator::Equal, 2),
            (b'!', b'=') => (Operator::NotEqual, 2),
            (b'>', b'=') => (Operator::GreaterEqual, 2),
            (b'<', b'=') => (Operator::LessEqual, 2),
            (b'>', _) => (Operator::Greater, 1),
            (b'<', _) => (Operator::Less, 1),
            _ => return None,
        };
        let value = self.spaces(at + length);
        let param = value + usize::from(matches!(self.byte(value), b'-' | b'+'));
        let end = match self.number(value) {
            Some((_, end)) => end,
            None if self.byte(param) == b'$' => self.term(param + 1)?,
            None if self.byte(value).is_ascii_alphabetic() => {
                self.term(value).filter(|end| self.is_inf(value, *end))?
            }
            None => self.signed_inf(value)?,
        };
        Some((Kind::Comparison { name: (start, name), operator, value: (value, end) }, end))
    }

    fn spaces(&self, mut at: usize) -> usize {
        while self.byte(at).is_ascii_whitespace() {
            at += 1;
        }
        at
    }

    fn is_inf(&self, start: usize, end: usize) -> bool {
        let word = &self.text[start..end];
        word.strip_prefix(b"-").or(word.strip_prefix(b"+")).unwrap_or(word).eq_ignore_ascii_case(b"inf")
    }

    /// The end of `-inf` or `+inf`. A longer word does not count: `-information` is a negation.
    fn signed_inf(&self, at: usize) -> Option<usize> {
        let end = self.term(at + 1)?;
        let case = self.old && self.text[at + 1..end] != *b"inf";
        (matches!(self.byte(at), b'-' | b'+') && !case && self.is_inf(at, end)).then_some(end)
    }

    /// The end of the term here.
    fn term(&self, at: usize) -> Option<usize> {
        let mut end = at;
        loop {
            match self.text.get(end) {
                Some(b'\\') if is_escapable(self.byte(end + 1)) && end + 1 < self.text.len() => end += 2,
                Some(byte) if is_term(*byte) => end += 1,
                _ => return (end > at).then_some(end),
            }
        }
    }

    /// The end of the number here, and whether it is only digits.
    fn number(&self, at: usize) -> Option<(Kind, usize)> {
        let sign = match self.byte(at) {
            b'-' => 1,
            b'+' if !self.old => 1,
            _ => 0,
        };
        let whole = self.digits(at + sign);
        let mut end = whole;
        if self.byte(whole) == b'.' {
            let fraction = self.digits(whole + 1);
            let has_fraction = fraction > whole + 1;
            let has_whole = whole > at + sign;
            if (has_whole && has_fraction) || (!self.old && (has_whole || has_fraction)) {
                end = fraction;
            }
        }
        if end == at + sign {
            return None;
        }
        if matches!(self.byte(end), b'e' | b'E') {
            let signed = match self.byte(end + 1) {
                b'-' => 1,
                b'+' if !self.old => 1,
                _ => 0,
            };
            let exponent = self.digits(end + 1 + signed);
            if exponent > end + 1 + signed {
                end = exponent;
            }
        }
        let kind = if sign == 0 && end == whole { Kind::Size } else { Kind::Number };
        Some((kind, end))
    }

    fn digits(&self, mut at: usize) -> usize {
        while self.byte(at).is_ascii_digit() {
            at += 1;
        }
        at
    }
}

fn is_term(byte: u8) -> bool {
    byte >= 0x80 || byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_escapable(byte: u8) -> bool {
    byte.is_ascii_punctuation() || byte == b' '
}

/// A term without its backslashes: each before punctuation, a space or a backslash goes.
pub fn unescape(term: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(term.len());
    let mut rest = term;
    while let Some((byte, after)) = rest.split_first() {
        match (byte, after.split_first()) {
            (b'\\', Some((escaped, after))) if is_escapable(*escaped) => {
                plain.push(*escaped);
                rest = after;
            }
            _ => {
                plain.push(*byte);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, dialect: u8) -> String {
        let bytes = text.as_bytes();
        let show = |token: &Token| {
            let text = String::from_utf8_lossy(&bytes[token.start..token.end]).into_owned();
            let kind = match token.kind {
                Kind::Mark(_) | Kind::Arrow => return text,
                Kind::Comparison { .. } => "cmp".into(),
                kind => format!("{kind:?}").split('(').next().expect("a name").to_lowercase(),
            };
            format!("{kind}<{text}>")
        };
        tokens(bytes, dialect).iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_longest_token_wins() {
        for (text, tokens) in [
            ("a,b.c/d+e=f", "term<a> term<b> term<c> term<d> term<e> term<f>"),
            ("hello-world", "term<hello> - term<world>"),
            ("foo -5", "term<foo> number<-5>"),
            ("foo-5", "term<foo> number<-5>"),
            ("foo - 5", "term<foo> - size<5>"),
            (r"foo -\20", "term<foo> - size<20>"),
            ("5abc 1.5abc", "term<5abc> number<1.5> term<abc>"),
            ("foo*bar", "prefix<foo*> term<bar>"),
            ("*foo*bar", "infix<*foo*> term<bar>"),
            ("foo * bar **", "term<foo> * term<bar> * *"),
            ("it's bob's", "term<it> quoted<'s bob'> term<s>"),
            ("it's", "term<it> term<s>"),
            ("\"foo", "unclosed<\"> term<foo>"),
            ("w'abc", "term<w> term<abc>"),
            ("w'a?c' w\"x\"", "wildcard<w'a?c'> wildcard<w\"x\">"),
            ("[1, 4]", "[ size<1> size<4> ]"),
            ("[1..5]", "[ number<1.> number<.5> ]"),
            ("10.0.0.1", "number<10.0> number<.0> number<.1>"),
            ("@n >= 5 @n=>1", "cmp<@n >= 5> modifier<@n> => size<1>"),
            ("@n>-$a @n==inf @n<-inf", "cmp<@n>-$a> cmp<@n==inf> cmp<@n<-inf>"),
            ("@n===1", "modifier<@n> size<1>"),
            ("-inf +INF -information inf", "inf<-inf> inf<+INF> - term<information> inf<inf>"),
            ("\"foo-b\"* *'x y'* *'x'", "prefix<\"foo-b\"*> infix<*'x y'*> suffix<*'x'>"),
            ("'' \"\" ismissing(@t) As", "empty<''> empty<\"\"> ismissing<ismissing> ( modifier<@t> ) as<As>"),
            (r"hello\-world a\b \", r"term<hello\-world> term<a> term<b>"),
            ("$a-b $5 $ @ $b* *$b", "param<$a> - term<b> param<$5> prefix<$b*> suffix<*$b>"),
            ("2012* *1.5*", "prefix<2012*> infix<*1.5*>"),
            ("1e5 1e5x 1e+5", "number<1e5> term<1e5x> number<1e+5>"),
        ] {
            assert_eq!(read(text, 2), tokens, "{text}");
        }
    }

    #[test]
    fn dialect_1_has_fewer() {
        for (text, tokens) in [
            ("it's w'a'", "term<it> term<s> term<w> term<a>"),
            ("+5 .5 5. -5 INF", "size<5> size<5> size<5> number<-5> term<INF>"),
            ("@n>=5", "modifier<@n> size<5>"),
        ] {
            assert_eq!(read(text, 1), tokens, "{text}");
        }
    }
}
