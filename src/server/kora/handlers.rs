//! Executes Kora's commands.

use super::request::{VecQuery, VecSet, dimension};
use super::{FIELD, INDEX, settings};
use crate::reply::Reply;
use crate::search::number::format_number;
use crate::search::schema::{Algorithm, Definition, Element, Kind, Metric, Source, VectorOptions};
use crate::server::api::{Called, Context, KeyType, Value};
use crate::server::commands::{Call, Failure, Outcome};
use crate::server::search;

/// VECSET
pub fn vecset(call: &Call) -> Outcome {
    let VecSet { vector } = VecSet::parse(call.args)?;
    // Nothing is made for a vector that cannot be stored.
    if !matches!(call.ctx.open_to_read(call.key).key_type(), KeyType::Absent | KeyType::Hash) {
        let text = b"WRONGTYPE Operation against a key holding the wrong kind of value";
        return Err(Failure::Text(text.to_vec()));
    }
    match search::find_index(call.ctx, INDEX) {
        Some(target) => check_dimension(options(&target.definition)?, &vector)?,
        None => create(call.ctx, dimension(&vector))?,
    }
    change(call.ctx, "HSET", &[call.args[0], FIELD, &vector])?;
    Ok(Some(Reply::Simple("OK")))
}

/// VECDEL
pub fn vecdel(call: &Call) -> Outcome {
    let removed = change(call.ctx, "HDEL", &[call.args[0], FIELD])?;
    Ok(Some(Reply::Int(if removed == Value::Int(1) { 1 } else { 0 })))
}

/// VECQUERY
pub fn vecquery(call: &Call) -> Outcome {
    let VecQuery { vector, k, ef, pattern } = VecQuery::parse(call.args)?;
    let start = pattern.as_ref().map_or(&b""[..], |pattern| pattern.start());
    search::check_keys(call.ctx, &[start])?;
    let Some(target) = search::find_index(call.ctx, INDEX) else { return Ok(Some(Reply::Array(Vec::new()))) };
    let options = options(&target.definition)?;
    check_dimension(options, &vector)?;
    let is_dot = options.metric == Metric::InnerProduct;
    let query = format!("*=>[KNN {k} @vector $v EF_RUNTIME {ef} AS __distance]");
    let k = k.to_string();
    let mut words: Vec<&[u8]> = vec![INDEX, query.as_bytes(), b"PARAMS", b"2", b"v", &vector, b"DIALECT", b"2"];
    words.extend([&b"SORTBY"[..], b"__distance", b"LIMIT", b"0", k.as_bytes(), b"NOCONTENT", b"WITHSORTKEYS"]);
    if pattern.is_some() {
        words.extend([&b"KEYPATTERN"[..], call.args[0]]);
    }
    search::search_as(call.ctx, target, &words, Box::new(move |found| flat(found, is_dot)))
}

/// Keys and distances in turn, from the reply of FT.SEARCH: a count, then keys and sort keys, which are `#` and a number.
fn flat(found: Reply, is_dot: bool) -> Reply {
    let Reply::Array(items) = found else { return found };
    let shown = |item: Reply| match item {
        Reply::Bulk(text) => Reply::Bulk(distance(text, is_dot)),
        other => other,
    };
    let turned = items.into_iter().skip(1).enumerate().map(|(at, item)| if at % 2 == 0 { item } else { shown(item) });
    Reply::Array(turned.collect())
}

/// A distance as Kora defines it: for inner products -(a·b), where FT.SEARCH has 1 - a·b.
fn distance(sort_key: Vec<u8>, is_dot: bool) -> Vec<u8> {
    let number: Option<f64> = std::str::from_utf8(&sort_key[1..]).ok().and_then(|text| text.parse().ok());
    match number {
        Some(number) if is_dot => format_number(number - 1.0).into_bytes(),
        Some(number) => format_number(number).into_bytes(),
        None => sort_key,
    }
}

/// Calls a command that changes a key, here and on replicas.
fn change(ctx: &Context, command: &str, args: &[&[u8]]) -> Result<Value, Failure> {
    let how = Called { replicates: true, ..Called::default() };
    ctx.call(command, args, how).map(|reply| reply.value()).map_err(Failure::Text)
}

/// Creates the index for vectors of a dimension. A filter excludes hashes without a vector.
fn create(ctx: &Context, dim: usize) -> Result<(), Failure> {
    let dim = dim.to_string();
    let [metric, m, ef] = settings::of_index();
    let words: [&[u8]; 20] = [
        INDEX,
        b"ON",
        b"HASH",
        b"FILTER",
        b"exists(@vector)",
        b"SCHEMA",
        FIELD,
        b"VECTOR",
        b"HNSW",
        b"10",
        b"TYPE",
        b"FLOAT32",
        b"DIM",
        dim.as_bytes(),
        b"DISTANCE_METRIC",
        metric.as_bytes(),
        b"M",
        m.as_bytes(),
        b"EF_CONSTRUCTION",
        ef.as_bytes(),
    ];
    search::create_everywhere(ctx, &words)
}

/// The options of the vector field, if the index of that name was created by VECSET.
fn options(definition: &Definition) -> Result<&VectorOptions, Failure> {
    let field = definition.fields.iter().find(|field| field.path == FIELD && field.name == FIELD);
    match field.map(|field| &field.kind) {
        Some(Kind::Vector(options))
            if definition.source == Source::Hash
                && options.algorithm == Algorithm::Hnsw
                && options.element == Element::Float32 =>
        {
            Ok(options)
        }
        _ => Err(Failure::Text(
            b"ERR the index kora has no field vector of HNSW and FLOAT32, as VECSET makes it".to_vec(),
        )),
    }
}

fn check_dimension(options: &VectorOptions, vector: &[u8]) -> Result<(), Failure> {
    let got = dimension(vector);
    if options.dim == got {
        return Ok(());
    }
    Err(Failure::Text(format!("ERR dimension mismatch: index has {}, got {got}", options.dim).into_bytes()))
}
