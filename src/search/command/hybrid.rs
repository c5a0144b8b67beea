//! FT.HYBRID.

use super::aggregate::{CursorOptions, Step, Steps};
use super::args::{Args, MISSING, OptionArgs, UNCONVERTIBLE, bad, integer, is_word, upper};
use super::options::{QueryOptions, cursor, scorer};
use super::settings::Settings;
use crate::search::error::{ARG_UNRECOGNIZED, Error, PARAM_NOT_FOUND, PARSE_ARGS, SYNTAX};
use crate::search::number::parse_number;
use crate::search::query::{self, Knn, Node, NodeKind, Query, VectorRange};
use crate::search::schema::{Definition, Kind};

/// A search by text and one by vector, made one list.
#[derive(Clone, Debug, PartialEq)]
pub struct HybridRequest {
    pub index: Vec<u8>,
    /// The text side, with the parameters and the time limit of all.
    pub search: QueryOptions,
    pub search_score: Option<Vec<u8>>,
    pub vector: VectorSide,
    pub combine: Combine,
    /// The name of the combined score instead of `__score`.
    pub score: Option<Vec<u8>>,
    /// LOAD, GROUPBY, APPLY, SORTBY, FILTER, LIMIT in order. Without a SORTBY the combined score decides.
    pub steps: Vec<Step>,
    pub no_sort: bool,
    pub cursor: Option<CursorOptions>,
    pub explain_score: bool,
}

/// `VSIM @field $blob …`.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSide {
    pub field: Vec<u8>,
    pub parameter: Vec<u8>,
    pub method: Method,
    /// A query that restricts this side.
    pub filter: Option<Vec<u8>>,
    pub score: Option<Vec<u8>>,
    /// Hints, by the names that they have in a query, checked against the field.
    pub(super) hints: Vec<(Vec<u8>, Vec<u8>)>,
}

/// How the vector side looks for hits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    Knn { k: usize, ef_runtime: Option<usize> },
    Range { radius: f64, epsilon: Option<f64> },
}

/// How the scores of both sides become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Combine {
    /// Σ 1/(constant + rank).
    Rrf { constant: f64, window: usize },
    /// alpha · text + beta · vector.
    Linear { alpha: f64, beta: f64, window: usize },
}

/// Hits of a side that are combined, unless WINDOW says otherwise.
const WINDOW: usize = 20;

impl HybridRequest {
    /// Reads the words after the command's name.
    pub fn parse(words: &[&[u8]], settings: &Settings) -> Result<HybridRequest, Error> {
        let mut args = Args::new(words);
        let index = args.value("FT.HYBRID")?.to_vec();
        if !args.take_word("SEARCH") {
            return Err(missing("SEARCH"));
        }
        let mut search = QueryOptions::new(args.next().ok_or_else(|| missing("SEARCH"))?, settings);
        search.dialect = search.dialect.max(2);
        let mut search_score = None;
        while !args.take_word("VSIM") {
            match args.next() {
                Some(word) if is_word(word, "SCORER") => search.scorer = Some(scorer(args.value("SCORER")?)?),
                Some(word) if is_word(word, "YIELD_SCORE_AS") => search_score = Some(score_name(&mut args)?),
                Some(word) if is_word(word, "BM25STD_TANH_FACTOR") => {
                    search.read(&upper(word), &mut args)?;
                }
                Some(word) if is_word(word, "DIALECT") => return Err(no_dialect()),
                Some(word) => return Err(unknown(word)),
                None => return Err(missing("VSIM")),
            }
        }
        let vector = VectorSide::parse(&mut args)?;
        let mut request = HybridRequest {
            index,
            search,
            search_score,
            vector,
            combine: Combine::Rrf { constant: 60.0, window: WINDOW },
            score: None,
            steps: Vec::new(),
            no_sort: false,
            cursor: None,
            explain_score: false,
        };
        let mut steps = Steps::new(settings, true);
        while let Some(word) = args.next() {
            request.read(word, &mut args, &mut steps, settings)?;
        }
        if request.no_sort && steps.is_sorted() {
            return Err(Error::new(PARSE_ARGS, "NOSORT is not allowed with SORTBY"));
        }
        request.steps = steps.finish();
        Ok(request)
    }

