//! The saved form of an index, for owners that have no form of their own.
//!
//! ```text
//!   format  dim  encoding  metric  count  blocks      numbers
//!   block: rows, then for each row:                   byte strings of about 64 KiB, numbers as LEB128
//!     label  level  l2  range  code  and for each level from 0: links, place of each neighbour
//! ```
//!
//! Rows come in ascending order; links name a row by its place in that order. A label is whatever number the owner
//! tells of a row: what leads it back to its own things. Loaded rows get ids from 0 in the order in which they
//! were saved, so the list of labels that loading yields is the map from rows to labels.
//!
//! The matrix of a projection is not part of it. Saved bytes are foreign bytes: each number is checked before it
//! sizes an allocation or becomes a link.

use super::restore::{BadRow, Restored, Restorer, SavedRow};
use super::{SavedLinks, VectorIndex};
use crate::graph::{Alone, MAX_LEVEL};

const FORMAT: u64 = 1;
/// Bytes after which a block ends.
const BLOCK_BYTES: usize = 64 << 10;

/// Where something is saved to. Errors are the sink's own business: it remembers them.
pub trait Sink {
    /// Writes a number.
    fn unsigned(&mut self, value: u64);
    /// Writes a byte string.
    fn bytes(&mut self, bytes: &[u8]);
}

/// Where something is loaded from.
pub trait Source {
    /// Reads a number.
    ///
    /// # Errors
    /// If the data ends here or something else is there.
    fn unsigned(&mut self) -> Result<u64, LoadError>;

    /// Reads a byte string.
    ///
    /// # Errors
    /// As above.
    fn bytes(&mut self) -> Result<Box<dyn AsRef<[u8]> + '_>, LoadError>;
}

/// Why saved data was refused, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError(pub String);

impl LoadError {
    /// The data ends too early or holds something else.
    pub fn truncated() -> LoadError {
        LoadError("the data is truncated".into())
    }
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}

/// Appends a number as LEB128: seven bits a byte, the lowest first.
pub fn put_number(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

/// Takes a number as LEB128 off the front.
///
/// # Errors
/// If there is none.
pub fn take_number(bytes: &mut &[u8]) -> Result<u64, LoadError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or_else(LoadError::truncated)?;
        *bytes = rest;
        value |= ((byte & 0x7f) as u64) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(LoadError("a number has too many digits".into()))
}

/// Takes that many bytes off the front.
///
/// # Errors
/// If there are not so many.
pub fn take_bytes<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8], LoadError> {
    let (taken, rest) = bytes.split_at_checked(len).ok_or_else(LoadError::truncated)?;
    *bytes = rest;
    Ok(taken)
}

impl VectorIndex {
    /// Saves all rows and their links. Settles the index first, as [`VectorIndex::settle`] does.
    pub fn save(&mut self, alone: Alone, label: impl Fn(u32) -> u64, sink: &mut dyn Sink) {
        let _rest = self.settle(alone);
        let rows: Vec<u32> = (0..self.end()).filter(|&row| self.is_live(row)).collect();
        sink.unsigned(FORMAT);
        sink.unsigned(self.params().dim as u64);
        sink.unsigned(self.params().encoding.id() as u64);
        sink.unsigned(self.params().metric.id() as u64);
        sink.unsigned(rows.len() as u64);
        let mut places = vec![0; self.end() as usize];
        rows.iter().zip(0..).for_each(|(&row, place)| places[row as usize] = place);
        let (mut block, mut held) = (Vec::new(), 0);
        for &row in &rows {
            self.put_row(row, label(row), &places, &mut block);
            held += 1;
            if block.len() >= BLOCK_BYTES {
                put_block(held, &block, sink);
                block.clear();
                held = 0;
            }
        }
        if held > 0 {
            put_block(held, &block, sink);
        }
    }

