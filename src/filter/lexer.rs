//! Cuts the text of an expression into tokens.

use super::error::{Error, ErrorKind};
use super::expression::{Binary, Comparison, Function, Item, Node};
use crate::attributes::Path;

/// Numbers may not be written longer.
const MAX_NUMBER: usize = 255;

#[derive(Debug, PartialEq)]
pub(super) enum Token {
    /// A literal or a field.
    Operand(Node),
    Symbol(Symbol),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Symbol {
    Not,
    Binary(Binary),
    Open,
    Close,
    Comma,
    /// `exists` with its opening parenthesis.
    Exists,
    /// The name of a function with its opening parenthesis.
    Call(Function),
}

pub(super) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
}

/// Operators in the order in which they are tried: the longer before its own beginning. A word
/// needs no space after it: `1 or2` is fine.
static SYMBOLS: [(&str, Symbol); 27] = {
    use Comparison::*;
    use Function::*;
    use Symbol::{Call, Close, Comma, Exists, Not, Open};
    const fn op(binary: Binary) -> Symbol {
        Symbol::Binary(binary)
    }
    [
        ("**", op(Binary::Power)),
        (">=", op(Binary::Compare(GreaterOrEqual))),
        ("<=", op(Binary::Compare(LessOrEqual))),
        ("==", op(Binary::Compare(Equal))),
        ("!=", op(Binary::Compare(NotEqual))),
        ("&&", op(Binary::And)),
        ("||", op(Binary::Or)),
        ("and", op(Binary::And)),
        ("or", op(Binary::Or)),
        ("not", Not),
        ("in", op(Binary::In)),
        ("!", Not),
        (">", op(Binary::Compare(Greater))),
        ("<", op(Binary::Compare(Less))),
        ("+", op(Binary::Add)),
        ("-", op(Binary::Subtract)),
        ("*", op(Binary::Multiply)),
        ("/", op(Binary::Divide)),
        ("%", op(Binary::Remainder)),
        ("(", Open),
        (")", Close),
        (",", Comma),
        ("exists", Exists),
        ("contains", Call(Contains)),
        ("startswith", Call(StartsWith)),
        ("endswith", Call(EndsWith)),
        ("geodist", Call(GeoDist)),
    ]
};