    fn read(&mut self, word: &[u8], args: &mut Args, steps: &mut Steps, settings: &Settings) -> Result<(), Error> {
        let option = upper(word);
        match &option[..] {
            b"COMBINE" => {
                let (combine, score) = combine(args)?;
                self.combine = combine;
                self.score = score.or(self.score.take());
            }
            b"YIELD_SCORE_AS" => self.score = Some(score_name(args)?),
            b"NOSORT" => self.no_sort = true,
            b"EXPLAINSCORE" => self.explain_score = true,
            b"WITHCURSOR" => self.cursor = Some(cursor(args, settings)?),
            b"DIALECT" => return Err(no_dialect()),
            b"PARAMS" | b"TIMEOUT" | b"FORMAT" | b"PARTIAL" => {
                self.search.read(&option, args)?;
            }
            _ if steps.read(&option, args)? => {}
            _ => return Err(unknown(word)),
        }
        Ok(())
    }

    /// The queries of both sides: text, and vector with its filter (a KNN, or a range within an intersection). The distance
    /// of the vector side has the name that a KNN gives it by default.
    pub fn queries(&self, definition: &Definition) -> Result<(Query, Query), Error> {
        let text = self.search.query(definition)?;
        no_vectors(&text, "SEARCH")?;
        let filter = match &self.vector.filter {
            Some(filter) => {
                let options = QueryOptions { query: filter.clone(), ..self.search.clone() };
                let filter = options.query(definition)?;
                no_vectors(&filter, "VSIM FILTER")?;
                Some(filter.root)
            }
            None => None,
        };
        Ok((text, self.vector_query(filter, definition)?))
    }

    fn vector_query(&self, filter: Option<Node>, definition: &Definition) -> Result<Query, Error> {
        let side = &self.vector;
        let field = definition.field(&side.field);
        let field = field.ok_or_else(|| Error::quoting(SYNTAX, "Unknown field `%`", &[&side.field]))?;
        let Kind::Vector(options) = &definition.fields[field].kind else {
            return Err(Error::quoting(SYNTAX, "Expected a VECTOR field `%`", &[&side.field]));
        };
        let parameter = side.parameter.clone();
        let vector = self.search.params.get(&parameter);
        let vector = vector.ok_or_else(|| Error::quoting(PARAM_NOT_FOUND, "Parameter not found `%`", &[&parameter]))?;
        query::check_blob(options, vector)?;
        let is_range = matches!(side.method, Method::Range { .. });
        query::check_hints(definition, field, is_range, filter.is_some(), &side.hints)?;
        let vector = vector.clone();
        let distance = query::distance_name(definition, field);
        Ok(match side.method {
            Method::Knn { k, ef_runtime } => Query {
                root: filter.unwrap_or_else(|| Node::new(NodeKind::All)),
                knn: Some(Knn { field, k, vector, parameter, ef_runtime, distance }),
            },
            Method::Range { radius, epsilon } => {
                let range = VectorRange { field, radius, vector, parameter, epsilon, distance: Some(distance) };
                let range = Node::new(NodeKind::VectorRange(range));
                let root = match filter {
                    Some(filter) => Node::new(NodeKind::And(vec![range, filter])),
                    None => range,
                };
                Query { root, knn: None }
            }
        })
    }
}

impl VectorSide {
    /// Parses the part after VSIM, up to the first word of another part.
    fn parse(args: &mut Args) -> Result<VectorSide, Error> {
        let field = args.next().ok_or_else(|| missing("VSIM"))?;
        let field = field.strip_prefix(b"@");
        let field = field.ok_or_else(|| Error::new(SYNTAX, "Missing @ prefix for vector field name"))?;
        let blob = args.next().and_then(|blob| blob.strip_prefix(b"$"));
        let text = "Invalid vector argument, expected a parameter name starting with $";
        let mut side = VectorSide {
            field: field.to_vec(),
            parameter: blob.ok_or_else(|| Error::new(SYNTAX, text))?.to_vec(),
            method: Method::Knn { k: 10, ef_runtime: None },
            filter: None,
            score: None,
            hints: Vec::new(),
        };
        loop {
            if args.take_word("KNN") {
                side.knn(pairs(args, "KNN")?)?;
            } else if args.take_word("RANGE") {
                side.range(pairs(args, "RANGE")?)?;
            } else if side.filter.is_none() && args.take_word("FILTER") {
                side.read_filter(args)?;
            } else if side.score.is_none() && args.take_word("YIELD_SCORE_AS") {
                side.score = Some(score_name(args)?);
            } else {
                return Ok(side);
            }
        }
    }

