//! The parser of paths.
//!
//! ```text
//! path     = "$" *segment
//! segment  = "." name | "." "*" | ["."] bracket | ".." ( name | "*" | bracket )
//! bracket  = "[" selector *( "," selector ) "]"
//! selector = "*" | index | slice | quoted | "?" filter
//! ```

use super::filter::{Filter, Operand, Operator};
use super::{MAX_DESCENTS, MAX_LENGTH, MAX_NESTING, Path, Segment, Selector};
use crate::json::parse::{parse, parse_prefix};
use crate::json::{Error, Value};

/// Characters that end a name without quotes, beside controls and those beyond ASCII's blank.
const RESERVED: &str = ".[](){}<>=!&|?@*~,;'\"` ";

/// Reads a path, legacy or not.
pub(super) fn path(text: &[u8]) -> Result<Path, Error> {
    let text = std::str::from_utf8(text).map_err(|_| Error::new("the path is not UTF-8"))?;
    if text.len() > MAX_LENGTH {
        return Err(Error::new("the path is too long"));
    }
    let legacy = !(text == "$" || text.starts_with("$.") || text.starts_with("$["));
    let mut reader = Reader { text, at: 0, descents: 0, depth: 0 };
    let segments = match (legacy, text) {
        (true, "") => return Err(reader.expected("a path")),
        (true, ".") => {
            reader.at = 1;
            Vec::new()
        }
        (true, _) if text.starts_with(['.', '[']) => reader.segments()?,
        (true, _) => {
            let first = Segment { descends: false, selectors: vec![reader.name_or_all()?] };
            let mut segments = vec![first];
            segments.extend(reader.segments()?);
            segments
        }
        (false, _) => {
            reader.at = 1;
            reader.segments()?
        }
    };
    if reader.at < text.len() {
        return Err(reader.expected("'.', '..', '[' or the end"));
    }
    Ok(Path { text: text.to_owned(), legacy, segments })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    descents: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        let here = self.rest().starts_with(token);
        self.at += if here { token.len() } else { 0 };
        here
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn expected(&self, what: &str) -> Error {
        Error::new(format!("Error occurred on position {}, expected one of the following: {what}", self.at + 1))
    }

    fn demand(&mut self, token: &str) -> Result<(), Error> {
        if self.eat(token) { Ok(()) } else { Err(self.expected(token)) }
    }

    /// Runs `body` one level deeper.
    fn nested<T>(&mut self, body: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth == MAX_NESTING {
            return Err(Error::new("the path nests too deep"));
        }
        self.depth += 1;
        let result = body(self);
        self.depth -= 1;
        result
    }

    /// As many segments as there are.
    fn segments(&mut self) -> Result<Vec<Segment>, Error> {
        let mut segments = Vec::new();
        loop {
            let descends = self.eat("..");
            if descends {
                self.descents += 1;
                if self.descents > MAX_DESCENTS {
                    return Err(Error::new("the path has too many '..'"));
                }
            }
            let dot = descends || self.eat(".");
            let selectors = match self.peek() {
                Some('[') => self.nested(Self::bracket)?,
                _ if dot => vec![self.name_or_all()?],
                _ => return Ok(segments),
            };
            segments.push(Segment { descends, selectors });
        }
    }

    fn name_or_all(&mut self) -> Result<Selector, Error> {
        if self.eat("*") {
            return Ok(Selector::All);
        }
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_control() || RESERVED.contains(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.expected("a name, '*' or '['"));
        }
        self.at += end;
        Ok(Selector::Name(rest[..end].to_owned()))
    }

    fn bracket(&mut self) -> Result<Vec<Selector>, Error> {
        self.demand("[")?;
        let mut selectors = Vec::new();
        loop {
            self.space();
            selectors.push(self.selector()?);
            self.space();
            if !self.eat(",") {
                self.demand("]")?;
                return Ok(selectors);
            }
        }
    }

    fn selector(&mut self) -> Result<Selector, Error> {
        match self.peek() {
            Some('*') => {
                self.at += 1;
                Ok(Selector::All)
            }
            Some('"' | '\'') => self.quoted().map(Selector::Name),
            Some('?') => {
                self.at += 1;
                self.space();
                self.or().map(Selector::Filter)
            }
            _ => self.index_or_slice(),
        }
    }

    fn index_or_slice(&mut self) -> Result<Selector, Error> {
        let start = self.integer()?;
        self.space();
        if !self.eat(":") {
            return start.map(Selector::Index).ok_or_else(|| self.expected("an index, a name in quotes, '*' or '?'"));
        }
        self.space();
        let end = self.integer()?;
        self.space();
        let mut step = 1;
        if self.eat(":") {
            self.space();
            step = self.integer()?.unwrap_or(1);
        }
        if step == 0 {
            return Err(self.expected("a step other than 0"));
        }
        Ok(Selector::Slice { start, end, step })
    }

    /// A whole number, if there is one. Those beyond 64 bits are beyond every array.
    fn integer(&mut self) -> Result<Option<i64>, Error> {
        let rest = self.rest();
        let sign = usize::from(rest.starts_with('-'));
        let digits = rest[sign..].bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return if sign == 0 { Ok(None) } else { Err(self.expected("digits")) };
        }
        self.at += sign + digits;
        let beyond = if sign == 1 { i64::MIN } else { i64::MAX };
        Ok(Some(rest[..sign + digits].parse().unwrap_or(beyond)))
    }

    /// A string in single or double quotes, with the escapes of JSON and `\'`; of other escapes the backslash stays,
    /// as regular expressions want it.
    fn quoted(&mut self) -> Result<String, Error> {
        let quote = self.peek();
        let mut json = String::from("\"");
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                _ if Some(c) == quote => {
                    json.push('"');
                    let value = parse(json.as_bytes());
                    self.at += at + 1;
                    return match value {
                        Ok(Value::String(text)) => Ok(text.as_str().to_owned()),
                        _ => Err(self.expected("a string")),
                    };
                }
                '"' => json.push_str("\\\""),
                '\\' => match chars.next() {
                    Some((_, '\'')) => json.push('\''),
                    Some((_, escaped @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u'))) => {
                        json.extend(['\\', escaped]);
                    }
                    Some((_, other)) => {
                        json.push_str("\\\\");
                        json.push(other);
                    }
                    None => break,
                },
                _ if c < ' ' => json.push_str(&format!("\\u{:04x}", u32::from(c))),
                _ => json.push(c),
            }
        }
        Err(self.expected("a closing quote"))
    }

    fn or(&mut self) -> Result<Filter, Error> {
        let mut terms = vec![self.and()?];
        while self.eat("||") {
            terms.push(self.and()?);
        }
        Ok(if terms.len() == 1 { terms.swap_remove(0) } else { Filter::Any(terms) })
    }

    fn and(&mut self) -> Result<Filter, Error> {
        let mut terms = vec![self.unary()?];
        while self.eat("&&") {
            terms.push(self.unary()?);
        }
        Ok(if terms.len() == 1 { terms.swap_remove(0) } else { Filter::All(terms) })
    }

    fn unary(&mut self) -> Result<Filter, Error> {
        self.space();
        let filter = match self.peek() {
            Some('!') => {
                self.at += 1;
                Filter::Not(Box::new(self.nested(Self::unary)?))
            }
            Some('(') => {
                self.at += 1;
                let inner = self.nested(Self::or)?;
                self.demand(")")?;
                inner
            }
            _ => self.comparison()?,
        };
        self.space();
        Ok(filter)
    }

    fn comparison(&mut self) -> Result<Filter, Error> {
        let left = self.operand()?;
        self.space();
        let Some(operator) = self.operator() else {
            return match left {
                Operand::Path { .. } => Ok(Filter::Exists(left)),
                Operand::Literal(_) => Err(self.expected("an operator")),
            };
        };
        self.space();
        let right = self.operand()?;
        Ok(Filter::compare(left, operator, right))
    }

    fn operator(&mut self) -> Option<Operator> {
        const OPERATORS: [(&str, Operator); 7] = [
            ("==", Operator::Equal),
            ("!=", Operator::Unequal),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("=~", Operator::Search),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        OPERATORS.into_iter().find(|(token, _)| self.eat(token)).map(|(_, operator)| operator)
    }

    fn operand(&mut self) -> Result<Operand, Error> {
        let at_root = self.rest().starts_with('$');
        if at_root || self.rest().starts_with('@') {
            self.at += 1;
            let segments = self.nested(Self::segments)?;
            let path = Path { text: String::new(), legacy: false, segments };
            return Ok(Operand::Path { at_root, path });
        }
        match self.peek() {
            Some('"' | '\'') => Ok(Operand::Literal(Value::String(self.quoted()?[..].into()))),
            Some('[' | '{') => {
                let (value, length) = parse_prefix(self.rest()).map_err(|_| self.expected("a JSON value"))?;
                self.at += length;
                Ok(Operand::Literal(value))
            }
            _ => {
                let rest = self.rest();
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).unwrap_or(rest.len());
                let value = parse(&rest.as_bytes()[..end]);
                let value = value.map_err(|_| self.expected("'@', '$', a number, a string or another literal"))?;
                self.at += end;
                Ok(Operand::Literal(value))
            }
        }
    }
}
