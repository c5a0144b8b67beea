//! Looks for one field in a text, as plainly as docs/filters.md tells it: from
//! the left, passing over what comes before. Slow, recursive, and no relative of the reader that
//! it checks.

#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Number(f64),
    String(Vec<u8>),
    Array(Vec<Value>),
}

/// The value at `keys`, from the outermost.
pub fn look(text: &[u8], keys: &[Vec<u8>]) -> Option<Value> {
    let mut rest = trim(text).strip_prefix(b"{")?;
    for (level, wanted) in keys.iter().enumerate() {
        let value = find(rest, |key| key == wanted)?;
        if level + 1 == keys.len() {
            return read(value, 0).map(|(value, _)| value);
        }
        rest = value.strip_prefix(b"{")?;
    }
    None
}

/// The paths worth looking for: those of every key that can be reached, to a depth of three, and
/// some that are not there.
pub fn paths(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut all = vec![vec![b"a".to_vec()], vec![b"missing".to_vec()], vec![vec![]]];
    if let Some(inside) = trim(text).strip_prefix(b"{") {
        collect(inside, &mut Vec::new(), &mut all);
    }
    all
}

fn collect(object: &[u8], outer: &mut Vec<Vec<u8>>, all: &mut Vec<Vec<Vec<u8>>>) {
    let mut seen = Vec::new();
    find(object, |key| {
        seen.push(key.to_vec());
        false
    });
    for key in seen {
        // Longer paths are left out of records.
        if all.len() > 60 || outer.iter().map(Vec::len).sum::<usize>() + key.len() > 200 {
            return;
        }
        let value = find(object, |found| found == key);
        outer.push(key);
        all.push(outer.clone());
        if let Some(inside) = value.and_then(|value| value.strip_prefix(b"{"))
            && outer.len() < 3
        {
            collect(inside, outer, all);
        }
        outer.pop();
    }
}

/// What follows the colon of the first key that `wanted` accepts, in the inside of an object.
fn find(mut text: &[u8], mut wanted: impl FnMut(&[u8]) -> bool) -> Option<&[u8]> {
    loop {
        let (key, rest) = string(trim(text))?;
        let value = trim(trim(rest).strip_prefix(b":")?);
        if wanted(&key) {
            return Some(value);
        }
        text = trim(skip(value)?).strip_prefix(b",")?;
    }
}

fn trim(text: &[u8]) -> &[u8] {
    let space = |byte: &&u8| b" \t\n\x0b\x0c\r".contains(byte);
    &text[text.iter().take_while(space).count()..]
}

fn read(text: &[u8], depth: usize) -> Option<(Value, &[u8])> {
    match text.first()? {
        b'"' => string(text).map(|(string, rest)| (Value::String(string), rest)),
        b'[' if depth < 1000 => {
            let mut items = Vec::new();
            let mut rest = trim(&text[1..]);
            if let Some(rest) = rest.strip_prefix(b"]") {
                return Some((Value::Array(items), rest));
            }
            loop {
                let (item, after) = read(trim(rest), depth + 1)?;
                items.push(item);
                rest = trim(after);
                if let Some(rest) = rest.strip_prefix(b"]") {
                    return Some((Value::Array(items), rest));
                }
                rest = rest.strip_prefix(b",")?;
            }
        }
        b'0'..=b'9' | b'-' | b'+' => {
            let (run, rest) = number_run(text);
            let number = String::from_utf8_lossy(run).parse().ok()?;
            (run.len() < 256).then_some((Value::Number(number), rest))
        }
        _ => word(text),
    }
}

fn word(text: &[u8]) -> Option<(Value, &[u8])> {
    let words: [(&[u8], Value); 3] =
        [(b"true", Value::Number(1.0)), (b"false", Value::Number(0.0)), (b"null", Value::Null)];
    for (word, value) in words {
        if let Some(rest) = text.strip_prefix(word) {
            let ends = rest.is_empty() || b" \t\n\x0b\x0c\r,]}".contains(&rest[0]);
            return ends.then_some((value, rest));
        }
    }
    None
}

fn number_run(text: &[u8]) -> (&[u8], &[u8]) {
    let of_number = |byte: &&u8| b"0123456789+-.eE".contains(byte);
    text.split_at(text.iter().take_while(of_number).count())
}

fn skip(text: &[u8]) -> Option<&[u8]> {
    let (open, close) = match text.first()? {
        b'{' => (b'{', b'}'),
        b'[' => (b'[', b']'),
        b'"' => return string(text).map(|(_, rest)| rest),
        _ => {
            let (run, rest) = number_run(text);
            return match run {
                [] => word(text).map(|(_, rest)| rest),
                _ => Some(rest),
            };
        }
    };
    let mut depth = 0;
    let mut rest = text;
    loop {
        let byte = *rest.first()?;
        if byte == b'"' {
            rest = string(rest)?.1;
            continue;
        }
        rest = &rest[1..];
        depth += i32::from(byte == open) - i32::from(byte == close);
        if depth == 0 {
            return Some(rest);
        }
    }
}

/// A string's content, decoded, and what follows it.
fn string(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut out = Vec::new();
    let mut high = None;
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        let mut unit = None;
        let mut plain = Some(byte);
        if byte == b'"' {
            plain = None;
        } else if byte == b'\\' {
            let (&escape, after) = rest.split_first()?;
            rest = after;
            plain = Some(match escape {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'b' => 8,
                b'f' => 12,
                other => other,
            });
            let digits = rest.get(..4).and_then(|d| std::str::from_utf8(d).ok());
            let digits = digits.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
            if let (b'u', Some(digits)) = (escape, digits) {
                unit = u16::from_str_radix(digits, 16).ok();
                plain = None;
                rest = &rest[4..];
            }
        }
        // A high surrogate waits for a low one right behind it.
        let pair = high.take();
        match (pair, unit) {
            (Some(high), Some(low @ 0xDC00..=0xDFFF)) => {
                out.extend_from_slice(String::from_utf16_lossy(&[high, low]).as_bytes());
                continue;
            }
            (Some(_), _) => out.extend_from_slice("\u{FFFD}".as_bytes()),
            (None, _) => {}
        }
        match unit {
            Some(unit @ 0xD800..=0xDBFF) => high = Some(unit),
            Some(unit) => out.extend_from_slice(String::from_utf16_lossy(&[unit]).as_bytes()),
            None => out.extend(plain),
        }
        if byte == b'"' {
            return Some((out, rest));
        }
    }
}
