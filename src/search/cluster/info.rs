//! FT.INFO: merges the shards' parts.

use super::values::{bulk, bytes, double, items, list, optional};
use super::wire::Malformed;
use crate::reply::Reply;
use crate::search::index::{Failures, Stats};

/// A shard's part of the reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    pub stats: Stats,
    /// Of each field of the schema.
    pub failures: Vec<Failures>,
    /// As in [`crate::search::reply::Info`].
    pub scanned: Option<f64>,
    pub indexing_milliseconds: f64,
}

fn counts(stats: &mut Stats) -> [&mut u64; 15] {
    [
        &mut stats.documents,
        &mut stats.terms,
        &mut stats.records,
        &mut stats.inverted_bytes,
        &mut stats.inverted_blocks,
        &mut stats.vector_bytes,
        &mut stats.offset_bytes,
        &mut stats.offsets,
        &mut stats.document_bytes,
        &mut stats.sortable_bytes,
        &mut stats.key_bytes,
        &mut stats.tag_bytes,
        &mut stats.text_bytes,
        &mut stats.geo_bytes,
        &mut stats.total_bytes,
    ]
}

fn number(reply: Reply) -> Result<u64, Malformed> {
    if let Reply::Int(number) = reply { u64::try_from(number).map_err(|_| Malformed) } else { Err(Malformed) }
}

fn write_failures(failures: &Failures) -> Reply {
    let last = failures.last.as_ref();
    let last = last.map_or(Reply::Nil, |(text, key)| Reply::Array(vec![bulk(text.as_bytes()), bulk(key)]));
    Reply::Array(vec![Reply::Int(failures.count as i64), last])
}

fn read_failures(reply: Reply) -> Result<Failures, Malformed> {
    let [count, last] = items(reply)?;
    let last = optional(last, |last| {
        let [text, key] = items(last)?;
        Ok((String::from_utf8_lossy(&bytes(text)?).into_owned(), bytes(key)?))
    })?;
    Ok(Failures { count: number(count)?, last })
}

impl Part {
    pub fn write(mut self) -> Reply {
        let numbers = counts(&mut self.stats).map(|number| Reply::Int(*number as i64)).into();
        Reply::Array(vec![
            Reply::Array(numbers),
            Reply::Int(self.stats.max_document as i64),
            write_failures(&self.stats.failures),
            Reply::Array(self.failures.iter().map(write_failures).collect()),
            self.scanned.map_or(Reply::Nil, Reply::Double),
            Reply::Double(self.indexing_milliseconds),
        ])
    }

    /// # Errors
    /// If it is not what a shard sends.
    pub fn read(reply: Reply) -> Result<Part, Malformed> {
        let [numbers, max_document, all, failures, scanned, indexing] = items(reply)?;
        let numbers: [Reply; 15] = items(numbers)?;
        let mut stats =
            Stats { max_document: number(max_document)?, failures: read_failures(all)?, ..Stats::default() };
        for (count, reply) in counts(&mut stats).into_iter().zip(numbers) {
            *count = number(reply)?;
        }
        Ok(Part {
            stats,
            failures: list(failures)?.into_iter().map(read_failures).collect::<Result<_, _>>()?,
            scanned: optional(scanned, double)?,
            indexing_milliseconds: double(indexing)?,
        })
    }
}

fn add(to: &mut Failures, more: Failures) {
    to.count = to.count.saturating_add(more.count);
    to.last = to.last.take().or(more.last);
}

/// Sums; of the highest document's number the greatest, of the shares scanned the least.
pub fn merge(parts: Vec<Part>) -> Part {
    let mut whole = Part::default();
    for mut part in parts {
        for (sum, more) in counts(&mut whole.stats).into_iter().zip(counts(&mut part.stats)) {
            *sum = sum.saturating_add(*more);
        }
        whole.stats.max_document = whole.stats.max_document.max(part.stats.max_document);
        add(&mut whole.stats.failures, part.stats.failures);
        whole.failures.resize(whole.failures.len().max(part.failures.len()), Failures::default());
        whole.failures.iter_mut().zip(part.failures).for_each(|(to, more)| add(to, more));
        whole.scanned = [whole.scanned, part.scanned].into_iter().flatten().reduce(f64::min);
        whole.indexing_milliseconds += part.indexing_milliseconds;
    }
    whole
}