    fn put_row(&self, row: u32, label: u64, places: &[u64], block: &mut Vec<u8>) {
        let raw = self.raw_vector(row);
        put_number(block, label);
        put_number(block, self.level(row) as u64);
        block.extend_from_slice(&raw.l2.to_le_bytes());
        block.extend_from_slice(&raw.range.unwrap_or(0.0).to_le_bytes());
        block.extend_from_slice(&raw.code);
        for SavedLinks { targets, .. } in self.saved_links(row, |row| places[row as usize]) {
            put_number(block, targets.len() as u64);
            targets.into_iter().for_each(|place| put_number(block, place));
        }
    }
}

fn put_block(rows: u64, block: &[u8], sink: &mut dyn Sink) {
    let mut bytes = Vec::with_capacity(block.len() + 5);
    put_number(&mut bytes, rows);
    bytes.extend_from_slice(block);
    sink.bytes(&bytes);
}

impl Restorer {
    /// Loads what [`VectorIndex::save`] wrote into an index that has no rows yet; yields it, what became of its
    /// graph, and the label of each row.
    ///
    /// # Errors
    /// If the data is damaged, or that of an index with other parameters. Damaged links alone are no error: the
    /// graph is rebuilt then.
    pub fn load(mut self, source: &mut dyn Source) -> Result<(VectorIndex, Restored, Vec<u64>), LoadError> {
        let params = self.index().params();
        let expected = [FORMAT, params.dim as u64, params.encoding.id() as u64, params.metric.id() as u64];
        for (what, expected) in ["format", "dimension", "encoding", "metric"].into_iter().zip(expected) {
            match source.unsigned()? {
                found if found == expected => {}
                found => return Err(LoadError(format!("{what} {found} where {expected} was expected"))),
            }
        }
        let count = source.unsigned()?;
        let mut labels = Vec::new();
        while (labels.len() as u64) < count {
            let block = source.bytes()?;
            let mut bytes = (*block).as_ref();
            let rows = take_number(&mut bytes)?;
            if rows == 0 || rows > count - labels.len() as u64 {
                return Err(LoadError(format!("a block of {rows} rows, where {count} are announced in all")));
            }
            for _ in 0..rows {
                let place = labels.len() as u64;
                labels.push(self.take_row(place, &mut bytes)?);
            }
            if !bytes.is_empty() {
                return Err(LoadError(format!("{} bytes are left over in a block", bytes.len())));
            }
        }
        let (index, restored, _) = self.finish().map_err(|why| LoadError(format!("two rows in place {}", why.0)))?;
        Ok((index, restored, labels))
    }

    /// Takes a row and its links; yields its label.
    fn take_row(&mut self, place: u64, bytes: &mut &[u8]) -> Result<u64, LoadError> {
        let label = take_number(bytes)?;
        let level = take_number(bytes)?;
        if level > MAX_LEVEL as u64 {
            return Err(LoadError(format!("level {level} is above {MAX_LEVEL}")));
        }
        let float = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("four bytes"));
        let l2 = float(take_bytes(bytes, 4)?);
        let range = float(take_bytes(bytes, 4)?);
        let code = take_bytes(bytes, self.code_len())?;
        let row = SavedRow { code, l2, range, label: place, level: level as usize };
        self.row(&row).map_err(|why| match why {
            BadRow::Vector(why) => LoadError(format!("the vector in place {place}: {why}")),
            BadRow::Full => LoadError("there are more rows than an index can hold".into()),
        })?;
        if self.is_flat() {
            return Ok(label);
        }
        for level in 0..=level as usize {
            let links = take_number(bytes)?;
            // Each takes a byte at least, so this bounds the list.
            if links > bytes.len() as u64 {
                return Err(LoadError::truncated());
            }
            let mut targets = Vec::with_capacity(links as usize);
            for _ in 0..links {
                targets.push(take_number(bytes)?);
            }
            self.links(level, targets.into_iter());
        }
        Ok(label)
    }
}
