//! The attributes of a VECTOR field: `FLAT|HNSW|SVS-VAMANA n name value…`. The count may be missing, and values may come as
//! `PARAMS {"M":16,…}`, as some published examples have it.

use super::args::{Args, MISSING, OUTSIDE, UNCONVERTIBLE, bad, integer, integer_within, is_word, upper};
use super::create::bounded;
use crate::search::error::{Error, PARSE_ARGS};
use crate::search::number::parse_number;
use crate::search::schema::{Algorithm, Definition, Element, Metric, VectorOptions};

/// Bytes of a vector at most.
const MAX_VECTOR: usize = 1 << 30;
const BLOCK_SIZE: usize = 1024;

/// Reads the words behind VECTOR.
pub(super) fn options(args: &mut Args, _: &Definition) -> Result<VectorOptions, Error> {
    let algorithm = match args.next().map(upper).as_deref() {
        Some(b"FLAT") => Algorithm::Flat,
        Some(b"HNSW") => Algorithm::Hnsw,
        Some(b"SVS-VAMANA") => Algorithm::SvsVamana,
        Some(_) => return Err(bad("vector similarity algorithm", "Unknown argument")),
        None => return Err(bad("vector similarity algorithm", MISSING)),
    };
    let mut reader = Reader::new(algorithm);
    for (name, value) in pairs(args, &reader)? {
        reader.attribute(&name, &value)?;
    }
    reader.finish()
}

type Pair = (Vec<u8>, Vec<u8>);

/// The names and values: counted, or as far as names go.
fn pairs(args: &mut Args, reader: &Reader) -> Result<Vec<Pair>, Error> {
    const COUNT: &str = "vector similarity number of parameters";
    let first = args.peek().ok_or_else(|| bad(COUNT, MISSING))?;
    if integer(first).is_none() && (reader.knows(&upper(first)) || is_word(first, "PARAMS")) {
        return uncounted(args, reader);
    }
    args.next();
    let count = integer_within(first, 0, i64::MAX).map_err(|reason| bad(COUNT, reason))? as usize;
    if count > args.len() {
        return Err(Error::new(PARSE_ARGS, format!("Expected {count} parameters but got {}", args.len())));
    }
    if count % 2 == 1 {
        let text = format!(
            "Bad number of arguments for vector similarity index: got {count} but expected even number as algorithm \
             parameters (should be submitted as named arguments)"
        );
        return Err(Error::new(PARSE_ARGS, text));
    }
    let mut counted = Args::new(args.take(count).expect("so many are there"));
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (counted.next(), counted.next()) {
        if is_word(name, "PARAMS") {
            pairs.extend(braces(value)?);
        } else {
            pairs.push((upper(name), value.to_vec()));
        }
    }
    if args.peek().is_some_and(|word| is_word(word, "PARAMS")) {
        pairs.extend(uncounted(args, reader)?);
    }
    Ok(pairs)
}

fn uncounted(args: &mut Args, reader: &Reader) -> Result<Vec<Pair>, Error> {
    let mut pairs = Vec::new();
    while let Some(name) = args.peek().map(upper) {
        let params = name == b"PARAMS";
        if !params && !reader.knows(&name) {
            break;
        }
        args.next();
        if name == b"INDEXMISSING" && !args.peek().is_some_and(|word| matches!(&upper(word)[..], b"TRUE" | b"1")) {
            pairs.push((name, Vec::new()));
            continue;
        }
        let value = args.next().ok_or_else(|| reader.bad(&name, MISSING))?;
        match params {
            true => pairs.extend(braces(value)?),
            false => pairs.push((name, value.to_vec())),
        }
    }
    Ok(pairs)
}

