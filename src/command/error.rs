//! Every error text of the vector set commands: clients depend on them.

use std::fmt::{Display, Formatter, Result};

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// Too few or too many arguments; the server words it.
    Arity,
    /// The key holds something else.
    WrongType,
    InvalidVector,
    InvalidEf,
    InvalidM,
    InvalidOptionAfterElement,
    InvalidOption,
    InvalidCount,
    InvalidEpsilon,
    InvalidFilterEf,
    /// The expression from the position of the error, shortened.
    InvalidFilter(Vec<u8>),
    /// A `$name` in a filter that has no value.
    UnknownParameter(Vec<u8>),
    InvalidParams,
    InvalidMinScore,
    InvalidWeight,
    TooManyVectors,
    NoWeight,
    Cancelled,
    NoEpsilon,
    InvalidMetric,
    MetricMismatch,
    SignsOnly,
    TooLarge,
    BothConditions,
    BothTimes,
    InvalidTime,
    NotInteger,
    ElementsMissing,
    ElementsNumber,
    ElementsCount,
    VmaddSyntax,
    InvalidNumkeys,
    ForeignKey,
    SetsDiffer,
    VsimSyntax,
    QuantizationMismatch,
    MMismatch,
    DimensionMismatch {
        got: usize,
        has: usize,
    },
    NoProjection,
    ProjectionMismatch {
        got: usize,
        expects: usize,
    },
    ProjectionTooLarge,
    NoSuchElement,
    NoSuchKey,
    CountNotInteger,
    CountOutOfRange,
    RangeCount,
    RangeStart,
    RangeEnd,
    RangeOrder,
    SetFull,
    /// A chunk of a rewritten set outside of loading, or a damaged one.
    Replay(String),
    /// A set violates its invariants: a bug.
    Unsound(String),
}

impl CommandError {
    /// The text on the wire; the filter's part may hold any bytes.
    pub fn text(&self) -> Vec<u8> {
        let mut text = self.to_string().into_bytes();
        if let CommandError::InvalidFilter(rest) | CommandError::UnknownParameter(rest) = self {
            text.extend_from_slice(rest);
        }
        text
    }
}

impl Display for CommandError {
    fn fmt(&self, f: &mut Formatter) -> Result {
        use CommandError::*;
        match self {
            Arity => f.write_str("ERR wrong number of arguments"),
            WrongType => f.write_str("WRONGTYPE Operation against a key holding the wrong kind of value"),
            InvalidVector => f.write_str("ERR invalid vector specification"),
            InvalidEf => f.write_str("ERR invalid EF"),
            InvalidM => f.write_str("ERR invalid M"),
            InvalidOptionAfterElement => f.write_str("ERR invalid option after element"),
            InvalidOption => f.write_str("ERR invalid option"),
            InvalidCount => f.write_str("ERR invalid COUNT"),
            InvalidEpsilon => f.write_str("ERR invalid EPSILON"),
            InvalidFilterEf => f.write_str("ERR invalid FILTER-EF"),
            InvalidFilter(_) => f.write_str("ERR syntax error in FILTER expression near: "),
            UnknownParameter(_) => f.write_str("ERR no value in PARAMS for the parameter $"),
            InvalidParams => f.write_str("ERR invalid PARAMS"),
            InvalidMinScore => f.write_str("ERR invalid MINSCORE"),
            InvalidWeight => f.write_str("ERR invalid WEIGHT"),
            TooManyVectors => f.write_str("ERR too many vectors: at most 1024"),
            NoWeight => f.write_str("ERR the weights add up to nothing"),
            Cancelled => f.write_str("ERR the vectors cancel out"),
            NoEpsilon => f.write_str("ERR EPSILON has no meaning for METRIC IP, use MINSCORE"),
            InvalidMetric => f.write_str("ERR invalid metric"),
            MetricMismatch => f.write_str("ERR asked metric mismatch with existing vector set"),
            SignsOnly => f.write_str("ERR BIN stores only the signs: use METRIC COSINE, Q8 or NOQUANT"),
            TooLarge => f.write_str("ERR F16 holds numbers up to 65504: use NOQUANT or METRIC COSINE"),
            BothConditions => f.write_str("ERR XX and NX options at the same time are not compatible"),
            BothTimes => f.write_str("ERR only one of EX, PX, EXAT, PXAT and KEEPTTL may be given"),
            InvalidTime => f.write_str("ERR invalid expire time"),
            NotInteger => f.write_str("ERR value is not an integer or out of range"),
            ElementsMissing => f.write_str("ERR Mandatory keyword ELEMENTS is missing or not at the right position"),
            ElementsNumber => f.write_str("ERR Number of elements must be a positive integer"),
            ElementsCount => f.write_str("ERR The `numelements` parameter must match the number of arguments"),
            VmaddSyntax => f.write_str("ERR syntax error in VMADD command"),
            InvalidNumkeys => f.write_str("ERR invalid numkeys"),
            ForeignKey => f.write_str("ERR FROM names none of the keys"),
            SetsDiffer => f.write_str("ERR vector sets of different dimension or metric"),
            VsimSyntax => f.write_str("ERR syntax error in VSIM command"),
            QuantizationMismatch => f.write_str("ERR asked quantization mismatch with existing vector set"),
            MMismatch => f.write_str("ERR asked M value mismatch with existing vector set"),
            DimensionMismatch { got, has } => {
                write!(f, "ERR Vector dimension mismatch - got {got} but set has {has}")
            }
            NoProjection => f.write_str("ERR cannot add projection to existing set without projection"),
            ProjectionMismatch { got, expects } => {
                write!(f, "ERR Input dimension mismatch for projection - got {got} but projection expects {expects}")
            }
            ProjectionTooLarge => f.write_str("ERR REDUCE needs a matrix of more than 256 MiB"),
            NoSuchElement => f.write_str("ERR element not found in set"),
            NoSuchKey => f.write_str("ERR key does not exist"),
            CountNotInteger => f.write_str("ERR COUNT value is not an integer"),
            CountOutOfRange => f.write_str("ERR COUNT value is out of range"),
            RangeCount => f.write_str("ERR invalid COUNT value"),
            RangeStart => f.write_str("ERR invalid start range format"),
            RangeEnd => f.write_str("ERR invalid end range format"),
            RangeOrder => f.write_str("ERR '-' can only be used as first argument, '+' only as second"),
            SetFull => f.write_str("ERR the vector set is full"),
            Replay(why) => write!(f, "ERR {why}"),
            Unsound(why) => write!(f, "ERR the vector set is damaged: {why}"),
        }
    }
}
