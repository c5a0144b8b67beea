//! Reads a set. All input is untrusted.

use super::{EXTENDED, HAS_ATTRIBUTES, HAS_MATRIX, HAS_TIMES, LoadError, NODE_FORMAT, Source};
use crate::graph::MAX_LEVEL;
use crate::index;
use crate::set::{BadElement, DEFAULT_M, Flaw, MAX_M, MIN_M, Params, Restored, Restorer, SavedElement, VectorSet};
use crate::vector::{Encoding, MAX_DIM, Metric, Projection};

/// A loaded set.
pub struct Loaded {
    /// The set.
    pub set: VectorSet,
    /// What became of its graph.
    pub graph: Restored,
}

/// The maximum number of links per level in a file; Redis 8 has the same bound.
const MAX_LINKS: u64 = 16384;

fn refuse<T>(why: String) -> Result<T, LoadError> {
    Err(LoadError(why))
}

/// Reads a set. A graph that is damaged is rebuilt from the vectors; anything else that is
/// wrong is refused.
///
/// # Errors
/// With the reason.
pub fn load(source: &mut dyn Source) -> Result<Loaded, LoadError> {
    load_with(source, usize::MAX)
}

/// [`load`], where a damaged graph of more elements than `most_rebuilt` is refused as well: to rebuild it takes long.
///
/// # Errors
/// With the reason.
pub fn load_with(source: &mut dyn Source, most_rebuilt: usize) -> Result<Loaded, LoadError> {
    let dim = source.unsigned()?;
    if dim == 0 || dim > MAX_DIM as u64 {
        return refuse(format!("dimension {dim} is not in 1..={MAX_DIM}"));
    }
    let count = source.unsigned()?;
    if count == 0 {
        return refuse("the set is empty".into());
    }
    let config = source.unsigned()?;
    let is_extended = config & EXTENDED != 0;
    let encoding = config & 0xff & !EXTENDED;
    let known = Encoding::from_id(encoding).filter(|&known| is_extended || known != Encoding::F16);
    let Some(encoding) = known else {
        return refuse(format!("unknown quantization {encoding}"));
    };
    // 0 is from versions in which M could not be chosen.
    let m = match (config >> 8 & 0xffff) as usize {
        0 => DEFAULT_M,
        m => m.clamp(MIN_M, MAX_M),
    };
    let flags = source.unsigned()?;
    let dim = dim as usize;
    let projection = if flags & HAS_MATRIX != 0 { Some(read_projection(dim, source)?) } else { None };
    let input_dim = projection.as_ref().map(Projection::input);
    let metric = if is_extended { read_metric(encoding, source)? } else { Metric::Cosine };
    let mut restorer = Restorer::new(Params { dim, input_dim, encoding, metric, m }, projection);
    restorer.rebuild_at_most(most_rebuilt);
    // Unknown flags mean nothing in the form of Redis 8.
    let flags = if is_extended { flags } else { flags & !HAS_TIMES };
    let mut element = Element::default();
    for index in 0..count {
        (element.read(flags, source))
            .and_then(|()| element.restore(encoding, &mut restorer))
            .map_err(|LoadError(why)| LoadError(format!("element {index} of {count}: {why}")))?;
    }
    match restorer.finish() {
        Ok((set, graph)) => Ok(Loaded { set, graph }),
        Err(Flaw::Index(index::Flaw::Label(id))) => refuse(format!("two elements have the id {id}")),
        Err(Flaw::Index(index::Flaw::Graph(why))) => refuse(format!("the graph is damaged: {why}")),
        Err(Flaw::Name(name)) => refuse(format!("a second element is named '{}'", shown(&name))),
    }
}

/// The beginning of a name, for the log.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(&name[..name.len().min(40)]).into_owned()
}

fn read_metric(encoding: Encoding, source: &mut dyn Source) -> Result<Metric, LoadError> {
    let id = source.unsigned()?;
    match Metric::from_id(id) {
        Some(metric) if metric != Metric::Cosine && encoding == Encoding::Binary => {
            refuse(format!("metric {} of signs", metric.name()))
        }
        Some(metric) => Ok(metric),
        None => refuse(format!("unknown metric {id}")),
    }
}

fn read_projection(dim: usize, source: &mut dyn Source) -> Result<Projection, LoadError> {
    let input_dim = source.unsigned()?;
    if input_dim < dim as u64 || input_dim > MAX_DIM as u64 {
        return refuse(format!("projection from dimension {input_dim} is not in {dim}..={MAX_DIM}"));
    }
    let mut matrix = Vec::new();
    source.bytes(&mut matrix)?;
    Projection::from_wire(dim, input_dim as usize, &matrix)
        .map_err(|why| LoadError(format!("projection matrix: {why}")))
}

