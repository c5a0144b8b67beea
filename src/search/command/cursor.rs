//! FT.CURSOR.

use super::args::{Args, MISSING, OptionArgs, bad, integer, integer_within, unknown, upper};
use crate::search::error::Error;

/// A cursor read or given up.
#[derive(Clone, Debug, PartialEq)]
pub enum CursorRequest {
    Read {
        index: Vec<u8>,
        id: i64,
        /// None: as given at the start.
        count: Option<u64>,
    },
    Delete {
        index: Vec<u8>,
        id: i64,
    },
    Collect {
        index: Vec<u8>,
    },
}

impl CursorRequest {
    /// Reads `READ|DEL|GC index id …`.
    pub fn parse(words: &[&[u8]]) -> Result<CursorRequest, Error> {
        let mut args = Args::new(words);
        let action = upper(args.value("FT.CURSOR")?);
        let index = args.value("FT.CURSOR")?.to_vec();
        match &action[..] {
            b"READ" => {
                let id = id(&mut args)?;
                Ok(CursorRequest::Read { index, id, count: count(&mut args)? })
            }
            b"DEL" => Ok(CursorRequest::Delete { index, id: id(&mut args)? }),
            b"GC" => Ok(CursorRequest::Collect { index }),
            _ => Err(unknown(words[0])),
        }
    }
}

fn id(args: &mut Args) -> Result<i64, Error> {
    let word = args.next().ok_or_else(|| bad("FT.CURSOR", MISSING))?;
    integer(word).ok_or_else(|| Error::new("", "Bad cursor ID"))
}

/// `[COUNT n] [MAXIDLE ms]`; the time is that of the start. A last word alone is let pass, as RediSearch does.
fn count(args: &mut Args) -> Result<Option<u64>, Error> {
    let mut count = None;
    while let Some(word) = args.next() {
        let Some(value) = args.next() else { break };
        match &upper(word)[..] {
            b"COUNT" => {
                let number = integer_within(value, 0, i64::MAX);
                let number = number.map_err(|_| Error::quoting("", "Bad value for COUNT: `%`", &[value]))?;
                count = Some(number as u64).filter(|count| *count > 0);
            }
            b"MAXIDLE" => {}
            _ => return Err(unknown(word)),
        }
    }
    Ok(count)
}
