//! `VADD key [REDUCE dim] (FP32 blob | … | VALUES n v…) element [CAS] [NX | XX] [NOQUANT | F16 | Q8 | BIN] [EF n]
//! [SETATTR json] [M n] [METRIC metric] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]`

use super::args::is_word;
use super::insertion::{Insertion, behind_key, parse_reduce};
use super::{Arguments, CommandError, VectorArgument};
use crate::set::{AttributeChange, DEFAULT_EF_ADD};

/// The arguments of VADD.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<'a> {
    pub key: &'a [u8],
    pub vector: VectorArgument<'a>,
    pub element: &'a [u8],
    pub attributes: Option<&'a [u8]>,
    pub how: Insertion,
}

/// Reads the arguments behind the command's name; `default_ef` stands for an EF that is not given.
///
/// # Errors
/// The first that is wrong, from left to right.
pub fn parse<'a>(arguments: Arguments<'a>, default_ef: usize) -> Result<Request<'a>, CommandError> {
    let mut args = behind_key(arguments, 4)?;
    let reduce = parse_reduce(&mut args)?;
    let vector = VectorArgument::parse(&mut args)?;
    if reduce.is_some_and(|dim| dim > vector.values.len()) {
        return Err(CommandError::InvalidVector);
    }
    let element = args.next().ok_or(CommandError::Arity)?;
    let mut how = Insertion::new(reduce, default_ef);
    let mut attributes = None;
    while let Some(option) = args.next() {
        // Every insertion does what CAS is for: it never blocks other clients.
        if is_word(option, "CAS") || how.take(option, &mut args)? {
        } else if is_word(option, "SETATTR") && !args.is_empty() {
            attributes = args.next();
        } else {
            return Err(CommandError::InvalidOptionAfterElement);
        }
    }
    how.check_options()?;
    Ok(Request { key: arguments[0], vector, element, attributes, how })
}

impl<'a> Request<'a> {
    /// Components of the vector.
    pub fn dim(&self) -> usize {
        self.vector.values.len()
    }

    /// The effect on the attributes.
    pub fn attribute_change(&self) -> AttributeChange<'a> {
        self.attributes.map_or(AttributeChange::Keep, AttributeChange::Set)
    }

    /// Whether the original arguments have the same effect on any server: they have no option but
    /// attributes, and no setting replaces one.
    pub fn is_normal(&self, arguments: Arguments) -> bool {
        arguments.len() == 4 + 2 * usize::from(self.attributes.is_some()) && self.how.ef == DEFAULT_EF_ADD
    }

    /// The request as a command that has the same effect on any server: see [`Insertion::write_options`].
    pub fn normalised(&self, now: i64) -> Vec<Vec<u8>> {
        let mut args: Vec<Vec<u8>> = vec![self.key.to_vec()];
        if let Some(dim) = self.how.reduce {
            args.extend([b"REDUCE".to_vec(), dim.to_string().into_bytes()]);
        }
        args.extend(self.vector.sent());
        args.push(self.element.to_vec());
        if let Some(text) = self.attributes {
            args.extend([b"SETATTR".to_vec(), text.to_vec()]);
        }
        self.how.write_options(now, &mut args);
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
            ("k FP64 abcd e", InvalidVector),
            ("k FP16 abc e", InvalidVector),
            ("k VALUES 1 1 e METRIC l1", InvalidMetric),
            ("k VALUES 1 1 e METRIC", InvalidOptionAfterElement),
            ("k VALUES 1 1 e BIN METRIC l2", SignsOnly),
            ("k VALUES 1 1 e NX XX", BothConditions),
            ("k VALUES 1 1 e EX 0", InvalidTime),
            ("k VALUES 1 1 e PX x", InvalidTime),
            ("k VALUES 1 1 e EX 9223372036854775807", InvalidTime),
            ("k VALUES 1 1 e EX 1 KEEPTTL", BothTimes),
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
            "k INT8 abcd e METRIC ip",
            "k FP16 abcd e xdistance_metric L2 noquant SETATTR x PXAT 1234",
            "k BF16 abcd e KEEPTTL",
            "k XU8 abcd e METRIC cosine METRIC l2 EXAT 7",
        ] {
            let arguments = split(text);
            let request = parse(&arguments).unwrap();
            let normal = request.normalised(0);
            let normal: Vec<&[u8]> = normal.iter().map(Vec::as_slice).collect();
            let again = parse(&normal).unwrap();
            assert_eq!(again.normalised(0), request.normalised(0));
            assert_eq!((&again.vector, again.how.params(2)), (&request.vector, request.how.params(2)));
        }
    }

    #[test]
    fn what_needs_no_other_form_is_known() {
        for (text, is_normal) in [
            ("k FP32 abcd e", true),
            ("k FP16 abcd e", true),
            ("k INT8 abcd e SETATTR x", true),
            ("k VALUES 1 1 e", false),
            ("k VALUES 2 1 1 e", false),
            ("k FP32 abcd e CAS", false),
            ("k FP32 abcd e NX SETATTR x", false),
            ("k FP32 abcd e EX 5", false),
            ("k REDUCE 1 FP32 abcdabcd e", false),
            ("k FP32 abcd e SETATTR x SETATTR y", false),
        ] {
            let arguments = split(text);
            assert_eq!(parse(&arguments).unwrap().is_normal(&arguments), is_normal, "{text}");
            assert!(!super::parse(&arguments, 50).unwrap().is_normal(&arguments));
        }
    }

    #[test]
    fn another_default_is_sent_on() {
        let arguments = split("k VALUES 1 1 e");
        let request = super::parse(&arguments, 50).unwrap();
        assert_eq!(request.how.ef, 50);
        assert!(request.normalised(0).ends_with(&[b"EF".to_vec(), b"50".to_vec()]));
    }
}