    fn knn(&mut self, words: &[&[u8]]) -> Result<(), Error> {
        let (mut k, mut ef_runtime) = (10, None);
        for pair in words.chunks_exact(2) {
            let number = integer(pair[1]).filter(|number| *number >= 1);
            let number = |name: &str| number.ok_or_else(|| Error::new(SYNTAX, format!("Invalid {name} value")));
            match &upper(pair[0])[..] {
                b"K" => k = number("K")? as usize,
                b"EF_RUNTIME" => {
                    ef_runtime = Some(number("EF_RUNTIME")? as usize);
                    self.hints.push((b"ef_runtime".to_vec(), pair[1].to_vec()));
                }
                b"SHARD_K_RATIO" => self.hints.push((b"shard_k_ratio".to_vec(), pair[1].to_vec())),
                b"YIELD_SCORE_AS" => self.score = Some(pair[1].to_vec()),
                _ => return Err(Error::quoting(ARG_UNRECOGNIZED, "Unknown argument `%` in KNN", &[pair[0]])),
            }
        }
        self.method = Method::Knn { k, ef_runtime };
        Ok(())
    }

    fn range(&mut self, words: &[&[u8]]) -> Result<(), Error> {
        let (mut radius, mut epsilon) = (None, None);
        for pair in words.chunks_exact(2) {
            let number = parse_number(pair[1]);
            let wrong = |name: &str| Error::new(SYNTAX, format!("Invalid {name} value"));
            match &upper(pair[0])[..] {
                b"RADIUS" => {
                    radius = Some(number.filter(|radius| *radius >= 0.0).ok_or_else(|| wrong("RADIUS"))?);
                }
                b"EPSILON" => {
                    epsilon = Some(number.filter(|epsilon| *epsilon > 0.0).ok_or_else(|| wrong("EPSILON"))?);
                    self.hints.push((b"epsilon".to_vec(), pair[1].to_vec()));
                }
                b"YIELD_SCORE_AS" => self.score = Some(pair[1].to_vec()),
                _ => return Err(Error::quoting(ARG_UNRECOGNIZED, "Unknown argument `%` in RANGE", &[pair[0]])),
            }
        }
        let radius = radius.ok_or_else(|| Error::new(PARSE_ARGS, "Missing required argument RADIUS"))?;
        self.method = Method::Range { radius, epsilon };
        Ok(())
    }

    /// `[n] query [POLICY p] [BATCH_SIZE b]`, options in the counted form only.
    fn read_filter(&mut self, args: &mut Args) -> Result<(), Error> {
        let first = args.next().ok_or_else(|| Error::new(PARSE_ARGS, "Missing argument count for FILTER"))?;
        let Some(count) = integer(first).and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0)
        else {
            self.filter = Some(first.to_vec());
            return Ok(());
        };
        let words = args.take(count).ok_or_else(|| {
            let text = format!("Not enough arguments in FILTER, specified {count} but provided only {}", args.len());
            Error::new(SYNTAX, text)
        })?;
        self.filter = Some(words[0].to_vec());
        let mut options = Args::new(&words[1..]);
        while let Some(word) = options.next() {
            let wrong = |name: &str| Error::new(PARSE_ARGS, format!("{name}: Invalid value for argument"));
            match &upper(word)[..] {
                b"POLICY" => {
                    let policy: &[u8] = match options.next().map(upper).as_deref() {
                        Some(b"ADHOC" | b"ADHOC_BF") => b"ADHOC_BF",
                        Some(b"BATCHES") => b"BATCHES",
                        _ => return Err(wrong("POLICY")),
                    };
                    self.hints.push((b"hybrid_policy".to_vec(), policy.to_vec()));
                }
                b"BATCH_SIZE" => {
                    let size = options.next().ok_or_else(|| wrong("BATCH_SIZE"))?;
                    self.hints.push((b"batch_size".to_vec(), size.to_vec()));
                }
                _ => return Err(unknown(word)),
            }
        }
        Ok(())
    }
}