/// `{"name": value, …}`, values being numbers and strings.
fn braces(text: &[u8]) -> Result<Vec<Pair>, Error> {
    let wrong = || bad("vector similarity PARAMS", UNCONVERTIBLE);
    let inner = text.trim_ascii().strip_prefix(b"{").and_then(|text| text.strip_suffix(b"}")).ok_or_else(wrong)?;
    let bare = |text: &[u8]| {
        let text = text.trim_ascii();
        let unquoted = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
        unquoted.unwrap_or(text).to_vec()
    };
    let members = inner.split(|byte| *byte == b',').filter(|member| !member.trim_ascii().is_empty());
    members
        .map(|member| {
            let at = member.iter().position(|byte| *byte == b':').ok_or_else(wrong)?;
            Ok((upper(&bare(&member[..at])), bare(&member[at + 1..])))
        })
        .collect()
}

/// Attributes as they are read.
struct Reader {
    options: VectorOptions,
    element: Option<Element>,
    metric: Option<Metric>,
    compression: Option<Vec<u8>>,
    threshold: Option<usize>,
    reduce: bool,
}

impl Reader {
    fn new(algorithm: Algorithm) -> Reader {
        let options = VectorOptions {
            algorithm,
            element: Element::Float32,
            dim: 0,
            metric: Metric::L2,
            given: Vec::new(),
            initial_cap: 0,
            block_size: BLOCK_SIZE,
            m: 16,
            ef_construction: 200,
            ef_runtime: 10,
            epsilon: 0.01,
        };
        Reader { options, element: None, metric: None, compression: None, threshold: None, reduce: false }
    }

