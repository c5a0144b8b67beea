//! `VADD key [REDUCE dim] (FP32 blob | VALUES n v…) element [CAS] [NOQUANT | Q8 | BIN] [EF n]
//! [SETATTR json] [M n]`

use super::args::{Args, integer, is_word};
use super::{Arguments, CommandError, VectorArgument};
use crate::set::{AttributeChange, DEFAULT_EF_ADD, DEFAULT_M, MAX_EF, MAX_M, MIN_M, Params};
use crate::vector::{Encoding, MAX_NEW_MATRIX};

/// What VADD asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<'a> {
    pub key: &'a [u8],
    pub reduce: Option<usize>,
    pub vector: Vec<f32>,
    pub element: &'a [u8],
    pub encoding: Encoding,
    pub ef: usize,
    pub m: usize,
    pub attributes: Option<&'a [u8]>,
}

/// Reads the arguments behind the command's name; `default_ef` stands for an EF that is not given.
///
/// # Errors
/// The first that is wrong, from left to right.
pub fn parse<'a>(arguments: Arguments<'a>, default_ef: usize) -> Result<Request<'a>, CommandError> {
    if arguments.len() < 4 {
        return Err(CommandError::Arity);
    }
    let mut args = Args::new(&arguments[1..]);
    let mut reduce = None;
    if args.take_word("REDUCE") {
        let dim = args.next().and_then(integer).filter(|&dim| dim > 0).ok_or(CommandError::InvalidVector)?;
        reduce = Some(usize::try_from(dim).map_err(|_| CommandError::InvalidVector)?);
    }
    let VectorArgument(vector) = VectorArgument::parse(&mut args)?;
    if reduce.is_some_and(|dim| dim > vector.len()) {
        return Err(CommandError::InvalidVector);
    }
    let element = args.next().ok_or(CommandError::Arity)?;
    let mut request = Request {
        key: arguments[0],
        reduce,
        vector,
        element,
        encoding: Encoding::Int8,
        ef: default_ef,
        m: DEFAULT_M,
        attributes: None,
    };
    while let Some(option) = args.next() {
        // Every insertion has what CAS is for: it never keeps other clients waiting.
        if is_word(option, "CAS") {
        } else if is_word(option, "NOQUANT") {
            request.encoding = Encoding::F32;
        } else if is_word(option, "Q8") {
            request.encoding = Encoding::Int8;
        } else if is_word(option, "BIN") {
            request.encoding = Encoding::Binary;
        } else if args.is_empty() {
            return Err(CommandError::InvalidOptionAfterElement);
        } else if is_word(option, "EF") {
            request.ef = within(args.next(), 1, MAX_EF).ok_or(CommandError::InvalidEf)?;
        } else if is_word(option, "M") {
            request.m = within(args.next(), MIN_M, MAX_M).ok_or(CommandError::InvalidM)?;
        } else if is_word(option, "SETATTR") {
            request.attributes = args.next();
        } else {
            return Err(CommandError::InvalidOptionAfterElement);
        }
    }
    Ok(request)
}

fn within(arg: Option<&[u8]>, least: usize, most: usize) -> Option<usize> {
    let value = usize::try_from(integer(arg?)?).ok()?;
    (least..=most).contains(&value).then_some(value)
}

impl<'a> Request<'a> {
    /// Parameters of the set that this request would create.
    pub fn params(&self) -> Params {
        Params {
            dim: self.reduce.unwrap_or(self.vector.len()),
            input_dim: self.reduce.map(|_| self.vector.len()),
            encoding: self.encoding,
            m: self.m,
        }
    }

    /// Whether the request may create a set.
    ///
    /// # Errors
    /// If nothing could save that set.
    pub fn check_new(&self) -> Result<(), CommandError> {
        let Some(output) = self.reduce else { return Ok(()) };
        let matrix = size_of::<f32>() as u64 * output as u64 * self.vector.len() as u64;
        if matrix > MAX_NEW_MATRIX { Err(CommandError::ProjectionTooLarge) } else { Ok(()) }
    }