/// `n name value…`
fn pairs<'a>(args: &mut Args<'a>, option: &str) -> Result<&'a [&'a [u8]], Error> {
    let count = args.integer(option, i64::MIN)?;
    let even = usize::try_from(count).ok().filter(|count| *count > 0 && count % 2 == 0);
    let text = format!("Invalid argument count: {count} (must be a positive even number for key/value pairs)");
    let even = even.ok_or_else(|| Error::new(SYNTAX, text))?;
    args.take(even).ok_or_else(|| bad(option, MISSING))
}

/// `RRF|LINEAR [n name value…]`, and the name of the score if it is among them.
fn combine(args: &mut Args) -> Result<(Combine, Option<Vec<u8>>), Error> {
    let method = args.value("COMBINE")?;
    let linear = is_word(method, "LINEAR");
    if !linear && !is_word(method, "RRF") {
        return Err(Error::new(PARSE_ARGS, "COMBINE: Invalid value for argument"));
    }
    let words: &[&[u8]] = match args.peek().and_then(integer) {
        Some(0) => {
            args.next();
            &[]
        }
        Some(_) => pairs(args, "COMBINE")?,
        None => &[],
    };
    let (mut window, mut constant, mut alpha, mut beta, mut score) = (WINDOW, 60.0, None, None, None);
    for pair in words.chunks_exact(2) {
        let name = upper(pair[0]);
        let shown = String::from_utf8_lossy(&name).into_owned();
        let unconvertible = || Error::new(PARSE_ARGS, format!("{shown}: {UNCONVERTIBLE}"));
        match (&name[..], linear) {
            (b"WINDOW", _) => {
                let number = integer(pair[1]).ok_or_else(unconvertible)?;
                let text = "WINDOW: Value below minimum";
                window = usize::try_from(number).ok().filter(|n| *n > 0).ok_or_else(|| Error::new(PARSE_ARGS, text))?;
            }
            (b"CONSTANT", false) => {
                constant = parse_number(pair[1]).filter(|n| n.is_finite() && *n >= 0.0).ok_or_else(unconvertible)?;
            }
            (b"ALPHA", true) => alpha = Some(parse_number(pair[1]).ok_or_else(unconvertible)?),
            (b"BETA", true) => beta = Some(parse_number(pair[1]).ok_or_else(unconvertible)?),
            (b"YIELD_SCORE_AS", _) => score = Some(pair[1].to_vec()),
            _ => return Err(unknown(pair[0])),
        }
    }
    let combine = match (linear, alpha, beta) {
        (false, ..) => Combine::Rrf { constant, window },
        (true, None, None) => Combine::Linear { alpha: 0.3, beta: 0.7, window },
        (true, Some(alpha), Some(beta)) => Combine::Linear { alpha, beta, window },
        (true, Some(_), None) => return Err(Error::new(SYNTAX, "Missing value for BETA")),
        (true, None, Some(_)) => return Err(Error::new(SYNTAX, "Missing value for ALPHA")),
    };
    Ok((combine, score))
}

fn score_name(args: &mut Args) -> Result<Vec<u8>, Error> {
    let name = args.next().ok_or_else(|| Error::new(PARSE_ARGS, "Missing argument value for YIELD_SCORE_AS"))?;
    Ok(name.to_vec())
}

fn no_vectors(query: &Query, part: &str) -> Result<(), Error> {
    if query.knn.is_none() && !query::has_vector_range(&query.root) {
        return Ok(());
    }
    let text = format!("Vector expressions are not allowed in FT.HYBRID {part}");
    Err(Error::new("SEARCH_VECTOR_NOT_ALLOWED", text))
}

fn no_dialect() -> Error {
    let text = "DIALECT is not supported in FT.HYBRID or any of its subqueries. Please check the documentation on \
                search-default-dialect configuration.";
    Error::new(PARSE_ARGS, text)
}

fn unknown(word: &[u8]) -> Error {
    Error::quoting(PARSE_ARGS, "%: Unknown argument", &[word])
}

fn missing(part: &str) -> Error {
    Error::new(PARSE_ARGS, format!("Missing {part} argument"))
}