    fn name(&self) -> &'static str {
        match self.options.algorithm {
            Algorithm::Flat => "FLAT",
            Algorithm::Hnsw => "HNSW",
            Algorithm::SvsVamana => "SVS-VAMANA",
        }
    }

    fn bad(&self, attribute: &[u8], reason: &str) -> Error {
        let quoted = [self.name().as_bytes(), attribute, reason.as_bytes()];
        Error::quoting(PARSE_ARGS, "Bad arguments for vector similarity % index `%`: %", &quoted)
    }

    /// Whether the algorithm has an attribute of that name.
    fn knows(&self, name: &[u8]) -> bool {
        let common: &[&[u8]] = &[b"TYPE", b"DIM", b"DISTANCE_METRIC", b"INDEXMISSING"];
        let own: &[&[u8]] = match self.options.algorithm {
            Algorithm::Flat => &[b"INITIAL_CAP", b"BLOCK_SIZE"],
            Algorithm::Hnsw => &[b"INITIAL_CAP", b"M", b"EF_CONSTRUCTION", b"EF_RUNTIME", b"EPSILON", b"RERANK"],
            Algorithm::SvsVamana => &[
                b"EPSILON",
                b"GRAPH_MAX_DEGREE",
                b"CONSTRUCTION_WINDOW_SIZE",
                b"SEARCH_WINDOW_SIZE",
                b"COMPRESSION",
                b"TRAINING_THRESHOLD",
                b"REDUCE",
            ],
        };
        common.contains(&name) || own.contains(&name)
    }

    fn attribute(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        if !self.knows(name) {
            return Err(Error::quoting(
                PARSE_ARGS,
                "Bad arguments for algorithm %: %",
                &[self.name().as_bytes(), name],
            ));
        }
        self.read(name, value).map_err(|reason| self.bad(name, reason))?;
        self.options.given.retain(|(given, _)| given != name);
        self.options.given.push((name.to_vec(), value.to_vec()));
        Ok(())
    }

    fn read(&mut self, name: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let options = &mut self.options;
        match name {
            b"TYPE" => self.element = Some(element(value).ok_or("Unknown argument")?),
            b"DISTANCE_METRIC" => self.metric = Some(metric(value).ok_or("Unknown argument")?),
            b"DIM" => options.dim = bounded(value, 1)?,
            b"INITIAL_CAP" => options.initial_cap = bounded(value, 0)?,
            b"BLOCK_SIZE" => options.block_size = bounded(value, 1)?,
            b"M" => options.m = integer_within(value, 2, 4096)? as usize,
            b"GRAPH_MAX_DEGREE" => options.m = (integer_within(value, 1, 8192)? as usize).div_ceil(2).max(2),
            b"EF_CONSTRUCTION" | b"CONSTRUCTION_WINDOW_SIZE" => {
                options.ef_construction = integer_within(value, 1, 1_000_000)? as usize;
            }
            b"EF_RUNTIME" | b"SEARCH_WINDOW_SIZE" => options.ef_runtime = integer_within(value, 1, 1_000_000)? as usize,
            b"EPSILON" => {
                let epsilon = parse_number(value).filter(|epsilon| epsilon.is_finite()).ok_or(UNCONVERTIBLE)?;
                options.epsilon = Some(epsilon).filter(|epsilon| *epsilon >= 0.0).ok_or(OUTSIDE)?;
            }
            b"COMPRESSION" => {
                let known = ["LVQ4", "LVQ8", "LVQ4x4", "LVQ4x8", "LeanVec4x8", "LeanVec8x8", "NO_COMPRESSION"];
                let known = known.iter().find(|known| is_word(value, known)).ok_or("Unknown argument")?;
                self.compression = Some(known.as_bytes().to_vec()).filter(|name| name != b"NO_COMPRESSION");
            }
            b"TRAINING_THRESHOLD" => self.threshold = Some(integer_within(value, 1, 102_400)? as usize),
            b"REDUCE" => {
                bounded(value, 1)?;
                self.reduce = true;
            }
            b"RERANK" if !matches!(&upper(value)[..], b"TRUE" | b"FALSE") => return Err("Unknown argument"),
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<VectorOptions, Error> {
        let missing = |name: &str| {
            let text = "Missing mandatory parameter: cannot create % index without specifying % argument";
            Error::quoting(PARSE_ARGS, text, &[self.name().as_bytes(), name.as_bytes()])
        };
        let element = self.element.ok_or_else(|| missing("TYPE"))?;
        if self.options.dim == 0 {
            return Err(missing("DIM"));
        }
        let metric = self.metric.ok_or_else(|| missing("DISTANCE_METRIC"))?;
        let bytes = self.options.dim.saturating_mul(element.size());
        if bytes > MAX_VECTOR {
            let text = format!(
                "Vector index element size {bytes} exceeded maximum size allowed by server limit which is {MAX_VECTOR}"
            );
            return Err(Error::new(PARSE_ARGS, text));
        }
        if self.options.algorithm == Algorithm::SvsVamana {
            self.check_svs(element)?;
        }
        Ok(VectorOptions { element, metric, ..self.options })
    }

    fn check_svs(&self, element: Element) -> Result<(), Error> {
        let wrong = |text: &str| Err(Error::new(PARSE_ARGS, text));
        if !matches!(element, Element::Float32 | Element::Float16) {
            return wrong("Not supported data type is given. Expected: FLOAT16, FLOAT32");
        }
        if self.threshold.is_some() && self.compression.is_none() {
            return wrong("TRAINING_THRESHOLD is irrelevant when compression was not requested");
        }
        if self.threshold.is_some_and(|threshold| threshold < BLOCK_SIZE) {
            return wrong("Invalid TRAINING_THRESHOLD: cannot be lower than DEFAULT_BLOCK_SIZE (1024)");
        }
        if self.reduce && !self.compression.as_ref().is_some_and(|name| name.starts_with(b"LeanVec")) {
            return wrong("REDUCE is irrelevant when compression is not of type LeanVec");
        }
        Ok(())
    }
}

fn element(word: &[u8]) -> Option<Element> {
    Some(match &upper(word)[..] {
        b"FLOAT32" => Element::Float32,
        b"FLOAT64" => Element::Float64,
        b"FLOAT16" => Element::Float16,
        b"BFLOAT16" => Element::Bfloat16,
        b"INT8" => Element::Int8,
        b"UINT8" => Element::Uint8,
        _ => return None,
    })
}

fn metric(word: &[u8]) -> Option<Metric> {
    Some(match &upper(word)[..] {
        b"L2" => Metric::L2,
        b"IP" => Metric::InnerProduct,
        b"COSINE" => Metric::Cosine,
        _ => return None,
    })
}