    /// Whether the request fits a set that exists.
    ///
    /// # Errors
    /// The first thing in which it does not.
    pub fn check(&self, set: &Params) -> Result<(), CommandError> {
        let got = self.vector.len();
        if self.encoding != set.encoding {
            return Err(CommandError::QuantizationMismatch);
        }
        if self.m != set.m {
            return Err(CommandError::MMismatch);
        }
        match set.input_dim {
            None if got != set.dim => Err(CommandError::DimensionMismatch { got, has: set.dim }),
            None if self.reduce.is_some() => Err(CommandError::NoProjection),
            None => Ok(()),
            Some(_) if self.reduce != Some(set.dim) => Err(CommandError::DimensionMismatch { got, has: set.dim }),
            Some(expects) if got != expects => Err(CommandError::ProjectionMismatch { got, expects }),
            Some(_) => Ok(()),
        }
    }

    /// What becomes of the attributes.
    pub fn attribute_change(&self) -> AttributeChange<'a> {
        self.attributes.map_or(AttributeChange::Keep, AttributeChange::Set)
    }

    /// The request as a command that does the same on any server, whatever its settings: the
    /// vector in binary, no CAS, no defaults.
    pub fn normalised(&self) -> Vec<Vec<u8>> {
        let mut args: Vec<Vec<u8>> = vec![self.key.to_vec()];
        if let Some(dim) = self.reduce {
            args.extend([b"REDUCE".to_vec(), dim.to_string().into_bytes()]);
        }
        args.extend([b"FP32".to_vec(), self.vector.iter().flat_map(|x| x.to_le_bytes()).collect()]);
        args.push(self.element.to_vec());
        match self.encoding {
            Encoding::F32 => args.push(b"NOQUANT".to_vec()),
            Encoding::Int8 => {}
            Encoding::Binary => args.push(b"BIN".to_vec()),
        }
        if self.ef != DEFAULT_EF_ADD {
            args.extend([b"EF".to_vec(), self.ef.to_string().into_bytes()]);
        }
        if let Some(text) = self.attributes {
            args.extend([b"SETATTR".to_vec(), text.to_vec()]);
        }
        if self.m != DEFAULT_M {
            args.extend([b"M".to_vec(), self.m.to_string().into_bytes()]);
        }
        args
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<'a>(arguments: Arguments<'a>) -> Result<Request<'a>, CommandError> {
        super::parse(arguments, DEFAULT_EF_ADD)
    }

    fn split(text: &str) -> Vec<&[u8]> {
        text.split(' ').map(str::as_bytes).collect()
    }

    #[test]
    fn errors_in_order() {
        use CommandError::*;
        for (text, error) in [
            ("k VALUES 1", Arity),
            ("k VALUES 2 1 e", InvalidVector),
            ("k VALUES 0 1 e", InvalidVector),
            ("k VALUES 65537 1 e", InvalidVector),
            ("k VALUES 1 nan e", InvalidVector),
            ("k VALUES 1 1e39 e", InvalidVector),
            ("k FP32 abc e", InvalidVector),
            ("k FLOATS 1 1 e", InvalidVector),
            ("k REDUCE 0 VALUES 1 1 e", InvalidVector),
            ("k REDUCE 3 VALUES 2 1 1 e", InvalidVector),
            ("k REDUCE 4294967297 VALUES 2 1 1 e", InvalidVector),
            ("k VALUES 2 1 1", Arity),
            ("k VALUES 1 1 e EF 0", InvalidEf),
            ("k VALUES 1 1 e EF 1000001", InvalidEf),
            ("k VALUES 1 1 e M 3", InvalidM),
            ("k VALUES 1 1 e EF", InvalidOptionAfterElement),
            ("k VALUES 1 1 e WHAT 1", InvalidOptionAfterElement),
            ("k VALUES 1 1 e EF 0 WHAT 1", InvalidEf),
        ] {
            assert_eq!(parse(&split(text)), Err(error), "{text}");
        }
    }

    #[test]
    fn the_normalised_form_reads_back() {
        for text in [
            "k VALUES 2 1 0.1 e",
            "k REDUCE 1 VALUES 2 1 2 CAS cas NOQUANT EF 7 SETATTR {} M 5 bin",
            "k FP32 abcdABCD e q8 EF 200 M 16 EF 300",
        ] {
            let arguments = split(text);
            let request = parse(&arguments).unwrap();
            let normal = request.normalised();
            let normal: Vec<&[u8]> = normal.iter().map(Vec::as_slice).collect();
            assert_eq!(parse(&normal).unwrap(), request);
        }
    }

    #[test]
    fn another_default_is_sent_on() {
        let arguments = split("k VALUES 1 1 e");
        let request = super::parse(&arguments, 50).unwrap();
        assert_eq!(request.ef, 50);
        assert!(request.normalised().ends_with(&[b"EF".to_vec(), b"50".to_vec()]));
    }
}
