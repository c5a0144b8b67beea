//! The tokens of an expression.

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Number(f64),
    Text(Vec<u8>),
    /// `@name`, unescaped.
    Property(Vec<u8>),
    /// A bare word: a function's name or NULL.
    Word(Vec<u8>),
    /// An operator or a mark.
    Sign(&'static str),
    /// A byte that begins nothing.
    Wrong,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    /// What errors show of it.
    pub shown: std::ops::Range<usize>,
}

const SIGNS: [&str; 18] =
    ["||", "&&", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "^", "(", ")", ","];

/// All tokens. A sign directly in front of digits belongs to them where an operand may begin.
pub(super) fn tokens(text: &[u8]) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at].is_ascii_whitespace() || text[at] == 0 {
            at += 1;
            continue;
        }
        let operand = match tokens.last().map(|token| &token.kind) {
            None => true,
            Some(Kind::Sign(sign)) => *sign != ")",
            Some(_) => false,
        };
        let (kind, end, shown) = token(text, at, operand);
        tokens.push(Token { kind, start: at, shown });
        at = end;
    }
    tokens
}

type Found = (Kind, usize, std::ops::Range<usize>);

fn token(text: &[u8], at: usize, operand: bool) -> Found {
    let byte = text[at];
    let signed = at + usize::from(operand && matches!(byte, b'+' | b'-'));
    if let Some(end) = number(text, signed) {
        let written = std::str::from_utf8(&text[at..end]).expect("digits");
        return (Kind::Number(written.parse().unwrap_or(f64::NAN)), end, at..end);
    }
    match byte {
        b'"' | b'\'' => string(text, at),
        b'@' => {
            let end = name(text, at + 1);
            match end > at + 1 {
                true => (Kind::Property(unescape(&text[at + 1..end])), end, at + 1..end),
                false => (Kind::Wrong, at + 1, at..at),
            }
        }
        _ => match SIGNS.iter().find(|sign| text[at..].starts_with(sign.as_bytes())) {
            Some(sign) => (Kind::Sign(sign), at + sign.len(), at..at),
            None => {
                let end = name(text, at);
                match end > at {
                    true => (Kind::Word(text[at..end].to_vec()), end, at..end),
                    false => (Kind::Wrong, at + 1, at..at),
                }
            }
        },
    }
}

/// The end of `digits[.digits][e[sign]digits]` or `.digits`.
fn number(text: &[u8], at: usize) -> Option<usize> {
    let digits = |from: usize| from + text[from.min(text.len())..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(at);
    let mut end = whole;
    if text.get(whole) == Some(&b'.') {
        let fraction = digits(whole + 1);
        if fraction > whole + 1 {
            end = fraction;
        }
    }
    if end == at {
        return None;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    Some(end)
}

/// A string; a backslash escapes the delimiter and itself only.
fn string(text: &[u8], at: usize) -> Found {
    let quote = text[at];
    let mut plain = Vec::new();
    let mut end = at + 1;
    while let Some(byte) = text.get(end) {
        match (byte, text.get(end + 1)) {
            (b'\\', Some(next)) if *next == quote || *next == b'\\' => {
                plain.push(*next);
                end += 2;
            }
            (byte, _) if *byte == quote => return (Kind::Text(plain), end + 1, at + 1..end),
            _ => {
                plain.push(*byte);
                end += 1;
            }
        }
    }
    (Kind::Wrong, text.len(), at + 1..text.len())
}

/// The end of a name: letters, digits, `_`, bytes from 0x80 on, escaped punctuation.
fn name(text: &[u8], at: usize) -> usize {
    let mut end = at;
    loop {
        match (text.get(end), text.get(end + 1)) {
            (Some(b'\\'), Some(next)) if next.is_ascii_punctuation() || *next == b' ' => end += 2,
            (Some(byte), _) if byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80 => end += 1,
            _ => return end,
        }
    }
}

fn unescape(name: &[u8]) -> Vec<u8> {
    let mut bytes = name.iter();
    let mut plain = Vec::with_capacity(name.len());
    while let Some(byte) = bytes.next() {
        plain.push(if *byte == b'\\' { *bytes.next().unwrap_or(byte) } else { *byte });
    }
    plain
}