impl<'a> Lexer<'a> {
    pub fn new(text: &'a [u8]) -> Lexer<'a> {
        Lexer { text, at: 0 }
    }

    /// The next token and where it starts. Where a value is expected, a minus before a digit
    /// belongs to a number.
    pub fn next(&mut self, value_expected: bool) -> Result<(Token, usize), Error> {
        self.skip_space();
        let start = self.at;
        let token = match self.peek() {
            None => Token::End,
            Some(b'0'..=b'9') => self.number(start)?,
            Some(b'-') if value_expected && self.digit_at(start + 1) => self.number(start)?,
            Some(quote @ (b'"' | b'\'')) => {
                let string = self.string(quote)?;
                Token::Operand(Node::String(string.into()))
            }
            Some(b'[') => self.array()?,
            Some(b'.') => self.field()?,
            Some(b'$') => Token::Operand(Node::Parameter(self.parameter()?)),
            Some(_) => self.operator()?,
        };
        Ok((token, start))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn digit_at(&self, at: usize) -> bool {
        self.text.get(at).is_some_and(u8::is_ascii_digit)
    }

    fn skip_space(&mut self) {
        // As C's isspace has it.
        while matches!(self.peek(), Some(b' ' | b'\t'..=b'\r')) {
            self.at += 1;
        }
    }

    fn error<T>(&self, position: usize, kind: ErrorKind) -> Result<T, Error> {
        Err(Error { position, kind })
    }

    fn number(&mut self, start: usize) -> Result<Token, Error> {
        self.number_value(start).map(|number| Token::Operand(Node::Number(number)))
    }

    fn number_value(&mut self, start: usize) -> Result<f64, Error> {
        self.at = start + 1;
        while let Some(byte) = self.peek() {
            let exponent = matches!(self.text[self.at - 1], b'e' | b'E');
            let more = match byte {
                b'0'..=b'9' | b'.' | b'e' | b'E' => true,
                b'+' | b'-' => exponent && self.digit_at(self.at + 1),
                _ => false,
            };
            if !more {
                break;
            }
            self.at += 1;
        }
        let digits = &self.text[start..self.at];
        // Digits, points, signs and exponents: Rust and C's strtod agree on these.
        let number = std::str::from_utf8(digits).ok().and_then(|s| s.parse().ok());
        match number {
            Some(number) if digits.len() <= MAX_NUMBER => Ok(number),
            _ => self.error(start, ErrorKind::Number),
        }
    }

    /// The inside of a string in quotes, backslashes included.
    fn string(&mut self, quote: u8) -> Result<&'a [u8], Error> {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            if byte == quote {
                self.at += 1;
                return Ok(&self.text[start + 1..self.at - 1]);
            }
            self.at += if byte == b'\\' { 2 } else { 1 };
        }
        self.error(start, ErrorKind::Unterminated)
    }

    fn array(&mut self) -> Result<Token, Error> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            self.skip_space();
            let start = self.at;
            match self.peek() {
                Some(b']') => break,
                Some(b'0'..=b'9' | b'-') => items.push(Item::Number(self.number_value(start)?)),
                Some(quote @ (b'"' | b'\'')) => {
                    items.push(Item::String(self.string(quote)?.into()));
                }
                Some(b'$') => items.push(Item::Parameter(self.parameter()?)),
                _ => return self.error(start, ErrorKind::Array),
            }
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return self.error(self.at, ErrorKind::Array),
            }
        }
        self.at += 1;
        Ok(Token::Operand(Node::Array(items.into())))
    }

    fn field(&mut self) -> Result<Token, Error> {
        let mut path = Path::new();
        while self.peek() == Some(b'.') {
            self.at += 1;
            match self.peek() {
                Some(quote @ (b'"' | b'\'')) => path.push(&unquote(self.string(quote)?)),
                // A dot at the very end is a field that nothing has.
                None if path.is_empty() => {}
                _ => {
                    let start = self.at;
                    while self.peek().is_some_and(is_key_byte) {
                        self.at += 1;
                    }
                    if self.at == start {
                        return self.error(start - 1, ErrorKind::Key);
                    }
                    path.push(&self.text[start..self.at]);
                }
            }
        }
        Ok(Token::Operand(Node::Field(path)))
    }

    /// The name behind a dollar sign.
    fn parameter(&mut self) -> Result<Box<[u8]>, Error> {
        let start = self.at;
        self.at += 1;
        while self.peek().is_some_and(is_word_byte) {
            self.at += 1;
        }
        match &self.text[start + 1..self.at] {
            [] => self.error(start, ErrorKind::Parameter),
            name => Ok(name.into()),
        }
    }

    fn operator(&mut self) -> Result<Token, Error> {
        let start = self.at;
        let rest = &self.text[start..];
        if let Some(after) = rest.strip_prefix(b"null")
            && !after.first().is_some_and(|&b| is_word_byte(b))
        {
            self.at += 4;
            return Ok(Token::Operand(Node::Null));
        }
        for &(spelling, symbol) in &SYMBOLS {
            if !rest.starts_with(spelling.as_bytes()) {
                continue;
            }
            self.at += spelling.len();
            let call = matches!(symbol, Symbol::Exists | Symbol::Call(_));
            if call && !self.opens() {
                return self.error(start, ErrorKind::Word);
            }
            return Ok(Token::Symbol(symbol));
        }
        let byte = rest[0];
        let kind = match byte {
            b'&' | b'|' | b'=' => ErrorKind::Word,
            _ if byte.is_ascii_alphabetic() => ErrorKind::Word,
            _ => ErrorKind::Character(byte),
        };
        self.error(start, kind)
    }

    /// Passes the opening parenthesis of a call.
    fn opens(&mut self) -> bool {
        self.skip_space();
        let open = self.peek() == Some(b'(');
        self.at += usize::from(open);
        open
    }
}

pub(super) fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A quoted key without its backslashes. (Those in strings stay, as in Redis 8.)
fn unquote(raw: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => key.extend(bytes.next()),
            _ => key.push(byte),
        }
    }
    key
}
