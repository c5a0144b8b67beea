//! Reads a set. All input is untrusted.

use super::{EXTENDED, HAS_ATTRIBUTES, HAS_MATRIX, HAS_TIMES, LoadError, NODE_FORMAT, Source};
use crate::graph::MAX_LEVEL;
use crate::set::{
    BadElement, DEFAULT_M, DuplicateId, MAX_M, MIN_M, Params, Restored, Restorer, SavedElement, VectorSet,
};
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
    // Unknown flags mean nothing in the form of Redis 8.
    let flags = if is_extended { flags } else { flags & !HAS_TIMES };
    for index in 0..count {
        read_element(&mut restorer, flags, encoding, source)
            .map_err(|LoadError(why)| LoadError(format!("element {index} of {count}: {why}")))?;
    }
    match restorer.finish() {
        Ok((set, graph)) => Ok(Loaded { set, graph }),
        Err(DuplicateId(id)) => refuse(format!("two elements have the id {id}")),
    }
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
    let matrix = source.bytes()?;
    Projection::from_wire(dim, input_dim as usize, (*matrix).as_ref())
        .map_err(|why| LoadError(format!("projection matrix: {why}")))
}

fn read_time(source: &mut dyn Source) -> Result<Option<i64>, LoadError> {
    let time = source.unsigned()?;
    match i64::try_from(time) {
        Ok(time) => Ok((time != 0).then_some(time)),
        Err(_) => refuse(format!("time {time} is too far away")),
    }
}

/// The numeric parameters of an element.
struct SavedNode {
    wire_id: u64,
    level: usize,
    /// Links by level.
    rows: Vec<Vec<u64>>,
    /// Norm and range of the vector.
    last: u64,
}

fn read_node(source: &mut dyn Source) -> Result<SavedNode, LoadError> {
    let mut left = source.unsigned()?;
    let mut next = |what: &str| -> Result<u64, LoadError> {
        left = left.checked_sub(1).ok_or_else(|| LoadError(format!("no parameter left for {what}")))?;
        source.unsigned()
    };
    let wire_id = next("the id")?;
    let head = next("the level")?;
    let (level, format) = ((head & 0xff) as usize, head >> 24 & 0xff);
    if level > MAX_LEVEL {
        return refuse(format!("level {level} is above {MAX_LEVEL}"));
    }
    if format > NODE_FORMAT {
        return refuse(format!("unknown node format {format}"));
    }
    let mut rows: Vec<Vec<u64>> = Vec::with_capacity(level + 1);
    for level in 0..=level {
        let links = next("a number of links")?;
        let capacity = next("a capacity")?;
        if capacity > MAX_LINKS || links > capacity {
            return refuse(format!("{links} links of {capacity} on level {level}, where {MAX_LINKS} are allowed"));
        }
        let mut row = Vec::new();
        for _ in 0..links {
            row.push(next("a link")?);
        }
        if format == 1 {
            // Not stored: it is searched for when it is needed.
            let worst = next("the worst link")?;
            if links > 0 && worst & 0xffff_ffff >= links {
                return refuse(format!("worst link {} of {links}", worst & 0xffff_ffff));
            }
        }
        rows.push(row);
    }
    let last = next("the norm")?;
    for _ in 0..left {
        source.unsigned()?;
    }
    Ok(SavedNode { wire_id, level, rows, last })
}

fn read_element(
    restorer: &mut Restorer,
    flags: u64,
    encoding: Encoding,
    source: &mut dyn Source,
) -> Result<(), LoadError> {
    let name = (*source.bytes()?).as_ref().to_vec();
    let has = |flag| flags & flag != 0;
    let attributes = if has(HAS_ATTRIBUTES) { (*source.bytes()?).as_ref().to_vec() } else { Vec::new() };
    let time = if has(HAS_TIMES) { read_time(source)? } else { None };
    let code = (*source.bytes()?).as_ref().to_vec();
    let SavedNode { wire_id, level, rows, last } = read_node(source)?;
    let range = if encoding == Encoding::Int8 { f32::from_bits((last >> 32) as u32) } else { 0.0 };
    let l2 = f32::from_bits(last as u32);
    let element = SavedElement { name: &name, attributes: &attributes, code: &code, l2, range, wire_id, level, time };
    restorer.element(&element).map_err(|why| {
        let name = String::from_utf8_lossy(&name[..name.len().min(40)]).into_owned();
        LoadError(match why {
            BadElement::DuplicateName => format!("a second element is named '{name}'"),
            BadElement::Vector(why) => format!("the vector of '{name}': {why}"),
            BadElement::Full => "there are more elements than a set can hold".into(),
        })
    })?;
    // Only now: the vector's norm, which comes after the links, had to be valid.
    for (level, row) in rows.into_iter().enumerate() {
        restorer.links(level, row.into_iter());
    }
    Ok(())
}