fn read_time(source: &mut dyn Source) -> Result<Option<i64>, LoadError> {
    let time = source.unsigned()?;
    match i64::try_from(time) {
        Ok(time) => Ok((time != 0).then_some(time)),
        Err(_) => refuse(format!("time {time} is too far away")),
    }
}

/// Parameters of an element that has all levels and on each of them all links.
const MOST_PARAMETERS: u64 = 3 + (MAX_LEVEL as u64 + 1) * (3 + MAX_LINKS);

/// What was read of an element. The next one takes its buffers.
#[derive(Default)]
struct Element {
    name: Vec<u8>,
    attributes: Vec<u8>,
    time: Option<i64>,
    code: Vec<u8>,
    parameters: Vec<u64>,
}

/// Takes numbers off the front; `what` is missing if there are not so many.
fn take<'a>(parameters: &mut &'a [u64], count: u64, what: &str) -> Result<&'a [u64], LoadError> {
    let taken = parameters.split_at_checked(count as usize);
    let (taken, rest) = taken.ok_or_else(|| LoadError(format!("no parameter left for {what}")))?;
    *parameters = rest;
    Ok(taken)
}

impl Element {
    fn read(&mut self, flags: u64, source: &mut dyn Source) -> Result<(), LoadError> {
        let has = |flag| flags & flag != 0;
        source.bytes(&mut self.name)?;
        if has(HAS_ATTRIBUTES) {
            source.bytes(&mut self.attributes)?;
        }
        if has(HAS_TIMES) {
            self.time = read_time(source)?;
        }
        source.bytes(&mut self.code)?;
        let count = source.unsigned()?;
        let known = count.min(MOST_PARAMETERS);
        self.parameters.clear();
        source.numbers(known as usize, &mut self.parameters)?;
        for _ in known..count {
            source.unsigned()?;
        }
        Ok(())
    }

    /// Adds it to the set.
    fn restore(&self, encoding: Encoding, restorer: &mut Restorer) -> Result<(), LoadError> {
        let left = &mut &self.parameters[..];
        let mut next = |what| Ok::<u64, LoadError>(take(left, 1, what)?[0]);
        let wire_id = next("the id")?;
        let head = next("the level")?;
        let (level, format) = ((head & 0xff) as usize, head >> 24 & 0xff);
        if level > MAX_LEVEL {
            return refuse(format!("level {level} is above {MAX_LEVEL}"));
        }
        if format > NODE_FORMAT {
            return refuse(format!("unknown node format {format}"));
        }
        // The vector's norm comes last, so links wait until the element is known to be sound.
        let levels = *left;
        for level in 0..=level {
            take_links(left, level, format)?;
        }
        let last = take(left, 1, "the norm")?[0];
        let range = if encoding == Encoding::Int8 { f32::from_bits((last >> 32) as u32) } else { 0.0 };
        let l2 = f32::from_bits(last as u32);
        let Element { name, attributes, code, time, .. } = self;
        let element = SavedElement { name, attributes, code, l2, range, wire_id, level, time: *time };
        restorer.element(&element).map_err(|why| {
            LoadError(match why {
                BadElement::Vector(why) => format!("the vector of '{}': {why}", shown(name)),
                BadElement::Full => "there are more elements than a set can hold".into(),
            })
        })?;
        let left = &mut &*levels;
        for level in 0..=level {
            restorer.links(level, take_links(left, level, format)?);
        }
        Ok(())
    }
}

/// Takes the links of a level off the front.
fn take_links<'a>(parameters: &mut &'a [u64], level: usize, format: u64) -> Result<&'a [u64], LoadError> {
    let links = take(parameters, 1, "a number of links")?[0];
    let capacity = take(parameters, 1, "a capacity")?[0];
    if capacity > MAX_LINKS || links > capacity {
        return refuse(format!("{links} links of {capacity} on level {level}, where {MAX_LINKS} are allowed"));
    }
    let row = take(parameters, links, "a link")?;
    if format == 1 {
        // The worst link, which is searched again when it matters.
        let worst = take(parameters, 1, "the worst link")?[0];
        if links > 0 && worst & 0xffff_ffff >= links {
            return refuse(format!("worst link {} of {links}", worst & 0xffff_ffff));
        }
    }
    Ok(row)
}
